// An engine in memory, as good or as bad as a seed wants it: it loses, repeats, delays and reorders between
// channels, forgets what it stored, and cuts connections.
import Backplane
import Basics
import Market

/// Both ends of it, for one publisher or two, and followers.
final class FaultyEngine {
    struct Faults {
        /// One in so many; 0: never.
        var loses = 0
        var repeats = 0
        var delays = 0
        var cuts = 0
        var wipes = 0
    }

    enum Message {
        case heads([UInt8])
        case ticks(SymbolName, [UInt8])
    }

    var faults = Faults()
    let stores: Bool
    fileprivate(set) var now = Instant(raw: 0)
    fileprivate var random: SeededGenerator
    fileprivate var followers: [FaultyFollowing] = []
    fileprivate var publishers: [FaultyPublishing] = []
    fileprivate var pictures: [SymbolName: [UInt8]] = [:]
    fileprivate var events: [SymbolName: [[UInt8]]] = [:]
    fileprivate var directory: [UInt8]?
    fileprivate var lease: (holder: String, end: Instant)?
    /// Down: nobody is connected.
    var isDown = false {
        didSet { if isDown { cutAll() } }
    }

    init(stores: Bool, seed: UInt64) {
        self.stores = stores
        random = SeededGenerator(seed: seed)
    }

    func advance(to now: Instant) {
        self.now = now
        if happens(faults.cuts) { followers.randomElement(using: &random)?.cut() }
        if happens(faults.cuts * 3) { publishers.randomElement(using: &random)?.cut() }
        if happens(faults.wipes) { wipe() }
    }

    func wipe() {
        pictures = [:]
        events = [:]
        directory = nil
    }

    private func cutAll() {
        for one in followers { one.cut() }
        for one in publishers { one.cut() }
    }

    fileprivate func happens(_ one: Int) -> Bool { one > 0 && random.oneIn(one) }
    fileprivate func delay() -> Nanoseconds {
        .microseconds(happens(faults.delays) ? random.below(40_000) : 50)
    }

    fileprivate func broadcast(_ message: Message) {
        for follower in followers where follower.isConnected {
            if case .ticks(let symbol, _) = message, !follower.followed.contains(symbol) { continue }
            if happens(faults.loses) { continue }
            follower.deliver(message, at: now + delay())
            if happens(faults.repeats) { follower.deliver(message, at: now + delay()) }
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate var array: [UInt8] { Array(self) }
}

/// What both ends have in common.
class FaultyEnd {
    unowned let bus: FaultyEngine
    private(set) var isConnected = false
    private var isToTell = false
    private var retryAt = Instant.zero
    var traffic = EngineTraffic()
    var description: String { "an engine in memory" }
    var descriptor: Int32 { -1 }
    var wantsWrite: Bool { false }
    var pendingBytes: Int { 0 }

    init(_ bus: FaultyEngine) { self.bus = bus }

    func cut() {
        guard isConnected else { return }
        isConnected = false
        isToTell = true
        retryAt = bus.now + .milliseconds(30)
        forget()
    }
    func forget() {}
    func close() { cut() }

    func connect(_ tell: (EngineEvent) -> Void) {
        if isToTell { tell(.disconnected("it was cut")) }
        isToTell = false
        guard !isConnected, !bus.isDown, bus.now >= retryAt else { return }
        isConnected = true
        traffic.connections += 1
        tell(.connected)
    }
}

final class FaultyFollowing: FaultyEnd, FollowingEngine {
    fileprivate var followed: Set<SymbolName> = []
    private var waiting: [(at: Instant, number: Int, message: FaultyEngine.Message)] = []
    private var answers: [(at: Instant, tell: (FaultyFollowing, (EngineEvent) -> Void) -> Void)] = []
    private var count = 0

    override init(_ bus: FaultyEngine) {
        super.init(bus)
        bus.followers.append(self)
    }

    override func forget() {
        followed = []
        waiting = []
        answers = []
    }

    fileprivate func deliver(_ message: FaultyEngine.Message, at time: Instant) {
        count += 1
        // Within a channel nothing overtakes, but for what is repeated.
        waiting.append((time, count, message))
    }

    func follow(_ symbols: [SymbolName]) { followed.formUnion(symbols) }
    func unfollow(_ symbols: [SymbolName]) { followed.subtract(symbols) }
    func complain(of symbol: SymbolName?) {
        guard bus.stores else { return }
        for publisher in bus.publishers { publisher.ask(EngineQuestion(symbol: symbol, inbox: [])) }
    }

    func fetch(_ symbol: SymbolName) {
        if bus.stores {
            guard let picture = bus.pictures[symbol] else {
                return answer { _, tell in tell(.noPicture(symbol)) }
            }
            let parts = [picture] + (bus.events[symbol] ?? [])
            answer { _, tell in
                for (index, part) in parts.enumerated() {
                    part.withUnsafeBytes { tell(.picture(symbol, $0, isLast: index == parts.count - 1)) }
                }
            }
        } else {
            ask(EngineQuestion(symbol: symbol, inbox: [1]))
        }
    }

    func fetchDirectory() {
        guard bus.stores else { return ask(EngineQuestion(symbol: nil, inbox: [1])) }
        let directory = bus.directory
        answer { _, tell in
            guard let directory else { return tell(.noDirectory) }
            directory.withUnsafeBytes { tell(.directory($0, isLast: true)) }
        }
    }

    /// The publisher's answer, or after some time that there is none.
    private func ask(_ question: EngineQuestion) {
        var isAnswered = false
        let asker = count
        for publisher in bus.publishers where publisher.isConnected {
            publisher.ask(question) { parts in
                guard !isAnswered, asker <= self.count else { return }
                isAnswered = true
                self.answer { _, tell in self.tell(question.symbol, parts, tell) }
            }
        }
        answers.append(
            (
                bus.now + .milliseconds(500),
                { _, tell in
                    if !isAnswered {
                        isAnswered = true
                        self.tell(question.symbol, [], tell)
                    }
                }
            ))
    }

    private func tell(_ symbol: SymbolName?, _ parts: [[UInt8]], _ tell: (EngineEvent) -> Void) {
        if parts.isEmpty { return tell(symbol.map { .noPicture($0) } ?? .noDirectory) }
        for (index, part) in parts.enumerated() {
            let isLast = index == parts.count - 1
            part.withUnsafeBytes {
                tell(
                    symbol.map { [$0] } == nil
                        ? .directory($0, isLast: isLast) : .picture(symbol!, $0, isLast: isLast))
            }
        }
    }

    private func answer(_ tell: @escaping (FaultyFollowing, (EngineEvent) -> Void) -> Void) {
        answers.append((bus.now + .microseconds(200), tell))
    }

    func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        connect(tell)
        let due = waiting.filter { $0.at <= now.instant }.sorted {
            ($0.at.raw, $0.number) < ($1.at.raw, $1.number)
        }
        waiting.removeAll { $0.at <= now.instant }
        for one in due {
            switch one.message {
            case .heads(let bytes): bytes.withUnsafeBytes { tell(.heads($0)) }
            case .ticks(let symbol, let bytes):
                guard followed.contains(symbol) else { continue }
                bytes.withUnsafeBytes { tell(.ticks(symbol, $0)) }
            }
        }
        let answered = answers.filter { $0.at <= now.instant }
        answers.removeAll { $0.at <= now.instant }
        for one in answered { one.tell(self, tell) }
        return now.instant + .milliseconds(1)
    }
}

final class FaultyPublishing: FaultyEnd, PublishingEngine {
    private var told: [EngineEvent] = []
    private var replies: [UInt8: ([[UInt8]]) -> Void] = [:]
    private var inbox: UInt8 = 1
    var storesPictures: Bool { bus.stores }

    override init(_ bus: FaultyEngine) {
        super.init(bus)
        bus.publishers.append(self)
    }

    override func forget() {
        told = []
        replies = [:]
    }

    fileprivate func ask(_ question: EngineQuestion, _ reply: (([[UInt8]]) -> Void)? = nil) {
        inbox = inbox &+ 1 == 0 ? 1 : inbox &+ 1
        if let reply { replies[inbox] = reply }
        told.append(
            .asked(EngineQuestion(symbol: question.symbol, inbox: question.inbox.isEmpty ? [] : [inbox])))
    }

    func claim(as holder: String, for span: Nanoseconds) {
        guard isConnected else { return }
        let isFree = bus.lease.map { $0.end <= bus.now || $0.holder == holder } ?? true
        if isFree { bus.lease = (holder, bus.now + span) }
        told.append(.lease(isOwn: isFree))
    }
    func release() { bus.lease = nil }

    func publish(
        _ symbol: SymbolName, ticks: UnsafeRawBufferPointer?, picture: PictureChange,
        events: UnsafeRawBufferPointer?
    ) {
        guard isConnected else { return }
        switch picture {
        case .none: break
        case .append(let bytes): bus.pictures[symbol, default: []] += bytes.array
        case .replace(let bytes, let forgetsEvents):
            bus.pictures[symbol] = bytes.array
            if forgetsEvents { bus.events[symbol] = nil }
        }
        if let events { bus.events[symbol] = Array((bus.events[symbol] ?? []).suffix(255)) + [events.array] }
        if let ticks { bus.broadcast(.ticks(symbol, ticks.array)) }
    }
    func publishHeads(_ heads: UnsafeRawBufferPointer) {
        if isConnected { bus.broadcast(.heads(heads.array)) }
    }
    func storeDirectory(_ bytes: UnsafeRawBufferPointer, replaces: Bool) {
        guard isConnected, bus.stores else { return }
        bus.directory = replaces ? bytes.array : (bus.directory ?? []) + bytes.array
    }
    func answer(_ question: EngineQuestion, parts: [[UInt8]]) {
        replies.removeValue(forKey: question.inbox[0])?(parts)
    }
    func mark(_ number: UInt64) { if isConnected { told.append(.passed(number)) } }

    func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        connect(tell)
        let events = told
        told = []
        for event in events { tell(event) }
        return now.instant + .milliseconds(1)
    }
}
