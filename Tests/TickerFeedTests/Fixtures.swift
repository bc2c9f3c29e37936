// Files of the repository, found from where this file is compiled, and golden results as values.
import Basics
import Foundation
import Market
import TestSupport

@testable import TickerFeed

enum Fixture {
    private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

    static let aapl = tests.appending(path: "../../feeds/aapl-20200130-premarket.itch")
        .standardizedFileURL.path
    static let session = tests.appending(path: "../../feeds/btcusdt-20240808-binance.jsonl")
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

extension Digest {
    /// Of bytes at hand, cut at random.
    static func of(
        _ bytes: [UInt8], name: String = "20200130", cutBy seed: Seed? = nil, longest: Int = .max,
        checkpointEvery: Int = 0
    ) throws -> Digest {
        let memory = InputMemory(bytes, cutBy: seed?.generator(), longest: longest)
        return Digest(
            try InputFeed(FeedOptions(path: name), memory: memory), checkpointEvery: checkpointEvery)
    }
}

extension Feed {
    /// Plays on until the end or a fault, in steps of `limit`.
    ///
    /// - Returns: how many events there were.
    @discardableResult
    func playAll(
        upTo end: Timestamp = Timestamp(raw: .max), limit: Int = 10_000, into builder: inout BookBuilder,
        afterEach: (inout BookBuilder) -> Void = { _ in }
    ) -> (played: Int, next: FeedStep.Next) {
        var played = 0
        while true {
            let step = play(upTo: end, limit: limit, received: .zero, into: &builder)
            played += step.played
            afterEach(&builder)
            switch step.next {
            case .now: continue
            case .waits: wait(atMost: .seconds(10))
            case .due(let time): if time > end { return (played, step.next) }
            case .end, .failed: return (played, step.next)
            }
        }
    }
}
