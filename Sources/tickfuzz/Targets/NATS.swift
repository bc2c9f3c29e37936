// What a NATS server says: the same operations however they are cut, in places that are theirs.
import Backplane
import Basics

@Sendable func fuzzNATS(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let size = 1 + input.decide(256)
    let all = input.rest()
    var one: [String] = [], other: [String] = []
    var whole = NATSReader(), cut = NATSReader()
    let fault = read(all.bytes, &whole, &one)
    var otherFault: NATSFault?, offset = 0
    while offset < all.count, otherFault == nil {
        let end = min(all.count, offset + size)
        let piece = all.piece(offset..<end)
        otherFault = read(piece.bytes, &cut, &other)
        offset = end
    }
    demand(one == other && fault == otherFault, "cut every \(size) bytes the server says something else")
}

private func read(
    _ bytes: UnsafeRawBufferPointer, _ reader: inout NATSReader, _ lines: inout [String]
) -> NATSFault? {
    var offset = 0
    while true {
        let start = offset
        do throws(NATSFault) {
            guard let operation = try reader.next(in: bytes, from: &offset) else { break }
            lines.append(words(operation))
        } catch {
            return error
        }
        demand(offset >= start && offset <= bytes.count, "from \(start) to \(offset) of \(bytes.count)")
    }
    demand(offset == bytes.count, "\(bytes.count - offset) bytes are left")
    return nil
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
