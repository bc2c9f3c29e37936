// The connection that comes back: one client after another, with the subscriptions that are wanted.
//
//     connecting ─ welcome ─ live ─ break ─ broken ─ pause ─ connecting
//
// Invariants
//   - Nothing is subscribed to before `welcome` has said which epoch it is: a cursor of another one is
//     worth nothing.
//   - A connection that brought a heartbeat counts as a success: the next pause is short again.
//   - A server that says when to come back is believed, up to a minute. One that would not have us is
//     left alone for half a minute.
//   - Where three heartbeats were due and nothing was heard, the connection is broken, whatever the
//     socket says.
//   - No clock and no waiting in here but for a name's look-up; the owner polls, and calls `tick` when
//     `next` has come.
import Basics
import Dialects
import Wire

public final class Link {
    public let options: LinkOptions
    public private(set) var state = LinkState.connecting
    /// True from the first welcome on.
    public private(set) var wasEverLive = false
    /// A server answered, and would not have us, or was not who it should be.
    public private(set) var wasRefused = false
    /// The server wants a token, or another one than it was given.
    public private(set) var isUnauthorized = false
    public private(set) var bytesReceived: UInt64 = 0
    public private(set) var messagesReceived: UInt64 = 0
    /// Messages that broke the protocol.
    public private(set) var unreadable: UInt64 = 0
    /// How often it was live.
    public private(set) var connections: UInt64 = 0

    private var wanted: [ClientMessage.Subscribe] = []
    private var wishes = Wishes()
    /// What the connection was told to subscribe to; nil: nothing yet.
    private var told: Wishes?
    private var client: LinkClient?
    /// An answer instead of a stream of events, so far.
    private var refusal: Refusal?
    /// What a `goodbye` gave as its reason.
    private var farewell: String?
    private let room = ReceiveBuffer()
    private var decoder = LinkDecoder()
    private var pings = PingClock()
    private var backoff: Backoff
    private var generator: SeededGenerator
    private var requestNumber: Int64 = 0

    /// Where to go on, by the newest that was said.
    private var cursor: Cursor?
    /// Heartbeats of this connection: one is enough to be believed.
    private var heartbeats = 0
    private var heartbeat = Link.heartbeatStandard
    private var began = Instant.zero
    private var heard = Instant.zero
    private var pinged = Instant.zero
    private var token: String?
    private var tokenExpires = false
    /// What the server said about coming back, by `goodbye` or `Retry-After`.
    private var askedPause = Nanoseconds.zero
    /// Found while events were told; acted upon behind them.
    private var ending: Ending?

    private struct Ending {
        var reason: String
        /// Comes back at once.
        var isPrompt = false
    }

    private static let heartbeatStandard = Nanoseconds.seconds(1)
    private static let pingInterval = Nanoseconds.seconds(1)
    private static let askedPauseMax = Nanoseconds.seconds(60)
    private static let refusedPause = Nanoseconds.seconds(30)
    private static let connectTime = Nanoseconds.seconds(10)

    public init(_ options: LinkOptions) {
        self.options = options
        backoff = Backoff(seed: options.seed)
        generator = SeededGenerator(seed: options.seed &+ 1)
    }

    // MARK: What its owner does

    /// What to poll; -1 between two tries.
    public var descriptor: Int32 { client?.descriptor ?? -1 }
    public var wantsWrite: Bool { client?.wantsWrite ?? false }

    /// When `tick` has something to do.
    public var next: Instant {
        if isOutdated { return .zero }
        return switch state {
        case .broken(_, let retry): retry
        case .connecting: client == nil ? .zero : began + Link.connectTime
        case .live: min(pinged + Link.pingInterval, heard + heartbeat * 3)
        }
    }

    /// Says what is wanted: all of it, every time. What differs goes to the server, on a stream of events
    /// with the next `tick`, as another connection.
    public func set(_ wanted: [ClientMessage.Subscribe]) {
        self.wanted = wanted
        wishes = Wishes(wanted)
        if options.transport == .webSocket, state == .live { tell() }
    }

    /// The stream of events is about something else than what is wanted now.
    private var isOutdated: Bool { options.transport == .events && told != nil && told != wishes }

    /// Lets go of the connection; the next `tick` makes another, which goes on where this one was.
    public func reconnect(_ now: Moment) {
        drop()
        backoff.reset()
        state = .broken(reason: "asked to connect anew", retry: now.instant)
    }

    /// Connects when it is time, asks how far the server is, and finds out where it is gone.
    public func tick(_ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        if isOutdated {
            drop()
            state = .connecting
        }
        switch state {
        case .broken(_, let retry) where now.instant >= retry:
            become(.connecting, onEvent)
            open(now, onEvent)
        case .broken: break
        case .connecting where client == nil:
            onEvent(.state(.connecting))
            open(now, onEvent)
        case .connecting:
            if now.instant - began >= Link.connectTime {
                fail(.init(reason: "no answer for 10 s"), now, onEvent)
            }
        case .live: attend(now, onEvent)
        }
    }

    /// Moves bytes and hands out what came.
    public func pump(
        readable: Bool, writable: Bool, _ now: Moment, _ onEvent: (LinkEvent) -> Void
    ) {
        guard let client else { return }
        do throws(ClientError) {
            switch client {
            case .stream(let stream):
                try stream.pump(readable: readable, writable: writable) { event in
                    // The owner may have let go of it meanwhile.
                    if self.client === client { take(event, now, onEvent) }
                }
            case .events(let page):
                try page.pump(readable: readable, writable: writable) { event in
                    if self.client === client { take(event, now, onEvent) }
                }
            }
        } catch {
            refuse(error)
        }
        if let ending, self.client === client { fail(ending, now, onEvent) }
        ending = nil
    }

    /// Says goodbye, as far as the socket takes it.
    public func stop() {
        if case .stream(let client) = client { client.close(code: CloseCode.normal) }
        drop()
    }

    // MARK: Connecting

    private func open(_ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        began = now.instant
        heard = now.instant
        token = options.token?.token
        do throws(ClientError) {
            guard let client = makeClient() else { return idle(now, onEvent) }
            self.client = client
            told = options.transport == .events ? wishes : nil
            try client.connect()
        } catch {
            refuse(error)
        }
        if let ending { fail(ending, now, onEvent) }
        ending = nil
    }

    private func makeClient() -> LinkClient? {
        let headers = TokenSource.headers(token)
        guard options.transport == .events else {
            return .stream(
                WebSocketClient(
                    url: options.address.stream, protocols: [options.encoding.subprotocol], headers: headers,
                    random: SeededGenerator(seed: generator.next()), room: room, trust: options.trust))
        }
        guard let query = EventsQuery(wanted).text else { return nil }
        let place = cursor.map { [("Last-Event-ID", $0.text)] } ?? []
        return .events(
            HTTPClient(
                url: options.address.events(query),
                headers: [("Accept", "text/event-stream")] + place + headers, room: room,
                trust: options.trust))
    }

    /// What is wanted cannot be had over this transport: until something else is wanted.
    private func idle(_ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        told = wishes
        become(.broken(reason: EventsQuery(wanted).problem, retry: .never), onEvent)
    }

    private func refuse(_ error: ClientError) {
        ending = Ending(reason: error.description)
        switch error {
        case .refused(let status, _, _, let wait):
            wasRefused = true
            isUnauthorized = status == 401 || status == 403
            askedPause = wait.map { .seconds($0) } ?? (isUnauthorized ? Link.refusedPause : .zero)
        case .insecure: wasRefused = true
        default: break
        }
    }

    private func fail(_ ending: Ending, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        // A connection that had brought nothing is no reason to hurry.
        let isPrompt = ending.isPrompt && heartbeats > 0
        let asked = min(max(askedPause, decoder.retry ?? .zero), Link.askedPauseMax)
        let pause = isPrompt ? .zero : max(asked, backoff.next())
        drop()
        become(.broken(reason: ending.reason, retry: now.instant + pause), onEvent)
    }

    private func drop() {
        client?.abandon()
        client = nil
        told = nil
        refusal = nil
        farewell = nil
        askedPause = .zero
        tokenExpires = false
        heartbeats = 0
        heartbeat = Link.heartbeatStandard
        decoder.begin()
        pings.begin()
        ending = nil
    }

    private func become(_ state: LinkState, _ onEvent: (LinkEvent) -> Void) {
        self.state = state
        onEvent(.state(state))
    }

    // MARK: Listening

    private func take(_ event: ClientEvent, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        switch event {
        case .opened: break
        case .text(let bytes): take(.text, bytes, now, onEvent)
        case .binary(let bytes): take(.binary, bytes, now, onEvent)
        case .closed(let code, let reason): closed(code, reason)
        }
    }

    private func take(_ event: HTTPClientEvent, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        switch event {
        case .head(let head): refusal = Refusal(head)
        case .body(let bytes):
            guard refusal == nil else {
                refusal?.body += bytes.prefix(Refusal.bytesMax)
                if refusal?.body.count ?? 0 >= Refusal.bytesMax { ended() }
                return
            }
            take(.events, bytes, now, onEvent)
            if let place = Cursor(decoder.lastEventID) { cursor = place }
            if decoder.isBroken { ending = Ending(reason: "the server's stream of events cannot be read") }
        case .ended: ended()
        }
    }

    /// An answer over HTTP is over: the stream, or what stood in its place.
    private func ended() {
        if let refusal {
            refuse(refusal.error)
            return
        }
        let codes = [
            "drain": CloseCode.serviceRestart, "stalled": CloseCode.tooSlow, "too_slow": CloseCode.tooSlow,
            "token_expired": CloseCode.tokenExpired,
            "entitlement_withdrawn": CloseCode.entitlementWithdrawn,
        ]
        closed(farewell.flatMap { codes[$0] }, farewell ?? "")
    }

    private func take(
        _ kind: RawKind, _ bytes: UnsafeRawBufferPointer, _ now: Moment, _ onEvent: (LinkEvent) -> Void
    ) {
        heard = now.instant
        bytesReceived += UInt64(bytes.count)
        onEvent(.raw(kind, bytes))
        decoder.take(kind, bytes) { event in
            switch event {
            case .message(let message): take(message, now, onEvent)
            case .unreadable: unreadable += 1
            default: break
            }
            onEvent(event)
        }
    }

    /// Before the owner sees it, so that what it reads of the link is true.
    private func take(_ message: ServerMessage, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        messagesReceived += 1
        switch message {
        case .welcome(let welcome): begin(welcome, now, onEvent)
        case .heartbeat(let beat):
            heartbeats += 1
            backoff.reset()
            wasRefused = false
            isUnauthorized = false
            if let resume = beat.resume { cursor = resume }
        case .ack(let ack): if let resume = ack.resume { cursor = resume }
        // Its cursors come with the next heartbeat.
        case .epoch: cursor = nil
        case .pong(let id, let time): pings.pong(id, time, now, onEvent)
        case .goodbye(let code, let pause):
            farewell = code
            askedPause = pause ?? askedPause
        case .expiring: tokenExpires = true
        case .error(_, "unauthenticated", let reason): unauthenticated(reason)
        default: break
        }
    }

    private func begin(_ welcome: WelcomeMessage, _ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        guard state != .live else { return }
        if let known = cursor, known.epochText != welcome.epoch { cursor = nil }
        heartbeat = min(max(welcome.heartbeat, .milliseconds(100)), .seconds(60))
        wasEverLive = true
        connections += 1
        become(.live, onEvent)
        if options.transport == .webSocket { tell() }
        pinged = now.instant
        ping(now)
    }

    private func unauthenticated(_ reason: String) {
        wasRefused = true
        isUnauthorized = true
        askedPause = Link.refusedPause
        ending = Ending(reason: reason)
    }

    private func closed(_ code: UInt16?, _ reason: String) {
        let number = code.map { " (\($0))" } ?? ""
        var ending = Ending(reason: "closed by the server\(number)" + (reason.isEmpty ? "" : ": \(reason)"))
        switch code {
        case CloseCode.tokenExpired, CloseCode.entitlementWithdrawn:
            wasRefused = true
            isUnauthorized = true
            // A renewed token may be there already; without one it is not worth the trouble.
            if options.token?.token == token { askedPause = Link.refusedPause }
        case CloseCode.tooSlow: ending.isPrompt = true
        case CloseCode.policyViolation, CloseCode.tooManyOperations: askedPause = .seconds(5)
        default: break
        }
        self.ending = self.ending ?? ending
    }

    // MARK: Talking

    /// Brings the connection's subscriptions to what is wanted.
    private func tell() {
        let requests = told.map { wishes.requests(since: $0) } ?? wishes.requests(resume: cursor)
        for request in requests { send(request) }
        told = wishes
    }

    private func send(_ operation: ClientMessage.Operation) {
        requestNumber += 1
        client?.send(ClientMessage(id: .number(requestNumber), operation).json)
    }

    private func ping(_ now: Moment) {
        guard options.transport == .webSocket, let message = pings.ping(now) else { return }
        client?.send(message.json)
    }

    private func attend(_ now: Moment, _ onEvent: (LinkEvent) -> Void) {
        if now.instant - heard >= heartbeat * 3 {
            let seconds = (heartbeat * 3).milliseconds
            let text = seconds % 1_000 == 0 ? "\(seconds / 1_000) s" : "\(seconds) ms"
            return fail(Ending(reason: "nothing heard for \(text)"), now, onEvent)
        }
        guard now.instant - pinged >= Link.pingInterval else { return }
        pinged = now.instant
        ping(now)
        renewToken()
    }

    /// Whoever renews the token's file in time is not interrupted.
    private func renewToken() {
        guard tokenExpires, let newest = options.token?.token, newest != token else { return }
        token = newest
        tokenExpires = false
        send(.auth(token: newest))
    }
}
