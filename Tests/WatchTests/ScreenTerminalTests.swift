// A terminal that is given back as it was.
import Basics
import Glibc
import TestSupport
import Testing

@testable import Watch

/// A terminal with two ends: one is ours, at the other sits the test.
private struct PseudoTerminal: ~Copyable {
    let near: Int32, far: Int32

    static func open() throws -> PseudoTerminal {
        // TIOCSPTLCK and TIOCGPTN of asm-generic/ioctls.h: Glibc's module has no names for these.
        let far = Glibc.open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        var lock: Int32 = 0, number: Int32 = 0
        try #require(far >= 0 && ioctl(far, 0x4004_5431, &lock) == 0 && ioctl(far, 0x8004_5430, &number) == 0)
        let near = Glibc.open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(near >= 0)
        return PseudoTerminal(near: near, far: far)
    }
    deinit {
        close(near)
        close(far)
    }

    /// What was written to the screen since the last call.
    func written() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 4_096), written: [UInt8] = []
        while case let count = read(far, &bytes, bytes.count), count > 0 { written += bytes.prefix(count) }
        return written
    }

    /// All that a shell would find changed.
    func settings() -> [UInt32] {
        var mode = termios()
        tcgetattr(near, &mode)
        let keys = withUnsafeBytes(of: mode.c_cc) { $0.map { UInt32($0) } }
        return [mode.c_iflag, mode.c_oflag, mode.c_cflag, mode.c_lflag, UInt32(fcntl(near, F_GETFL))] + keys
    }
}

nonisolated(unsafe) private var signalsSeen = 0

/// One after another: a process has one terminal.
@Suite(.serialized) struct TerminalModes {
    @Test("a terminal is entered, and left exactly as it was, once")
    func enterAndLeave() throws {
        let terminal = try PseudoTerminal.open()
        var emulator = Emulator(columns: 80, rows: 24, modes: [7, 25])
        let before = terminal.settings()
        var mode = TerminalMode(input: terminal.near, output: terminal.near)
        #expect(terminal.settings() == before && terminal.written().isEmpty)
        try mode.enter()
        let flags = terminal.settings()[3], status = Int32(terminal.settings()[4])
        #expect(flags & UInt32(ICANON | ECHO) == 0 && flags & UInt32(ISIG) != 0)
        #expect(status & O_NONBLOCK != 0)
        emulator.feed(terminal.written())
        #expect(emulator.modes == [1049, 2004, 1004])
        // In the middle of a frame, and of a look.
        emulator.feed("\u{1B}[?2026h\u{1B}[0;1;38;5;78mAAPL".utf8)
        mode.leave()
        emulator.feed(terminal.written())
        #expect(terminal.settings() == before)
        #expect(emulator.modes == [7, 25] && emulator.look == .plain)
        mode.leave()
        TerminalMode.giveBack()
        #expect(terminal.written().isEmpty)
    }

    @Test("it is left where its owner goes, and can be entered again")
    func ends() throws {
        let terminal = try PseudoTerminal.open()
        let before = terminal.settings()
        for _ in 0..<2 {
            var mode = TerminalMode(input: terminal.near, output: terminal.near)
            try mode.enter()
            #expect(terminal.settings() != before)
            _ = consume mode
            #expect(terminal.settings() == before)
        }
    }

    @Test("a signal that ends the process finds the terminal as it was, and then does what it always does")
    func crash() throws {
        let terminal = try PseudoTerminal.open()
        let before = terminal.settings()
        var emulator = Emulator(columns: 80, rows: 24, modes: [7, 25])
        // Stands for the default action, which would end the tests.
        let old = signal(SIGSYS) { _ in signalsSeen += 1 }
        defer { signal(SIGSYS, old) }
        var mode = TerminalMode(input: terminal.near, output: terminal.near)
        try mode.enter()
        raise(SIGSYS)
        #expect(signalsSeen == 1)
        #expect(terminal.settings() == before)
        emulator.feed(terminal.written())
        #expect(emulator.modes == [7, 25])
        mode.leave()
        #expect(terminal.written().isEmpty)
    }

    @Test("what is no terminal is not entered, and has a size all the same")
    func noTerminal() throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        var mode = TerminalMode(input: ends[0], output: ends[1])
        #expect(throws: SystemError.self) { try mode.enter() }
        #expect(mode.size == (80, 24) && !mode.isEntered)
    }

    @Test(
        "a size is what the terminal says; one that was never set is the usual one",
        arguments: [((10, 1), (10, 1)), ((0, 24), (0, 24)), ((0, 0), (80, 24))])
    func sizes(said: (Int, Int), taken: (Int, Int)) throws {
        let (columns, rows) = said
        let terminal = try PseudoTerminal.open()
        var window = winsize()
        (window.ws_col, window.ws_row) = (UInt16(columns), UInt16(rows))
        try #require(ioctl(terminal.near, UInt(TIOCSWINSZ), &window) == 0)
        let mode = TerminalMode(input: terminal.near, output: terminal.near)
        #expect(mode.size == taken)
    }
}
