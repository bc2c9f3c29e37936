// What a reactor does with sockets that speak TLS.
//
//     received:  buffer ─ decrypt → plain → handler          send:  bytes ─ encrypt → one `send`
//                   └─ answers of the handshake → socket               └─ not taken → backlog
//
// Invariants
//   - A write is one record for each 16 KiB and one system call, up to 128 KiB.
//   - Ciphertext cannot be taken back, so what the kernel does not take is the socket's backlog: at most
//     one write's. While there is one nothing is taken from the loop: newer versions are not overtaken.
//   - A handler is given each receive whole, as from a plain socket: once, however many records it had.
//   - A peer whose TLS is at fault is sent the alert, and its handler is told `closed`.
import Basics
import CLinux

extension Reactor {
    private enum Push { case done, held, failed }

    /// Gives a new socket a session, where sockets have one. False when it cannot be had.
    func makeSecure(_ socket: SocketID) -> Bool {
        guard let secure else { return true }
        guard secure.add(socket) else { return false }
        table[socket].isSecure = true
        return true
    }

    // MARK: Sending

    func sendSecurely(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard let session = secure?.session(of: socket) else { return .closed }
        var taken = 0
        while taken < bytes.count {
            guard session.pointee.isEstablished, session.pointee.backlog.isEmpty else {
                table[socket].isBlocked = true
                return .sent(taken)
            }
            let end = min(bytes.count, taken + SecureSockets.encryptMax)
            guard session.pointee.encrypt(UnsafeRawBufferPointer(rebasing: bytes[taken..<end])) else {
                return fail(socket)
            }
            taken = end
            switch push(socket) {
            case .failed: return fail(socket)
            case .done: continue
            case .held:
                guard taken == bytes.count else { continue }
                table[socket].isBlocked = true
                return .buffered
            }
        }
        return .sent(taken)
    }

    /// Sends what OpenSSL wrote, behind what the socket did not take before.
    private func push(_ socket: SocketID) -> Push {
        guard let secure else { return .failed }
        let output = secure.pipe.output, session = secure.session(of: socket)
        defer { secure.pipe.removeOutput() }
        guard output.count > 0 else { return .done }
        var taken = 0
        if session.pointee.backlog.isEmpty {
            taken = sendBytes(table[socket].descriptor, output)
            if taken < 0 {
                guard tf_errno() == EAGAIN || tf_errno() == EINTR else { return .failed }
                taken = 0
            }
            tally.pointee.bytesOut &+= UInt64(taken)
            guard taken < output.count else { return .done }
        }
        session.pointee.backlog.append(UnsafeRawBufferPointer(rebasing: output[taken...]))
        return .held
    }

    /// The kernel has room. True when the handler may use it.
    func sendBacklog(_ socket: SocketID, _ handler: any SocketHandler) -> Bool {
        guard let session = secure?.session(of: socket), !table[socket].hasFailed else { return false }
        let held = session.pointee.backlog.count
        guard held > 0 else { return session.pointee.isEstablished }
        let taken = sendBytes(table[socket].descriptor, session.pointee.backlog.readable)
        guard taken >= 0 else {
            if tf_errno() != EAGAIN, tf_errno() != EINTR { _ = fail(socket) }
            return false
        }
        tally.pointee.bytesOut &+= UInt64(taken)
        guard taken == held else {
            session.pointee.backlog.consume(taken)
            if taken > 0, table[socket].isBlocked { handler.progressed(socket) }
            return false
        }
        session.pointee.backlog.release()
        session.pointee.chatter = 0
        return session.pointee.isEstablished
    }

    func sayGoodbye(_ socket: SocketID) {
        guard let session = secure?.session(of: socket), session.pointee.backlog.isEmpty else { return }
        session.pointee.sayGoodbye()
        _ = push(socket)
    }

    // MARK: Receiving

    func receivedSecurely(
        _ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer, _ handler: any SocketHandler
    ) {
        guard let secure else { return }
        let session = secure.session(of: socket), tag = table.tag(of: socket)
        if !session.pointee.hasBegun, Reactor.isPlainHTTP(bytes) { return refusePlain(socket, handler) }
        let wasEstablished = session.pointee.isEstablished
        let (count, end) = session.pointee.decrypt(
            UnsafeRawBufferPointer(bytes), through: secure.pipe, into: secure.plain)
        guard answer(socket) else { return _ = fail(socket) }
        if session.pointee.isEstablished, !wasEstablished { established(socket, handler) }
        if count > 0, table.live(tag) != nil {
            handler.received(socket, UnsafeMutableRawBufferPointer(rebasing: secure.plain[..<count]))
        }
        guard end != .open, table.live(tag) != nil else { return }
        guard end == .failed else { return lose(socket, handler) }
        if !session.pointee.isEstablished { tally.pointee.handshakesFailed += 1 }
        linger(socket)
        handler.closed(socket)
    }

    /// Sends what the handshake, a key update or an alert wrote. False when the socket is beyond use.
    private func answer(_ socket: SocketID) -> Bool {
        guard let secure else { return false }
        let count = secure.pipe.output.count
        switch push(socket) {
        case .done: return true
        case .failed: return false
        case .held:
            secure.session(of: socket).pointee.chatter += count
            return secure.session(of: socket).pointee.chatter <= SecureSockets.chatterMax
        }
    }

    private func established(_ socket: SocketID, _ handler: any SocketHandler) {
        guard let session = secure?.session(of: socket) else { return }
        tally.pointee.handshakes += 1
        if session.pointee.isResumed { tally.pointee.handshakesResumed += 1 }
        if session.pointee.backlog.isEmpty { tellWritable(socket, handler) }
    }

    // MARK: Who is wrong here

    /// A TLS record of a handshake begins with 22 (RFC 8446 §5.1), a method with a letter.
    private static func isPlainHTTP(_ bytes: UnsafeMutableRawBufferPointer) -> Bool {
        bytes.first.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 } ?? false
    }

    private func refusePlain(_ socket: SocketID, _ handler: any SocketHandler) {
        tally.pointee.handshakesFailed += 1
        var answer = ByteBuffer()
        HTTPResponse.text(400, "this port speaks TLS: use https:// or wss://\n")
            .write(into: &answer, keepAlive: false, head: false)
        let taken = sendBytes(table[socket].descriptor, answer.readable)
        tally.pointee.bytesOut &+= UInt64(max(0, taken))
        linger(socket)
        handler.closed(socket)
    }
}
