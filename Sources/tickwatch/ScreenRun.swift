// The screen: stream, keys, signals and the clock in, frames out.
//
// Invariants
//   - The terminal is given back before anything is said about an end.
//   - Frames wait for the terminal, the stream never does.
import Basics
import CLinux
import Dialects
import Watch

final class ScreenRun {
    private let setup: Setup
    private let signals: Signals
    private let kind: TerminalKind
    private let stream: Stream
    private let admin: AdminReader
    private var model: Model
    private var terminal: TerminalMode
    /// Where keys come from; not standard input where that has the symbols.
    private let keyboard: Int32
    private var output: TerminalOutput
    private var keys = KeyReader()
    private var frames = FrameClock()
    private var config: FileWatch
    private var nextTick = Instant.zero
    private var ending: (status: ExitStatus, words: String?)?
    private let glyphs: Glyphs
    private var isEndTold = false
    /// When `--for` is over.
    private let deadline: Instant
    /// Until then the socket is left alone: a busy stream would wake us thousands of times for thirty frames.
    private var restEnd = Instant.zero
    private static let rest = Nanoseconds.milliseconds(5)

    init(_ setup: Setup, _ signals: Signals, _ kind: TerminalKind) throws {
        self.setup = setup
        self.signals = signals
        var kind = kind
        if let depth = setup.options.colours { kind.depth = depth }
        self.kind = kind
        glyphs = kind.isUTF8 && !setup.options.isASCII ? .unicode : .ascii
        model = Model(symbols: setup.symbols, settings: setup.settings, bookDepth: setup.options.depth)
        stream = try Stream(setup)
        deadline = setup.options.span.map { Moment.read().instant + $0 } ?? .never
        admin = try AdminReader(setup.options.admin, trust: setup.link?.trust)
        keyboard = Console.isTerminal(Console.input) ? Console.input : tf_open_to_read("/dev/tty")
        terminal = TerminalMode(input: keyboard, output: Console.output)
        output = TerminalOutput(ScreenRun.theme(setup.settings, kind))
        config = FileWatch(setup.configPath.flatMap(FileStamp.of), now: Moment.read().instant)
    }

    private static func theme(_ settings: Settings, _ kind: TerminalKind) -> Theme {
        kind.theme(settings.palette, background: settings.background, isUpRed: settings.isUpRed)
    }

    func run() throws -> ExitStatus {
        try terminal.enter()
        defer { terminal.leave() }
        start()
        while ending == nil { try step() }
        stream.stop()
        terminal.leave()
        if let words = ending?.words { Tickwatch.complain(words) }
        return ending?.status ?? .done
    }

    private func start() {
        let now = Moment.read()
        resize(now)
        if let page = setup.options.screen { model.show(page) }
        if let fault = setup.faults.first { tell(.note(fault, isFault: true), now) }
        if stream.isRecorded { model.beginReplay() }
        stream.set(model.wanted)
    }

    // MARK: The loop

    private func step() throws {
        var poller = Poller()
        let signal = poller.add(signals.descriptor), typed = poller.add(terminal.isEntered ? keyboard : -1)
        let isResting = Moment.read().instant < restEnd
        let socket = poller.add(isResting ? -1 : stream.descriptor, writes: stream.wantsWrite)
        let page = poller.add(admin.descriptor, writes: admin.wantsWrite)
        let screen = poller.add(output.isBusy ? Console.output : -1, reads: false, writes: true)
        poller.wait(until: isResting ? min(next, restEnd) : next)
        let now = Moment.read()
        if poller.isReadable(signal) { for number in signals.read() { take(number, now) } }
        if poller.isReadable(typed) { readKeys(now) }
        for key in keys.flush(now.instant) { tell(.key(key), now) }
        if try stream.attend(poller, socket, now, { take($0, $1) }) { restEnd = now.instant + ScreenRun.rest }
        if let words = stream.takeComplaint() { tell(.note(words, isFault: true), now) }
        if stream.hasEnded, !isEndTold {
            isEndTold = true
            tell(.note("the recording has ended", isFault: false), now)
        }
        let answer = admin.pump(
            readable: poller.isReadable(page), writable: poller.isWritable(page), now.instant)
        if let answer { tell(.server(answer), now) }
        if poller.isWritable(screen) { flush() }
        if now.instant >= nextTick { tick(now) }
        if now.instant >= deadline { end(.done) }
        checkLink()
        paint(now)
    }

    private var next: Instant {
        var next = min(nextTick, stream.next, admin.next, keys.due ?? .never, deadline)
        if let due = frames.due, terminal.isEntered, !output.isBusy { next = min(next, due) }
        return next
    }

    private func tick(_ now: Moment) {
        nextTick = now.instant + model.tickInterval(now.instant)
        // A shell says nothing to a job that it brings from running in the background to the front.
        if !terminal.isEntered { resume(now) }
        tell(.tick, now)
        if let path = setup.configPath, config.isDue(now.instant),
            config.hasChanged(FileStamp.of(path), now: now.instant)
        {
            reload(path, now)
        }
    }

    private func tell(_ event: Event, _ now: Moment) {
        frames.change()
        for effect in model.update(event, at: now) { obey(effect, now) }
    }

    private func take(_ event: LinkEvent, _ now: Moment) {
        switch event {
        case .state(let state): tell(.link(state), now)
        case .message(let message):
            tell(.message(message), now)
            if case .error(_, "unauthenticated", let reason) = message {
                end(.refused, "\(setup.place) refused: \(reason); see --token-file")
            }
            if model.areAllRefused { end(.noSymbol, model.refusals) }
        case .unreadable: tell(.unreadable, now)
        case .roundTrip(let span): tell(.roundTrip(span), now)
        case .clockOffset(let offset): tell(.clockOffset(offset), now)
        case .raw, .asked: break
        }
    }

    private func end(_ status: ExitStatus, _ words: String? = nil) { ending = ending ?? (status, words) }

    // MARK: Effects

    private func obey(_ effect: Effect, _ now: Moment) {
        switch effect {
        case .subscribe: stream.set(model.wanted)
        case .reconnect: stream.reconnect(now)
        case .ring: output.ring()
        case .repaint: output.repaint()
        case .askServer: if let view = admin.ask(now.instant) { tell(.server(view), now) }
        case .writeSettings: writeSettings(now)
        case .suspend: suspend(now)
        case .quit: end(.done)
        }
    }

    private func writeSettings(_ now: Moment) {
        guard let path = setup.configPath else {
            return tell(
                .note("there is no configuration to write: --no-config, or no HOME", isFault: true), now)
        }
        do {
            let old = String(decoding: try UserFiles.read(path) ?? [], as: UTF8.self)
            guard let text = Configuration.written(model.settingsToWrite, over: old) else {
                return tell(.note("\(path): too large to be written", isFault: true), now)
            }
            try UserFiles.write(text, to: path)
            config.wrote(FileStamp.of(path))
            tell(.note("\(path) written", isFault: false), now)
        } catch {
            tell(.note("\(path): \(error.reason)", isFault: true), now)
        }
    }

    private func reload(_ path: String, _ now: Moment) {
        do {
            let configuration = try Setup.configuration(path, isNamed: false)
            let faults = configuration.faults.map { "\(path), \($0)" }
            tell(.settings(setup.options.applied(to: configuration.settings), faults: faults), now)
            output.theme = ScreenRun.theme(model.settings, kind)
        } catch {
            tell(.note("\(error)", isFault: true), now)
        }
    }

    // MARK: Terminal

    private func readKeys(_ now: Moment) {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let count = read(keyboard, &bytes, bytes.count)
        if count > 0 {
            for key in keys.take(bytes[..<count], now.instant) { tell(.key(key), now) }
        } else if count == 0 || (tf_errno() != EAGAIN && tf_errno() != EINTR) {
            // The terminal has gone away.
            end(.done)
        }
    }

    private func take(_ signal: Int32, _ now: Moment) {
        switch signal {
        case SIGWINCH: resize(now)
        case SIGTSTP: suspend(now)
        case SIGCONT: if !terminal.isEntered { resume(now) }
        default: end(.done)
        }
    }

    private func resize(_ now: Moment) {
        let size = terminal.size
        tell(.resized(columns: size.columns, rows: size.rows), now)
        output.repaint()
    }

    private func suspend(_ now: Moment) {
        if terminal.suspend() { restart(.read()) }
    }

    /// In the background before, and now perhaps not; or there is no terminal to come back to.
    private func resume(_ now: Moment) {
        do throws(SystemError) {
            try terminal.enter()
            restart(now)
        } catch {
            if error.code != EBUSY { end(.done) }
        }
    }

    private func restart(_ now: Moment) {
        output.reset()
        resize(now)
    }

    private func paint(_ now: Moment) {
        guard ending == nil, terminal.isEntered, !output.isBusy, frames.take(now.instant) else { return }
        var canvas = ScreenView.render(model, glyphs: glyphs, at: now)
        if !glyphs.isUTF8 { canvas.keepASCII() }
        _ = output.offer(canvas)
        flush()
        _ = model.update(.painted, at: .read())
    }

    private func flush() {
        guard output.isBusy else { return }
        let count = write(Console.output, output.unsent.baseAddress, output.unsent.count)
        if count > 0 {
            output.wrote(count)
        } else if count < 0, tf_errno() != EAGAIN, tf_errno() != EINTR {
            end(.done)
        }
    }

    // MARK: The connection

    private func checkLink() {
        guard let failure = stream.failure else { return }
        let (status, words) = failure.told(setup.place)
        end(status, words)
    }
}
