// The terminal: raw mode and the alternate screen, entered once, always left.
import Basics
import CLinux

final class Terminal {
    private var original = termios()

    /// Takes the screen over.
    init() {
        tcgetattr(STDIN_FILENO, &original)
        var raw = original
        // Keys come at once and unechoed. ISIG stays: ^C and ^Z remain signals.
        raw.c_lflag &= ~UInt32(ICANON | ECHO)
        tcsetattr(STDIN_FILENO, TCSANOW, &raw)
        Console.write("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l")  // alternate screen, no cursor, no wrap
    }

    /// Gives it back as it was.
    func restore() {
        Console.write("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l")
        tcsetattr(STDIN_FILENO, TCSANOW, &original)
    }

    var size: (rows: Int, columns: Int) {
        var rows: Int32 = 24, columns: Int32 = 80
        if tf_window_size(STDOUT_FILENO, &rows, &columns) < 0 || rows < 1 || columns < 1 {
            return (24, 80)
        }
        return (Int(rows), Int(columns))
    }

    /// Keys typed since the last call; nil when the terminal is gone.
    func keys() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(STDIN_FILENO, &bytes, bytes.count)
        if count > 0 { return Array(bytes[..<count]) }
        return count < 0 && (tf_errno() == EINTR || tf_errno() == EAGAIN) ? [] : nil
    }

    static var isInteractive: Bool { isatty(STDOUT_FILENO) == 1 && isatty(STDIN_FILENO) == 1 }
}
