// What becomes of a market by ITCH's word: trading, halts of two kinds, days.
import Basics
import Market
import TestSupport
import Testing

@testable import TickerFeed

private let (abc, xyz) = (ITCHField.stock("ABC"), ITCHField.stock("XYZ"))
private func directory(_ stock: ITCHField, locate: UInt16 = 1) -> [UInt8] {
    itch("R", locate: locate, stock, .text("QN"), .u32(100), .text("NCZ PN 1N"), .u32(0), .text("N"))
}
private func action(_ state: String, _ reason: String = "    ", locate: UInt16 = 1) -> [UInt8] {
    itch("H", locate: locate, locate == 1 ? abc : xyz, .text(state + " "), .text(reason))
}
private func operational(_ action: String) -> [UInt8] { itch("h", abc, .text("Q" + action)) }
private func event(_ code: String) -> [UInt8] { itch("S", locate: 0, .text(code)) }
private func order(_ number: UInt64, _ stock: ITCHField = abc, locate: UInt16 = 1) -> [UInt8] {
    itch("A", locate: locate, .u64(number), .text("B"), .u32(100), stock, .u32(10_000))
}

/// The ticks of messages in a file.
private func ticks(_ messages: [[UInt8]]) throws -> [Tick] {
    let tape = TapeEnd()
    var builder = tape.makeBuilder()
    let memory = InputMemory(messages.flatMap(\.framed))
    try InputFeed(FeedOptions(path: "20200130"), memory: memory).playAll(into: &builder)
    #expect(builder.anomalies.total == 0)
    builder.publish()
    return tape.drain()
}

/// A symbol's states in order, as `halted O1`.
private func states(_ messages: [[UInt8]], of symbol: Int = 0) throws -> [String] {
    try ticks([directory(abc)] + messages).filter { $0.kind == .status && $0.symbol == SymbolID(symbol) }
        .map {
            let status = MarketStatus(packed: $0.aux)
            return "\(status.state.name)" + (status.reasonText.isEmpty ? "" : " \(status.reasonText)")
        }
}

@Test(
    "a stock trades where H and h both let it",
    arguments: [
        ([action("T")], ["trading"]),
        ([action("H", "T1  "), action("Q", "T3  "), action("T")], ["halted T1", "auction T3", "trading"]),
        ([action("P", "LUDP")], ["paused LUDP"]), ([action("H", "MWC1")], ["halted MWC1"]),
        ([action("T"), operational("H"), operational("T")], ["trading", "halted O1", "trading"]),
        ([operational("H"), operational("T")], ["halted O1", "closed"]),
        ([action("T"), operational("T")], ["trading"]),
        ([action("T"), operational("H"), operational("H")], ["trading", "halted O1"]),
        // What H says meanwhile counts when h ends.
        (
            [action("T"), operational("H"), action("H", "T1  "), operational("T"), action("T")],
            ["trading", "halted O1", "halted T1", "halted T1", "trading"]
        ),
        (
            [action("H", "T1  "), operational("H"), action("T"), operational("T")],
            ["halted T1", "halted O1", "trading"]
        ),
    ])
func tradingStates(messages: [[UInt8]], expected: [String]) throws {
    #expect(try states(messages) == expected)
}

@Test("at the end of system hours every symbol closes, once")
func endOfSystemHours() throws {
    let messages = [directory(xyz, locate: 2), action("T"), event("M"), event("E"), event("C")]
    #expect(try states(messages) == ["trading", "closed"])
    #expect(try states(messages, of: 1) == [])
}

@Test("another day in the same file begins with empty books and new locates")
func nextDay() throws {
    let day = [event("O"), directory(abc), order(1), action("T")]
    let next = [event("O"), directory(xyz), directory(abc, locate: 2), order(1, abc, locate: 2)]
    let all = try ticks(day + next)
    #expect(all.filter { $0.kind == .clear }.map(\.symbol) == [SymbolID(0)])
    let last = try #require(all.last { $0.kind == .level })
    #expect(last.symbol == SymbolID(0) && last.aux == 1)
    // The first message of a file begins no other day.
    #expect(try ticks(day).allSatisfy { $0.kind != .clear })
}

@Test("what no market is made of is counted and changes nothing")
func others() throws {
    let messages = [
        directory(abc), itch("W", locate: 0, .text("1")), itch("Y", abc, .text("1")),
        itch("N", abc, .text("A")), itch("V", locate: 0, .u64(1), .u64(2), .u64(3)),
    ]
    #expect(try ticks(messages).map(\.kind) == [.symbol])
    let feed = try InputFeed(
        FeedOptions(path: "20200130"), memory: InputMemory(messages.flatMap(\.framed)))
    var builder = TapeEnd().makeBuilder()
    feed.playAll(into: &builder)
    #expect(feed.report?.counts == ["N", "R", "V", "W", "Y"].map { FeedCount("types.\($0)", 1) })
}
