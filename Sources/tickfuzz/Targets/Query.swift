// Subscriptions in a URL mean what they mean in JSON; cursors are the text they were made of.
import Basics
import Dialects
import Wire

@Sendable func fuzzQuery(_ bytes: UnsafeRawBufferPointer) {
    checkCursor(String(decoding: bytes, as: UTF8.self))
    let head = Memory(Array("GET /v1/events?".utf8) + bytes + Array(" HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    guard let request = try? HTTPRequestParser().parse(head.bytes)?.request,
        let subscriptions = try? ClientMessage.Subscribe.all(inQuery: request.query)
    else { return }
    demand(!subscriptions.isEmpty && subscriptions.count <= 8, "\(subscriptions.count) channels")
    for subscription in subscriptions {
        let message = ClientMessage(.subscribe(subscription))
        let text = Memory(Array(message.json.utf8))
        guard let copy = try? ClientMessage(json: text.bytes), case .subscribe(let same) = copy.operation
        else { return demand(false, "not understood as JSON: \(message.json)") }
        demand(same.symbols.map { Array($0.utf8) } == subscription.symbols.map { Array($0.utf8) }, "symbols")
        demand(
            same.channel == subscription.channel && same.rate == subscription.rate
                && same.mode == subscription.mode && same.resume == subscription.resume
                && same.checksum == subscription.checksum && same.stamps == subscription.stamps
                && same.closesWhenSlow == subscription.closesWhenSlow, "\(subscription) became \(same)")
        if let cursor = subscription.resume { checkCursor(cursor.text) }
    }
}

private func checkCursor(_ text: String) {
    guard let cursor = Cursor(text) else { return }
    demand(Array(cursor.text.utf8) == Array(text.utf8), "\(text) became \(cursor.text)")
    demand(text.utf8.count <= Cursor.textMax, "a cursor of \(text.utf8.count) bytes")
}
