// A slow reader: what it gets, what is merged, what is lost and said to be.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import Watch

private let firstTrade = Said.message(
    #"{"type":"trade","sym":"A","seq":1,"price":1,"size":1,"ts":5,"prev":0}"#)

private func trade(_ sequence: Int, _ symbol: String = "A") -> PipeItem {
    guard case .trade(var trade) = firstTrade else { return .message(firstTrade) }
    trade.version.symbol = symbol
    (trade.version.sequence, trade.version.previous) = (UInt64(sequence), UInt64(sequence - 1))
    return .message(.trade(trade))
}

private func quote(_ sequence: Int, prev: Int, snap: Bool = false, _ symbol: String = "A") -> PipeItem {
    .message(
        Said.message(
            #"{"type":"quote","sym":"\#(symbol)","seq":\#(sequence),"bid":\#(sequence),"bid_size":1,"ask":null,"ask_size":null,"ts":5,\#(snap ? "\"snap\":true," : "")"prev":\#(prev)}"#
        ))
}

/// A pipe that takes what it is told to.
private struct Reader: ~Copyable {
    var queue: PipeQueue
    var text = ""

    init(
        _ output: WatchOptions.Output = .json, _ channels: [Channel]? = [.quote, .trade, .book],
        limit: Int? = nil
    ) {
        queue = PipeQueue(PipeFormat(output, channels: channels), limit: limit)
    }

    mutating func take(_ most: Int = .max) {
        let count = min(most, queue.readable.count)
        text += String(decoding: queue.readable.prefix(count), as: UTF8.self)
        queue.wrote(count)
    }

    mutating func takeAll() { while !queue.isEmpty { take() } }

    /// Until items wait.
    mutating func fill() {
        while queue.readable.count < 65_536 { queue.offer(trade(1, "FILL")) }
    }

    /// What came behind the filling.
    var messages: [ServerMessage] {
        text.split(separator: "\n").filter { !$0.contains("FILL") }.map { Said.message(String($0)) }
    }
}

@Test("a reader that keeps up gets everything as it came")
func pipeFast() {
    var reader = Reader()
    for number in 1...1_000 {
        reader.queue.offer(quote(number, prev: number - 1))
        reader.take()
    }
    let count = reader.messages.count, counts = reader.queue.counts
    #expect(count == 1_000 && counts.lines == 1_000 && counts.report == nil)
}

@Test("of a state the newest waits, and continues what the reader was told last")
func pipeStates() {
    var reader = Reader()
    reader.queue.offer(quote(4, prev: 0, snap: true))
    reader.fill()
    for number in 5...90 { reader.queue.offer(quote(number, prev: number - 1)) }
    reader.queue.offer(quote(7, prev: 6, "B"))
    reader.takeAll()
    let versions = reader.messages.compactMap { message -> [UInt64]? in
        guard case .quote(let quote) = message else { return nil }
        return [quote.version.previous, quote.version.sequence]
    }
    let counts = reader.queue.counts
    #expect(versions == [[0, 4], [4, 90], [6, 7]])
    #expect(counts.merged == 85 && counts.dropped == 0)
    #expect(counts.report == "the reader was slower than the market: 85 lines merged into newer ones")
}

@Test("rows are merged as states are, and the newest is told")
func pipeRows() {
    var reader = Reader(.text, nil)
    while reader.queue.readable.count < 65_536 { reader.queue.offer(.row(PipeRow(symbol: "FILL"))) }
    for market in ["trading", "halted", "paused"] {
        reader.queue.offer(.row(PipeRow(symbol: "A", market: market)))
    }
    reader.takeAll()
    #expect(reader.text.hasSuffix("FILL\nA market paused\n"))
}

@Test("of a symbol's trades the last 64 wait, and those before are declared lost")
func pipeEvents() {
    var reader = Reader()
    reader.fill()
    for number in 1...100 { reader.queue.offer(trade(number)) }
    reader.queue.offer(trade(5, "B"))
    reader.takeAll()
    let messages = reader.messages, counts = reader.queue.counts
    #expect(
        messages.first
            == .gap(GapMessage(symbol: "A", channel: "trade", from: 1, to: 36, reason: "slow_reader")))
    #expect(messages.count == 66 && counts.dropped == 36 && counts.merged == 0)
    #expect(counts.report?.hasSuffix("36 lost") == true)
}

@Test("an epoch voids what waits, and nothing of the old life comes behind it")
func pipeEpoch() {
    var reader = Reader()
    reader.fill()
    reader.queue.offer(quote(8, prev: 7))
    reader.queue.offer(trade(8))
    reader.queue.offer(.message(.epoch("b", reason: "seek")))
    reader.queue.offer(quote(1, prev: 0, snap: true))
    reader.takeAll()
    let messages = reader.messages
    #expect(messages.first == .epoch("b", reason: "seek") && messages.count == 2)
}

@Test("lines come whole however few bytes are taken", arguments: Seed.smoke)
func pipeWhole(seed: Seed) {
    var generator = seed.generator(), reader = Reader(.csv, [.trade]), offered = 0
    for _ in 0..<3_000 {
        for _ in 0..<generator.below(4) {
            offered += 1
            reader.queue.offer(trade(offered))
        }
        reader.take(generator.below(60))
    }
    reader.queue.abandon()
    reader.takeAll()
    let lines = reader.text.split(separator: "\n")
    let isWhole = reader.text.hasSuffix("\n")
    #expect(isWhole && lines.first?.hasPrefix("symbol,") == true)
    #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("A,") && $0.filter { $0 == "," }.count == 12 })
    let counts = reader.queue.counts
    #expect(counts.lines == UInt64(lines.count - 1))
    #expect(counts.lines + counts.dropped == UInt64(offered))
}

@Test("what waits is bounded, whatever comes")
func pipeBounded() {
    var reader = Reader()
    reader.fill()
    for number in 1...200 {
        for symbol in 0..<20 { reader.queue.offer(trade(number, "S\(symbol)")) }
    }
    reader.takeAll()
    let trades = reader.messages.filter { if case .trade = $0 { true } else { false } }.count
    let counts = reader.queue.counts
    #expect(trades == 20 * 64 && counts.dropped == 20 * 136)
}

@Test("no more lines are made than were asked for")
func pipeLimit() {
    var reader = Reader(.csv, [.trade], limit: 3)
    for number in 1...10 { reader.queue.offer(trade(number)) }
    reader.takeAll()
    let isComplete = reader.queue.isComplete
    #expect(isComplete && reader.text.split(separator: "\n").count == 4)
}

/// A reader's book, as the protocol has it rebuilt.
private struct Book: Equatable {
    var bids: [Price: Quantity] = [:], asks: [Price: Quantity] = [:]

    mutating func take(_ message: BookMessage) {
        if message.version.isSnapshot { (bids, asks) = ([:], [:]) }
        for level in message.bids { bids[level.price] = level.size == .zero ? nil : level.size }
        for level in message.asks { asks[level.price] = level.size == .zero ? nil : level.size }
    }
}

@Test("a merged book leaves a reader with the levels that all its parts leave", arguments: Seed.smoke)
func pipeBooks(seed: Seed) {
    var generator = seed.generator(), reader = Reader(), truth = Book(), book = Book()
    var sequence = 0
    for _ in 0..<40 {
        reader.fill()
        for _ in 0..<(1 + generator.below(6)) {
            let isSnapshot = sequence == 0 || generator.oneIn(9)
            let levels = (0..<generator.below(4)).map { _ in
                "[\(1 + generator.below(5)),\(isSnapshot ? 1 + generator.below(3) : generator.below(3))]"
            }
            let unique = Dictionary(levels.map { ($0.prefix(2), $0) }, uniquingKeysWith: { a, _ in a }).values
                .joined(separator: ",")
            let json =
                #"{"type":"book","sym":"A","seq":\#(sequence + 1),"bids":[\#(unique)],"asks":[],"ts":5,\#(isSnapshot ? "\"snap\":true," : "")"prev":\#(sequence)}"#
            guard case .book(let message) = Said.message(json) else { return }
            truth.take(message)
            reader.queue.offer(.message(.book(message)))
            sequence += 1
        }
        reader.takeAll()
    }
    var last: UInt64 = 0
    for case .book(let message) in reader.messages {
        #expect(message.version.previous == last)
        last = message.version.sequence
        book.take(message)
    }
    #expect(book == truth && last == UInt64(sequence))
}
