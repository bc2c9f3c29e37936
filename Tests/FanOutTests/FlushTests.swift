// What a full socket leaves behind: where a frame was cut, and what may stand in between.
import Basics
import Market
import TestSupport
import Testing
import Wire

@testable import FanOut

private func frames(_ lengths: [Int], upgrade: Bool = false) -> [UInt8] {
    var buffer = ByteBuffer()
    if upgrade { buffer.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n") }
    for length in lengths { buffer.appendFrame(String(repeating: "x", count: length)) }
    return Array(buffer.readable)
}

/// Ends of the frames, counted from the start.
private func ends(_ lengths: [Int]) -> [Int] {
    var end = 0
    return lengths.map { length in
        end += WebSocketFrame.headerLength(payload: length, masked: false) + length
        return end
    }
}

@Test("wherever a write was cut, the rest of its frame is known")
func frameRest() {
    let lengths = [0, 5, 125, 126, 300, 65_535, 65_536, 1]
    let bytes = frames(lengths), ends = ends(lengths)
    for taken in Array(0..<900) + [65_000, 66_500, 100_000, bytes.count - 1, bytes.count] {
        let rest = bytes.withUnsafeBytes { Shard.messageRest($0, taken: taken, on: .webSocket) }
        let end = taken == 0 ? 0 : ends.first { $0 >= taken } ?? bytes.count
        #expect(taken + rest == end, "cut at \(taken)")
    }
}

@Test("the handshake's answer in front counts as one with the first frames")
func frameRestAfterUpgrade() {
    let bytes = frames([10, 20], upgrade: true)
    let head = bytes.count - ends([10, 20])[1]
    for taken in 0...bytes.count {
        let rest = bytes.withUnsafeBytes { Shard.messageRest($0, taken: taken, on: .webSocket) }
        let expected =
            taken <= head ? head - taken : taken <= head + 12 ? head + 12 - taken : bytes.count - taken
        #expect(rest == expected, "cut at \(taken)")
    }
}

@Test("a tail that leaves in pieces never loses the border of its frame", arguments: Seed.smoke)
func restInPieces(seed: Seed) {
    var random = seed.generator()
    let lengths = (0..<20).map { _ in random.below(400) }
    let bytes = frames(lengths), ends = ends(lengths)
    var at = random.below(bytes.count)
    var rest = bytes.withUnsafeBytes { Shard.messageRest($0, taken: at, on: .webSocket) }
    while at < bytes.count {
        let taken = 1 + random.below(bytes.count - at)
        rest = bytes.withUnsafeBytes {
            Shard.restAfter(
                UnsafeRawBufferPointer(rebasing: $0[at...]), rest: rest, taken: taken, on: .webSocket)
        }
        at += taken
        #expect(ends.contains(at + rest), "\(seed): \(at) + \(rest)")
    }
}

@Test("a body is shared while it lies in the ring, and made again when the ring has turned")
func bodyArena() {
    var arena = BodyArena(capacity: 4_096)
    func write(_ text: String, _ version: UInt64) -> SharedBody {
        arena.encode(version: version, atMost: 1_024) { $0.text(text) }
    }
    func read(_ body: SharedBody, _ version: UInt64) -> String? {
        arena.bytes(of: body, version: version).map { String(decoding: $0, as: UTF8.self) }
    }
    #expect(read(SharedBody(), 0) == nil)
    let first = write("first", 1)
    #expect(read(first, 1) == "first")
    #expect(read(first, 2) == nil)
    var kept: [(SharedBody, String, UInt64)] = []
    for number in 2..<2_000 as Range<UInt64> {
        let text = String(repeating: "\(number) ", count: Int(number % 90) + 1)
        kept.append((write(text, number), text, number))
        for (body, text, version) in kept.suffix(10) {
            let found = read(body, version)
            #expect(found == nil || found == text, "a body was overwritten and still handed out")
        }
        #expect(read(kept.last!.0, number) == text)
    }
    #expect(read(first, 1) == nil)
    #expect(arena.encodes == 1_999)
}

@Test("a history holds the latest, in a row, and no more than it may")
func history() {
    var history = History<UInt64>(capacityMax: 1_024)
    #expect(history.first == 1 && history.last == 0)
    for number in 1...5_000 as ClosedRange<UInt64> {
        history.append(number * 7, number: number)
        #expect(history.last == number && history[number].pointee == number * 7)
        #expect(history[history.first].pointee == history.first * 7)
    }
    #expect(history.count == 1_024)
    #expect(history.partition { $0 < 4_500 * 7 } == 4_500)
    #expect(history.partition { _ in false } == history.first)
    #expect(history.partition { _ in true } == 5_001)
    history.append(1, number: 9_000)  // after a lap: what was before is history
    #expect(history.count == 1 && history.first == 9_000 && history.resumedAt == 9_000)
    history.release(at: 9_000)
    #expect(history.count == 0 && history.first == 9_001)
}
