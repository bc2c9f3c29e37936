// A new life of the feed, as connections hear of it: after a seek nothing that was told before holds.
//
//     tape: epoch ─→ view: all empty ─→ arena: forgotten ─→ each connection: told, its slots new
//
// Invariants
//   - A connection's slots and its cursor are of `connection.epoch`. Only a write moves it, the message
//     first in it: what stands before that in the stream is of the old epoch, what follows of the new.
//   - So a blocked socket's peer hears of the new epoch behind its tail, and of several in a row only of
//     the last one.
//   - Telling all is bounded: `connectionsPerTurn` a turn; whoever is due sooner is told sooner. Data
//     follows at each subscription's rate.
//   - Nothing is allocated for a connection: the message is made once.
import Basics
import Dialects
import Market
import Wire

/// How far the loop is with telling its connections of the view's epoch.
struct EpochTelling: ~Copyable {
    /// Of the view's, those that this is about.
    var begun: UInt64 = 0
    /// The message, without a frame.
    var message = ByteBuffer()
    /// The next connection to tell; nil once all know.
    var next: Int?

    var isTelling: Bool { next != nil }
}

extension Shard {
    /// The view's states are of another epoch than what was encoded, and than what anybody was told.
    mutating func meetEpoch() {
        epochs.begun = view.epochsBegun
        // Versions begin anew: a body of that version may be there, of the old epoch.
        arena.forgetAll()
        var message = ControlMessage("epoch")
        message.add("epoch", cursor.epochText)
        // Where ticks come from another node, it is that which began anew, or a second one took over.
        message.add("reason", options.interest == nil ? "seek" : "publisher")
        epochs.message.removeAll()
        epochs.message.append(message.end())
        epochs.next = 0
    }

    /// Tells those that nothing else would be written to just now.
    mutating func tellEpoch(_ now: Moment) {
        guard var index = epochs.next else { return }
        var left = Shard.connectionsPerTurn
        while index < limits.connections, left > 0 {
            if connections.contains(index), hears(connections.address(of: index)) {
                left -= 1
                let classes = connections.address(of: index).pointee.subscriptions.realTimeClass
                flush(index, classes: classes, now)
                if connections.contains(index) { schedule(index) }
            }
            index += 1
        }
        epochs.next = index < limits.connections ? index : nil
    }

    /// A stream that was not told yet, and whose socket takes bytes.
    private func hears(_ connection: UnsafeMutablePointer<Connection>) -> Bool {
        connection.pointee.epoch != view.epoch && connection.pointee.phase == .streaming
            && !connection.pointee.isBlocked && !connection.pointee.isEcho
    }

    /// Writes the message, and makes all slots new. Only in a write, behind its answers.
    mutating func beginEpoch(_ connection: UnsafeMutablePointer<Connection>) {
        guard hears(connection) else { return }
        connection.pointee.epoch = view.epoch
        connection.pointee.safePosition = view.position
        for at in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions.address(of: at)
            slot.pointee.sent = 0
            slot.pointee.seen = 0
            slot.pointee.options.subtract([.resumed, .awaitsPast])
        }
        connection.pointee.resumesFrom = .max
        // Of a pass that was cut, what it had done is to be done again.
        connection.pointee.waiting |= connection.pointee.unfinished
        connection.pointee.unfinished = 0
        if connection.pointee.transport == .poll {
            // Its cursor speaks of states: they have to be in the answer.
            connection.pointee.waiting = .max
            connection.pointee.heldUntil = .zero
        }
        frameEpoch(connection)
    }

    private mutating func frameEpoch(_ connection: UnsafeMutablePointer<Connection>) {
        let transport = connection.pointee.transport, text = epochs.message.readable
        let cursor = cursor(of: connection)
        scratch.write(atMost: text.count + Transport.frameMax) { pen in
            switch transport {
            case .webSocket: WebSocketFrame.writeHeader(into: &pen, opcode: .text, payload: text.count)
            case .events:
                pen.literal("event: epoch\nid: ")
                cursor.write(to: &pen)
                pen.literal("\ndata: ")
            case .http, .lines, .poll: break
            }
            pen.bytes(text)
            pen.literal(transport.terminator)
        }
    }
}
