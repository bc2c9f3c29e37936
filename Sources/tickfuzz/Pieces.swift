// A reader that is given bytes as they come: whole, and in pieces of one size, it has to say the same.
import Basics

/// What a reader said until its fault, or until it had read all.
struct Said<Fault: Equatable>: Equatable {
    var words: [String] = []
    var fault: Fault?
}

/// Reads the input at once and in pieces, and demands that both say the same.
///
/// - Parameters:
///   - make: a new reader.
///   - next: what the reader says next, from the offset on; nil where it wants more.
///   - kept: what holds of a reader that was given so many bytes.
///   - alike: what holds of the two in the end, besides, and of the fault that they had.
func readInPieces<Reader: ~Copyable, Fault: Error & Equatable>(
    _ bytes: UnsafeRawBufferPointer, _ make: () -> Reader,
    _ next: (inout Reader, UnsafeRawBufferPointer, inout Int) throws(Fault) -> String?,
    kept: (borrowing Reader, Int) -> Void = { _, _ in },
    alike: (borrowing Reader, borrowing Reader, Fault?) -> Void = { _, _, _ in }
) {
    var input = Input(bytes)
    let size = 1 + input.decide(256)
    let all = input.rest()
    var whole = make(), cut = make()
    var said = Said<Fault>(), other = Said<Fault>(), offset = 0
    read(all, &whole, into: &said, next)
    while offset < all.count, other.fault == nil {
        let end = min(all.count, offset + size)
        read(all.piece(offset..<end), &cut, into: &other, next)
        offset = end
        kept(cut, end)
    }
    demand(said == other, "cut every \(size) bytes it says something else")
    alike(whole, cut, said.fault)
}

private func read<Reader: ~Copyable, Fault: Error & Equatable>(
    _ bytes: borrowing Memory, _ reader: inout Reader, into said: inout Said<Fault>,
    _ next: (inout Reader, UnsafeRawBufferPointer, inout Int) throws(Fault) -> String?
) {
    var offset = 0
    while true {
        let start = offset
        do throws(Fault) {
            guard let words = try next(&reader, bytes.bytes, &offset) else { break }
            said.words.append(words)
        } catch {
            said.fault = error
            return
        }
        demand(offset >= start && offset <= bytes.count, "from \(start) to \(offset) of \(bytes.count)")
    }
    demand(offset == bytes.count, "\(bytes.count - offset) bytes are left")
}
