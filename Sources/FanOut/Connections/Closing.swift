// How connections end: with a reason, and with a word where the transport has one for it.
import Basics
import Dialects
import Wire

extension Shard {
    /// Sends a last word behind what cannot be taken back, and nothing after it.
    ///
    /// - Parameter code: of the close frame; on other transports a `goodbye` says the same.
    mutating func startClosing(
        _ index: Int, _ reason: CloseReason, code: UInt16, reason text: String, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        guard connection.pointee.transport != .poll else {
            return endPoll(index, HTTPResponse(comeBack(text, now.instant)), keepAlive: false, now)
        }
        connection.pointee.phase = .closing(reason)
        connection.pointee.deadline = now.instant + limits.closeDeadline
        forgetSubscriptions(index)
        connection.pointee.unfinished = 0
        connection.pointee.waiting = 0
        // Of what waits, the peer is sent the end of the message it began, answers, and the reason: no
        // data may follow a close frame (RFC 6455 §5.5.1).
        if connection.pointee.isBlocked {
            connection.pointee.tail.truncate(to: connection.pointee.tailHead)
        }
        if connection.pointee.isWebSocket {
            connection.pointee.control.appendClose(code, text)
        } else {
            sayGoodbye(index, reason, text)
        }
        if !connection.pointee.isBlocked { flush(index, classes: 0, now) }
        guard connections.contains(index) else { return }
        if !connection.pointee.isBlocked { finishClosing(index, reason, now) }
        if connections.contains(index) { schedule(index) }
    }

    private func sayGoodbye(_ index: Int, _ reason: CloseReason, _ text: String) {
        guard reason != .shutdown else { return }  // it was said, with when to come back
        var message = ControlMessage("goodbye")
        message.add("code", reason.name)
        message.add("message", text)
        answer(index, message.end())
    }

    /// All is written. The peer that closed first is done, and of one that broke the protocol nothing
    /// is read any more, its close frame neither (RFC 6455 §7.1.7); any other one has to answer.
    mutating func finishClosing(_ index: Int, _ reason: CloseReason, _ now: Moment) {
        let connection = connections.address(of: index)
        if !connection.pointee.control.isEmpty {
            flush(index, classes: 0, now)
            guard connections.contains(index), !connection.pointee.isBlocked else { return }
        }
        let waitsForPeer =
            connection.pointee.isWebSocket && reason != .asked && reason != .protocolError
        if !waitsForPeer { drop(index, reason) }
    }

    mutating func receivedWhileClosing(
        _ index: Int, _ bytes: UnsafeMutableRawBufferPointer, _ now: Moment
    ) {
        let connection = connections.address(of: index)
        guard connection.pointee.isWebSocket, case .closing(let reason) = connection.pointee.phase else {
            return
        }
        var offset = 0
        // What else comes, or breaks, no longer matters: the reason for closing was sent.
        while let event = try? connection.pointee.reader.next(
            bytes, from: &offset, inflater: inflater(of: connection))
        {
            // The peer's half of the handshake: now the connection may go.
            if case .close = event {
                drop(index, reason)
                return
            }
        }
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
    mutating func expireMessage(_ index: Int, _ now: Moment) {
        counters.refuse(.messageTime)
        startClosing(
            index, .messageTimeout, code: CloseCode.policyViolation,
            reason: "a message did not come whole in \(limits.messageDeadline.milliseconds) ms", now)
    }
}
