// Command lines, alike for all doors: options by name, one clear line for a wrong one.

/// An option of a program: `--name` or, with a `value`, `--name VALUE` or `--name=VALUE`; with a `short`
/// letter also `-n VALUE` or `-nVALUE`.
public struct Option: Sendable {
    /// Without the dashes.
    public let name: String
    /// One letter, as in `-n`.
    public let short: Character?
    /// What stands for the value in the help; nil for a switch.
    public let value: String?
    /// One line.
    public let help: String
    /// Each value counts; of other options the last one does.
    public let mayRepeat: Bool
    /// - Parameter value: nil makes it a switch.
    public init(
        _ name: String, _ value: String? = nil, _ help: String, short: Character? = nil,
        mayRepeat: Bool = false
    ) {
        self.name = name
        self.short = short
        self.value = value
        self.help = help
        self.mayRepeat = mayRepeat
    }
}

/// Why a command line can't be run. Ends up as one line on stderr, with exit status 2.
public struct UsageError: Error, CustomStringConvertible {
    public let description: String
    /// In one line: with an option in front, `Arguments.located` finds where it was given.
    public init(_ description: String) { self.description = description }
}

/// A command line, taken apart.
public struct Arguments {
    /// What is not an option, in order.
    public private(set) var operands: [String] = []
    private var values: [String: [Given]] = [:]

    private struct Given: Equatable {
        let value: String
        /// File and line; nil for the command line.
        var place: String?
    }

    /// - Parameter arguments: without the program's name. `--` ends the options; `-` alone is an operand.
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
        let parts = Arguments.parts(argument, options)
        let named = parts[0].hasPrefix("--") ? String(parts[0].dropFirst(2)) : ""
        let short = parts[0].count == 2 ? parts[0].last : nil
        guard let option = options.first(where: { $0.name == named || $0.short != nil && $0.short == short })
        else { throw UsageError("unknown option \(parts[0]); --help lists them") }
        let name = option.name
        guard let meaning = option.value else {
            guard parts.count == 1 else { throw UsageError("--\(name) takes no value") }
            values[name, default: []].append(Given(value: ""))
            return
        }
        if parts.count == 2 {
            values[name, default: []].append(Given(value: String(parts[1])))
        } else if let value = rest.popFirst() {
            values[name, default: []].append(Given(value: value))
        } else {
            throw UsageError("--\(name) wants \(meaning)")
        }
    }

    /// An option and its value, where that stands in the same argument: `--name=VALUE`, `-nVALUE`.
    private static func parts(_ argument: String, _ options: [Option]) -> [Substring] {
        let letter = argument.dropFirst().first
        guard letter != "-", argument.count > 2,
            options.contains(where: { $0.short == letter && $0.value != nil })
        else { return argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false) }
        let value = argument.dropFirst(2)
        return [argument.prefix(2), value.hasPrefix("=") ? value.dropFirst() : value]
    }

    /// Whether it was given, with a value or without.
    public func has(_ name: String) -> Bool { values[name] != nil }
    /// The last value given.
    public subscript(name: String) -> String? { values[name]?.last?.value }
    /// Every value given, in order.
    public func all(_ name: String) -> [String] { values[name]?.map(\.value) ?? [] }

    /// Takes what the command line is silent about from a file.
    public mutating func add(_ file: OptionFile) {
        let said = Set(values.keys)
        for entry in file.entries where !said.contains(entry.name) {
            values[entry.name, default: []].append(
                Given(value: entry.value, place: "\(file.name):\(entry.line)"))
        }
    }

    /// A fault that begins with the option it is about, with file and line where it has that from a file.
    public func located(_ fault: UsageError) -> UsageError {
        guard fault.description.hasPrefix("--") else { return fault }
        let name = fault.description.dropFirst(2).prefix { $0.isLetter || $0.isNumber || $0 == "-" }
        let given = values[String(name)] ?? []
        // Of several values the one that the fault names.
        let one = given.first { fault.description.contains($0.value) } ?? given.last
        guard let place = one?.place else { return fault }
        return UsageError("\(place): \(fault)")
    }

    /// Options that have other values here than there, in the order of their names.
    public func differences(from other: Arguments) -> [String] {
        Set(values.keys).union(other.values.keys).filter { all($0) != other.all($0) }.sorted()
    }

    /// These values, but for the options named, which are taken as they are there.
    public func taking(_ names: Set<String>, from other: Arguments) -> Arguments {
        var mixed = self
        for name in names { mixed.values[name] = other.values[name] }
        return mixed
    }

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
