// Fields and numbers of a line, with the format's words for what is wrong with them.
import Basics
import Market

extension FieldCursor {
    /// As `next`, where bad quotes reject the line.
    @_lifetime(copy self)
    mutating func field() throws(LineFault) -> RawSpan {
        do throws(BadQuotes) { return try next() } catch {
            throw .malformed("quotes that do not enclose a field")
        }
    }
}

extension RawSpan {
    /// A whole number.
    func integer(_ cause: StaticString) throws(LineFault) -> Int64 {
        do throws(FixedPointFault) { return try FixedPoint.read(self, decimals: 0) } catch {
            throw error == .tooLarge ? .range(cause) : .malformed(cause)
        }
    }

    /// Whether it is this word, byte for byte.
    func equals(_ word: StaticString) -> Bool {
        guard byteCount == word.utf8CodeUnitCount else { return false }
        for offset in 0..<byteCount where u8(at: offset) != word.utf8Start[offset] { return false }
        return true
    }
}
