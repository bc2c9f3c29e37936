// Which golden results there are: found by listing, so that none is passed over in silence.
//
// Two folders: the small set of the repository, always, and the one that TICKERFEED_DATA names.
import Foundation
import Market
import TestSupport
import Testing

@testable import TickerFeed

/// One file of golden results, and how to read it.
struct GoldenFile: Sendable, CustomTestStringConvertible {
    enum Form: Sendable, Equatable {
        case itch, binance, lobster
        /// Outcomes of many malformed files.
        case badITCH, badBinance, badLOBSTER, badCaptures
        /// Of a format that other tests are about, or none yet.
        case elsewhere
    }
    let path: String
    let form: Form
    var testDescription: String { path.split(separator: "/").suffix(2).joined(separator: "/") }

    /// Without `.golden.json`.
    var stem: String { String(path.dropLast(".golden.json".count)) }
    var folder: String { (path as NSString).deletingLastPathComponent }

    /// How the names of a form begin, below the folder.
    private static let forms: [(String, Form)] = [
        ("itch5/", .itch), ("pcap/mold-", .itch), ("ws/binance/", .binance), ("lobster/", .lobster),
        ("bad/itch.", .badITCH), ("bad/binance.", .badBinance), ("bad/lobster.", .badLOBSTER),
        ("bad/pcap.", .badCaptures),
        // The repository's.
        ("Golden/aapl-", .itch), ("Golden/btcusdt-", .binance), ("Golden/binance-", .binance),
        ("Bad/itch.", .badITCH),
        // What has no feed here, or tests of its own.
        ("dbn/", .elsewhere), ("bad/dbn.", .elsewhere), ("pcap/iex-", .elsewhere),
        ("ws/coinbase/", .elsewhere), ("ws/alpaca/", .elsewhere),
    ]

    /// The folder of larger files, where it is at hand.
    static let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"].map {
        URL(fileURLWithPath: $0).standardizedFileURL.path
    }
    private static let here = URL(fileURLWithPath: Fixture.golden("")).deletingLastPathComponent().path

    /// Every file below the folders whose name ends so, and the part of its path that tells its form.
    static func listing(_ end: String) -> [(path: String, name: String)] {
        let roots = [here + "/Golden", here + "/Bad"].map { ($0, 1) } + (data.map { [($0, 0)] } ?? [])
        return roots.flatMap { root, kept in
            let prefix = (root as NSString).lastPathComponent + "/"
            let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
            return names.filter { $0.hasSuffix(end) }.sorted().map {
                ("\(root)/\($0)", kept == 1 ? prefix + $0 : $0)
            }
        }
    }

    static func form(of name: String) -> Form? { forms.first { name.hasPrefix($0.0) }?.1 }

    static let all: [GoldenFile] = listing(".golden.json").compactMap { path, name in
        form(of: name).map { GoldenFile(path: path, form: $0) }
    }
    static func all(_ forms: Form...) -> [GoldenFile] { all.filter { forms.contains($0.form) } }

    /// A file that the results name: beside them, or among the repository's recordings.
    func input(_ name: String) -> String {
        let beside = folder + "/" + name
        return FileManager.default.fileExists(atPath: beside)
            ? beside : (Fixture.aapl as NSString).deletingLastPathComponent + "/" + name
    }
}

/// How an input's bytes come.
struct Cut: Sendable, CustomTestStringConvertible {
    let seed: Seed?
    /// Of a piece.
    let longest: Int

    static let all = [
        Cut(seed: nil, longest: .max), Cut(seed: Seed(1), longest: 64), Cut(seed: Seed(2), longest: 5_000),
    ]
    var testDescription: String {
        seed.map { "\($0), pieces of at most \(longest) bytes" } ?? "in one piece"
    }

    /// What `tickerd digest` makes of a file.
    func digest(_ options: FeedOptions, checkpointEvery: Int = 0) throws -> Digest {
        var options = options
        if CalendarDate(inFileName: options.path) == nil, options.date == nil {
            options.date = CalendarDate(year: 2000, month: 1, day: 1)
        }
        var feed = try InputFeed(options)
        if seed != nil {
            let bytes = try Fixture.bytes(options.path)
            let memory = InputMemory(bytes, cutBy: seed?.generator(), longest: longest)
            feed = try InputFeed(options, memory: memory)
        }
        var digest = Digest(feed, checkpointEvery: checkpointEvery)
        digest.run()
        digest.builder.books.checkInvariants()
        return digest
    }
}
