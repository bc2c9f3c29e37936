// A fan-out node's end of NATS: a subscription a symbol, and questions to the publisher.
//
// Invariant: a subscription's number is never used again, though its place is: what was on its way when a
// symbol was left does not become another's.
import Basics
import Market

public final class NATSFollowing: FollowingEngine {
    /// Numbers of subscriptions: a place below, how often it was taken before above.
    private static let placeBits: UInt64 = 24
    private static let headsID: UInt64 = 1
    private static let inboxID: UInt64 = 2
    private static let firstID: UInt64 = 16

    private struct Place {
        var symbol: SymbolName
        /// Nil: free.
        var sid: UInt64?
        var generation: UInt64
    }

    private let options: EngineOptions
    private let link: NATSLink
    private let subjects: NATSSubjects
    private let inbox: String
    private var places: [Place] = []
    private var free: [Int] = []
    private var placeOf: [SymbolName: Int] = [:]
    private var questions = NATSQuestions()

    public init(_ options: EngineOptions) {
        self.options = options
        link = NATSLink(options)
        subjects = NATSSubjects(options.name)
        inbox = NATSSubjects.inbox()
        subjects.heads.withUnsafeBytes { link.subscriptions.subscribe($0, sid: NATSFollowing.headsID) }
        Array("\(inbox).*".utf8).withUnsafeBytes {
            link.subscriptions.subscribe($0, sid: NATSFollowing.inboxID)
        }
    }

    public var description: String { options.url.description }
    public var descriptor: Int32 { link.descriptor }
    public var wantsWrite: Bool { link.wantsWrite }
    public var isConnected: Bool { link.isConnected }
    public var pendingBytes: Int { link.pendingBytes }
    public var traffic: EngineTraffic { link.traffic }

    public func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        link.begin()
        while let event = link.next(now.instant) {
            switch event {
            case .connected: tell(.connected)
            case .disconnected(let reason):
                forget()
                tell(.disconnected(reason))
            case .message(let message): take(message, now.instant, tell)
            case .passed: break
            case .refused(let line): tell(.refused(line))
            }
        }
        questions.expire(now.instant) { tell(NATSFollowing.nothing($0)) }
        let due = link.finish(now.instant)
        return link.isConnected ? min(due, questions.due) : due
    }

    public func close() { link.close() }

    private func forget() {
        questions.removeAll()
        placeOf.removeAll(keepingCapacity: true)
        free.removeAll(keepingCapacity: true)
        for place in places.indices.reversed() {
            places[place].sid = nil
            free.append(place)
        }
    }

    // MARK: Following

    public func follow(_ symbols: [SymbolName]) {
        guard link.isConnected else { return }
        for symbol in symbols where placeOf[symbol] == nil {
            let place = take(symbol)
            let sid = places[place].generation << NATSFollowing.placeBits | UInt64(place)
            places[place].sid = sid + NATSFollowing.firstID
            subjects.ticks(symbol).withUnsafeBytes { subject in
                link.write { $0.subscribe(subject, sid: sid + NATSFollowing.firstID) }
            }
        }
    }

    private func take(_ symbol: SymbolName) -> Int {
        let place: Int
        if let last = free.popLast() {
            place = last
            places[place].symbol = symbol
            places[place].generation += 1
        } else {
            place = places.count
            precondition(
                place + Int(NATSFollowing.firstID) < 1 << NATSFollowing.placeBits, "too many symbols")
            places.append(Place(symbol: symbol, sid: nil, generation: 0))
        }
        placeOf[symbol] = place
        return place
    }

    public func unfollow(_ symbols: [SymbolName]) {
        for symbol in symbols {
            guard let place = placeOf.removeValue(forKey: symbol), let sid = places[place].sid else {
                continue
            }
            link.write { $0.unsubscribe(sid: sid) }
            places[place].sid = nil
            free.append(place)
        }
    }

    // MARK: Asking

    public func fetch(_ symbol: SymbolName) { ask(symbol, at: subjects.picture(symbol)) }
    public func fetchDirectory() { ask(nil, at: subjects.symbols) }
    /// Whoever publishes answers by itself, with what there is now.
    public func complain(of symbol: SymbolName?) {}

    private func ask(_ symbol: SymbolName?, at subject: [UInt8]) {
        guard link.isConnected else { return }
        let reply = "\(inbox).\(questions.ask(symbol))"
        link.write { $0.publish(subject, reply: reply.utf8, UnsafeRawBufferPointer(start: nil, count: 0)) }
    }

    // MARK: Answers

    private func take(_ message: NATSMessage, _ now: Instant, _ tell: (EngineEvent) -> Void) {
        switch message.sid {
        case NATSFollowing.headsID: tell(.heads(message.payload))
        case NATSFollowing.inboxID: answer(message, now, tell)
        case NATSFollowing.firstID...:
            let place = Int((message.sid - NATSFollowing.firstID) & (1 << NATSFollowing.placeBits - 1))
            guard place < places.count, places[place].sid == message.sid else { return }
            tell(.ticks(places[place].symbol, message.payload))
        default: break
        }
    }

    private func answer(_ message: NATSMessage, _ now: Instant, _ tell: (EngineEvent) -> Void) {
        guard let number = message.subject.lastToken.number else { return }
        switch questions.answer(number, NATSHeaders(message.headers), now) {
        case .part(let symbol?, let isLast): tell(.picture(symbol, message.payload, isLast: isLast))
        case .part(nil, let isLast): tell(.directory(message.payload, isLast: isLast))
        case .nothing(let symbol): tell(NATSFollowing.nothing(symbol))
        case nil: break
        }
    }

    private static func nothing(_ symbol: SymbolName?) -> EngineEvent {
        symbol.map { .noPicture($0) } ?? .noDirectory
    }
}
