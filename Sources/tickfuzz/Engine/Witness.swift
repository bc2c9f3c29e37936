// What a client is sent, read as a client would: heads, bodies by their length, then frames.
//
// It looks away where it would have to guess: an event stream has no end, an answer to HEAD no body,
// and an echo is whatever the client said.
import Basics
import Dialects
import Wire

final class Witness {
    private enum Stage { case heads, frames, blind }

    private var stage = Stage.heads
    private var bytes: [UInt8] = []
    private var reader = WebSocketReader(role: .client, messageMax: 1 << 20)
    private var inflater: Inflater?
    private var symbols = SBEReader()
    private var isClosed = false
    private let isGuarded: Bool

    /// - Parameter isGuarded: no client has a token that allows more than `Phrases` knows.
    init(isGuarded: Bool) { self.isGuarded = isGuarded }

    private var said: [UInt8] = []

    /// What the client says, as far as it changes what the answers mean.
    func hear(_ bytes: UnsafeRawBufferPointer) {
        guard stage == .heads else { return }
        said = said.suffix(4) + bytes
        let text = String(decoding: said, as: UTF8.self)
        if text.contains("HEAD") || text.contains("/echo") { stage = .blind }
    }

    func see(_ sent: UnsafeRawBufferPointer) {
        guard stage != .blind else { return }
        bytes += sent
        while stage == .heads, readHead() {}
        if stage == .frames { readFrames() }
    }

    /// - Returns: false where more bytes are wanted.
    private func readHead() -> Bool {
        guard !bytes.isEmpty else { return false }
        let memory = Memory(bytes)
        do throws(HTTPFault) {
            guard let (head, consumed) = try HTTPResponseHead.parse(memory.bytes) else { return false }
            return take(head, consumed)
        } catch {
            demand(
                false, "no answer: \(error.reason) in \(String(decoding: bytes.prefix(200), as: UTF8.self))")
            return false
        }
    }

    private func take(_ head: HTTPResponseHead, _ consumed: Int) -> Bool {
        if head.status == 101 {
            bytes.removeFirst(consumed)
            inflater = head.headers["Sec-WebSocket-Extensions"] == nil ? nil : Inflater()
            stage = .frames
            return true
        }
        let hasBody = head.status != 204 && head.status != 304
        guard !hasBody || head.headers["Content-Length"] != nil else {
            stage = .blind
            return false
        }
        let length = hasBody ? Int(head.headers["Content-Length"] ?? "") ?? -1 : 0
        demand(length >= 0, "Content-Length \(head.headers["Content-Length"] ?? "")")
        guard bytes.count >= consumed + length else { return false }
        bytes.removeFirst(consumed + length)
        return true
    }

    private func readFrames() {
        guard !bytes.isEmpty else { return }
        let memory = Memory(bytes)
        bytes = []
        demand(!isClosed, "\(memory.count) bytes behind a close frame")
        var offset = 0
        do throws(WebSocketFault) {
            while let event = try reader.next(memory.mutable, from: &offset, inflater: inflater) {
                check(event, reader.payload)
            }
        } catch {
            demand(false, "no frame: \(error.code) \(error.reason)")
        }
    }

    private func check(_ event: WebSocketEvent, _ payload: UnsafeRawBufferPointer) {
        switch event {
        case .text:
            guard let message = try? ServerMessage(json: payload) else {
                return demand(false, "no message: \(String(decoding: payload.prefix(500), as: UTF8.self))")
            }
            check(message)
        case .binary: checkBinary(payload)
        case .close: isClosed = true
        case .ping, .pong: break
        }
    }

    private func checkBinary(_ payload: UnsafeRawBufferPointer) {
        var offset = 0
        do throws(SBEError) {
            while let message = try symbols.next(in: payload, from: &offset) { check(message) }
        } catch {
            demand(false, "no message: \(error)")
        }
    }

    private func check(_ message: ServerMessage) {
        demand(!isGuarded || Phrases.allows(message), "no token allows \(message)")
    }
}
