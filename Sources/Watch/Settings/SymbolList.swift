// Which symbols are watched: named on the command line, in files, on standard input, in groups.
//
//     AAPL MSFT,GOOG    # a comment
//     BRK.B
//
// Invariant: at most 50,000 names in all and 1 MiB a file; each name once, in the order of its first.
import Basics
import CLinux
import Market

public enum SymbolList {
    public static let namesMax = 50_000
    public static let bytesMax = 1 << 20

    /// Names and patterns out of a file's text: one or several a line, with blanks or commas.
    ///
    /// - Throws: with `name` and the line.
    public static func parse(
        _ bytes: [UInt8], name: String, isExact: Bool = false
    ) throws(UsageError) -> [String] {
        guard bytes.count <= bytesMax else {
            throw UsageError("\(name): has more than \(bytesMax) bytes; is it the right file?")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw UsageError("\(name): is not UTF-8; is it the right file?")
        }
        var names: [String] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated()
        {
            for word in line.prefix(while: { $0 != "#" }).split(whereSeparator: {
                $0.isWhitespace || $0 == ","
            }) {
                guard let symbol = symbol(word, isExact: isExact) else {
                    throw UsageError("\(name):\(index + 1): \(printable(word)) is no symbol's name; \(rule)")
                }
                guard names.count < namesMax else {
                    throw UsageError("\(name):\(index + 1): more than \(namesMax) symbols")
                }
                names.append(symbol)
            }
        }
        return names
    }

    static let rule =
        "up to \(SymbolName.bytesMax) letters, digits and signs, and a * at the end for a pattern"

    /// A name, or a pattern that ends in `*`; nil for what is neither.
    static func symbol(_ word: Substring, isExact: Bool) -> String? {
        let stem = word.last == "*" ? word.dropLast() : word
        guard SymbolName(String(stem)) != nil || stem.isEmpty && word == "*" else { return nil }
        return isExact ? String(word) : word.uppercased()
    }

    /// What a terminal can be told of a stranger's bytes.
    static func printable(_ word: Substring) -> String {
        String(
            String.UnicodeScalarView(
                word.unicodeScalars.prefix(40).map { $0.value < 0x20 || 0x7f..<0xa0 ~= $0.value ? "?" : $0 }))
    }

    /// All bytes of a file or, for `-`, of standard input, up to one more than are allowed.
    public static func read(_ path: String) throws(UsageError) -> [UInt8] {
        do throws(SystemError) {
            return try InputFile.bytes(path, atMost: bytesMax + 1)
        } catch {
            throw UsageError("\(path == "-" ? "standard input" : path): \(error.reason)")
        }
    }
}

extension WatchOptions {
    static func wishes(_ given: Arguments, isExact: Bool) throws(UsageError) -> [Wish] {
        var wishes: [Wish] = []
        for operand in given.operands {
            if operand == "-" {
                guard !wishes.contains(.input) else {
                    throw UsageError("- stands there twice; standard input ends once")
                }
                wishes.append(.input)
            } else if operand.hasPrefix("@") {
                guard operand.count > 1 else { throw UsageError("@: a file's name is wanted behind it") }
                wishes.append(.file(String(operand.dropFirst())))
            } else {
                wishes += try symbols(operand, isExact: isExact)
            }
        }
        return wishes + given.all("group").map(Wish.group)
    }

    private static func symbols(_ operand: String, isExact: Bool) throws(UsageError) -> [Wish] {
        var wishes: [Wish] = []
        for word in operand.split(separator: ",", omittingEmptySubsequences: false) {
            guard let symbol = SymbolList.symbol(word, isExact: isExact) else {
                throw UsageError("\(SymbolList.printable(word)) is no symbol's name; \(SymbolList.rule)")
            }
            wishes.append(.symbol(symbol))
        }
        return wishes
    }

    /// What is to be watched. Without a wish: all groups of the configuration; none is right for a demo and a
    /// recording, which have symbols of their own, and where only the server is looked at.
    ///
    /// - Parameters:
    ///   - groups: of the configuration.
    ///   - read: a file's bytes, `-` for standard input: `SymbolList.read`.
    /// - Throws: where a file or group is wrong, or nobody said what to watch.
    public func symbols(
        groups: [Settings.Group], read: (String) throws(UsageError) -> [UInt8]
    ) throws(UsageError) -> [String] {
        var names: [String] = []
        for wish in wishes.isEmpty && until == nil ? groups.map({ Wish.group($0.name) }) : wishes {
            switch wish {
            case .symbol(let name): names.append(name)
            case .file(let path): names += try SymbolList.parse(try read(path), name: path, isExact: isExact)
            case .input:
                names += try SymbolList.parse(try read("-"), name: "standard input", isExact: isExact)
            case .group(let name):
                guard let group = groups.first(where: { $0.name == name }) else {
                    throw UsageError("--group \(name): \(WatchOptions.advice(groups))")
                }
                names += group.symbols
            }
        }
        // A condition cannot be met by what nobody hears.
        names += until?.symbols ?? []
        var seen: Set<String> = []
        names = names.filter { seen.insert($0).inserted }
        guard names.count <= SymbolList.namesMax else {
            throw UsageError("more than \(SymbolList.namesMax) symbols")
        }
        guard !names.isEmpty || !wantsSymbols else {
            throw UsageError("which symbols? For example: tickwatch AAPL MSFT")
        }
        return names
    }

    private var wantsSymbols: Bool {
        if case .server = source { screen != .server } else { false }
    }

    private static func advice(_ groups: [Settings.Group]) -> String {
        guard !groups.isEmpty else {
            return "the configuration has no groups; one is `group NAME = AAPL, MSFT`"
        }
        return "the configuration has \(groups.map(\.name).joined(separator: ", "))"
    }
}
