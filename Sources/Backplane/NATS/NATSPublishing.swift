// An ingest node's end of NATS: ticks to their subjects, answers to who asks, and the lease.
import Basics
import Market

public final class NATSPublishing: PublishingEngine {
    private static let picturesID: UInt64 = 1
    private static let symbolsID: UInt64 = 2
    private static let inboxID: UInt64 = 3

    private let options: EngineOptions
    let link: NATSLink
    private let subjects: NATSSubjects
    private let inbox: String
    /// `PUB NAME.ticks.SYM `
    private var heads: [SymbolName: [UInt8]] = [:]
    private let headsHead: [UInt8]

    private var lease: NATSLease
    /// Of the request that is awaited; answers to others are late.
    private var request: UInt64 = 0
    private var requestDue = Instant.never
    private var isRequestUndated = false

    public init(_ options: EngineOptions) {
        self.options = options
        link = NATSLink(options)
        subjects = NATSSubjects(options.name)
        inbox = NATSSubjects.inbox()
        headsHead = NATSPublishing.head(subjects.heads)
        lease = NATSLease(options.name)
        let subscribed = [
            (subjects.pictures, NATSPublishing.picturesID), (subjects.symbols, NATSPublishing.symbolsID),
            (Array("\(inbox).*".utf8), NATSPublishing.inboxID),
        ]
        for (subject, sid) in subscribed {
            subject.withUnsafeBytes { link.subscriptions.subscribe($0, sid: sid) }
        }
    }

    public var description: String { options.url.description }
    public var descriptor: Int32 { link.descriptor }
    public var wantsWrite: Bool { link.wantsWrite }
    public var isConnected: Bool { link.isConnected }
    public var pendingBytes: Int { link.pendingBytes }
    public var traffic: EngineTraffic { link.traffic }
    public var storesPictures: Bool { false }

    public func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        link.begin()
        while let event = link.next(now.instant) {
            switch event {
            case .connected: tell(.connected)
            case .disconnected(let reason):
                forget()
                tell(.disconnected(reason))
            case .message(let message): take(message, tell)
            case .passed(let number): tell(.passed(number))
            case .refused(let line): tell(.refused(line))
            }
        }
        askAgain(now.instant)
        let due = link.finish(now.instant)
        return link.isConnected ? min(due, requestDue) : due
    }

    public func close() { link.close() }

    private func forget() {
        lease.disconnected()
        (requestDue, isRequestUndated) = (.never, false)
    }

    // MARK: Publishing

    private static func head(_ subject: [UInt8]) -> [UInt8] { Array("PUB ".utf8) + subject + [0x20] }

    public func publish(
        _ symbol: SymbolName, ticks: UnsafeRawBufferPointer?, picture: PictureChange,
        events: UnsafeRawBufferPointer?
    ) {
        guard let ticks else { return }
        if let head = heads[symbol] { return publish(head, ticks) }
        let head = NATSPublishing.head(subjects.ticks(symbol))
        heads[symbol] = head
        publish(head, ticks)
    }

    public func publishHeads(_ heads: UnsafeRawBufferPointer) { publish(headsHead, heads) }

    private func publish(_ head: [UInt8], _ payload: UnsafeRawBufferPointer) {
        guard isAllowed(payload.count) else { return }
        head.withUnsafeBytes { head in link.write { $0.publish(head, payload) } }
    }

    /// A server ends the connection for a message that is too large.
    private func isAllowed(_ count: Int) -> Bool {
        guard count > link.messageMax else { return true }
        link.refuse("a message of \(count) bytes is above its max_payload")
        return false
    }

    public func storeDirectory(_ bytes: UnsafeRawBufferPointer, replaces: Bool) {}

    public func answer(_ question: EngineQuestion, parts: [[UInt8]]) {
        guard !question.inbox.isEmpty else { return }
        guard parts.allSatisfy({ isAllowed($0.count) }), !parts.isEmpty else {
            return send(.none, [], to: question.inbox)
        }
        for (number, part) in parts.enumerated() {
            send(number == parts.count - 1 ? .last(number) : .more(number), part, to: question.inbox)
        }
    }

    private func send(_ part: NATSPart, _ bytes: [UInt8], to inbox: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            link.write { $0.publish(inbox, headers: part.text, bytes) }
        }
    }

    public func mark(_ number: UInt64) { link.mark(number) }

    // MARK: Being asked

    private func take(_ message: NATSMessage, _ tell: (EngineEvent) -> Void) {
        switch message.sid {
        case NATSPublishing.picturesID:
            guard let symbol = SubjectToken.symbol(message.subject.lastToken) else { return }
            ask(symbol, message.reply, tell)
        case NATSPublishing.symbolsID: ask(nil, message.reply, tell)
        case NATSPublishing.inboxID:
            guard message.subject.lastToken.number == request, requestDue != .never || isRequestUndated
            else { return }
            (requestDue, isRequestUndated) = (.never, false)
            let status = NATSHeaders(message.headers).status
            if let outcome = lease.answer(status: status, message.payload) { act(outcome, tell) }
        default: break
        }
    }

    private func ask(_ symbol: SymbolName?, _ reply: UnsafeRawBufferPointer, _ tell: (EngineEvent) -> Void) {
        guard !reply.isEmpty else { return }
        tell(.asked(EngineQuestion(symbol: symbol, inbox: Array(reply))))
    }

    // MARK: The lease

    public func claim(as holder: String, for span: Nanoseconds) {
        guard link.isConnected else { return }
        // Who claims again before there was an answer counts from the first time: one answer serves.
        guard requestDue == .never, !isRequestUndated else { return }
        if case .ask(let request) = lease.claim(as: holder, for: span) { send(request) }
    }

    public func release() {
        (requestDue, isRequestUndated) = (.never, false)
        if let request = lease.release() { send(request, isAwaited: false) }
    }

    private func act(_ outcome: NATSLease.Outcome, _ tell: (EngineEvent) -> Void) {
        if case .ask(let request) = outcome { return send(request) }
        switch outcome {
        case .ask: break
        case .own: tell(.lease(isOwn: true))
        case .other: tell(.lease(isOwn: false))
        case .absent:
            link.refuse("JetStream is off: no lease, so only one ingest node may publish")
            tell(.lease(isOwn: true))
        case .refused(let line):
            link.refuse(line)
            tell(.lease(isOwn: false))
        }
    }

    private func send(_ request: NATSRequest, isAwaited: Bool = true) {
        self.request += 1
        isRequestUndated = isAwaited
        let reply = "\(inbox).\(self.request)"
        Array(request.body.utf8).withUnsafeBytes { body in
            link.write {
                $0.publish(request.subject.utf8, reply: reply.utf8, headers: request.headers, body)
            }
        }
    }

    /// No answer, as while a cluster elects: nothing is known, and it is asked again.
    private func askAgain(_ now: Instant) {
        if isRequestUndated { (requestDue, isRequestUndated) = (now + NATSLease.patience, false) }
        guard now >= requestDue else { return }
        requestDue = .never
        link.refuse("JetStream does not answer: whose the lease is, is not known")
        if case .ask(let request) = lease.again() { send(request) }
        requestDue = now + NATSLease.patience
        isRequestUndated = false
    }
}
