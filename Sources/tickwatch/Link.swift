// The connection that comes back: one client after another, with pauses that grow and differ.
//
// Invariants
//   - The pause before try n is drawn from 0…min(10 s, 0.25 s · 2^n): all clients of a server that
//     restarts do not return in the same instant.
//   - A connection that lived counts as a success: the next pause is short again.
//   - A server that says when to come back is believed, up to a minute.
import Basics
import Dialects
import Watch
import Wire

struct Backoff {
    private var tries = 0
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> Nanoseconds {
        let ceiling = min(10_000, 250 << min(tries, 6))
        tries += 1
        return .milliseconds(generator.below(ceiling) + 1)
    }
    mutating func reset() { tries = 0 }
}

final class Link {
    private let url: WebSocketURL
    private let requests: [ClientMessage]
    private let trust: TLSTrust?
    private let token: TokenSource?
    private var backoff: Backoff
    private var generator: SeededGenerator
    private var client: WebSocketClient?
    /// What the server said about coming back, by `goodbye` or `Retry-After`.
    private var askedPause = Nanoseconds.zero
    private static let askedPauseMax = Nanoseconds.seconds(60)
    private(set) var state = LinkState.connecting
    /// True from the first message of the server on.
    private(set) var wasEverLive = false
    /// A server answered, and would not have us, or was not who it should be.
    private(set) var wasRefused = false
    /// The server wants a token, or another one than it was given: trying again does not help.
    private(set) var isUnauthorized = false
    /// Messages that broke the protocol: counted and shown, not worth the connection.
    private(set) var unreadable: UInt64 = 0

    /// - Parameters:
    ///   - seed: for pauses and mask keys.
    ///   - trust: whom to believe with `wss`.
    init(
        _ url: WebSocketURL, requests: [ClientMessage], seed: UInt64, trust: TLSTrust? = nil,
        token: TokenSource? = nil
    ) {
        self.trust = trust
        self.token = token
        self.url = url
        self.requests = requests
        backoff = Backoff(seed: seed)
        generator = SeededGenerator(seed: seed &+ 1)
    }

    /// What to poll: nothing between two tries.
    var descriptor: Int32 { client?.descriptor ?? -1 }
    var wantsWrite: Bool { client?.wantsWrite ?? false }

    /// When `tick` has something to do.
    var nextTry: Instant? {
        if case .broken(_, let retry) = state { retry } else { nil }
    }

    func start(_ now: Instant) {
        let client = WebSocketClient(
            url: url, protocols: ["tickerfeed.v1.json"], headers: token?.headers ?? [],
            random: SeededGenerator(seed: generator.next()),
            trust: trust)
        self.client = client
        do throws(ClientError) {
            try client.connect()
        } catch {
            fail(error.description, now)
        }
    }

    /// Tries again when it is time.
    func tick(_ now: Instant) {
        guard let retry = nextTry, now >= retry else { return }
        state = .connecting
        start(now)
    }

    /// Moves bytes and hands out whole messages.
    func pump(readable: Bool, writable: Bool, _ now: Instant, _ onMessage: (ServerMessage) -> Void) {
        guard let client else { return }
        var ended: String?
        do throws(ClientError) {
            try client.pump(readable: readable, writable: writable) { event in
                switch event {
                case .opened: subscribe(client)
                case .text(let bytes): received(bytes, onMessage)
                case .binary: break
                case .closed(let code, let reason):
                    ended =
                        "closed by the server" + (code.map { " (\($0))" } ?? "")
                        + (reason.isEmpty ? "" : ": \(reason)")
                }
            }
        } catch {
            ended = error.description
            switch error {
            case .refused(let status, _, _, let wait):
                wasRefused = true
                askedPause = .seconds(wait ?? 0)
                isUnauthorized = status == 401
            case .insecure: wasRefused = true
            default: break
            }
        }
        if let ended { fail(ended, now) }
    }

    private func subscribe(_ client: WebSocketClient) {
        state = .live
        wasEverLive = true
        backoff.reset()
        for request in requests { client.send(text: request.json) }
    }

    private func received(_ bytes: UnsafeRawBufferPointer, _ onMessage: (ServerMessage) -> Void) {
        do throws(ServerMessageError) {
            let message = try ServerMessage(json: bytes)
            if case .goodbye(_, let pause?) = message { askedPause = pause }
            onMessage(message)
        } catch {
            unreadable += 1
        }
    }

    private func fail(_ reason: String, _ now: Instant) {
        client = nil
        let asked = min(max(askedPause, .zero), Link.askedPauseMax)
        askedPause = .zero
        state = .broken(reason: reason, retry: now + max(asked, backoff.next()))
    }

    func stop() { client?.close(code: 1000) }
}
