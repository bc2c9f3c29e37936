// What clients say and what servers answer: a request that is understood means the same when it is
// written again.
import Basics
import Dialects

@Sendable func fuzzMessages(_ bytes: UnsafeRawBufferPointer) {
    let text = Memory(bytes)
    // What watchers read; whatever it is, it is a message or a fault.
    _ = try? ServerMessage(json: text.bytes)
    guard let message = try? ClientMessage(json: text.bytes) else { return }
    let again = Memory(Array(message.json.utf8))
    guard let copy = try? ClientMessage(json: again.bytes) else {
        return demand(false, "not understood again: \(message.json)")
    }
    demand(canonical(copy) == canonical(message), "\(message) became \(copy)")
    demand(Array(copy.json.utf8) == Array(message.json.utf8), "\(message.json) became \(copy.json)")
}

/// Without what a message of its channel has no words for.
private func canonical(_ message: ClientMessage) -> ClientMessage {
    guard case .subscribe(var request) = message.operation else { return message }
    if request.channel != .bar { request.interval = .minute }
    if request.channel != .book { request.depth = ClientMessage.Subscribe.depthStandard }
    return ClientMessage(id: message.id, .subscribe(request))
}
