// Binary messages: read whole or not at all, and nothing outside of the frame.
import Basics
import Dialects

@Sendable func fuzzSBE(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let cut = input.decide(256)
    let all = input.rest()
    // Two frames of one connection: what the first binds, the second may use.
    let border = min(all.count, cut * 2)
    var reader = SBEReader(), again = SBEReader()
    for range in [0..<border, border..<all.count] {
        let frame = all.piece(range)
        let messages = read(frame, &reader)
        demand(messages == read(frame, &again), "the same bytes are other messages")
    }
}

private func read(_ frame: borrowing Memory, _ reader: inout SBEReader) -> [ServerMessage] {
    var messages: [ServerMessage] = [], offset = 0
    while true {
        let start = offset
        do throws(SBEError) {
            guard let message = try reader.next(in: frame.bytes, from: &offset) else { break }
            messages.append(message)
        } catch {
            demand(offset >= start && offset <= frame.count, "a fault at \(offset) of \(frame.count)")
            return messages
        }
        demand(offset > start && offset <= frame.count, "from \(start) to \(offset) of \(frame.count)")
    }
    demand(offset == frame.count, "\(frame.count - offset) bytes are left")
    return messages
}
