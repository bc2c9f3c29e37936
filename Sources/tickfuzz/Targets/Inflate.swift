// Compressed messages: never more than the limit, and the memory comes back.
import Wire

@Sendable func fuzzInflate(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let choice = input.decide(256)
    let limit = choice & 0x70 == 0 ? 64 * 1_024 : 1 << (choice >> 4 & 15)
    let payload = input.rest()
    let inflater = Inflater()
    let first = inflate(payload, limit, isText: choice & 1 != 0, inflater)
    let again = inflate(payload, limit, isText: choice & 1 != 0, inflater)
    demand(first == again, "the same bytes inflate to \(first) and \(again)")
    if case .success(let message) = first {
        demand(inflate(payload, message.count, isText: false, inflater) == .success(message), "at its limit")
        checkDeflate(message, bits: 9 + choice % 7, inflater)
    }
    let plain = Array(payload.bytes)
    checkDeflate(plain, bits: 9 + choice % 7, inflater)
}

private func inflate(
    _ payload: borrowing Memory, _ limit: Int, isText: Bool, _ inflater: Inflater
) -> Result<[UInt8], WebSocketFault> {
    do throws(WebSocketFault) {
        let message = Array(try inflater.inflate(payload.bytes, limit: limit, isText: isText))
        demand(message.count <= limit, "\(message.count) bytes at a limit of \(limit)")
        demand(!isText || String(validating: message, as: UTF8.self) != nil, "text that is not UTF-8")
        inflater.giveBack()
        demand(inflater.keptBytes <= 64 * 1_024, "\(inflater.keptBytes) bytes are kept")
        return .success(message)
    } catch {
        demand(inflater.keptBytes == 0, "\(inflater.keptBytes) bytes are kept of a bad message")
        demand(error.code == CloseCode.invalidText || error.code == CloseCode.messageTooBig, "\(error)")
        return .failure(error)
    }
}

/// What is deflated here inflates to itself, and to nothing at a limit one byte lower.
private func checkDeflate(_ message: [UInt8], bits: Int, _ inflater: Inflater) {
    let deflater = Deflater(windowBits: bits)
    let payload = Memory(message.withUnsafeBytes { Array(deflater.deflate($0)) })
    extendLifetime(deflater)  // the result was its own
    demand(inflate(payload, message.count, isText: false, inflater) == .success(message), "there and back")
    guard message.count > 0 else { return }
    let tooBig = inflate(payload, message.count - 1, isText: false, inflater)
    if case .failure(let fault) = tooBig, fault.code == CloseCode.messageTooBig { return }
    demand(false, "a byte above its limit: \(tooBig)")
}
