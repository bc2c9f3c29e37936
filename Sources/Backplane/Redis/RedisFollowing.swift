// A fan-out node's end of Redis: what is pushed by the channels it follows, and what is stored when it asks.
//
//     SUBSCRIBE tickerfeed:ticks:AAPL
//     MULTI  XLEN tickerfeed:events:AAPL  GET tickerfeed:picture:AAPL  XRANGE tickerfeed:events:AAPL - +  EXEC
//
// Invariants
//   - A symbol's picture is asked for behind its subscription, on one connection: what is published later
//     than the picture comes later than the picture.
//   - Value and events are of one moment (MULTI), so that no replacement comes between them; how many events
//     there are is known before the value comes, so that nothing is kept until the last.
//   - With its memory full Redis takes nothing between MULTI and EXEC, not even what only reads. Then the three
//     are asked for one by one: nobody can store anything in between.
//   - At most `fetchesMax` are asked for at a time: Redis keeps replies nobody has read yet, and ends
//     connections for whom it would have to keep more than 32 MB (client-output-buffer-limit pubsub).
import Basics
import Market

public final class RedisFollowing: FollowingEngine {
    static let fetchesMax = 32

    private enum Channel {
        case heads
        case ticks(SymbolName)
        case other
    }

    private let link: RedisLink
    private let names: RedisNames
    private var channel = Channel.other
    /// To be fetched, in their order; before `next` it is done with.
    private var wanted: [SymbolName] = []
    private var next = 0
    /// Asked for, in their order.
    private var asked: [SymbolName] = []
    /// To the first of `asked`, as far as it has come.
    private var reply = RedisPictureReply()
    private var isFull = false

    public init(_ options: EngineOptions) {
        names = RedisNames(options)
        link = RedisLink(options, channel: names.heads)
        link.end = self
    }

    public var description: String { link.description }
    public var descriptor: Int32 { link.socket.descriptor }
    public var wantsWrite: Bool { link.socket.wantsWrite }
    public var isConnected: Bool { link.isOpen }
    public var pendingBytes: Int { link.socket.pendingBytes }
    public var traffic: EngineTraffic { link.traffic }

    public func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant { link.turn(now, tell) }
    public func close() { link.close() }

    public func follow(_ symbols: [SymbolName]) { subscribe("SUBSCRIBE", symbols) }
    public func unfollow(_ symbols: [SymbolName]) { subscribe("UNSUBSCRIBE", symbols) }

    private func subscribe(_ command: String, _ symbols: [SymbolName]) {
        guard isConnected, !symbols.isEmpty else { return }
        // What confirms them is pushed, and no reply.
        link.write([Array(command.utf8)] + symbols.map(names.ticks))
    }

    public func fetch(_ symbol: SymbolName) {
        guard isConnected else { return }
        wanted.append(symbol)
    }

    public func fetchDirectory() {
        guard isConnected else { return }
        link.write([Array("GET".utf8), names.symbols], for: RedisAwaited(kind: .directory))
    }

    public func complain(of symbol: SymbolName?) {
        guard isConnected else { return }
        link.write(
            [Array("PUBLISH".utf8), names.ask, symbol.map(SubjectToken.text) ?? []],
            for: RedisAwaited(kind: .complaint)
        )
    }

    private func ask(for symbol: SymbolName) {
        link.write([Array("MULTI".utf8)])
        for words in questions(symbol) { link.write(words) }
        link.write([Array("EXEC".utf8)], for: RedisAwaited(kind: .picture, lines: 4))
        asked.append(symbol)
    }

    private func askSingly(for symbol: SymbolName) {
        let kinds: [RedisAwaited.Kind] = [.length, .value, .events]
        for (words, kind) in zip(questions(symbol), kinds) {
            link.write(words, for: RedisAwaited(kind: kind))
        }
        asked.append(symbol)
    }

    private func questions(_ symbol: SymbolName) -> [[[UInt8]]] {
        let events = names.events(symbol)
        return [
            [Array("XLEN".utf8), events], [Array("GET".utf8), names.picture(symbol)],
            [Array("XRANGE".utf8), events, [UInt8(ascii: "-")], [UInt8(ascii: "+")]],
        ]
    }
}

extension RedisFollowing: RedisEnd {
    func willFlush() {
        while asked.count < RedisFollowing.fetchesMax, next < wanted.count {
            ask(for: wanted[next])
            next += 1
        }
        guard next == wanted.count, next > 0 else { return }
        wanted.removeAll(keepingCapacity: true)
        next = 0
    }

    func lost() {
        wanted.removeAll()
        asked.removeAll()
        next = 0
        reply = RedisPictureReply()
    }

    func heard(channel bytes: UnsafeRawBufferPointer) {
        if let symbol = names.symbol(bytes) {
            channel = .ticks(symbol)
        } else {
            channel = bytes.elementsEqual(names.heads) ? .heads : .other
        }
    }

    func heard(_ payload: UnsafeRawBufferPointer, _ tell: (EngineEvent) -> Void) {
        switch channel {
        case .heads: tell(.heads(payload))
        case .ticks(let symbol): tell(.ticks(symbol, payload))
        case .other: break
        }
    }

    /// Without what it asks for a node has nothing to offer; without complaints it has.
    func refused(_ awaited: RedisAwaited, _ refusal: RedisRefusal) -> RedisRefusal.Verdict {
        switch awaited.kind {
        case .complaint: return .told
        case .length, .value, .events:
            reply.refuse()
            return .told
        case .picture where refusal.isFull:
            isFull = true
            return .silent
        default: return .ends
        }
    }

    func took(_ token: RespToken, of awaited: RedisAwaited, _ tell: (EngineEvent) -> Void) -> Bool {
        switch awaited.kind {
        case .picture, .length, .value, .events: tookPicture(token, awaited.kind, tell)
        case .directory: tookDirectory(token, tell)
        case .complaint: if case .integer = token { true } else { false }
        default: false
        }
    }

    private func tookDirectory(_ token: RespToken, _ tell: (EngineEvent) -> Void) -> Bool {
        switch token {
        case .bulk(let bytes): tell(.directory(bytes, isLast: true))
        case .null: tell(.noDirectory)
        default: return false
        }
        return true
    }

    private func tookPicture(
        _ token: RespToken, _ kind: RedisAwaited.Kind, _ tell: (EngineEvent) -> Void
    ) -> Bool {
        guard let symbol = asked.first else { return false }
        if kind == .length { reply = RedisPictureReply(isSingle: true) }
        switch reply.next(token) {
        case .nothing: break
        case .value(let isLast), .event(let isLast):
            guard case .bulk(let bytes) = token else { return false }
            tell(.picture(symbol, bytes, isLast: isLast))
        case .wrong: return false
        }
        return true
    }

    func finished(_ awaited: RedisAwaited, isRefused: Bool, _ tell: (EngineEvent) -> Void) {
        guard awaited.kind == .picture || awaited.kind == .events, !asked.isEmpty else { return }
        let symbol = asked.removeFirst(), whole = reply
        reply = RedisPictureReply()
        guard !isFull else {
            isFull = false
            return askSingly(for: symbol)
        }
        if !whole.hasValue {
            tell(.noPicture(symbol))
        } else if !whole.isComplete {
            tell(.picture(symbol, UnsafeRawBufferPointer(start: nil, count: 0), isLast: true))
        }
    }
}
