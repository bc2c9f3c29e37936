// Server-sent events: the same ones however they are cut, and never beyond their bounds.
import Basics
import Wire

private let lineMax = 200, eventMax = 300

@Sendable func fuzzEvents(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let size = 1 + input.decide(256)
    let all = input.rest()
    var whole = EventStreamReader(lineMax: lineMax, eventMax: eventMax), cut = whole
    var one: [ServerSentEvent] = [], other: [ServerSentEvent] = []
    let fault = read(all, &whole, &one)
    var otherFault: EventStreamFault?, offset = 0
    while offset < all.count, otherFault == nil {
        let end = min(all.count, offset + size)
        otherFault = read(all.piece(offset..<end), &cut, &other)
        offset = end
    }
    demand(one == other && fault == otherFault, "cut every \(size) bytes the stream says something else")
    demand(whole.lastEventID == cut.lastEventID && whole.retry == cut.retry, "and another place to go on")
    demand(one.allSatisfy { $0.data.count <= eventMax }, "an event is too long")
}

private func read(
    _ bytes: borrowing Memory, _ reader: inout EventStreamReader, _ events: inout [ServerSentEvent]
) -> EventStreamFault? {
    var offset = 0
    while true {
        let start = offset
        do throws(EventStreamFault) {
            guard let event = try reader.next(in: bytes.bytes, from: &offset) else { break }
            events.append(event)
        } catch {
            return error
        }
        demand(offset > start && offset <= bytes.count, "from \(start) to \(offset) of \(bytes.count)")
    }
    demand(offset == bytes.count, "\(bytes.count - offset) bytes are left")
    return nil
}
