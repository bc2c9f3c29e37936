// Who gets a new connection: of a server's loops the one that has the fewest.
//
//     listener → the accepting loop ─ place ─┬─ itself has the fewest: opened at once
//                                            └─ else that loop's inbox, and its bell
//
// Invariants
//   - At most `connectionsMax` are open or in an inbox, and no loop ever has more than its `share`.
//     The one chosen has no more than the mean, which is below connectionsMax / loops.
//   - A descriptor is always somebody's: the accepting loop's until it is placed, then the chosen
//     loop's, which opens it or, when it stops, closes it.
//   - One thread places. Each loop takes from its own inbox and gives its own places back. Only an
//     inbox with something in it is ever locked by its loop.
import Basics
import Synchronization

/// A connection that was accepted and has no loop yet.
struct Arrival {
    let descriptor: Int32
    let peer: PeerAddress
}

/// What the reactors of one server share.
public final class Reception: Sendable {
    enum Verdict { case here, handedOver, full }

    /// The most connections that one loop can come to have.
    public let share: Int
    /// What is sent to whom no loop has room for.
    let refusal = HTTPResponse.full.closing
    private let connectionsMax: Int
    private let desks: [Desk]

    /// - Parameters:
    ///   - connectionsMax: of all loops together.
    ///   - bells: each loop's own. A loop without one can only be the one that accepts.
    public init(connectionsMax: Int, bells: [Doorbell?]) {
        precondition(!bells.isEmpty)
        self.connectionsMax = connectionsMax
        share = (connectionsMax + bells.count - 1) / bells.count
        desks = bells.map(Desk.init)
    }

    func desk(of loop: Int) -> Desk { desks[loop] }

    /// Finds an arrival its loop. Unless it was handed over, its descriptor is still the caller's.
    func place(_ arrival: Arrival, acceptedBy own: Int) -> Verdict {
        guard let chosen = emptiest() else { return .full }
        desks[chosen].enter()
        guard chosen != own else { return .here }
        guard desks[chosen].push(arrival) else {
            desks[chosen].leave(1)
            return .full
        }
        return .handedOver
    }

    /// The first of the loops with the fewest connections; nil when there is no room, or all stop.
    private func emptiest() -> Int? {
        var total = 0, best: Int?, fewest = share
        for (loop, desk) in desks.enumerated() {
            let count = desk.count
            total += count
            if count < fewest, !desk.isClosed { (best, fewest) = (loop, count) }
        }
        return total < connectionsMax ? best : nil
    }
}

/// One loop's part of a reception.
final class Desk: Sendable {
    let bell: Doorbell?
    private let places = Atomic<Int>(0)
    private let waiting = Atomic<Int>(0)
    private let closed = Atomic<Bool>(false)
    private let inbox = Mutex<[Arrival]>([])

    init(_ bell: Doorbell?) { self.bell = bell }

    /// Open connections and waiting ones. Never less than there are.
    var count: Int { places.load(ordering: .relaxed) }
    var hasArrivals: Bool { waiting.load(ordering: .relaxed) > 0 }
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    fileprivate func enter() { places.add(1, ordering: .relaxed) }

    /// Gives places back, once their ids are free.
    func leave(_ count: Int) {
        if count > 0 { places.subtract(count, ordering: .relaxed) }
    }

    /// False when the loop has stopped. Rings where nothing was waiting: a loop that has more to
    /// take does not sleep.
    fileprivate func push(_ arrival: Arrival) -> Bool {
        let before: Int? = inbox.withLock { arrivals in
            guard !isClosed else { return nil }
            arrivals.append(arrival)
            waiting.store(arrivals.count, ordering: .relaxed)
            return arrivals.count - 1
        }
        if before == 0 { bell?.ring() }
        return before != nil
    }

    /// The oldest arrivals, no more than `limit`.
    func take(atMost limit: Int) -> [Arrival] {
        inbox.withLock { arrivals in
            let taken = Array(arrivals.prefix(limit))
            arrivals.removeFirst(taken.count)
            waiting.store(arrivals.count, ordering: .relaxed)
            return taken
        }
    }

    /// From now on nobody arrives; what has is the caller's to close.
    func close() -> [Arrival] {
        inbox.withLock { arrivals in
            closed.store(true, ordering: .relaxed)
            waiting.store(0, ordering: .relaxed)
            defer { arrivals = [] }
            return arrivals
        }
    }
}
