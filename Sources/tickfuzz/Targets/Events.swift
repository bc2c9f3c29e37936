// Server-sent events: the same ones however they are cut, and never beyond their bounds.
import Basics
import Wire

@Sendable func fuzzEvents(_ bytes: UnsafeRawBufferPointer) {
    let lineMax = 200, eventMax = 300
    readInPieces(bytes) {
        EventStreamReader(lineMax: lineMax, eventMax: eventMax)
    } _: { reader, bytes, offset throws(EventStreamFault) in
        let start = offset
        guard let event = try reader.next(in: bytes, from: &offset) else { return nil }
        demand(offset > start, "an event of no bytes")
        demand(event.data.count <= eventMax, "an event is too long")
        return "\(event)"
    } alike: { whole, cut, _ in
        demand(whole.lastEventID == cut.lastEventID, "cut there is another place to go on")
        demand(whole.retry == cut.retry, "cut there is another time to come back")
    }
}
