import Basics
import TestSupport
import Testing

@testable import Wire

/// Read by a client that agreed to `permessage-deflate`.
private let rows: [FrameRow] = [
    // RFC 7692 §7.2.3, its own examples
    FrameRow("c1 07 f248cdc9c90700", "text Hello"),
    FrameRow("41 03 f248cd 80 04 c9c90700", "text Hello"),
    FrameRow("c1 0b 000500faff48656c6c6f00", "text Hello"),  // a stored block
    FrameRow("c1 08 f348cdc9c9070000", "text Hello"),  // a block that calls itself the last
    FrameRow("c1 0d f248050000 00ffffcac9c90700", "text Hello"),  // two blocks
    FrameRow("c1 01 00", "text"), FrameRow("c2 01 00", "binary"),
    FrameRow("c1 07 f248cdc9c90700 c1 05 f200110000", "text Hello", "fault 1007"),  // takes context over
    // Compressed and not, side by side; a message may be neither the one nor the other in turn
    FrameRow("81 02 4142 c1 07 f248cdc9c90700 81 01 43", "text AB", "text Hello", "text C"),
    FrameRow("41 03 f248cd 89 01 70 00 00 80 04 c9c90700", "ping p", "text Hello"),
    FrameRow("41 07 f248cdc9c90700 80 00", "text Hello"),  // an empty last fragment
    FrameRow("41 00 80 07 f248cdc9c90700", "text Hello"),  // an empty first one
    FrameRow("41 03 f248cd 88 02 03e8", "close 1000"),
    // RSV1 is for the first frame of a data message; the other bits for none
    FrameRow("41 03 f248cd c0 04", "fault 1002"), FrameRow("c9 00", "fault 1002"),
    FrameRow("ca 00", "fault 1002"), FrameRow("c8 00", "fault 1002"), FrameRow("01 01 41 c0", "fault 1002"),
    FrameRow("c0 00", "fault 1002"), FrameRow("e1", "fault 1002"), FrameRow("d1", "fault 1002"),
    FrameRow("a1", "fault 1002"), FrameRow("c3", "fault 1002"),
    // What is no deflate, or not all of it
    FrameRow("c1 00", "fault 1007"), FrameRow("c1 01 07", "fault 1007"), FrameRow("c1 01 ff", "fault 1007"),
    FrameRow("c1 06 f248cdc9c907", "fault 1007"), FrameRow("c1 03 f248cd", "fault 1007"),
    FrameRow("c1 07 f348cdc9c90700", "fault 1007"),  // ends without the empty block (§7.2.1)
    FrameRow("c1 06 000500faff48", "fault 1007"),  // a stored block cut short
    FrameRow("c1 06 000500000048", "fault 1007"),  // its length does not fit its complement
    // Text is UTF-8 when it is inflated
    FrameRow("c1 07 000100feffff00", "fault 1007"), FrameRow("c1 07 000100feffc300", "fault 1007"),
    FrameRow("c1 08 000200fdffc3a400", "text ä"),
    FrameRow("c2 07 000100feffff00", "binary " + [0xff].text),
]

/// One message, compressed and copied.
private func deflated(_ message: [UInt8], level: Int = 1) -> [UInt8] {
    deflated(message, by: Deflater(windowBits: 15, level: level))
}

private func deflated(_ message: [UInt8], by deflater: Deflater) -> [UInt8] {
    withExtendedLifetime(deflater) { message.withRaw { Array(deflater.deflate($0)) } }
}

/// One message, inflated and copied.
private func inflated(
    _ payload: [UInt8], limit: Int, isText: Bool = false, by inflater: Inflater
) throws(WebSocketFault) -> [UInt8] {
    let result: Result<[UInt8], WebSocketFault> = payload.withRaw { bytes in
        do throws(WebSocketFault) {
            return .success(Array(try inflater.inflate(bytes, limit: limit, isText: isText)))
        } catch {
            return .failure(error)
        }
    }
    return try withExtendedLifetime(inflater) { () throws(WebSocketFault) in try result.get() }
}

@Suite struct DeflateTests {
    @Test("compressed frames, whole and a byte at a time", arguments: rows)
    func table(row: FrameRow) {
        let bytes = hex(row.frames), inflater = Inflater()
        #expect(transcript([bytes], .client, inflater: inflater) == row.expected)
        #expect(transcript(bytes.map { [$0] }, .client, inflater: inflater) == row.expected)
    }

    @Test("a reader that agreed to nothing takes none", arguments: rows.filter { $0.frames.hasPrefix("c1") })
    func notAgreed(row: FrameRow) { #expect(transcript([hex(row.frames)], .client) == ["fault 1002"]) }

    @Test("a prefix never says more", arguments: rows)
    func prefixes(row: FrameRow) {
        let bytes = hex(row.frames)
        for end in bytes.indices {
            let seen = transcript([Array(bytes[..<end])], .client, inflater: Inflater())
            #expect(row.expected.starts(with: seen), "\(end) bytes")
        }
    }

    @Test("one inflater serves many readers, cut anywhere between two frames or two reads")
    func cuts() {
        let inflater = Inflater()
        let text = Array("{\"bids\":[[270.26,200],[270.25,200],[270.24,200]]}".utf8)
        let payload = deflated(text)
        for cut in 0...payload.count {
            let first = payload[..<cut], last = payload[cut...]
            let frames = [[0x41, UInt8(first.count)] + first, [0x80, UInt8(last.count)] + last]
            let expected = ["text \(text.count) bytes"]
            #expect(transcript(frames, .client, inflater: inflater) == expected, "two frames at \(cut)")
            let whole = [0xc1, UInt8(payload.count)] + payload
            let pieces = [Array(whole[..<cut]), Array(whole[cut...])]
            #expect(transcript(pieces, .client, inflater: inflater) == expected, "two reads at \(cut)")
        }
    }

    @Test(
        "a message may inflate to the limit and not beyond, and a bomb leaves nothing behind",
        arguments: [
            (bytes: 100_000, seen: "binary 100000 bytes"), (100_001, "fault 1009"),
            (50_000_000, "fault 1009"),
        ])
    func bomb(bytes: Int, seen: String) {
        let payload = deflated([UInt8](repeating: 0, count: bytes), level: 9), inflater = Inflater()
        #expect(payload.count < 60_000)
        var frame = ByteBuffer()
        payload.withRaw {
            WebSocketFrame.write(into: &frame, opcode: .binary, payload: $0, isCompressed: true)
        }
        #expect(transcript([frame.bytes], .client, messageMax: 100_000, inflater: inflater) == [seen])
        #expect(transcript([hex("c1 07 f248cdc9c90700")], .client, inflater: inflater) == ["text Hello"])
        #expect(inflater.keptBytes <= 64 * 1_024)
    }

    @Test("a bomb below the limit of compressed bytes ends at the limit of inflated ones")
    func bombAtLimit() throws {
        let zeros = [UInt8](repeating: 0, count: 10_000_000), inflater = Inflater()
        let payload = deflated(zeros, level: 9)
        for (limit, code) in [
            (zeros.count, nil), (zeros.count - 1, UInt16(1009)), (100_000, 1009), (1, 1009),
        ] {
            var fault: UInt16?
            do throws(WebSocketFault) {
                #expect(try inflated(payload, limit: limit, by: inflater).count == limit)
            } catch {
                fault = error.code
            }
            #expect(fault == code, "limit \(limit)")
            inflater.giveBack()
            #expect(inflater.keptBytes <= 64 * 1_024)
        }
    }

    @Test("between messages a reader owns nothing, in one only what came compressed")
    func memory() throws {
        var reader = WebSocketReader(role: .client, messageMax: 1 << 20), offset = 0
        let inflater = Inflater(), zeros = [UInt8](repeating: 0, count: 500_000)
        let payload = deflated(zeros)
        var frame = ByteBuffer()
        payload.withRaw {
            WebSocketFrame.write(into: &frame, opcode: .binary, payload: $0, isCompressed: true)
        }
        let input = Memory(frame.bytes.dropLast()), rest = Memory([frame.bytes.last!])
        var event = try reader.next(input.bytes, from: &offset, inflater: inflater)
        #expect(event == nil && reader.bufferedBytes < 2 * payload.count && inflater.keptBytes == 0)
        offset = 0
        event = try reader.next(rest.bytes, from: &offset, inflater: inflater)
        #expect(event == .binary && reader.payload.count == zeros.count)
        event = try reader.next(rest.bytes, from: &offset, inflater: inflater)
        #expect(event == nil && reader.bufferedBytes == 0 && inflater.keptBytes <= 64 * 1_024)
    }

    @Test("what is deflated inflates to the same, whatever came before", arguments: 9...15)
    func roundTrip(windowBits: Int) throws {
        let deflater = Deflater(windowBits: windowBits), inflater = Inflater()
        var random = SeededGenerator(seed: UInt64(windowBits))
        var first: [Int: [UInt8]] = [:]
        for count in [0, 1, 2, 1_024, 40_000, 300_000, 1_024, 1, 0] {
            let alphabet = count == 40_000 ? 256 : 3
            var bytes = SeededGenerator(seed: UInt64(count))
            let message = (0..<count).map { _ in UInt8(bytes.below(alphabet)) }
            let payload = deflated(message, by: deflater)
            #expect(try inflated(payload, limit: count, by: inflater) == message)
            #expect(first[count] == nil || first[count] == payload, "\(count) bytes, the second time")
            first[count] = payload
        }
        // What repeats farther back than the window is not seen.
        let block = (0..<3_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
        let twice = deflated(block + block, by: deflater).count
        #expect(windowBits < 12 ? twice > 5_900 : windowBits < 13 || twice < 3_500)
    }

    @Test("any bytes inflate to something or are a fault", arguments: Seed.smoke)
    func fuzz(seed: Seed) throws {
        var random = seed.generator()
        let inflater = Inflater(), good = Array("{\"type\":\"book\",\"bids\":[[1,2],[1,2],[1,2]]}".utf8)
        let payload = deflated(good)
        for _ in 0..<2_000 {
            var bytes = payload
            for _ in 0...random.below(4) {
                bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if random.oneIn(3) { bytes.removeLast(random.below(bytes.count)) }
            let isText = random.oneIn(2)
            let count = (try? inflated(bytes, limit: 200, isText: isText, by: inflater).count) ?? 0
            #expect(count <= 200)
        }
        #expect(try inflated(payload, limit: 200, isText: true, by: inflater) == good)
    }
}
