// What verify finds, what it does not hold against a journal, and what info says without reading the ticks.
import Basics
import Market
import TestSupport
import Testing
import TickerFeed

@testable import Journal

private func audited(_ folder: MemoryFolder) throws -> (faults: [JournalFault], counts: JournalAudit.Counts) {
    let audit = try JournalAudit(JournalPlace(folder))
    var faults: [JournalFault] = []
    while try audit.step() { faults += audit.takeFaults() }
    #expect(audit.counts.faults == faults.count)
    return (faults, audit.counts)
}

@Test("a journal as it was written has no fault, and info and verify count alike", arguments: Seed.smoke)
func whole(seed: Seed) throws {
    let (folder, ticks) = try someSegments(seed)
    let (faults, counts) = try audited(folder)
    #expect(
        faults == [] && counts.ticks == UInt64(ticks.count) && counts.segments > 1 && counts.snapshots > 3)

    let surveys = try JournalPlace(folder).segments().map { try SegmentSurvey($0, in: folder) }
    #expect(surveys.reduce(0) { $0 + $1.ticks } == counts.ticks)
    #expect(surveys.reduce(0) { $0 + $1.records } == counts.records)
    #expect(surveys.reduce(0) { $0 + $1.snapshots } == counts.snapshots)
    #expect(surveys.allSatisfy { $0.indexed == $0.snapshots && $0.symbols == 3 })
    #expect(surveys.map(\.ending) == surveys.indices.map { $0 == surveys.count - 1 ? .closed : .full })
    #expect(surveys.first?.first == ticks.first?.eventTime)
    #expect(surveys.last?.reached == ticks.map(\.eventTime).max())
}

@Test(
    "a changed byte is a fault, wherever it is, and costs what stands around it alone", arguments: Seed.smoke)
func changedByte(seed: Seed) throws {
    let (folder, _) = try someSegments(seed)
    let files = folder.files, total = try audited(folder).counts
    var random = seed.generator()
    for _ in 0..<60 {
        let name = files.keys.sorted()[random.below(files.count)], bytes = files[name] ?? []
        let at = random.below(bytes.count), mask = UInt8(1 << random.below(8))
        folder.change { $0.files[name]?[at] ^= mask }
        let (faults, counts) = try audited(folder)
        #expect(!faults.isEmpty, "\(seed), \(name) at \(at)")
        #expect(
            faults.allSatisfy { $0.file.hasSuffix(name) || at < 256 }, "\(seed), \(name) at \(at): \(faults)")
        // A header takes all of its segment along, any other place a record.
        if at >= 256 { #expect(counts.records + 1 >= total.records) }
        folder.change { [bytes] in $0.files[name] = bytes }
    }
}

@Test("a segment that ends early is cut, or open, or is missed by the next", arguments: Seed.smoke)
func cutAnywhere(seed: Seed) throws {
    let (folder, _) = try someSegments(seed)
    let names = try JournalPlace(folder).segments(), last = try #require(names.last)
    let bytes = folder.files[last] ?? []
    var random = seed.generator()
    for _ in 0..<30 {
        let length = random.oneIn(4) ? random.below(bytes.count / 64) * 64 : random.below(bytes.count)
        folder.change { $0.files[last] = Array(bytes[..<length]) }
        let survey = try SegmentSurvey(last, in: folder)
        let faults = try audited(folder).faults.filter { $0.file.hasSuffix(".tfj") }
        switch survey.ending {
        case .open: #expect(faults == [])
        case .cut(let offset, let rest):
            #expect(faults.map(\.offset) == [offset] && offset + rest == UInt64(length))
            #expect(faults.first?.cause.hasPrefix("cut") == true)
        case .closed, .full, .damaged: Issue.record("\(survey.ending) after \(length) of \(bytes.count)")
        }
    }
    folder.change { [names] in
        $0.files[last] = bytes
        $0.files[names[1]] = nil
    }
    let (faults, _) = try audited(folder)
    #expect(
        names.count == 2 || faults.count == 1 && faults[0].file.hasSuffix(names[2]) && faults[0].offset == 0)
}

@Test("what has right checksums and is wrong all the same is found")
func wrongInside() throws {
    let source = try Source(Seed(3))
    let first = source.ticks(steps: 200), second = source.ticks(steps: 200)
    let folder = MemoryFolder(), writer = try JournalWriter(folder, someOptions, now: noon)
    try writer.resume(now: noon)
    try writer.write(first)
    try writer.write(now: noon)
    // A snapshot that nobody's ticks come to.
    writer.image.apply(
        Tick(.status, SymbolID(1), sequence: 9_999, eventTime: noon, aux: MarketStatus(.halted).packed))
    try writer.resume(now: noon)
    // A tick that is missing, and one of a symbol that is not there.
    let hole = try #require(second.lastIndex { $0.kind == .trade })
    try writer.write(Array(second[..<hole]))
    try writer.write(now: noon)
    try writer.write(Array(second[(hole + 1)...]) + source.ticks(steps: 300))
    try writer.write(now: noon)
    try writer.write([Tick(.level, SymbolID(40), flags: .endOfEvent, sequence: 1, eventTime: noon)])
    try writer.close(now: noon)
    let causes = try audited(folder).faults.map(\.cause)
    #expect(causes.count == 3)
    #expect(causes.first == "a snapshot that is not what the ticks before it come to")
    #expect(causes.dropFirst().first?.contains("has trade ") == true)
    #expect(causes.last == "a tick of symbol 40, which nobody defined")
}

@Test("losses, another run and a recorder that was killed are told, and are no faults")
func noFaults() throws {
    let folder = try recorded(try Source(Seed(1)).ticks(steps: 100), closes: false)
    let source = try Source(Seed(2)), writer = try JournalWriter(folder, someOptions, now: noon + .seconds(1))
    try writer.resume(now: noon)
    try writer.write(source.ticks(steps: 100))
    try writer.write(now: noon)
    for tick in source.ticks(steps: 50) {
        writer.free[0] = tick
        _ = writer.skip(1)
    }
    let loss = LossNote(reason: .unwritable, code: 28, ticks: 77, from: noon, to: noon + .seconds(3))
    try writer.resume(after: loss, now: noon)
    try writer.write(source.ticks(steps: 100))
    try writer.close(now: noon)
    let audit = try JournalAudit(JournalPlace(folder))
    while try audit.step() {}
    #expect(audit.takeFaults() == [] && audit.counts.losses == 1)
    #expect(audit.unended == ["memory/000001.tfj"])

    let survey = try SegmentSurvey("000002.tfj", in: folder)
    #expect(survey.losses == [loss] && survey.lostTicks == 77 && survey.ending == .closed)
    #expect(try SegmentSurvey("000001.tfj", in: folder).ending == .open)
}
