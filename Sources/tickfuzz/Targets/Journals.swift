// Segments of a journal: whatever the bytes are, what is read is the same however it is read.
//
// Every record has checksums, which no fuzzer hits: half of the inputs are given right ones first.
import Basics
import Journal
import Market
import Synchronization
import TickerFeed

@Sendable func fuzzJournal(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let isSealed = input.decide(4) != 0, action = input.decide(4), step = 1 + input.decide(256)
    let all = input.rest()
    if isSealed { seal(all.mutable) }
    let folder = OneSegment(Array(all.bytes))
    guard let whole = read(folder, follows: false, step: .max),
        let followed = read(folder, follows: true, step: step)
    else { return demand(false, "a file in memory cannot be read") }
    demand(whole == followed, "followed in steps of \(step) it is another recording")
    demand(whole.bytes <= UInt64(all.count), "more was read than is there")
    do throws(JournalError) {
        switch action {
        case 0: try audit(folder, whole)
        case 1: try cut(folder, whole)
        case 2: try play(folder)
        default: try seek(folder)
        }
    } catch {
        demand(false, "\(error)")
    }
}

/// Gives header and records the checksums that they should have, as far as lengths make sense.
private func seal(_ bytes: UnsafeMutableRawBufferPointer) {
    func load(_ at: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[at + $1]) << ($1 * 8) }
    }
    func store(_ number: UInt32, _ at: Int) {
        for place in 0..<4 { bytes[at + place] = UInt8(truncatingIfNeeded: number >> UInt32(place * 8)) }
    }
    func checksum(_ range: Range<Int>, after before: UInt32 = 0) -> UInt32 {
        JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: bytes[range]), after: before)
    }
    let unit = JournalFormat.unit
    guard bytes.count >= unit, case let header = load(10, 2), header >= unit, header <= bytes.count else {
        return
    }
    store(checksum(unit..<header, after: checksum(0..<60)), 60)
    var at = header
    while at + unit <= bytes.count {
        let end = at + unit + load(at + 8, 4)
        guard end <= bytes.count else { return store(checksum(at..<at + 60), at + 60) }
        store(checksum(at + unit..<end), at + 48)
        store(checksum(at..<at + 60), at + 60)
        at = end
    }
}

/// What a reader made of it.
private struct Reading: Equatable {
    var ticks: UInt64 = 0
    var hash = FNV1a64()
    var snapshots = 0
    var losses: [LossNote] = []
    var headers: [SegmentHeader] = []
    /// Where it was damaged; an end that is only missing is none to who follows.
    var damages: [UInt64] = []
    var bytes: UInt64 = 0

    /// False where nothing more comes.
    mutating func take(_ item: JournalReader.Item) -> Bool {
        switch item {
        case .segment(let header, _): headers.append(header)
        case .ticks(let batch, _):
            ticks += UInt64(batch.count)
            for tick in batch { tick.hash(into: &hash) }
        case .snapshot(let batch, _, let isLast):
            snapshots += isLast ? 1 : 0
            for tick in batch { tick.hash(into: &hash) }
        case .lost(let loss): losses.append(loss)
        case .broken(let found): if case .damaged(let flaw) = found.kind { take(flaw, at: found.offset) }
        case .notYet, .end: return false
        }
        return true
    }

    /// Who follows a recording that has ended in order does not wait for what should not be there.
    private mutating func take(_ flaw: JournalFlaw, at offset: UInt64) {
        if flaw != .bytesBehindEnd { damages.append(offset) }
    }
}

private func read(_ folder: OneSegment, follows: Bool, step: Int) -> Reading? {
    folder.show(step == .max ? .max : 0)
    defer { folder.show(.max) }
    guard let reader = try? JournalReader(folder, options: .init(follows: follows)) else { return nil }
    var reading = Reading(), shown = 0
    while true {
        while let item = try? reader.next() { guard reading.take(item) else { break } }
        guard step != .max, shown < folder.count else { break }
        shown += step
        folder.show(shown)
    }
    // What a reader knows of the whole may differ at a tail that is not whole.
    reading.bytes = 0
    return reading
}

private func audit(_ folder: OneSegment, _ whole: Reading) throws(JournalError) {
    let audit = try JournalAudit(JournalPlace(folder))
    var steps = 0
    while try audit.step() {
        steps += 1
        demand(steps <= folder.count + 2, "an audit without end")
    }
    demand(audit.counts.ticks >= whole.ticks, "an audit that passes over what a reader reads")
    demand(whole.damages.isEmpty || audit.counts.faults > 0, "damage without a fault")
    let survey = try SegmentSurvey(OneSegment.name, in: folder)
    demand(survey.ticks >= whole.ticks, "a survey that passes over what a reader reads")
}

/// What is cut from it whole is the same ticks, and itself without a fault but of what it was made of.
private func cut(_ folder: OneSegment, _ whole: Reading) throws(JournalError) {
    let out = Pieces(), cut = JournalCut(try JournalSlice(JournalPlace(folder), .init()), into: out)
    while try cut.step() {}
    demand(cut.counts.ticks <= whole.ticks, "a cut with more ticks than there are")
    var text = PlainText(.ndjson)
    let slice = try JournalSlice(JournalPlace(folder), .init())
    while true {
        switch try slice.next() {
        case .state: text.take(slice.image, at: .zero)
        case .ticks(let ticks, _): text.take(ticks)
        case .broken: break
        case .end: return demandLines(text.text.readable)
        }
    }
}

/// A line is JSON whatever the ticks were.
private func demandLines(_ text: UnsafeRawBufferPointer) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
        let bytes = Array(line)
        do throws(JSONFault) {
            var scanner = JSONScanner(bytes.span.bytes)
            try scanner.skip()
            try scanner.end()
        } catch {
            demand(false, "a line that is no JSON: \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}

private func play(_ folder: OneSegment) throws(JournalError) {
    let feed = try JournalFeed(JournalPlace(folder), description: "fuzz")
    let tape = Tape(capacity: 1 << 16)
    var builder = BookBuilder(Tape.Writer(tape)), steps = 0
    while true {
        let step = feed.play(upTo: Timestamp(raw: .max), limit: 7, received: .zero, into: &builder)
        builder.publish()
        steps += 1
        demand(steps <= folder.count + 8, "a replay without end")
        switch step.next {
        case .due, .now, .waits: continue
        case .end, .failed: return
        }
    }
}

private func seek(_ folder: OneSegment) throws(JournalError) {
    let reader = try JournalReader(folder)
    var image = MarketImage(), first: Timestamp?
    look: while true {
        switch try reader.next() {
        // What is sought is where an event begins: its later ticks may be made to have later times.
        // Heads say how far their times go, and a seek believes them; `verify` does not.
        case .ticks(let ticks, let head):
            if let time = ticks.first?.eventTime, time <= head.reached { first = first ?? time }
        case .end, .notYet: break look
        default: break
        }
    }
    let isThere = try reader.seek(to: first ?? .zero, image: &image)
    demand(isThere || first == nil, "a time that was read and cannot be sought")
    image.writeSnapshot { _ in }
}

// MARK: Files

/// A folder of one file in memory, of which as much is there as is shown.
private final class OneSegment: JournalFolder {
    static let name = "000001.tfj"
    let path = "memory"
    let count: Int
    private let bytes: [UInt8]
    private let shown = Atomic<Int>(.max)

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        count = bytes.count
    }

    func show(_ count: Int) { shown.store(count, ordering: .relaxed) }
    private var visible: Int { min(count, shown.load(ordering: .relaxed)) }

    func names() throws(SystemError) -> [String] { [OneSegment.name] }
    func open(_ name: String) throws(SystemError) -> any JournalInput {
        guard name == OneSegment.name else { throw SystemError("open", code: 2) }
        return File(self)
    }
    func create(_ name: String) throws(SystemError) -> any JournalOutput {
        throw SystemError("open", code: 30)
    }
    func truncate(_ name: String, to count: UInt64) throws(SystemError) {}
    func remove(_ name: String) throws(SystemError) {}
    func lock() throws(SystemError) {}

    private final class File: JournalInput {
        private let folder: OneSegment
        init(_ folder: OneSegment) { self.folder = folder }

        func read(at offset: UInt64, into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
            guard offset < UInt64(folder.visible) else { return 0 }
            let piece = folder.bytes[Int(offset)..<folder.visible].prefix(room.count)
            room.copyBytes(from: piece)
            return piece.count
        }
        func size() throws(SystemError) -> UInt64 { UInt64(folder.visible) }
    }
}

/// A folder that takes everything and keeps nothing.
private final class Pieces: JournalFolder {
    let path = "nowhere"

    func names() throws(SystemError) -> [String] { [] }
    func open(_ name: String) throws(SystemError) -> any JournalInput { throw SystemError("open", code: 2) }
    func create(_ name: String) throws(SystemError) -> any JournalOutput { Sink() }
    func truncate(_ name: String, to count: UInt64) throws(SystemError) {}
    func remove(_ name: String) throws(SystemError) {}
    func lock() throws(SystemError) {}

    private final class Sink: JournalOutput {
        func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int { bytes.count }
        func truncate(to count: UInt64) throws(SystemError) {}
        func synchronize() throws(SystemError) {}
    }
}
