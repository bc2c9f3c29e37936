// Every golden result at hand against our digest, whole and in random pieces, to every checkpoint.
import Basics
import Foundation
import Market
import Testing

@testable import TickerFeed

@Test("every file of golden results is somebody's")
func everyGoldenFileIsKnown() {
    for (path, name) in GoldenFile.listing(".golden.json") {
        #expect(GoldenFile.form(of: name) != nil, "\(path): of which form? GoldenFile.forms has to say")
    }
    #expect(GoldenFile.all(.itch).count >= 1 && GoldenFile.all(.binance).count >= 2)
    // Checkpoints are compared beside their golden results, so there are none without.
    for (path, name) in GoldenFile.listing(".checkpoints.csv")
    where GoldenFile.form(of: name) != .elsewhere {
        let golden = path.replacing(".checkpoints.csv", with: ".golden.json")
        #expect(GoldenFile.all.contains { $0.path == golden }, "\(path) has no golden results")
    }
}

/// Rows behind the head, and how many updates lie between them.
private func checkpoints(_ file: GoldenFile, _ golden: NSDictionary) throws -> (rows: [String], every: Int) {
    let path = file.stem + ".checkpoints.csv"
    guard FileManager.default.fileExists(atPath: path) else { return ([], 0) }
    let levels = golden["method_levels"] as? NSDictionary ?? golden
    let rows = Array(try Fixture.lines(path).dropFirst())
    // The repository's results don't say how far they are apart; their rows do.
    let first = rows.first?.split(separator: ",").first.flatMap { Int($0) }
    return (rows, try #require(levels["checkpoint_every"] as? Int ?? first))
}

@Test(
    "ITCH, from files and captures, ends as other programs have it", arguments: GoldenFile.all(.itch), Cut.all
)
func goldenITCH(file: GoldenFile, cut: Cut) throws {
    let golden = try Fixture.json(file.path), (rows, every) = try checkpoints(file, golden)
    let name = try #require((golden["input"] as? NSDictionary)?["file"] as? String)
    let options = FeedOptions(path: file.input(name))
    let digest = try cut.digest(options, checkpointEvery: every)
    #expect(digest.checkpoints == rows, "\(cut)")
    #expect(digest.fault == nil)
    let outcome = try GoldenOutcome(digest, of: file)
    for case (let key as String, let value) in golden { outcome.compareITCH(key, value, all: golden) }
    let isWhole = (golden["missing_sequences"] as? [NSObject])?.isEmpty != false
    #expect(
        (outcome.ours["feed"] as? [String: String])?.values.allSatisfy { ($0 == "suspect") != isWhole }
            == true)
    guard name.hasSuffix(".itch") else { return }
    #expect(try systemEvents(options.path) == golden["system_events"] as? [[NSObject]])
}

/// Code and time of each S.
private func systemEvents(_ path: String) throws -> [[NSObject]] {
    let bytes = try Fixture.bytes(path)
    var cursor = ITCHCursor(bytes.span.bytes), events: [[NSObject]] = []
    while let message = try cursor.next() {
        guard case .systemEvent(let code) = message.body else { continue }
        events.append([String(UnicodeScalar(code)) as NSString, message.timestamp.raw as NSNumber])
    }
    return events
}

@Test("Binance sessions end as other programs have them", arguments: GoldenFile.all(.binance), Cut.all)
func goldenBinance(file: GoldenFile, cut: Cut) throws {
    let golden = try Fixture.json(file.path), (rows, every) = try checkpoints(file, golden)
    let name = try #require((golden["input"] as? NSDictionary)?["file"] as? String)
    let digest = try cut.digest(FeedOptions(path: file.input(name)), checkpointEvery: every)
    // A row's time is the recorder's there, the exchange's here.
    func timeless(_ row: String) -> [Substring] {
        let fields = row.split(separator: ",")
        return Array(fields[..<2] + fields[3...])
    }
    #expect(digest.checkpoints.map(timeless) == rows.map(timeless), "\(cut)")
    #expect(digest.fault == nil)
    let outcome = try GoldenOutcome(digest, of: file)
    for case (let key as String, let value) in golden { outcome.compareBinance(key, value) }
}

@Test("LOBSTER's files end as other programs have them", arguments: GoldenFile.all(.lobster), Cut.all)
func goldenLOBSTER(file: GoldenFile, cut: Cut) throws {
    let golden = try Fixture.json(file.path), (rows, every) = try checkpoints(file, golden)
    let digest = try cut.digest(try LOBSTERFiles(file, golden).options, checkpointEvery: every)
    #expect(digest.checkpoints == rows, "\(cut)")
    #expect(digest.fault == nil)
    let outcome = try GoldenOutcome(digest, of: file)
    for case (let key as String, let value) in golden { outcome.compareLOBSTER(key, value) }
}

/// What a golden result of LOBSTER is made of.
struct LOBSTERFiles {
    let options: FeedOptions
    /// LOBSTER's own book after each row.
    let book: String

    init(_ file: GoldenFile, _ golden: NSDictionary) throws {
        func path(_ key: String) throws -> String {
            file.input(try #require((golden[key] as? NSDictionary)?["file"] as? String))
        }
        let first = try #require(try Fixture.lines(path("first_row")).first)
        options = FeedOptions(path: try path("messages"), bookRow: Array(first.utf8))
        book = try path("book_rows")
    }
}
