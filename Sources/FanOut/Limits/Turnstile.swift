// Who may come in: the counts and rates that all loops of a server share.
//
// Invariants
//   - Asked on the cold side only: when a connection, a request or a stream begins, and when a connection
//     ends. One lock, held for a look into a table.
//   - Who was counted is given back once, by the `Pass` of its connection.
//   - Time and the limits come in as arguments, so new limits hold from the next question on.
import Basics
import Synchronization
import Wire

/// What a connection was counted as, to be given back when it ends.
struct Pass {
    fileprivate(set) var address: LimitKey?
    fileprivate(set) var subject: LimitKey?
}

final class Turnstile: Sendable {
    private struct State {
        var table: LimitTable
        var handshakes = TokenBucket()
        var memory = MemoryWatch()
    }

    private let state: Mutex<State>
    /// Resident bytes of the process; nil where that cannot be known.
    private let residentBytes: @Sendable () -> Int?

    init(entries: Int = Limits().limitTableEntries, residentBytes: @escaping @Sendable () -> Int? = { nil }) {
        state = Mutex(State(table: LimitTable(capacity: entries)))
        self.residentBytes = residentBytes
    }

    // MARK: Connections

    /// Counts a connection, or a stream of it, for an address. It must not have one already.
    func enter(
        _ address: ClientAddress, _ pass: inout Pass, _ limits: Limits
    ) throws(Refused) {
        guard let key = address.key, pass.address == nil else { return }
        try count(key, limits.connectionsPerAddress, .addressConnections, limits)
        pass.address = key
    }

    /// Counts a stream for whoever a token names. Another subject on the same connection replaces the first.
    func enter(subject: String, _ pass: inout Pass, _ limits: Limits) throws(Refused) {
        let key = LimitKey.subject(subject)
        guard pass.subject != key else { return }
        try count(key, limits.connectionsPerSubject, .subjectConnections, limits)
        giveBack(pass.subject)
        pass.subject = key
    }

    /// The limits that a new stream would reach now, counting nothing.
    func limitsReached(
        by address: ClientAddress, subject: String?, _ limits: Limits, _ now: Instant
    ) -> [Refusal] {
        state.withLock { state in
            var reached: [Refusal] = []
            if state.memory.isTight(limits.memoryBytes, now, residentBytes) { reached.append(.memory) }
            let all = Turnstile.handshakes(limits)
            if state.handshakes.wait(of: all, now) != nil { reached.append(.handshakes) }
            let own = BucketRate(perSecond: limits.handshakesPerAddress)
            if let entry = address.key.flatMap({ state.table.entry($0) }),
                entry.handshakes.wait(of: own, now) != nil
            {
                reached.append(.addressHandshakes)
            }
            if let entry = subject.flatMap({ state.table.entry(.subject($0)) }),
                entry.connections >= limits.connectionsPerSubject
            {
                reached.append(.subjectConnections)
            }
            return reached
        }
    }

    func leave(_ pass: Pass) {
        giveBack(pass.address)
        giveBack(pass.subject)
    }

    private func count(_ key: LimitKey, _ most: Int, _ limit: Refusal, _ limits: Limits) throws(Refused) {
        let isIn = state.withLock { state in
            state.table.change(key) { entry in
                guard entry.connections < most else { return false }
                entry.connections += 1
                return true
            }
        }
        guard isIn ?? false else {
            throw Refused(limit: isIn == nil ? .connections : limit, wait: limits.retryAfter)
        }
    }

    private func giveBack(_ key: LimitKey?) {
        guard let key else { return }
        _ = state.withLock { $0.table.change(key) { $0.connections -= 1 } }
    }

    // MARK: Rates

    /// A request of HTTP, whatever it asks for.
    func takeRequest(_ address: ClientAddress, _ limits: Limits, _ now: Instant) throws(Refused) {
        guard let key = address.key else { return }
        let rate = BucketRate(perSecond: limits.requestsPerAddress)
        let wait = state.withLock { state in
            state.table.change(key) { $0.requests.take(of: rate, now) } ?? limits.retryAfter
        }
        if let wait { throw Refused(limit: .addressRequests, wait: wait) }
    }

    /// Half of them may come at once, so that no second has more than the limit, not the first one either.
    private static func handshakes(_ limits: Limits) -> BucketRate {
        let burst = max(1, limits.handshakesPerSecond / 2)
        return BucketRate(perSecond: max(1, limits.handshakesPerSecond - burst), burst: burst)
    }

    /// A WebSocket handshake, or the start of another stream. Costs the address nothing when it is the
    /// server that has enough.
    func takeHandshake(_ address: ClientAddress, _ limits: Limits, _ now: Instant) throws(Refused) {
        let all = Turnstile.handshakes(limits),
            own = BucketRate(perSecond: limits.handshakesPerAddress)
        let refused: Refused? = state.withLock { state in
            if let wait = state.handshakes.wait(of: all, now) {
                return Refused(limit: .handshakes, wait: wait)
            }
            if let key = address.key {
                let wait = state.table.change(key) { $0.handshakes.take(of: own, now) } ?? limits.retryAfter
                if let wait { return Refused(limit: .addressHandshakes, wait: wait) }
            }
            _ = state.handshakes.take(of: all, now)
            return nil
        }
        if let refused { throw refused }
    }

    // MARK: Memory

    /// Refuses while the process holds more than it may.
    func checkMemory(_ limits: Limits, _ now: Instant) throws(Refused) {
        guard limits.memoryBytes > 0 else { return }
        let isTight = state.withLock { $0.memory.isTight(limits.memoryBytes, now, residentBytes) }
        if isTight { throw Refused(limit: .memory, wait: limits.retryAfter) }
    }

    /// Memory kept the last client out.
    var isMemoryTight: Bool { state.withLock(\.memory.wasTight) }
}

/// Looks at the process's size now and then. Past its limit it stays tight until it is 5 % below, or
/// clients would be let in and sent away in turns.
struct MemoryWatch {
    static let interval = Nanoseconds.milliseconds(100)

    private(set) var bytes = 0
    private(set) var wasTight = false
    private var lookAgain = Instant.zero

    /// - Parameter limit: 0 is none.
    mutating func isTight(_ limit: Int, _ now: Instant, _ look: () -> Int?) -> Bool {
        if now >= lookAgain {
            lookAgain = now + MemoryWatch.interval
            bytes = look() ?? 0
        }
        wasTight = limit > 0 && bytes > (wasTight ? limit / 100 * 95 : limit)
        return wasTight
    }
}
