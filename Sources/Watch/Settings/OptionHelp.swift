// `--help`: the table of options as text, in groups, aligned, within a hundred columns.
import Basics

extension WatchOptions {
    static let helpColumns = 100

    public static var help: String {
        """
        tickwatch SYMBOL... [options]    watch prices live

        In a terminal it shows a table; q or ^C ends it, ? lists the keys. In a pipe it prints a line a
        change. A SYMBOL is a name, or a pattern that ends in *. @FILE reads symbols from a file, - from
        standard input: one or several a line, with blanks or commas, # begins a comment. Without any,
        the groups of the configuration are watched.

        \(groups.map(help).joined(separator: "\n"))
        Exit status:
        \(ExitStatus.allCases.map(help).joined())
        """
    }

    private static func help(_ group: Group) -> String {
        let heads = group.options.map { head($0.option) }
        // A long head has a line of its own, so that all texts begin in one column.
        let indent = 26
        let options = zip(heads, group.options)
            .map { head, option in
                let lines = wrapped(option.option.help, columns: helpColumns - indent)
                let isShort = head.count + 2 <= indent
                let first = isShort ? head + blanks(indent - head.count) : head + "\n" + blanks(indent)
                return first + lines.joined(separator: "\n" + blanks(indent)) + "\n"
            }
        return "\(group.title):\n\(options.joined())"
    }

    private static func head(_ option: Option) -> String {
        "  " + (option.short.map { "-\($0), " } ?? "") + "--\(option.name)"
            + (option.value.map { " \($0)" } ?? "")
    }

    private static func help(_ status: ExitStatus) -> String {
        let number = String(status.rawValue)
        return "  " + blanks(3 - number.count) + number + "  " + status.meaning + "\n"
    }

    private static func blanks(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }

    /// Lines of at most so many characters; a longer word has a line of its own.
    static func wrapped(_ text: String, columns: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= columns {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
