// An ingest node's end of Redis: what is published, and what is stored of it, in one transaction a symbol.
//
//     MULTI
//     APPEND tickerfeed:picture:AAPL …         or SET … and DEL tickerfeed:events:AAPL
//     XADD tickerfeed:events:AAPL MAXLEN ~ 1024 * e …
//     PUBLISH tickerfeed:ticks:AAPL …
//     EXEC
//
// Invariants
//   - Commands are laid out in the socket's output, keys ready made: no allocation a symbol from the second
//     time on.
//   - What is one command goes without a transaction.
//   - The lease is taken and kept by a script, which Redis runs as one: it is never extended for another
//     holder. It is extended by PEXPIRE, which Redis takes when its memory is full.
import Basics
import Market

public final class RedisPublishing: PublishingEngine {
    /// Keys and channel of a symbol, as strings of a command, in `names`' order: picture, events, ticks.
    private struct Keys {
        let start: Int
        let picture: Int
        let events: Int
        let ticks: Int
    }

    static let claim = """
        local held = redis.call('GET', KEYS[1]) \
        if held == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1 end \
        if held then return 0 end \
        redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1
        """
    static let release = """
        if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0
        """

    private let link: RedisLink
    private let names: RedisNames
    private var keys: [SymbolName: Keys] = [:]
    private var keyBytes = ByteBuffer()
    private let headsBytes: [UInt8]
    private var holder = ""
    private var isAsked = false
    private var isOwn = false

    public init(_ options: EngineOptions) {
        names = RedisNames(options)
        headsBytes = RedisCommand.bulk(names.heads)
        link = RedisLink(options, channel: names.ask)
        link.end = self
    }

    public var description: String { link.description }
    public var descriptor: Int32 { link.socket.descriptor }
    public var wantsWrite: Bool { link.socket.wantsWrite }
    public var isConnected: Bool { link.isOpen }
    public var pendingBytes: Int { link.socket.pendingBytes }
    public var traffic: EngineTraffic { link.traffic }

    public var storesPictures: Bool { true }

    public func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant { link.turn(now, tell) }
    public func close() { link.close() }

    // MARK: The lease

    public func claim(as holder: String, for span: Nanoseconds) {
        guard isConnected else { return }
        self.holder = holder
        evaluate(RedisPublishing.claim, "\(max(1, span.milliseconds))", for: RedisAwaited(kind: .lease))
    }

    public func release() {
        guard isConnected, !holder.isEmpty else { return }
        evaluate(RedisPublishing.release, nil, for: RedisAwaited(kind: .single))
    }

    private func evaluate(_ script: String, _ argument: String?, for reply: RedisAwaited) {
        let words = ["EVAL", script, "1"].map { Array($0.utf8) } + [names.lease, Array(holder.utf8)]
        link.write(words + (argument.map { [Array($0.utf8)] } ?? []), for: reply)
    }

    // MARK: Publishing

    public func publish(
        _ symbol: SymbolName, ticks: UnsafeRawBufferPointer?, picture: PictureChange,
        events: UnsafeRawBufferPointer?
    ) {
        guard isConnected else { return }
        let (count, bytes) = RedisPublishing.extent(ticks, picture, events)
        guard count > 0 else { return }
        let keys = keys(of: symbol), all = keyBytes.readable
        let pictureKey = UnsafeRawBufferPointer(rebasing: all[keys.start..<keys.picture])
        let eventsKey = UnsafeRawBufferPointer(rebasing: all[keys.picture..<keys.events])
        let channel = UnsafeRawBufferPointer(rebasing: all[keys.events..<keys.ticks])
        // Besides keys and values each command is its own name, and few words more.
        let limit = bytes + 2 * (keys.ticks - keys.start) + 512
        link.socket.output.write(atMost: limit) { pen in
            if count > 1 { pen.literal("*1\r\n$5\r\nMULTI\r\n") }
            pen.store(picture, in: pictureKey, events: eventsKey)
            if let events {
                pen.literal("*8\r\n$4\r\nXADD\r\n")
                pen.bytes(eventsKey)
                pen.literal("$6\r\nMAXLEN\r\n$1\r\n~\r\n$3\r\n256\r\n$1\r\n*\r\n$1\r\ne\r\n")
                pen.bulk(events)
            }
            if let ticks {
                pen.literal("*3\r\n$7\r\nPUBLISH\r\n")
                pen.bytes(channel)
                pen.bulk(ticks)
            }
            if count > 1 { pen.literal("*1\r\n$4\r\nEXEC\r\n") }
        }
        link.expect(
            count > 1
                ? RedisAwaited(kind: .transaction, lines: count + 1, elements: count)
                : RedisAwaited(kind: .single))
    }

    /// How many commands it takes, and how many bytes of values.
    private static func extent(
        _ ticks: UnsafeRawBufferPointer?, _ picture: PictureChange, _ events: UnsafeRawBufferPointer?
    ) -> (commands: UInt8, bytes: Int) {
        let (commands, bytes): (UInt8, Int) =
            switch picture {
            case .none: (0, 0)
            case .append(let value): (1, value.count)
            case .replace(let value, let forgetsEvents): (forgetsEvents ? 2 : 1, value.count)
            }
        return (
            commands + (events == nil ? 0 : 1) + (ticks == nil ? 0 : 1),
            bytes + (events?.count ?? 0) + (ticks?.count ?? 0)
        )
    }

    private func keys(of symbol: SymbolName) -> Keys {
        if let known = keys[symbol] { return known }
        let start = keyBytes.count
        func add(_ name: [UInt8]) -> Int {
            RedisCommand.bulk(name).withUnsafeBytes { keyBytes.append($0) }
            return keyBytes.count
        }
        let fresh = Keys(
            start: start, picture: add(names.picture(symbol)), events: add(names.events(symbol)),
            ticks: add(names.ticks(symbol)))
        keys[symbol] = fresh
        return fresh
    }

    public func publishHeads(_ heads: UnsafeRawBufferPointer) {
        guard isConnected else { return }
        link.socket.output.write(atMost: heads.count + headsBytes.count + 64) { pen in
            pen.literal("*3\r\n$7\r\nPUBLISH\r\n")
            headsBytes.withUnsafeBytes { pen.bytes($0) }
            pen.bulk(heads)
        }
        link.expect(RedisAwaited(kind: .single))
    }

    public func storeDirectory(_ bytes: UnsafeRawBufferPointer, replaces: Bool) {
        guard isConnected else { return }
        link.write(
            [Array((replaces ? "SET" : "APPEND").utf8), names.symbols, Array(bytes)],
            for: RedisAwaited(kind: .single))
    }

    /// Redis answers by itself.
    public func answer(_ question: EngineQuestion, parts: [[UInt8]]) {}

    public func mark(_ number: UInt64) {
        guard isConnected else { return }
        link.write([Array("PING".utf8)], for: RedisAwaited(kind: .mark, number: number))
    }
}

extension Pen {
    /// - Parameters:
    ///   - key: the picture's, and `events` the events', as strings of a command.
    @inline(__always)
    fileprivate mutating func store(
        _ picture: PictureChange, in key: UnsafeRawBufferPointer, events: UnsafeRawBufferPointer
    ) {
        switch picture {
        case .none: break
        case .append(let value):
            literal("*3\r\n$6\r\nAPPEND\r\n")
            bytes(key)
            bulk(value)
        case .replace(let value, let forgetsEvents):
            literal("*3\r\n$3\r\nSET\r\n")
            bytes(key)
            bulk(value)
            guard forgetsEvents else { break }
            literal("*2\r\n$3\r\nDEL\r\n")
            bytes(events)
        }
    }
}

extension RedisPublishing: RedisEnd {
    func willFlush() {}
    func lost() {}

    func heard(channel: UnsafeRawBufferPointer) { isAsked = channel.elementsEqual(names.ask) }

    func heard(_ payload: UnsafeRawBufferPointer, _ tell: (EngineEvent) -> Void) {
        guard isAsked else { return }
        let symbol = SubjectToken.symbol(payload)
        // What is no symbol is nobody's question.
        guard payload.isEmpty || symbol != nil else { return }
        tell(.asked(EngineQuestion(symbol: symbol, inbox: [])))
    }

    /// A connection on which something is refused still publishes the rest.
    func refused(_ awaited: RedisAwaited, _ refusal: RedisRefusal) -> RedisRefusal.Verdict { .told }

    func took(_ token: RespToken, of awaited: RedisAwaited, _ tell: (EngineEvent) -> Void) -> Bool {
        switch (awaited.kind, token) {
        case (.transaction, .list(let count)): return count == Int(awaited.elements)
        case (.transaction, .integer), (.transaction, .bulk), (.transaction, .line): return true
        case (.single, .integer), (.single, .line), (.single, .bulk), (.mark, .line): return true
        case (.lease, .integer(let answer)):
            isOwn = answer == 1
            return true
        default: return false
        }
    }

    func finished(_ awaited: RedisAwaited, isRefused: Bool, _ tell: (EngineEvent) -> Void) {
        switch awaited.kind {
        case .mark: tell(.passed(awaited.number))
        case .lease: tell(.lease(isOwn: isOwn && !isRefused))
        default: break
        }
    }
}
