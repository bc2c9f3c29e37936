// A quote to JSON, a shared body to one subscriber's frame, and JSON back to a quote.
import Basics
import Dialects
import Market
import Wire

struct EncodeBenchmark: Benchmark {
    private let runs: Int
    private static let count = 1_000_000
    /// Different quotes, so that digits change as they do in a market.
    private static let kinds = 1_024

    init(_ arguments: Arguments) throws(UsageError) { runs = try arguments.number("runs", 7, 1...1_000) }

    func run() throws {
        let quotes = (0..<Self.kinds).map(Self.quote)
        var body = ByteBuffer()
        body.write(atMost: NativeJSON.bodyMax) { Self.body(quotes[0], to: &$0) }
        var message = ByteBuffer()
        message.append(body.readable)
        message.write(atMost: NativeJSON.tailMax) { Self.tail(8_812).write(to: &$0) }
        Console.write("\(Measure.machine)\n")
        Console.write("\(String(decoding: message.readable, as: UTF8.self))\n")
        Console.write("median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write(
            "| benchmark | operations | ns an operation | checksum |\n| --- | ---: | ---: | --- |\n")
        table("JSON: a quote's body", Self.count) { Self.encode(quotes) }
        table("JSON: frame around a shared body", Self.count) { Self.frame(body.readable) }
        try table("JSON: a quote read back", Self.count / 10) { try Self.decode(message.readable) }
    }

    private func table(_ name: String, _ count: Int, _ body: () throws -> UInt64) rethrows {
        _ = try body()
        var times: [Double] = []
        var checksum: UInt64 = 0
        for _ in 0..<runs {
            let start = Measure.cpu()
            checksum = try body()
            times.append(Double(Measure.cpu() - start) / Double(count))
        }
        Console.write("| \(name) | \(count) | \(Spread(times).text(1)) | \(checksum.hex) |\n")
    }

    private static func quote(_ number: Int) -> Quote {
        var quote = Quote()
        let time = Timestamp(raw: 1_580_389_200_000_000_000 + Int64(number) * 104_512)
        for (side, cents) in [(Side.bid, 31_520), (Side.ask, 31_523)] {
            quote.apply(
                Tick(
                    .best, SymbolID(0), side: side, sequence: 8_840 + UInt64(number), eventTime: time,
                    price: Price(e4: UInt32(cents + number % 97) * 100),
                    size: Quantity(shares: UInt32(100 + number % 13 * 100)), aux: 3))
        }
        return quote
    }

    @inline(__always)
    private static func body(_ quote: Quote, to pen: inout Pen) {
        ("AAPL" as StaticString).withUTF8Buffer {
            NativeJSON.quote(quote, name: UnsafeRawBufferPointer($0), to: &pen)
        }
    }

    private static func tail(_ previous: UInt64) -> NativeJSON.Tail {
        NativeJSON.Tail(previous: previous, isSnapshot: false)
    }

    private static func encode(_ quotes: [Quote]) -> UInt64 {
        var buffer = ByteBuffer(capacity: NativeJSON.bodyMax)
        var checksum: UInt64 = 0
        for index in 0..<count {
            buffer.removeAll()
            buffer.write(atMost: NativeJSON.bodyMax) { body(quotes[index % kinds], to: &$0) }
            checksum = checksum &* 31 &+ UInt64(buffer.count) &+ last(buffer.readable)
        }
        return checksum
    }

    private static func frame(_ body: UnsafeRawBufferPointer) -> UInt64 {
        var buffer = ByteBuffer(capacity: 1_024)
        var checksum: UInt64 = 0
        for index in 0..<count {
            buffer.removeAll()
            let tail = tail(8_000 + UInt64(index % kinds))
            buffer.write(atMost: body.count + NativeJSON.tailMax + 16) { pen in
                WebSocketFrame.writeHeader(into: &pen, opcode: .text, payload: body.count + tail.count)
                pen.bytes(body)
                tail.write(to: &pen)
            }
            checksum = checksum &* 31 &+ UInt64(buffer.count) &+ last(buffer.readable)
        }
        return checksum
    }

    private static func decode(_ message: UnsafeRawBufferPointer) throws -> UInt64 {
        var checksum: UInt64 = 0
        for _ in 0..<count / 10 {
            guard case .quote(let quote) = try ServerMessage(json: message) else {
                throw BenchError("a quote was read back as something else")
            }
            checksum = checksum &* 31 &+ UInt64(bitPattern: quote.bid?.e9 ?? 0)
        }
        return checksum
    }

    @inline(__always)
    private static func last(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
    }
}
