// Where the stream comes from: a server, or a file that a run before recorded; and the file that this run
// records into.
import Basics
import Dialects
import Watch

final class Stream {
    enum Failure {
        case refused(String)
        case noServer(String)
    }
    private let link: Link?

    init(_ setup: Setup) throws {
        link = setup.link.map { Link($0) }
    }

    var descriptor: Int32 { link?.descriptor ?? -1 }
    var wantsWrite: Bool { link?.wantsWrite ?? false }
    var next: Instant { link?.next ?? .never }

    func set(_ wanted: [ClientMessage.Subscribe]) { link?.set(wanted) }
    func reconnect(_ now: Moment) { link?.reconnect(now) }
    func tick(_ now: Moment, _ onEvent: (LinkEvent) -> Void) { link?.tick(now, onEvent) }
    func stop() { link?.stop() }

    func pump(readable: Bool, writable: Bool, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        link?.pump(readable: readable, writable: writable, now, onEvent)
    }

    /// Why there is no use in going on: nobody ever answered, or would not have us. Later breaks are waited out.
    var failure: Failure? {
        guard let link, case .broken(let reason, _) = link.state else { return nil }
        if link.isUnauthorized || link.wasRefused && !link.wasEverLive { return .refused(reason) }
        return link.wasEverLive ? nil : .noServer(reason)
    }
}
