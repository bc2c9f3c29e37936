// A configuration file: options under the names that they have on the command line.
//
//     # Who may read the stream.
//     listen = 127.0.0.1:7400
//     allow-origin = https://example.org    # an option that may repeat: once a line
//     bench
//
// Invariants
//   - The table of options is the command line's: what it does not know is refused.
//   - Every fault of the file is found at once, each with its line and what to do.

/// What a configuration file says, not yet understood: names and values as they stand there.
public struct OptionFile {
    public static let bytesMax = 65_536

    /// A statement, as it stands in its line.
    public struct Entry {
        public let name: String
        public let value: String
        public let line: Int
    }

    /// As it is to be named in faults.
    public let name: String
    public private(set) var entries: [Entry] = []
    /// One line each, with file and line; none when the file is right.
    public private(set) var faults: [UsageError] = []

    /// - Parameter excluded: options that only the command line may have.
    public init(_ bytes: [UInt8], name: String, options: [Option], excluding excluded: Set<String>) {
        self.name = name
        guard bytes.count <= OptionFile.bytesMax else {
            faults = [
                UsageError("\(name): has more than \(OptionFile.bytesMax) bytes; is it the right file?")
            ]
            return
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            faults = [UsageError("\(name): is not UTF-8; is it the right file?")]
            return
        }
        let lines = text.split(omittingEmptySubsequences: false) { $0.isNewline }
        for (index, line) in lines.enumerated() {
            do throws(UsageError) {
                guard let entry = try OptionFile.entry(line, index + 1) else { continue }
                try check(entry, options, excluded)
                entries.append(entry)
            } catch {
                faults.append(UsageError("\(name):\(index + 1): \(error)"))
            }
        }
    }

    /// Nil for an empty line and a comment.
    private static func entry(_ line: Substring, _ number: Int) throws(UsageError) -> Entry? {
        guard !line.unicodeScalars.contains(where: { $0.value < 0x20 && $0 != "\t" || $0.value == 0x7f })
        else { throw UsageError("has a control character; remove it") }
        let statement = withoutComment(line)
        guard !statement.isEmpty else { return nil }
        let parts = statement.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        return Entry(
            name: trimmed(parts[0]), value: parts.count == 2 ? trimmed(parts[1]) : "", line: number)
    }

    /// A comment starts the line or stands behind a blank.
    private static func withoutComment(_ line: Substring) -> String {
        var isAfterBlank = true
        for index in line.indices {
            if line[index] == "#", isAfterBlank { return trimmed(line[..<index]) }
            isAfterBlank = isBlank(line[index])
        }
        return trimmed(line)
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func trimmed(_ text: Substring) -> String {
        guard let first = text.firstIndex(where: { !isBlank($0) }),
            let last = text.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(text[first...last])
    }

    private func check(
        _ entry: Entry, _ options: [Option], _ excluded: Set<String>
    ) throws(UsageError) {
        let name = entry.name
        guard let option = options.first(where: { $0.name == name }) else {
            let bare = name.drop { $0 == "-" }
            guard !options.contains(where: { $0.name == bare }) || bare == name else {
                throw UsageError("write \(bare), without the dashes")
            }
            throw UsageError("unknown option \(name); --help lists them")
        }
        guard !excluded.contains(name) else { throw UsageError("\(name) belongs on the command line") }
        if let meaning = option.value {
            guard !entry.value.isEmpty else {
                throw UsageError("\(name) wants a value: \(name) = \(meaning)")
            }
        } else {
            guard entry.value.isEmpty else { throw UsageError("\(name) takes no value: write it alone") }
        }
        if !option.mayRepeat, let other = entries.first(where: { $0.name == name }) {
            throw UsageError("\(name) stands in line \(other.line) already; remove one of them")
        }
    }
}
