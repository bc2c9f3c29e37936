// Command lines, alike for all doors: options by name, one clear line for a wrong one.

/// An option of a program: `--name` or, with a `value`, `--name VALUE` or `--name=VALUE`.
public struct Option: Sendable {
    public let name: String
    /// What stands for the value in the help; nil for a switch.
    public let value: String?
    public let help: String
    public init(_ name: String, _ value: String? = nil, _ help: String) {
        self.name = name
        self.value = value
        self.help = help
    }
}

/// Why a command line can't be run. Ends up as one line on stderr, with exit status 2.
public struct UsageError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

public struct Arguments {
    /// What is not an option, in order.
    public private(set) var operands: [String] = []
    private var values: [String: [String]] = [:]

    /// - Parameter arguments: without the program's name. `--` ends the options.
    public init(_ arguments: [String], options: [Option]) throws(UsageError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if argument == "--" {
                operands += rest
                return
            }
            guard argument.hasPrefix("-"), argument != "-" else {
                operands.append(argument)
                continue
            }
            try take(argument, &rest, options)
        }
    }

    private mutating func take(
        _ argument: String, _ rest: inout ArraySlice<String>, _ options: [Option]
    ) throws(UsageError) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = argument.hasPrefix("--") ? String(parts[0].dropFirst(2)) : ""
        guard let option = options.first(where: { $0.name == name }) else {
            throw UsageError("unknown option \(parts[0]); --help lists them")
        }
        guard let meaning = option.value else {
            guard parts.count == 1 else { throw UsageError("--\(name) takes no value") }
            values[name, default: []].append("")
            return
        }
        if parts.count == 2 {
            values[name, default: []].append(String(parts[1]))
        } else if let value = rest.popFirst() {
            values[name, default: []].append(value)
        } else {
            throw UsageError("--\(name) wants \(meaning)")
        }
    }

    public func has(_ name: String) -> Bool { values[name] != nil }
    /// The last value given.
    public subscript(name: String) -> String? { values[name]?.last }
    public func all(_ name: String) -> [String] { values[name] ?? [] }

    /// The options as lines of help, aligned.
    public static func help(_ options: [Option]) -> String {
        let heads = options.map { "  --\($0.name)" + ($0.value.map { " \($0)" } ?? "") }
        let width = (heads.map(\.count).max() ?? 0) + 2
        return zip(heads, options)
            .map { head, option in
                head + String(repeating: " ", count: width - head.count) + option.help + "\n"
            }
            .joined()
    }
}
