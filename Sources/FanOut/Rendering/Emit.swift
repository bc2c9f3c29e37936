// From a shared body to one subscriber's frame: header, body, and the few bytes that are its own.
//
// Invariants
//   - `sent` moves with the frame and never without: what a subscriber has is what it was written.
//   - Of the versions between two messages each is counted once: sent, merged, or lost with a gap.
import Basics
import Dialects
import Market
import Wire

/// Whom a message is for: addresses that stay valid while a connection's slots are gathered.
struct Addressee {
    let connection: UnsafeMutablePointer<Connection>
    let slot: UnsafeMutablePointer<Slot>
    let symbol: UnsafeMutablePointer<SymbolView>
    let now: Moment

    var encoding: Encoding { connection.pointee.encoding }
}

extension Shard {
    /// One message that brings the slot to `version`. The versions it skips were merged into it.
    @inline(__always)
    mutating func emit(
        _ body: UnsafeRawBufferPointer, version: UInt64, received: Timestamp, isSnapshot: Bool = false,
        to one: Addressee
    ) {
        let previous = one.slot.pointee.sent
        let stamp = one.slot.pointee.options.contains(.stamps) ? received : nil
        let isSnapshot = isSnapshot || previous == 0
        switch one.encoding {
        case .json where one.connection.pointee.transport == .webSocket:
            frameJSON(body, previous, isSnapshot, stamp, one.now)
        case .json: frameText(body, previous, isSnapshot, stamp, one)
        case .sbe:
            nameSymbol(one)
            frameSBE(body, previous, isSnapshot, stamp, one.now)
        }
        delivered(version, to: one)
    }

    /// Counts a message that is in the scratch, and what was merged into it.
    @inline(__always)
    mutating func delivered(_ version: UInt64, to one: Addressee) {
        let previous = one.slot.pointee.sent
        one.slot.pointee.sent = version
        one.connection.pointee.messages &+= 1
        counters.messages &+= 1
        guard previous != 0 else { return }
        let merged = version &- previous &- 1
        one.connection.pointee.merged &+= merged
        counters.merged &+= merged
    }

    @inline(__always)
    private mutating func frameJSON(
        _ body: UnsafeRawBufferPointer, _ previous: UInt64, _ isSnapshot: Bool, _ stamp: Timestamp?,
        _ now: Moment
    ) {
        let tail = NativeJSON.Tail(
            previous: previous, isSnapshot: isSnapshot,
            stamps: stamp.map { (received: $0, sent: now.wall) })
        scratch.write(atMost: body.count + NativeJSON.tailMax + 16) { pen in
            WebSocketFrame.writeHeader(into: &pen, opcode: .text, payload: body.count + tail.count)
            pen.bytes(body)
            tail.write(to: &pen)
        }
    }

    /// On what is no WebSocket. The cursor is of the write before: it stays true while this one is cut.
    private mutating func frameText(
        _ body: UnsafeRawBufferPointer, _ previous: UInt64, _ isSnapshot: Bool, _ stamp: Timestamp?,
        _ one: Addressee
    ) {
        let tail = NativeJSON.Tail(
            previous: previous, isSnapshot: isSnapshot,
            stamps: stamp.map { (received: $0, sent: one.now.wall) })
        let transport = one.connection.pointee.transport
        let cursor = cursor(of: one.connection)
        scratch.write(atMost: body.count + NativeJSON.tailMax + Transport.frameMax) { pen in
            if transport == .events {
                pen.literal("event: ")
                pen.literal(one.slot.pointee.kind.channel.name)
                pen.literal("\nid: ")
                cursor.write(to: &pen)
                pen.literal("\ndata: ")
            }
            pen.bytes(body)
            tail.write(to: &pen)
            pen.literal(transport.terminator)
        }
    }

    @inline(__always)
    private mutating func frameSBE(
        _ body: UnsafeRawBufferPointer, _ previous: UInt64, _ isSnapshot: Bool, _ stamp: Timestamp?,
        _ now: Moment
    ) {
        let count = body.count + (stamp == nil ? 0 : NativeSBE.stampsCount)
        scratch.write(atMost: count + 16) { pen in
            WebSocketFrame.writeHeader(into: &pen, opcode: .binary, payload: count)
            let message = pen.at
            pen.bytes(body)
            NativeSBE.own(message, previous: previous, isSnapshot: isSnapshot)
            if let stamp { NativeSBE.stamps(received: stamp, sent: now.wall, to: &pen) }
        }
    }

    /// Which number the symbol has on this connection, before the first message that uses it.
    @inline(__always)
    mutating func nameSymbol(_ one: Addressee) {
        if !one.slot.pointee.options.contains(.isNamed) { addName(one) }
    }

    private mutating func addName(_ one: Addressee) {
        one.slot.pointee.options.formUnion(.isNamed)
        var message = ByteBuffer()
        message.write(atMost: NativeSBE.bodyMax) { pen in
            NativeSBE.symbol(one.slot.pointee.symbol, one.symbol.pointee.definition, to: &pen)
        }
        scratch.appendFrame(.binary, message.readable)
    }

    /// Says which versions this subscriber will never get. It stands among the data, in order.
    mutating func gap(to last: UInt64, wasLapped: Bool, _ one: Addressee) {
        counters.gaps += 1
        var message = ControlMessage("gap")
        message.add("sym", one.symbol.pointee.definition.name.description)
        message.add("channel", "\(one.slot.pointee.kind.channel.name)")
        if one.slot.pointee.kind.channel == .bar {
            message.add("interval", "\(one.slot.pointee.kind.interval.name)")
        }
        message.add("from", unsigned: one.slot.pointee.sent + 1)
        message.add("to", unsigned: last)
        message.add("reason", wasLapped ? "lapped" : "slow")
        scratch.append(
            message: message.end(), on: one.connection.pointee.transport, cursor: cursor(of: one.connection))
        one.slot.pointee.sent = last
        if one.slot.pointee.options.contains(.closesWhenSlow), one.connection.pointee.transport.isStream {
            tooSlow.append(Int32(one.connection.pointee.socket.index))
        }
    }
}
