// What a NATS server says: the same operations however they are cut, in places that are theirs.
import Backplane
import Basics

@Sendable func fuzzNATS(_ bytes: UnsafeRawBufferPointer) {
    readInPieces(bytes) {
        NATSReader()
    } _: { reader, bytes, offset throws(NATSFault) in
        try reader.next(in: bytes, from: &offset).map(words)
    }
}

private func words(_ operation: NATSOperation) -> String {
    func text(_ bytes: UnsafeRawBufferPointer) -> String { "\(Array(bytes))" }
    switch operation {
    case .info(let json): return "info \(text(json))"
    case .ping: return "ping"
    case .pong: return "pong"
    case .ok: return "ok"
    case .error(let line): return "error \(text(line))"
    case .message(let message):
        demand(!message.subject.isEmpty, "a message without a subject")
        demand(message.headers.count <= NATSReader.headersMax, "\(message.headers.count) bytes of headers")
        return "message \(message.sid) \(text(message.subject)) \(text(message.reply)) "
            + "\(text(message.headers)) \(text(message.payload))"
    }
}
