// The program's loop: sleeps in poll until the server, the keyboard, a signal or the clock speaks.
import Basics
import CLinux
import Dialects
import Watch
import Wire

final class Watcher {
    private let text: String
    private let link: Link
    private var list: Watchlist
    private var terminal: Terminal?
    private let signals: Int32
    private var status: Tickwatch.Status?
    private var nextPaint = Instant.zero
    /// Something is known that the screen does not show yet.
    private var hasNews = false
    private var painted: [String] = []
    /// Thirty pages a second are more than an eye wants.
    private static let paintInterval = Nanoseconds.milliseconds(33)

    init(
        _ url: WebSocketURL, _ text: String, symbols: [String], rate: Rate, trust: TLSTrust? = nil,
        token: TokenSource? = nil
    ) {
        self.text = text
        let list = Watchlist(symbols)
        self.list = list
        let requests = [Channel.stats, .quote, .status].enumerated().map { number, channel in
            ClientMessage(
                id: .number(Int64(number + 1)),
                .subscribe(.init(channel: channel, symbols: list.symbols, rate: rate)))
        }
        link = Link(
            url, requests: requests, seed: UInt64(bitPattern: Moment.read().wall.raw), trust: trust,
            token: token)
        signals = Watcher.blockSignals()
    }

    /// Signals come through a descriptor, so that the terminal is always given back in order.
    private static func blockSignals() -> Int32 {
        tf_ignore_broken_pipes()
        var set = sigset_t()
        sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP, SIGWINCH] { sigaddset(&set, number) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
        return signalfd(-1, &set, TF_SFD_FLAGS)
    }

    func run() -> Tickwatch.Status {
        link.start(Moment.read().instant)
        while status == nil {
            step()
        }
        link.stop()
        terminal?.restore()
        return status ?? .done
    }

    private func step() {
        let ready = wait()
        let now = Moment.read().instant
        if ready.signal { readSignals() }
        if ready.keyboard { readKeys() }
        if ready.readable || ready.writable {
            link.pump(readable: ready.readable, writable: ready.writable, now) { received($0, now) }
        }
        checkLink(now)
        link.tick(now)
        paint(now)
    }

    private func wait() -> (readable: Bool, writable: Bool, keyboard: Bool, signal: Bool) {
        var polled = [
            pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
            pollfd(fd: terminal == nil ? -1 : STDIN_FILENO, events: Int16(POLLIN), revents: 0),
            pollfd(
                fd: link.descriptor, events: Int16(POLLIN) | (link.wantsWrite ? Int16(POLLOUT) : 0),
                revents: 0),
        ]
        poll(&polled, nfds_t(polled.count), timeout())
        let socket = polled[2].revents
        let hangup = Int16(POLLHUP) | Int16(POLLERR)
        return (
            socket & (Int16(POLLIN) | hangup) != 0, socket & (Int16(POLLOUT) | hangup) != 0,
            polled[1].revents != 0, polled[0].revents != 0
        )
    }

    /// Milliseconds until something is to be done without being asked.
    private func timeout() -> Int32 {
        let now = Moment.read().instant
        var next = link.nextTry ?? .never
        // Ages on the screen grow by themselves.
        if terminal != nil { next = min(next, hasNews ? nextPaint : now + .milliseconds(100)) }
        return next == .never ? -1 : Int32(clamping: max(0, (next - now).raw + 999_999) / 1_000_000)
    }

    private func readSignals() {
        var info = signalfd_siginfo()
        while read(signals, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
            if info.ssi_signo == UInt32(SIGWINCH) {
                painted = []
                nextPaint = .zero
            } else {
                status = terminal == nil ? .interrupted : .done
            }
        }
    }

    private func readKeys() {
        guard let terminal else { return }
        guard let keys = terminal.keys() else {
            status = .done
            return
        }
        if keys.contains(UInt8(ascii: "q")) || keys.contains(3) { status = .done }
    }

    private func received(_ message: ServerMessage, _ now: Instant) {
        if case .welcome = message { list.reconnected() }
        let changed = list.apply(message, now: now)
        hasNews = true
        // All requests name the same symbols: the first answer says it for the others.
        if case .ack(let ack) = message, ack.id == .number(1), !ack.refused.isEmpty { report(ack.refused) }
        if case .error(_, "unauthenticated", let reason) = message, status == nil {
            status = .refused
            restoreForMessage()
            return complain("\(text) refused: \(reason); see --token-file")
        }
        guard terminal == nil, !Terminal.isInteractive, let changed else { return }
        // Nobody reads any more (`| head -3`): that is the end, not an error.
        if !Console.write(Pipe.line(list.rows[changed])) { status = .done }
    }

    private func report(_ refused: [ServerMessage.Refusal]) {
        guard list.allRefused || terminal == nil, status == nil else { return }
        if list.allRefused { status = .noSymbol }
        restoreForMessage()
        let names = refused.map { "\($0.symbol) (\($0.code))" }.joined(separator: ", ")
        complain("the server refused \(names); GET /v1/symbols lists what it has")
    }

    private func checkLink(_ now: Instant) {
        let isLost = link.isUnauthorized || !link.wasEverLive
        guard case .broken(let reason, _) = link.state, isLost, status == nil else {
            if link.wasEverLive, terminal == nil, Terminal.isInteractive { terminal = Terminal() }
            return
        }
        guard !link.wasRefused else {
            status = .refused
            restoreForMessage()
            return complain("\(text) refused: \(reason)")
        }
        status = .noServer
        complain("no server at \(text): \(reason). Start one with script/serve, or name another with --url")
    }

    private func restoreForMessage() {
        terminal?.restore()
        if status != nil { terminal = nil }
    }

    private func complain(_ text: String) { Console.write("tickwatch: \(text)\n", to: Console.errors) }

    private func paint(_ now: Instant) {
        guard let terminal, status == nil, now >= nextPaint else { return }
        nextPaint = now + Watcher.paintInterval
        hasNews = false
        let (rows, columns) = terminal.size
        let lines = Screen(url: text).lines(
            list, link.state, unreadable: link.unreadable, now: now, rows: rows, columns: columns)
        // Only lines that changed are sent: a quiet market costs nothing over ssh.
        var output = ""
        for (number, line) in lines.enumerated() where number >= painted.count || painted[number] != line {
            output += "\u{1b}[\(number + 1);1H\u{1b}[2K\(line)"
        }
        painted = lines
        if !output.isEmpty, !Console.write(output) { status = .done }
    }
}
