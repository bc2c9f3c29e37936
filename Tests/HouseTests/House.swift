// The checkout as text: which files there are, their lines, and where a line breaks a rule.
//
// Found from this file's own path, so the tests read the tree they were built from.
import Foundation
import Testing

enum House {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()  // HouseTests
        .deletingLastPathComponent()  // Tests
        .deletingLastPathComponent()

    /// Every file that belongs to the repository or is about to, relative to `root`, sorted.
    static let files: [String] = (gitFiles() ?? walkedFiles()).filter { exists($0) }.sorted()

    static func files(under folder: String, ending: String = ".swift") -> [String] {
        files.filter { $0.hasPrefix(folder + "/") && $0.hasSuffix(ending) }
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path)
    }

    /// The file's text, nil when it is not UTF-8.
    static func text(_ path: String) throws -> String? {
        String(bytes: try Data(contentsOf: root.appending(path: path)), encoding: .utf8)
    }

    /// The file's lines as an editor counts them, the first is number 1; none when it is not text.
    static func lines(_ path: String) throws -> [(number: Int, text: Substring)] {
        var lines = (try text(path) ?? "").split(separator: /\r?\n/, omittingEmptySubsequences: false)
        if lines.last == "" { lines.removeLast() }
        return lines.enumerated().map { ($0.offset + 1, $0.element) }
    }

    /// A failure that an editor can jump to: `file:line: what is wrong. What to do.`
    static func complain(_ path: String, _ line: Int, _ wrong: String) {
        Issue.record(Comment(rawValue: "\(path):\(line): \(wrong)"))
    }

    /// Nil where git is missing or the tree is no clone of it: an unpacked archive, say.
    private static func gitFiles() -> [String]? {
        let git = Process(), output = Pipe()
        git.executableURL = URL(filePath: "/usr/bin/env")
        git.arguments = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        git.currentDirectoryURL = root
        git.standardOutput = output
        git.standardError = FileHandle.nullDevice
        guard (try? git.run()) != nil, let bytes = try? output.fileHandleForReading.readToEnd() else {
            return nil
        }
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { return nil }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func walkedFiles() -> [String] {
        let walk = FileManager.default.enumerator(atPath: root.path)
        var files: [String] = []
        while let path = walk?.nextObject() as? String {
            let name = path.split(separator: "/").last ?? ""
            if name.hasPrefix(".build") || name == ".git" || name == "__pycache__" {
                walk?.skipDescendants()
            } else if walk?.fileAttributes?[.type] as? FileAttributeType == .typeRegular {
                files.append(path)
            }
        }
        return files
    }
}

/// A line of Swift without its comment. A `//` inside a string goes with it unless a colon stands
/// before it, as in an address: good enough to look for words that are no text.
func code(of line: Substring) -> Substring {
    guard let comment = line.firstMatch(of: /(^|[^:])\/\//) else { return line }
    return line[..<comment.range.lowerBound]
}
