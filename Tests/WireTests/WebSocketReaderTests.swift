import Basics
import TestSupport
import Testing

@testable import Wire

/// Feeds pieces and writes down what came out: `text Hello`, `close 1000 bye`, `fault 1002`.
func transcript(
    _ pieces: [[UInt8]], _ role: WebSocketReader.Role, messageMax: Int = 1_000, inflater: Inflater? = nil
) -> [String] {
    var reader = WebSocketReader(role: role, messageMax: messageMax), seen: [String] = []
    for piece in pieces {
        // Memory of its own for each piece: what a reader keeps a pointer into is gone.
        let input = Memory(piece)
        var offset = 0
        do throws(WebSocketFault) {
            while let event = try reader.next(input.bytes, from: &offset, inflater: inflater) {
                seen.append(line(event, reader.payload))
            }
        } catch {
            return seen + ["fault \(error.code)"]
        }
        #expect(offset == piece.count)
        #expect(reader.payload.isEmpty)
    }
    return seen
}

private func line(_ event: WebSocketEvent, _ payload: UnsafeRawBufferPointer) -> String {
    let body =
        payload.count > 40 ? " \(payload.count) bytes" : payload.isEmpty ? "" : " " + Array(payload).text
    switch event {
    case .text: return "text" + body
    case .binary: return "binary" + body
    case .ping: return "ping" + body
    case .pong: return "pong" + body
    case .close(let code): return "close " + (code.map { "\($0)" } ?? "nil") + body
    }
}

struct FrameRow: Sendable, CustomTestStringConvertible {
    let frames: String
    let expected: [String]
    let role: WebSocketReader.Role
    init(_ frames: String, _ expected: String..., to role: WebSocketReader.Role = .client) {
        self.frames = frames
        self.expected = expected
        self.role = role
    }
    var testDescription: String { "\(frames) -> \(expected)" }
}

/// Unmasked, as a client gets them, unless a row says otherwise.
private let rows: [FrameRow] = [
    // RFC 6455 §5.7, its own examples
    FrameRow("81 05 48656c6c6f", "text Hello"),
    FrameRow("81 85 37fa213d 7f9f4d5158", "text Hello", to: .server),
    FrameRow("01 03 48656c 80 02 6c6f", "text Hello"),
    FrameRow("89 05 48656c6c6f 8a 85", "ping Hello", "fault 1002"),  // the pong is masked
    FrameRow("8a 85 37fa213d 7f9f4d5158", "pong Hello", to: .server),
    FrameRow("82 7e 0100 41*256", "binary 256 bytes"),
    // Empty things
    FrameRow("81 00", "text"),
    FrameRow("82 00 89 00 8a 00", "binary", "ping", "pong"),
    FrameRow("81 80 01020304", "text", to: .server),
    FrameRow("01 00 00 00 80 00", "text"),
    FrameRow("02 02 4142 80 00", "binary AB"),  // an empty last fragment
    // Control frames between fragments
    FrameRow("01 01 41 89 01 70 00 01 42 8a 00 80 01 43", "ping p", "pong", "text ABC"),
    FrameRow("01 01 41 88 02 03e8", "close 1000"),
    FrameRow("89 7d 41*125", "ping 125 bytes"),
    // Lengths: the last good and the first bad
    FrameRow("82 7d 41*125", "binary 125 bytes"),
    FrameRow("82 7e 007e 41*126", "binary 126 bytes"),
    FrameRow("82 7e 007d 41*125", "fault 1002"),  // 125 fits into the 7 bits
    FrameRow("82 7f 000000000000ffff", "fault 1002"),  // 65535 fits into 16
    FrameRow("82 7f 8000000000000000", "fault 1002"),  // 2^63
    FrameRow("82 7f ffffffffffffffff", "fault 1002"),
    FrameRow("82 7f 7fffffffffffffff", "fault 1009"),
    FrameRow("82 7e 03e8 41*1000", "binary 1000 bytes"),  // the most allowed here
    FrameRow("82 7e 03e9", "fault 1009"),  // refused at the header
    FrameRow("02 7e 03e7 41*999 80 02", "fault 1009"),  // the sum counts
    FrameRow("02 7e 03e7 41*999 80 01 41", "binary 1000 bytes"),
    FrameRow("89 7e 007e", "fault 1002"),  // control frames are short
    FrameRow("88 7f", "fault 1002"),
    // Bits and opcodes
    FrameRow("c1 00", "fault 1002"), FrameRow("a1 00", "fault 1002"), FrameRow("91 00", "fault 1002"),
    FrameRow("83 00", "fault 1002"), FrameRow("87 00", "fault 1002"),
    FrameRow("8b 00", "fault 1002"), FrameRow("8f 00", "fault 1002"),
    FrameRow("09 00", "fault 1002"),  // a fragmented ping
    FrameRow("08 00", "fault 1002"),
    FrameRow("80 00", "fault 1002"), FrameRow("00 00", "fault 1002"),  // continue nothing
    FrameRow("01 01 41 81 01 42", "fault 1002"),  // a new message inside of another
    FrameRow("01 01 41 02 01 42", "fault 1002"),
    FrameRow("81 01 41 80 01 42", "text A", "fault 1002"),
    // Masks
    FrameRow("81 05 48656c6c6f", "fault 1002", to: .server),
    FrameRow("81 85 37fa213d 7f9f4d5158", "fault 1002", to: .client),
    FrameRow("81 00", "fault 1002", to: .server),
    FrameRow("02 83 01020304 404040 80 82 05060708 4644", "binary ABCCB", to: .server),
    // Text is UTF-8, also across frames, and wrong at the first wrong octet
    FrameRow("81 03 e282ac", "text €"),
    FrameRow("01 01 e2 00 01 82 80 01 ac", "text €"),
    FrameRow("01 02 e282 89 01 70 80 01 ac", "ping p", "text €"),
    FrameRow("81 02 e282", "fault 1007"),
    FrameRow("01 02 e282 80 00", "fault 1007"),
    FrameRow("81 7e 00c8 c0", "fault 1007"),  // 199 octets before the frame's end
    FrameRow("01 01 41 80 04 f4908080", "fault 1007"),
    FrameRow("82 02 c0ff", "binary " + [0xc0, 0xff].text),  // binary may be anything
    FrameRow("81 02 e282 81 00", "fault 1007"),
    // Closing
    FrameRow("88 00", "close nil"),
    FrameRow("88 02 03e8", "close 1000"),
    FrameRow("88 05 03e8 627965", "close 1000 bye"),
    FrameRow("88 82 00000000 03e9", "close 1001", to: .server),
    FrameRow("88 7d 1194 41*123", "close 4500 123 bytes"),
    FrameRow("88 01 03", "fault 1002"), FrameRow("88 01", "fault 1002"),
    FrameRow("88 03 03e8 ff", "fault 1007"),
    FrameRow("88 04 03e8 e282", "fault 1007"),
    FrameRow("88 02 03e8 81 01 41 ff", "close 1000"),  // nothing counts after it
]

@Suite struct WebSocketReaderTests {
    @Test("frames", arguments: rows)
    func table(row: FrameRow) {
        #expect(transcript([hex(row.frames)], row.role) == row.expected)
    }

    @Test("the same a byte at a time", arguments: rows)
    func byteByByte(row: FrameRow) {
        #expect(transcript(hex(row.frames).map { [$0] }, row.role) == row.expected)
    }

    @Test("the same however it is cut", arguments: Seed.smoke)
    func cut(seed: Seed) {
        var random = seed.generator()
        for row in rows {
            let pieces = hex(row.frames).cut(&random)
            #expect(transcript(pieces, row.role) == row.expected, "\(seed): \(row.frames)")
        }
    }

    @Test("a prefix never says more", arguments: rows)
    func prefixes(row: FrameRow) {
        let bytes = hex(row.frames)
        for end in bytes.indices {
            let seen = transcript([Array(bytes[..<end])], row.role)
            #expect(row.expected.starts(with: seen), "\(end) bytes")
        }
    }

    @Test(
        "close codes",
        arguments: [
            (code: UInt16(999), valid: false), (1000, true), (1003, true), (1004, false), (1005, false),
            (1006, false), (1007, true), (1011, true), (1012, true), (1014, true), (1015, false),
            (1016, false),
            (2999, false), (3000, true), (4401, true), (4999, true), (5000, false), (65535, false),
            (0, false),
        ])
    func closeCodes(code: UInt16, valid: Bool) {
        let frame = [0x88, 0x02, UInt8(code >> 8), UInt8(code & 0xff)]
        #expect(transcript([frame], .client) == [valid ? "close \(code)" : "fault 1002"])
    }

    @Test("a whole message is not copied, and a pieced one is given back")
    func memory() throws {
        var reader = WebSocketReader(role: .client, messageMax: 100)
        let input = Memory(hex("82 03 414243 82 03 4445")), rest = Memory(hex("46"))
        var offset = 0
        var event = try reader.next(input.bytes, from: &offset)
        #expect(event == .binary)
        #expect(reader.payload.baseAddress == UnsafeRawPointer(input.bytes.baseAddress! + 2))
        event = try reader.next(input.bytes, from: &offset)
        #expect(event == nil && reader.bufferedBytes > 0)
        offset = 0
        event = try reader.next(rest.bytes, from: &offset)
        #expect(event == .binary && Array(reader.payload).text == "DEF")
        event = try reader.next(rest.bytes, from: &offset)
        #expect(event == nil && reader.bufferedBytes == 0)
    }

    @Test("a size on the wire allocates nothing")
    func claims() throws {
        var reader = WebSocketReader(role: .client, messageMax: .max), offset = 0
        let input = Memory(hex("82 7f 0fffffffffffffff 41"))
        let event = try reader.next(input.bytes, from: &offset)
        #expect(event == nil && reader.bufferedBytes < 1_000)
    }

    @Test("random bytes are events or a fault, the same in pieces", arguments: Seed.smoke)
    func fuzz(seed: Seed) {
        var random = seed.generator()
        for step in 0..<300 {
            let role: WebSocketReader.Role = random.oneIn(2) ? .server : .client
            var bytes = (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // Most noise dies at its first byte: help it further.
            let good = hex("01 02 80 81 82 88 89 8a")
            if !bytes.isEmpty { bytes[0] = good[random.below(good.count)] }
            if bytes.count > 1 { bytes[1] = UInt8(random.below(20)) | (role == .server ? 0x80 : 0) }
            let whole = transcript([bytes], role)
            #expect(transcript(bytes.cut(&random), role) == whole, "\(seed), step \(step)")
        }
    }

    @Test("what is written is read", arguments: Seed.smoke)
    func roundTrip(seed: Seed) {
        var random = seed.generator()
        for length in [0, 1, 125, 126, 127, 999, 1000] + (0..<20).map({ _ in random.below(1_000) }) {
            let payload = (0..<length).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for mask in [nil, UInt32(truncatingIfNeeded: random.next())] {
                var buffer = ByteBuffer()
                payload.withRaw {
                    WebSocketFrame.write(into: &buffer, opcode: .binary, payload: $0, mask: mask)
                }
                var reader = WebSocketReader(role: mask == nil ? .client : .server, messageMax: 1_000)
                let read = buffer.bytes.cut(&random).flatMap { piece -> [UInt8] in
                    let input = Memory(piece)
                    var offset = 0
                    let event = try? reader.next(input.bytes, from: &offset)
                    return event == .binary ? Array(reader.payload) : []
                }
                #expect(read == payload, "\(seed), \(length) bytes")
            }
        }
    }
}

@Test(
    "headers in their shortest form",
    arguments: [
        (payload: 0, masked: false, header: "82 00"),
        (125, false, "82 7d"), (126, false, "82 7e 007e"), (65535, false, "82 7e ffff"),
        (65536, false, "82 7f 0000000000010000"),
        (0, true, "82 80 01020304"), (125, true, "82 fd 01020304"), (126, true, "82 fe 007e 01020304"),
        (65535, true, "82 fe ffff 01020304"), (65536, true, "82 ff 0000000000010000 01020304"),
    ])
func frameHeaders(payload: Int, masked: Bool, header: String) {
    var buffer = ByteBuffer()
    buffer.write(atMost: WebSocketFrame.headerBytesMax) { pen in
        WebSocketFrame.writeHeader(
            into: &pen, opcode: .binary, payload: payload, mask: masked ? 0x0102_0304 : nil)
    }
    #expect(buffer.bytes == hex(header))
    #expect(WebSocketFrame.headerLength(payload: payload, masked: masked) == hex(header).count)
}

@Test("a close reason is cut between characters")
func closeReason() {
    var buffer = ByteBuffer()
    WebSocketFrame.writeClose(into: &buffer, code: 4408, reason: String(repeating: "€", count: 50))
    #expect(buffer.bytes.prefix(4) == hex("88 7d 1138")[...])  // 2 + 41 × 3
    #expect(transcript([buffer.bytes], .client) == ["close 4408 123 bytes"])
}
