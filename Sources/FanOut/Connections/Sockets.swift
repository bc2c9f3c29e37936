// What sockets tell a shard.
import Basics
import Dialects
import Wire

extension Shard {
    mutating func opened(_ socket: SocketID, _ peer: PeerAddress, _ now: Moment) {
        guard socket.index < limits.connections else { return network.close(socket, abort: false) }
        guard let pass = admit(socket, peer, now) else { return }
        counters.opened += 1
        connectionCount += 1
        transports[Int(Transport.http.rawValue)] += 1
        connections.insert(
            Connection(socket, peer, pass, limits: limits, now: now.instant), at: socket.index)
        schedule(socket.index)
    }

    mutating func closed(_ socket: SocketID) {
        if connections.contains(socket.index) { forget(socket.index, .peer) }
    }

    mutating func writable(_ socket: SocketID, _ now: Moment) {
        if connections.contains(socket.index) { resume(socket.index, now) }
    }

    mutating func progressed(_ socket: SocketID, _ now: Moment) {
        guard connections.contains(socket.index) else { return }
        if connections.address(of: socket.index).pointee.isBlocked { progressed(socket.index, now) }
    }

    mutating func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer, _ now: Moment) {
        guard connections.contains(socket.index) else { return }
        catchUp(now.instant)
        let connection = connections.address(of: socket.index)
        switch connection.pointee.phase {
        case .streaming where connection.pointee.isWebSocket: receivedFrames(socket.index, bytes, now)
        case .streaming: receivedWhileStreaming(socket.index, UnsafeRawBufferPointer(bytes))
        case .http:
            connection.pointee.inbound.append(UnsafeRawBufferPointer(bytes))
            continueRequests(socket.index, now)
        case .closing: receivedWhileClosing(socket.index, bytes, now)
        }
    }

    /// Reads messages, answers them, and writes once: answers and what the requests made due.
    mutating func receivedFrames(_ index: Int, _ bytes: UnsafeMutableRawBufferPointer, _ now: Moment) {
        guard admit(bytes: bytes.count, index, now) else { return }
        let connection = connections.address(of: index)
        heard(connection, now.instant)
        var offset = 0
        do throws(WebSocketFault) {
            while connection.pointee.phase == .streaming,
                let event = try connection.pointee.reader.next(
                    bytes, from: &offset, inflater: inflater(of: connection))
            {
                received(event, index, now)
                guard boundAnswers(index, now) else { return }
            }
        } catch {
            count(error)
            startClosing(index, .protocolError, code: error.code, reason: error.reason, now)
        }
        guard connections.contains(index) else { return }
        if connection.pointee.phase == .streaming {
            connection.pointee.expectMessage(within: limits.messageDeadline, now.instant)
            let due = connection.pointee.subscriptions.takeDue(at: now.instant)
            // New subscriptions that follow the market get their snapshots now, not with the next tick.
            flush(index, classes: due | connection.pointee.subscriptions.realTimeClass, now)
        }
        if connections.contains(index) { schedule(index) }
    }

    /// Writes answers that pile up. Those of a socket that takes none wait up to the limit, be it in
    /// `control` or, where a part of the tail went out meanwhile, in the tail.
    ///
    /// - Returns: false where that was the connection's end.
    private mutating func boundAnswers(_ index: Int, _ now: Moment) -> Bool {
        guard connections.contains(index) else { return false }
        let connection = connections.address(of: index)
        if connection.pointee.control.count > limits.controlBytes { flush(index, classes: 0, now) }
        guard connections.contains(index) else { return false }
        let answers = connection.pointee.control.count
        guard connection.pointee.isBlocked, connection.pointee.phase == .streaming, answers > 0,
            answers + connection.pointee.tail.count - connection.pointee.parkedBytes
                > connection.pointee.answersMax(limits)
        else { return true }
        counters.refuse(.unreadAnswers)
        startClosing(
            index, .unreadAnswers, code: CloseCode.policyViolation, reason: "answers are not read", now)
        return false
    }

    func inflater(of connection: UnsafeMutablePointer<Connection>) -> Inflater? {
        connection.pointee.deflateBits == 0 ? nil : inflater
    }

    private mutating func received(_ event: WebSocketEvent, _ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        if event == .text || event == .binary { connection.pointee.messageDue = .never }
        switch event {
        case .text where connection.pointee.isEcho: echo(.text, index)
        case .binary where connection.pointee.isEcho: echo(.binary, index)
        case .text: handle(connection.pointee.reader.payload, index, now)
        case .binary:
            startClosing(
                index, .protocolError, code: CloseCode.unsupportedData, reason: "requests are text", now)
        case .ping: connection.pointee.control.appendFrame(.pong, connection.pointee.reader.payload)
        case .pong: break
        case .close(let code):
            startClosing(index, .asked, code: code ?? CloseCode.normal, reason: "", now)
        }
    }

    private mutating func count(_ fault: WebSocketFault) {
        switch fault.code {
        case CloseCode.messageTooBig: counters.refuse(.message)
        case CloseCode.policyViolation: counters.refuse(.fragments)
        default: break
        }
    }
}
