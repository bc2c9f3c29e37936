// Messages to JSON and to SBE, a shared body to one subscriber's frame, and both back to a quote.
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
        withUnsafePointer(to: quotes[0]) { quote in
            body.write(atMost: NativeJSON.bodyMax) { Self.body(quote, to: &$0) }
        }
        var message = ByteBuffer()
        message.append(body.readable)
        message.write(atMost: NativeJSON.tailMax) { Self.tail(8_812).write(to: &$0) }
        Console.write("\(Measure.machine)\n")
        Console.write("\(String(decoding: message.readable, as: UTF8.self))\n")
        Console.write("median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write(
            "| benchmark | operations | ns an operation | checksum |\n| --- | ---: | ---: | --- |\n")
        bodies(quotes)
        table("JSON: frame around a shared body", Self.count) { Self.frame(body.readable) }
        table("SBE: frame around a shared quote", Self.count) { Self.binaryFrame(quotes[0]) }
        try table("JSON: a quote read back", Self.count / 10) { try Self.decode(message.readable) }
        try table("SBE: a quote read back", Self.count) { try Self.binaryDecode(quotes) }
    }

    private func bodies(_ quotes: [Quote]) {
        let trades = (0..<Self.kinds).map(Self.trade)
        let few = (0..<Self.kinds).map { Self.levels(4, $0) }
        let many = (0..<Self.kinds).map { Self.levels(20, $0) }
        let jsonBook = NativeJSON.bookMax(levels: 20), binaryBook = NativeSBE.bookMax(levels: 20)
        table("JSON: a quote's body", Self.count) {
            Self.encode(quotes, NativeJSON.bodyMax) { Self.body($0, to: &$1) }
        }
        table("SBE: a quote", Self.count) {
            Self.encode(quotes, NativeSBE.bodyMax) {
                NativeSBE.quote($0.pointee, symbol: SymbolID(7), to: &$1)
            }
        }
        table("JSON: a trade's body", Self.count) {
            Self.encode(trades, NativeJSON.bodyMax) { trade, pen in
                Self.named { NativeJSON.trade(trade.pointee, name: $0, to: &pen) }
            }
        }
        table("SBE: a trade", Self.count) {
            Self.encode(trades, NativeSBE.bodyMax) { NativeSBE.trade($0.pointee, to: &$1) }
        }
        for (name, books) in [("2+2", few), ("10+10", many)] {
            table("JSON: a book of \(name) levels", Self.count / 10) {
                Self.encode(books, jsonBook, Self.count / 10) { Self.book($0.pointee, to: &$1) }
            }
            table("SBE: a book of \(name) levels", Self.count / 10) {
                Self.encode(books, binaryBook, Self.count / 10) { Self.binaryBook($0.pointee, to: &$1) }
            }
        }
    }

    private func table(_ name: String, _ count: Int, _ body: () throws -> UInt64) rethrows {
        try Outcome.printRow(name, runs: runs) {
            let start = Measure.cpu(), checksum = try body()
            return Outcome(messages: count, nanoseconds: Measure.cpu() - start, checksum: checksum)
        }
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

    private static func trade(_ number: Int) -> Tick {
        Tick(
            .trade, SymbolID(7), side: number % 3 == 0 ? .bid : .ask, sequence: 311 + UInt64(number),
            eventTime: Timestamp(raw: 1_580_389_200_000_000_000 + Int64(number) * 104_512),
            price: Price(e4: UInt32(31_520 + number % 97) * 100),
            size: Quantity(shares: UInt32(1 + number % 130 * 10)), aux: 1_065 + UInt64(number))
    }

    /// Half of them bids; in a delta one in eight is gone.
    private static func levels(_ count: Int, _ number: Int) -> [Level] {
        (0..<count).map { depth in
            Level(
                price: Price(e4: UInt32(31_520 + number % 97 + depth) * 100),
                size: Quantity(shares: UInt32((number + depth) % 8 * 100)))
        }
    }

    @inline(__always)
    private static func named(_ body: (UnsafeRawBufferPointer) -> Void) {
        ("AAPL" as StaticString).withUTF8Buffer { body(UnsafeRawBufferPointer($0)) }
    }

    @inline(__always)
    private static func body(_ quote: UnsafePointer<Quote>, to pen: inout Pen) {
        named { NativeJSON.quote(quote.pointee, name: $0, to: &pen) }
    }

    private static func book(_ levels: [Level], to pen: inout Pen) {
        levels.withUnsafeBufferPointer { levels in
            let (bids, asks) = halves(of: levels)
            named {
                NativeJSON.book(
                    bids: bids, asks: asks, crc: nil, isCrossed: false, sequence: 9_001, at: time,
                    name: $0, to: &pen)
            }
        }
    }

    private static func binaryBook(_ levels: [Level], to pen: inout Pen) {
        levels.withUnsafeBufferPointer { levels in
            let (bids, asks) = halves(of: levels)
            NativeSBE.book(
                bids: bids, asks: asks, crc: nil, isCrossed: false, sequence: 9_001, at: time,
                symbol: SymbolID(7), to: &pen)
        }
    }

    private static let time = Timestamp(raw: 1_580_389_200_004_241_176)

    private static func halves(
        of levels: UnsafeBufferPointer<Level>
    ) -> (UnsafeBufferPointer<Level>, UnsafeBufferPointer<Level>) {
        let middle = levels.count / 2
        return (
            UnsafeBufferPointer(rebasing: levels[..<middle]),
            UnsafeBufferPointer(rebasing: levels[middle...])
        )
    }

    private static func tail(_ previous: UInt64) -> NativeJSON.Tail {
        NativeJSON.Tail(previous: previous, isSnapshot: false)
    }

    /// The states are passed by their address: a copy of one costs as much as a binary message.
    @inline(__always)
    private static func encode<State>(
        _ states: [State], _ sizeMax: Int, _ count: Int = count,
        _ write: (UnsafePointer<State>, inout Pen) -> Void
    ) -> UInt64 {
        states.withUnsafeBufferPointer { states in
            guard let first = states.baseAddress else { return 0 }
            var buffer = ByteBuffer(capacity: sizeMax + Pen.slack)
            var checksum: UInt64 = 0
            for index in 0..<count {
                buffer.removeAll()
                buffer.write(atMost: sizeMax) { write(first + index % kinds, &$0) }
                add(buffer.readable, index, to: &checksum)
            }
            return checksum
        }
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
            add(buffer.readable, index, to: &checksum)
        }
        return checksum
    }

    private static func binaryFrame(_ quote: Quote) -> UInt64 {
        var body = ByteBuffer(), buffer = ByteBuffer(capacity: 1_024)
        body.write(atMost: NativeSBE.bodyMax) { NativeSBE.quote(quote, symbol: SymbolID(7), to: &$0) }
        let shared = body.readable
        var checksum: UInt64 = 0
        for index in 0..<count {
            buffer.removeAll()
            buffer.write(atMost: shared.count + 16) { pen in
                WebSocketFrame.writeHeader(into: &pen, opcode: .binary, payload: shared.count)
                let message = pen.at
                pen.bytes(shared)
                NativeSBE.own(message, previous: 8_000 + UInt64(index % kinds), isSnapshot: false)
            }
            add(buffer.readable, index, to: &checksum)
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

    private static func binaryDecode(_ quotes: [Quote]) throws -> UInt64 {
        var reader = SBEReader(), symbol = ByteBuffer(), message = ByteBuffer(), offset = 0
        guard let name = SymbolName("AAPL") else { return 0 }
        symbol.write(atMost: NativeSBE.bodyMax) {
            NativeSBE.symbol(SymbolID(7), SymbolDefinition(name: name), to: &$0)
        }
        message.write(atMost: NativeSBE.bodyMax) {
            NativeSBE.quote(quotes[0], symbol: SymbolID(7), to: &$0)
        }
        guard try reader.next(in: symbol.readable, from: &offset) == nil else {
            throw BenchError("a symbol was read back as something else")
        }
        var checksum: UInt64 = 0
        for _ in 0..<count {
            offset = 0
            guard case .quote(let quote) = try reader.next(in: message.readable, from: &offset) else {
                throw BenchError("a quote was read back as something else")
            }
            checksum = checksum &* 31 &+ UInt64(bitPattern: quote.bid?.e9 ?? 0)
        }
        return checksum
    }

    /// Every length, and the end of one in 64: bytes that are read back as soon as they are written, and
    /// in other widths, would stall each message for longer than it took to write it.
    @inline(__always)
    private static func add(_ bytes: UnsafeRawBufferPointer, _ index: Int, to checksum: inout UInt64) {
        checksum = checksum &* 31 &+ UInt64(bytes.count)
        guard index & 63 == 0 else { return }
        checksum &+= bytes.loadUnaligned(fromByteOffset: bytes.count - 8, as: UInt64.self)
    }
}
