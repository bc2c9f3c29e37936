// A server that stops sends its clients away one by one, so that they don't all come back at once.
//
// Invariants
//   - Closes are spread evenly over the drain, by connection; none is left when it is over but those
//     that do not take their last words.
//   - Requests are still answered, so that a load balancer hears of it; nobody starts a stream.
import Basics
import Dialects
import Wire

extension Shard {
    /// Begins to send everybody away.
    ///
    /// - Parameter span: by when the last one is told; zero: all are, now.
    mutating func drain(_ now: Moment, over span: Nanoseconds) {
        isDraining = true
        drainEnd = now.instant + span
        let streams = (0..<limits.connections).filter {
            connections.contains($0) && connections.address(of: $0).pointee.phase == .streaming
        }
        for (place, index) in streams.enumerated() {
            let connection = connections.address(of: index)
            if connection.pointee.transport == .poll || span == .zero {
                leave(index, now)
            } else {
                let wait = Nanoseconds(raw: span.raw / Int64(streams.count) * Int64(place))
                connection.pointee.deadline = now.instant + wait
                schedule(index)
            }
        }
    }

    /// A stream's turn to go.
    mutating func leave(_ index: Int, _ now: Moment) {
        if connections.address(of: index).pointee.transport != .poll {
            var message = ControlMessage("goodbye")
            message.add("code", "drain")
            message.add("reconnect_after_ms", reconnectAfter(index).milliseconds)
            answer(index, message.end())
        }
        startClosing(index, .shutdown, code: CloseCode.serviceRestart, reason: "the server stops", now)
    }

    /// When this client is to try again: each at its own time, so that together they stay below what a
    /// server takes a second.
    private func reconnectAfter(_ index: Int) -> Nanoseconds {
        let crowd = Int64(streamCount) * 1_000_000_000 / Int64(max(1, limits.reconnectsPerSecond))
        let spread = max(Nanoseconds.seconds(1).raw, crowd) / 1_000_000
        return .milliseconds(100 + Int((Int64(Shard.dice(index)) * spread) >> 32))
    }

    /// A number of 32 bits that is another one for each connection.
    static func dice(_ index: Int) -> UInt32 { UInt32(truncatingIfNeeded: index &+ 1) &* 2_654_435_761 }

    /// What a drain still waits for: whoever has not been told, or not taken it.
    var isDrained: Bool { streamCount == 0 }
}
