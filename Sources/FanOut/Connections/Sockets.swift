// What sockets tell a shard, and how connections end.
import Basics
import Dialects
import Wire

extension Shard {
    mutating func opened(_ socket: SocketID, _ peer: PeerAddress, _ now: Moment) {
        guard socket.index < limits.connections else { return network.close(socket, abort: false) }
        guard let pass = admit(socket, peer, now) else { return }
        counters.opened += 1
        connectionCount += 1
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

    mutating func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer, _ now: Moment) {
        guard connections.contains(socket.index) else { return }
        catchUp(now.instant)
        let connection = connections.address(of: socket.index)
        switch connection.pointee.phase {
        case .webSocket: receivedFrames(socket.index, bytes, now)
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
        var offset = 0
        do throws(WebSocketFault) {
            while connection.pointee.phase == .webSocket,
                let event = try connection.pointee.reader.next(bytes, from: &offset)
            {
                received(event, index, now)
                guard boundAnswers(index, now) else { return }
            }
        } catch {
            count(error)
            startClosing(index, .protocolError, code: error.code, reason: error.reason, now)
        }
        guard connections.contains(index) else { return }
        if connection.pointee.phase == .webSocket {
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
        guard connection.pointee.isBlocked, connection.pointee.phase == .webSocket, answers > 0,
            answers + connection.pointee.tail.count - connection.pointee.parkedBytes > limits.controlBytes
        else { return true }
        counters.refuse(.unreadAnswers)
        startClosing(
            index, .unreadAnswers, code: CloseCode.policyViolation, reason: "answers are not read", now)
        return false
    }

    private mutating func received(_ event: WebSocketEvent, _ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        if event == .text || event == .binary { connection.pointee.messageDue = .never }
        switch event {
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

    private mutating func receivedWhileClosing(
        _ index: Int, _ bytes: UnsafeMutableRawBufferPointer, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        guard connection.pointee.isWebSocket, case .closing(let reason) = connection.pointee.phase else {
            return
        }
        var offset = 0
        // What else comes, or breaks, no longer matters: the reason for closing was sent.
        while let event = try? connection.pointee.reader.next(bytes, from: &offset) {
            // The peer's half of the handshake: now the connection may go.
            if case .close = event {
                drop(index, reason)
                return
            }
        }
    }

    /// Sends a close frame behind what cannot be taken back, and nothing after it.
    mutating func startClosing(
        _ index: Int, _ reason: CloseReason, code: UInt16, reason text: String, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        connection.pointee.phase = .closing(reason)
        connection.pointee.deadline = now.instant + limits.closeDeadline
        forgetSubscriptions(index)
        connection.pointee.unfinished = 0
        connection.pointee.waiting = 0
        // Of what waits, the peer is sent the end of the frame it began, answers, and the reason: no
        // data may follow a close frame (RFC 6455 §5.5.1).
        if connection.pointee.isBlocked {
            connection.pointee.tail.truncate(to: connection.pointee.tailHead)
        }
        connection.pointee.control.appendClose(code, text)
        if !connection.pointee.isBlocked { flush(index, classes: 0, now) }
        guard connections.contains(index) else { return }
        if !connection.pointee.isBlocked { finishClosing(index, reason, now) }
        if connections.contains(index) { schedule(index) }
    }

    /// All is written. The peer that closed first is done; any other one has to answer.
    mutating func finishClosing(_ index: Int, _ reason: CloseReason, _ now: Moment) {
        let connection = connections.address(of: index)
        if !connection.pointee.control.isEmpty {
            flush(index, classes: 0, now)
            guard connections.contains(index), !connection.pointee.isBlocked else { return }
        }
        let waitsForPeer = connection.pointee.isWebSocket && reason != .asked
        if !waitsForPeer { drop(index, reason) }
    }

    /// The socket takes nothing: after the limit the subscriber is let go, whatever it was owed.
    mutating func expireStall(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        guard limits.stall != .zero, now.instant >= connection.pointee.lastProgress + limits.stall else {
            return
        }
        startClosing(
            index, .stalled, code: CloseCode.tooSlow,
            reason: "nothing was read for \(limits.stall.milliseconds) ms", now)
    }

    /// A message a byte at a time: after the limit its connection is let go.
    mutating func expireMessage(_ index: Int, _ now: Moment) -> Bool {
        guard now.instant >= connections.address(of: index).pointee.messageDue else { return false }
        counters.refuse(.messageTime)
        startClosing(
            index, .messageTimeout, code: CloseCode.policyViolation,
            reason: "a message did not come whole in \(limits.messageDeadline.milliseconds) ms", now)
        return true
    }

    private mutating func count(_ fault: WebSocketFault) {
        switch fault.code {
        case CloseCode.messageTooBig: counters.refuse(.message)
        case CloseCode.policyViolation: counters.refuse(.fragments)
        default: break
        }
    }

    /// Tells everybody goodbye and closes; new connections are turned away from now on.
    mutating func drain(_ now: Moment) {
        isDraining = true
        for index in 0..<limits.connections where connections.contains(index) {
            let connection = connections.address(of: index)
            switch connection.pointee.phase {
            case .closing: break
            case .http: drop(index, .shutdown)
            case .webSocket:
                var message = ControlMessage("goodbye")
                message.add("code", "shutdown")
                connection.pointee.control.appendFrame(message.end())
                startClosing(index, .shutdown, code: CloseCode.goingAway, reason: "the server stops", now)
            }
        }
    }
}
