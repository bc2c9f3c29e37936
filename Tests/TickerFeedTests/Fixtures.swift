// Files of the repository, found from where this file is compiled, and golden results as values.
import Basics
import Foundation
import TestSupport

@testable import TickerFeed

enum Fixture {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    static let aapl = tests.appending(path: "../../feeds/aapl-20200130-premarket.itch")
        .standardizedFileURL.path
    static func golden(_ name: String) -> String { tests.appending(path: "Golden/\(name)").path }
    static func bad(_ name: String) -> String { tests.appending(path: "Bad/\(name)").path }

    static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    }
    static func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }
    static func json(_ path: String) throws -> NSDictionary {
        try json(text: Data(contentsOf: URL(fileURLWithPath: path)))
    }
    static func array(_ path: String) throws -> [NSDictionary] {
        try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
            as? [NSDictionary] ?? []
    }
    static func json(text: Data) throws -> NSDictionary {
        try JSONSerialization.jsonObject(with: text) as? NSDictionary ?? [:]
    }

    /// A file that is gone when `body` returns.
    static func withFile<R>(
        _ bytes: [UInt8], name: String = "20200130.itch", _ body: (String) throws -> R
    ) throws -> R {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appending(path: name)
        try Data(bytes).write(to: file)
        return try body(file.path)
    }
}

extension ITCHDigest {
    /// Takes all of `bytes`, cut at random.
    mutating func take(_ bytes: [UInt8], cutBy random: inout SeededGenerator, longest: Int) {
        bytes.withUnsafeBytes { all in
            var start = 0
            while start < all.count {
                let end = min(all.count, start + 1 + random.below(longest))
                take(UnsafeRawBufferPointer(rebasing: all[start..<end]))
                start = end
            }
        }
    }
    mutating func take(_ bytes: [UInt8]) { bytes.withUnsafeBytes { take($0) } }
}
