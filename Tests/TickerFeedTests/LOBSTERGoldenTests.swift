// LOBSTER's own books, row by row, beside ours: as many rows agree as can, and no other ones differ.
import Basics
import Foundation
import Market
import Testing

@testable import TickerFeed

/// Where our book is LOBSTER's after each row, to some depths.
private struct Agreement {
    private let depths: [Int]
    private(set) var rows: [Int]
    /// The first row that differs, by depth; 0: none does.
    private(set) var firstDiffering: [Int]
    /// First and last row of each run of rows that differ at the first level.
    private(set) var differingRuns: [[Int]] = []

    private init(depths: [Int]) {
        self.depths = depths
        rows = depths.map { _ in 0 }
        firstDiffering = rows
    }

    static func of(_ options: FeedOptions, with theirs: [String], depths: [Int]) throws -> Agreement {
        let end = TapeEnd()
        var builder = end.makeBuilder(), row = 0, agreement = Agreement(depths: depths)
        try InputFeed(options).playAll(limit: 1, into: &builder) { builder in
            builder.publish()
            _ = end.drain()
            guard row < theirs.count, builder.symbolCount > 0 else { return }
            row += 1
            agreement.note(row, Agreement.levels(theirs[row - 1]), builder)
        }
        #expect(row == theirs.count)
        return agreement
    }

    /// Ask price, ask size, bid price, bid size of each level. Empty places are zeroes here.
    private static func levels(_ row: String) -> [[Int64]] {
        let numbers = row.utf8.split(separator: UInt8(ascii: ",")).map { Int64(String($0) ?? "") ?? .min }
        return stride(from: 0, to: numbers.count, by: 4).map { first in
            let level = Array(numbers[first..<first + 4])
            let (ask, bid) = (abs(level[0]) == 9_999_999_999, abs(level[2]) == 9_999_999_999)
            return [ask ? 0 : level[0], level[1], bid ? 0 : level[2], level[3]]
        }
    }

    private mutating func note(_ row: Int, _ theirs: [[Int64]], _ builder: borrowing BookBuilder) {
        var agreeing = 0
        while agreeing < theirs.count, Agreement.ours(agreeing, builder) == theirs[agreeing] { agreeing += 1 }
        for (index, depth) in depths.enumerated() {
            if agreeing >= depth {
                rows[index] += 1
            } else if firstDiffering[index] == 0 {
                firstDiffering[index] = row
            }
        }
        guard agreeing == 0 else { return }
        if differingRuns.last?[1] == row - 1 {
            differingRuns[differingRuns.count - 1][1] = row
        } else {
            differingRuns.append([row, row])
        }
    }

    private static func ours(_ depth: Int, _ builder: borrowing BookBuilder) -> [Int64] {
        var numbers: [Int64] = []
        for side in [Side.ask, .bid] {
            guard depth < builder.books.depth(SymbolID(0), side) else {
                numbers += [0, 0]
                continue
            }
            let level = builder.books.level(SymbolID(0), side, depth)
            numbers += [level.price.e9 / 100_000, Int64(level.shares)]
        }
        return numbers
    }
}

@Test("our levels are LOBSTER's in as many rows as they can be", arguments: GoldenFile.all(.lobster))
func lobsterRows(file: GoldenFile) throws {
    let golden = try Fixture.json(file.path), files = try LOBSTERFiles(file, golden)
    let levels = try #require(golden["method_levels"] as? NSDictionary)
    let agreeing = try #require(levels["rows_agreeing_by_depth"] as? [String: Int])
    let depths = agreeing.keys.compactMap { Int($0) }.sorted()
    let rows = try Fixture.lines(files.book)
    #expect(rows.count == golden["rows_compared"] as? Int)
    func levelCount(_ row: some StringProtocol) -> Int {
        (row.utf8.count { $0 == UInt8(ascii: ",") } + 1) / 4
    }
    #expect(levelCount(rows[0]) == golden["levels_in_book_file"] as? Int)
    let first = String(decoding: files.options.bookRow ?? [], as: UTF8.self)
    #expect(levelCount(first) == golden["levels_in_first_row"] as? Int)

    let ours = try Agreement.of(files.options, with: rows, depths: depths)
    let differing = levels["first_row_differing_by_depth"] as? [String: Int] ?? [:]
    for (index, depth) in depths.enumerated() {
        #expect(ours.rows[index] == agreeing["\(depth)"], "\(depth) levels")
        #expect(ours.firstDiffering[index] == differing["\(depth)"] ?? 0, "\(depth) levels")
    }
    #expect(ours.differingRuns == levels["level1_differing_row_ranges"] as? [[Int]])
}
