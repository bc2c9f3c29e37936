// The byte buffer against an array.
import Basics
import TestSupport
import Testing

private func bytes(_ buffer: borrowing ByteBuffer) -> [UInt8] { [UInt8](buffer.readable) }

@Test("a buffer agrees with an array", arguments: Seed.smoke)
func bufferAgreesWithArray(seed: Seed) throws {
    var random = seed.generator()
    var buffer = ByteBuffer(capacity: 16), model: [UInt8] = []
    for step in 0..<3_000 {
        let piece = (0..<random.below(40)).map { _ in UInt8(random.below(256)) }
        switch random.below(8) {
        case 0..<3:
            piece.withUnsafeBytes { buffer.append($0) }
            model += piece
        case 3:
            buffer.write(atMost: 64) { pen in piece.withUnsafeBytes { pen.bytes($0) } }
            model += piece
        case 4:
            let count = random.below(model.count + 1)
            buffer.consume(count)
            model.removeFirst(count)
        case 5:
            let at = random.below(model.count + 1)
            piece.withUnsafeBytes { buffer.insert($0, at: at) }
            model.insert(contentsOf: piece, at: at)
        case 6:
            let count = model.count - random.below(min(8, model.count + 1))
            buffer.truncate(to: count)
            model.removeLast(model.count - count)
        default:
            if random.oneIn(20) {
                buffer.release()
                model = []
            } else if random.oneIn(4) {
                buffer.removeAll()
                model = []
            }
        }
        let content = bytes(buffer)
        try #require(content == model, "\(seed), step \(step)")
    }
}

@Test("a buffer that is consumed as it is filled does not grow")
func steadyState() {
    var buffer = ByteBuffer()
    for _ in 0..<10_000 {
        buffer.append("0123456789")
        buffer.consume(buffer.count - 3)
    }
    let capacity = buffer.capacity
    #expect(capacity <= 128)
    buffer.release()
    let released = (buffer.capacity, buffer.count)
    #expect(released == (0, 0))
}

@Test("deadlines saturate and stay switched off")
func instants() {
    #expect(Instant.never + .seconds(1) == .never)
    #expect(Instant(raw: .max - 5) + Nanoseconds(raw: 6) == .never)
    #expect(Instant(raw: 5) - Instant(raw: 9) == Nanoseconds(raw: -4))
    #expect(Nanoseconds(raw: -1).milliseconds == 0 && Nanoseconds.seconds(2).milliseconds == 2_000)
}

@Test("a seed draws the same numbers everywhere, within bounds")
func generator() {
    var random = SeededGenerator(seed: 1)
    var again = SeededGenerator(seed: 1)
    for bound in 1...2_000 {
        let drawn = random.below(bound)
        #expect(drawn >= 0 && drawn < bound)
        #expect(drawn == again.below(bound))
    }
    var other = SeededGenerator(seed: 2)
    #expect(random.next() != other.next())
}

@Test("a file is read to its end, and from the start again")
func inputFile() throws {
    let file = try InputFile(#filePath)
    #expect(throws: SystemError("open", code: 2)) { _ = try InputFile("/nowhere/at/all") }
    var first = ByteBuffer(), second = ByteBuffer()
    func readAll(_ buffer: inout ByteBuffer) throws {
        while true {
            let count = try file.read(into: buffer.reserve(100), atMost: 100)
            buffer.commit(count, of: 100)
            if count == 0 { return }
        }
    }
    try readAll(&first)
    let isRewound = file.rewind()
    #expect(isRewound)
    try readAll(&second)
    let (a, b) = (bytes(first), bytes(second))
    #expect(a == b && a.starts(with: "// The byte buffer".utf8))
}
