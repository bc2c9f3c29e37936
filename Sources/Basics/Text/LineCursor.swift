// Text cut into lines, wherever its bytes were cut into pieces.
//
// Invariants
//   - Owns no bytes: a caller shows what is unread, from where the last line ended.
//   - A line ends at a line feed, or at the end of the input; a carriage return in front of either
//     is not part of it.
//   - A line longer than `lengthMax` is told of once and skipped to its end, as it comes: no caller
//     has to hold more than `lengthMax` + 1 bytes for it.
//   - Costs one look at each byte, however often a line that is not whole yet is shown again.
import Glibc

/// Finds the next line in bytes that are shown piece by piece.
public struct LineCursor: Sendable {
    public enum Step: Equatable, Sendable {
        /// A whole line, as a range of the bytes that were shown.
        case line(Range<Int>)
        /// A line of more than `lengthMax` bytes. It is skipped.
        case tooLong
        /// What is left is no whole line, and more will follow.
        case needsBytes
        /// Nothing is left, and nothing will follow.
        case end
    }

    /// The longest line, without its end.
    public let lengthMax: Int
    /// Bytes of the unread line that hold no line feed.
    private var searched = 0
    /// The rest of a line that is too long comes next.
    private var isSkipping = false

    public init(lengthMax: Int) { self.lengthMax = lengthMax }

    /// The next line of `bytes` from `offset` on, which moves behind what need not be shown again.
    ///
    /// - Parameter isLast: nothing follows `bytes`, so what is left is a line without its end.
    public mutating func next(_ bytes: RawSpan, from offset: inout Int, isLast: Bool) -> Step {
        while true {
            let start = offset
            if let feed = bytes.firstLineFeed(from: start + searched) {
                offset = feed + 1
            } else if isLast, start < bytes.byteCount {
                offset = bytes.byteCount
            } else {
                return wait(for: bytes.byteCount, from: &offset, isLast: isLast)
            }
            searched = 0
            if isSkipping {
                isSkipping = false
                continue
            }
            let line = bytes.line(start..<offset)
            return line.count > lengthMax ? .tooLong : .line(line)
        }
    }

    /// What is left holds no end of a line: it is kept, or skipped where it is too long already.
    private mutating func wait(for end: Int, from offset: inout Int, isLast: Bool) -> Step {
        if isLast { return .end }
        searched = end - offset
        // With one byte more the last could still be a carriage return.
        let tooLong = !isSkipping && searched > lengthMax + 1
        if tooLong { isSkipping = true }
        if isSkipping {
            offset = end
            searched = 0
        }
        return tooLong ? .tooLong : .needsBytes
    }
}

extension RawSpan {
    fileprivate func firstLineFeed(from start: Int) -> Int? {
        withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, start < bytes.count,
                let found = memchr(base + start, 0x0a, bytes.count - start)
            else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// What of `range` is text: not its line feed, nor the carriage return in front of that.
    fileprivate func line(_ range: Range<Int>) -> Range<Int> {
        var end = range.upperBound
        if end > range.lowerBound, u8(at: end - 1) == 0x0a { end -= 1 }
        if end > range.lowerBound, u8(at: end - 1) == 0x0d { end -= 1 }
        return range.lowerBound..<end
    }
}
