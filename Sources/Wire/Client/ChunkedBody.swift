// A body in chunks, as they come (RFC 9112 §7.1): sizes in hexadecimal, bytes, and trailers nobody reads.
//
// Invariants
//   - A size never sizes an allocation: bytes are handed on as they come.
//   - Lines are at most `lineMax` bytes, all trailers together `trailersMax`.

struct ChunkedBody {
    private enum State {
        case size, data, dataEnd, trailers, over
    }

    static let lineMax = 1_024
    static let trailersMax = 8 * 1_024

    private var state = State.size
    /// Of a line that has not ended yet.
    private var line: [UInt8] = []
    private var left = 0
    private var trailerBytes = 0

    var isOver: Bool { state == .over }

    /// The next piece of the body in `bytes` from `offset`; nil when all of them are read, or it is over.
    ///
    /// - Throws: why it is no body in chunks.
    mutating func next(
        in bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(ClientError) -> UnsafeRawBufferPointer? {
        while offset < bytes.count, state != .over {
            if state == .data {
                let end = offset + min(left, bytes.count - offset)
                defer { offset = end }
                left -= end - offset
                if left == 0 { state = .dataEnd }
                return UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            }
            let byte = bytes[offset]
            offset += 1
            guard byte == 0x0a else {
                guard line.count < ChunkedBody.lineMax else { throw .badAnswer("a chunk's line is too long") }
                line.append(byte)
                continue
            }
            if line.last == 0x0d { line.removeLast() }
            try take(line)
            line.removeAll(keepingCapacity: true)
        }
        return nil
    }

    private mutating func take(_ line: [UInt8]) throws(ClientError) {
        switch state {
        case .size:
            left = try ChunkedBody.size(line)
            state = left == 0 ? .trailers : .data
        case .dataEnd:
            guard line.isEmpty else { throw .badAnswer("a chunk is longer than it says") }
            state = .size
        case .trailers:
            trailerBytes += line.count
            guard trailerBytes <= ChunkedBody.trailersMax else {
                throw .badAnswer("the trailers are too long")
            }
            if line.isEmpty { state = .over }
        case .data, .over: break
        }
    }

    /// What follows a semicolon is an extension, and means nothing here.
    private static func size(_ line: [UInt8]) throws(ClientError) -> Int {
        let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 && $0 != 0x09 }
        guard (1...15).contains(digits.count) else { throw .badAnswer("a chunk's size is no number") }
        var size = 0
        for digit in digits {
            guard let value = ASCII.hexValue(digit) else { throw .badAnswer("a chunk's size is no number") }
            size = size << 4 | Int(value)
        }
        return size
    }
}
