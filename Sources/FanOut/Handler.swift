// A shard behind the interface of a socket handler, for real sockets and for simulated ones.
import Basics
import Market
import Wire

/// Confined to one thread after it was made.
package final class FanOutHandler: SocketHandler {
    private var shard: Shard
    private let clock: () -> Moment

    /// - Parameters:
    ///   - tape: this loop's own reader.
    ///   - clock: read once for each event and turn.
    package convenience init(
        options: ServerOptions, network: any Network, tape: TapeReader, clock: @escaping () -> Moment
    ) {
        self.init(options: options, network: network, tape: tape, place: .alone, clock: clock)
    }

    init(
        options: ServerOptions, network: any Network, tape: TapeReader, place: LoopPlace,
        clock: @escaping () -> Moment
    ) {
        self.clock = clock
        shard = Shard(options: options, network: network, tape: tape, place: place, now: clock().instant)
    }

    package func opened(_ socket: SocketID, peer: PeerAddress) { shard.opened(socket, peer, clock()) }
    package func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        shard.received(socket, bytes, clock())
    }
    package func writable(_ socket: SocketID) { shard.writable(socket, clock()) }
    package func progressed(_ socket: SocketID) { shard.progressed(socket, clock()) }
    package func closed(_ socket: SocketID) { shard.closed(socket) }

    /// One turn: tape, subscribers, sockets. Returns when the next is due at the latest.
    package func turn() -> Instant { shard.turn(clock()) }

    /// False when the tape has news already, so that the loop must not sleep.
    package func willSleep() -> Bool {
        shard.view.willSleep(untilBehindBy: shard.sleepsUntilBehindBy)
    }

    /// Does something on behalf of another thread.
    func perform(_ errand: Errand) { errand(&shard, clock()) }

    /// Sends everybody away, the last one when `span` is over.
    package func drain(over span: Nanoseconds = .zero) { shard.drain(clock(), over: span) }
    /// Nobody streams any more.
    package var isDrained: Bool { shard.isDrained }

    package var connectionCount: Int { shard.connectionCount }
    /// Bytes that all connections together hold for sockets that don't take them.
    package var bufferedBytes: Int { shard.bufferedBytes }
    package var gaps: UInt64 { shard.counters.gaps }
    package var messages: UInt64 { shard.counters.messages }
    package var merged: UInt64 { shard.counters.merged }
    package var encodes: UInt64 { shard.arena.encodes }
    package var deflates: UInt64 { shard.counters.deflates }
    /// Times the tape lapped this loop.
    package var laps: UInt64 { shard.view.laps }

    func refusals(_ limit: Refusal) -> UInt64 { shard.counters.refusals(limit) }
    /// Counts a WebSocket for a subject, as `auth` does.
    func admits(subject: String, _ index: Int) -> Bool {
        shard.admitOrClose(subject: subject, index, clock())
    }

    package var holdings: Holdings { shard.holdings }
    /// How long the rate class that waits longest is due already.
    var overdue: Nanoseconds { shard.overdue(clock().instant) }
}

extension Shard {
    var bufferedBytes: Int {
        (0..<limits.connections).reduce(0) { sum, index in
            guard connections.contains(index) else { return sum }
            let connection = connections.address(of: index)
            return sum + connection.pointee.tail.count + connection.pointee.control.count
        }
    }
}
