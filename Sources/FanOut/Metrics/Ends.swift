// Connections that ended for a cause, as log lines.
//
// Invariant: who it was and how it went, never what it said: no header, no path, no name of a symbol.
import Basics

extension CloseReason {
    /// What happens all day is for those who look for something.
    fileprivate var logLevel: LogLevel {
        switch self {
        case .peer, .asked, .served, .requestTimeout, .shutdown: .debug
        default: .info
        }
    }
}

extension Shard {
    func logEnd(_ index: Int, _ reason: CloseReason) {
        guard options.log.isOn(reason.logLevel) else { return }
        let connection = connections.address(of: index)
        options.log.bounded(
            reason.logLevel, "closed", kind: reason.name,
            [
                "reason": .text(reason.name), "address": .text(connection.pointee.peer.description),
                "session": .text(String(connection.pointee.session, radix: 16)),
                "transport": .text(connection.pointee.transport.name),
                "messages": LogValue(connection.pointee.messages),
                "merged": LogValue(connection.pointee.merged),
            ])
    }
}
