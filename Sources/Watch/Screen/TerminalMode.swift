// The terminal taken over, and given back after every kind of end.
//
//     enter    keys unechoed · no blocking · the other screen · no cursor · no wrap · pastes · focus
//     leave    exactly the reverse; what was open, a look or a frame, is closed first
//
// Invariants
//   - Given back once: by `leave`, by the end of this value, or by a crash, whichever is first.
//   - Nothing of the shell's stays changed: its line discipline, its flags (a descriptor is shared with
//     it, and must not stay without blocking), its handlers.
//   - In the background the terminal is somebody else's: it is not entered.
//
// All C of terminal.h is called from this file, and no call is inlined elsewhere: it has state.
import Basics
import CLinux

/// One a process: the handlers of crashes know one terminal.
public struct TerminalMode: ~Copyable {
    public static let enterSequence: StaticString =
        "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[?2004h\u{1B}[?1004h"
    public static let leaveSequence: StaticString =
        "\u{1B}[?2026l\u{1B}[0m\u{1B}[?1004l\u{1B}[?2004l\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

    private let input: Int32, output: Int32
    public private(set) var isEntered = false

    /// Changes nothing yet.
    public init(input: Int32 = STDIN_FILENO, output: Int32 = STDOUT_FILENO) {
        self.input = input
        self.output = output
    }

    deinit { if isEntered { TerminalMode.giveBack() } }

    /// Takes the terminal over. From then on neither descriptor blocks, and keys come one by one; ^C, ^Z
    /// and ^\ stay signals. The screen is then blank, and a painter is to begin anew.
    ///
    /// - Throws: where there is no terminal, or it is somebody else's at the moment (EBUSY): to be tried
    ///   again with the next SIGCONT.
    @inline(never)
    public mutating func enter() throws(SystemError) {
        guard !isEntered else { return }
        let (enter, leave) = (TerminalMode.enterSequence, TerminalMode.leaveSequence)
        let answer = tf_terminal_enter(
            input, output, enter.utf8Start, enter.utf8CodeUnitCount, leave.utf8Start, leave.utf8CodeUnitCount)
        guard answer == 0 else { throw SystemError("terminal") }
        isEntered = true
    }

    /// Gives it back as it was. Again and again does nothing.
    @inline(never)
    public mutating func leave() {
        guard isEntered else { return }
        isEntered = false
        _ = tf_terminal_leave()
    }

    /// Gives the terminal back, stops the process as ^Z does, and takes the terminal again when it goes on.
    ///
    /// - Returns: false where it goes on in the background: `enter` with the next SIGCONT.
    @inline(never)
    public mutating func suspend() -> Bool {
        leave()
        tf_terminal_stop()
        do throws(SystemError) {
            try enter()
            return true
        } catch {
            return false
        }
    }

    /// Gives back what any value of this process has taken: for an end that comes past it.
    @inline(never)
    public static func giveBack() { _ = tf_terminal_leave() }

    /// Columns and rows; 80 × 24 where nothing is said, or nothing was ever set (0 × 0: a terminal that a
    /// program made, and gave no size).
    public var size: (columns: Int, rows: Int) {
        var rows: Int32 = 0, columns: Int32 = 0
        for descriptor in [output, input] where tf_window_size(descriptor, &rows, &columns) == 0 {
            guard columns > 0 || rows > 0 else { break }
            return (max(0, Int(columns)), max(0, Int(rows)))
        }
        return (80, 24)
    }
}
