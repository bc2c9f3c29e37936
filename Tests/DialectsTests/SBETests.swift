// Binary messages: the same state as in JSON, and any bytes at all are read or refused.
import Basics
import Market
import TestSupport
import Testing

@testable import Dialects

/// All messages of a frame.
private func read(_ frame: [UInt8], with reader: inout SBEReader) throws(SBEError) -> [ServerMessage] {
    var messages: [ServerMessage] = []
    var offset = 0
    var failure: SBEError?
    frame.withUnsafeBytes { bytes in
        do throws(SBEError) {
            while let message = try reader.next(in: bytes, from: &offset) { messages.append(message) }
        } catch { failure = error }
    }
    if let failure { throw failure }
    return messages
}

private let name = SymbolName("BRK.B")
private func bound() throws -> (SBEReader, SymbolName) {
    let name = try #require(name)
    var reader = SBEReader()
    #expect(try read(Sample.symbol(SymbolDefinition(name: name)), with: &reader) == [])
    return (reader, name)
}

@Test("both encodings say the same of one state", arguments: Seed.smoke)
func encodingsAgree(seed: Seed) throws {
    var draw = SampleGenerator(seed)
    var (reader, name) = try bound()
    for step in 0..<500 {
        let sample = draw.sample(), own = draw.own()
        let text = sample.text(name, own)
        let fromJSON = try Array(text.utf8).withUnsafeBytes { try ServerMessage(json: $0) }
        let fromSBE = try read(sample.bytes(own), with: &reader)
        try #require(fromSBE == [fromJSON], "\(seed), step \(step): \(text)")
    }
}

@Test("several messages back to back are read in order, however long they are", arguments: Seed.smoke)
func backToBack(seed: Seed) throws {
    var draw = SampleGenerator(seed)
    var (reader, _) = try bound()
    var frame: [UInt8] = [], single: [ServerMessage] = []
    for _ in 0..<60 {
        let bytes = draw.sample().bytes(draw.own())
        single += try read(bytes, with: &reader)
        frame += bytes
    }
    #expect(try read(frame, with: &reader) == single)
}

@Test("a quote has 72 bytes, at the places that its layout says")
func quoteLayout() throws {
    let sample = Sample.quote(
        Level(price: Price(e4: 5_853_300), size: Quantity(shares: 100)), nil, seq: 0x0102_0304_0506_0708,
        at: Timestamp(raw: 1_340_285_400_004_241_176))
    let bytes = sample.bytes(Own(previous: 0x1112_1314_1516_1718, isSnapshot: true))
    #expect(bytes.count == 72)
    #expect(
        bytes.prefix(40) == [
            64, 0, 1, 0, 0xe8, 0x1c, 1, 0, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11, 7, 0, 0, 0,
            1, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x18, 0x27, 0xe5, 0x5c, 0x78, 0xa6, 0x99, 0x12,
        ])
    #expect(bytes.suffix(16) == [0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x80])
}

@Test("what is shared is not changed by what is one's own, and a flag that is there stays")
func ownBytes() throws {
    let sample = Sample.book(
        [], [], crc: 5, isCrossed: true, seq: 2, at: .zero)
    let plain = sample.bytes(Own(previous: 0, isSnapshot: false))
    let own = sample.bytes(Own(previous: .max, isSnapshot: true))
    #expect(plain[20] == 0b1010 && own[20] == 0b1011)
    let different = plain.indices.filter { plain[$0] != own[$0] }
    #expect(different == Array(8..<16) + [20])
}

@Test("a volume beyond 64 bits is null in one encoding, exact in the other, and nil to both readers")
func hugeVolume() throws {
    var day = DayStatistics()
    for _ in 0..<2 { day.add(price: Price(e4: 1), size: Quantity(e8: .max)) }
    var (reader, name) = try bound()
    let sample = Sample.stats(day, seq: 2, at: .zero), own = Own(previous: 1, isSnapshot: false)
    let text = sample.text(name, own)
    #expect(text.contains("\"volume\":184467440737.09551614,"))
    let fromJSON = try Array(text.utf8).withUnsafeBytes { try ServerMessage(json: $0) }
    guard case .stats(let stats) = fromJSON else {
        Issue.record("not stats: \(text)")
        return
    }
    #expect(stats.volumeE8 == nil && stats.count == 2)
    #expect(try read(sample.bytes(own), with: &reader) == [fromJSON])
    // A trade's size is no sum but by merging, and then there is no `Quantity` for it.
    let trade = Sample.trade(.zero, .zero, nil, merging: day, seq: 2, at: .zero).bytes(own)
    #expect(throws: SBEError.badValue(field: "size", offset: 48)) { try read(trade, with: &reader) }
}

@Test("a later version is read: longer blocks and entries, templates nobody knows")
func laterVersion() throws {
    var (reader, _) = try bound()
    let own = Own(previous: 1, isSnapshot: false, stamps: (.zero, Timestamp(raw: 9)))
    let level = Level(price: Price(e4: 3), size: Quantity(shares: 1))
    let sample = Sample.book([level, level], [level], crc: 1, seq: 2, at: .zero)
    let expected = try read(sample.bytes(own), with: &reader)
    var bytes = sample.bytes(own)
    // From the back: the stamps' block, entries of 20 bytes instead of 16, a block of 39 instead of 36.
    bytes += [1, 2]
    bytes[bytes.count - 26] += 2
    let asks = 8 + 36 + 4 + 32
    bytes.insert(contentsOf: [9, 9, 9, 9], at: asks + 4 + 16)
    bytes[asks] = 20
    for entry in [2, 1] { bytes.insert(contentsOf: [8, 8, 8, 8], at: 8 + 36 + 4 + 16 * entry) }
    bytes[8 + 36] = 20
    bytes.insert(contentsOf: [7, 7, 7], at: 8 + 36)
    bytes[0] = 39
    bytes[6] = 1
    let unknown: [UInt8] = [2, 0, 99, 0, 0xe8, 0x1c, 1, 0, 0xff, 0xff]
    let read = try read(unknown + bytes + unknown, with: &reader)
    #expect(read == [.unknown(type: "template 99")] + expected + [.unknown(type: "template 99")])
}

@Test("stamps behind no message belong to nobody; those of an own frame too")
func strayStamps() throws {
    var (reader, _) = try bound()
    let sample = Sample.trade(.zero, Quantity(shares: 1), nil, seq: 1, at: .zero)
    let plain = sample.bytes(Own(previous: 0, isSnapshot: true))
    let stamped = sample.bytes(Own(previous: 0, isSnapshot: true, stamps: (.zero, Timestamp(raw: 5))))
    let stamps = Array(stamped.suffix(NativeSBE.stampsCount))
    let messages = try read(stamps + stamps + plain, with: &reader)
    #expect(messages == (try read(plain, with: &reader)))
    guard case .trade(let trade) = try read(stamped + stamps, with: &reader).first else {
        Issue.record("no trade")
        return
    }
    #expect(trade.version.sent == Timestamp(raw: 5))
}

@Test("what does not fit is named, with its place")
func faults() throws {
    let (reader, _) = try bound()
    let own = Own(previous: 1, isSnapshot: false)
    let quote = Sample.quote(nil, nil, seq: 1, at: .zero).bytes(own)
    let bar = Sample.bar(
        Bar(start: .zero, trades: DayStatistics()), .second, isClosed: false, seq: 1, at: .zero
    ).bytes(own)
    let status = Sample.status(MarketStatus(.trading), .live, seq: 1, at: .zero).bytes(own)
    let trade = Sample.trade(.zero, .zero, nil, seq: 1, at: .zero).bytes(own)
    let book = Sample.book([], [], seq: 1, at: .zero).bytes(own)
    func expect(
        _ bytes: [UInt8], changing changes: [Int: UInt8] = [:], _ error: SBEError,
        at location: SourceLocation = #_sourceLocation
    ) {
        var bytes = quote + bytes
        for (place, value) in changes { bytes[quote.count + place] = value }
        var copy = reader
        #expect(throws: error, sourceLocation: location) { try read(bytes, with: &copy) }
    }
    expect([1, 2, 3], .cutOff(needed: 8, offset: 72))
    expect(quote.dropLast(1), .cutOff(needed: 72, offset: 72))
    expect(quote, changing: [4: 1], .foreignSchema(0x1c01, offset: 72))
    expect(quote, changing: [0: 63], .shortBlock(expected: 64, found: 63, offset: 72))
    expect(quote, changing: [16: 8], .unknownSymbol(8, offset: 88))
    expect(trade, changing: [88: 3], .badValue(field: "side", offset: 160))
    expect(bar, changing: [104: 2], .badValue(field: "interval", offset: 176))
    expect(status, changing: [40: 5], .badValue(field: "market", offset: 112))
    expect(status, changing: [41: 4], .badValue(field: "feed", offset: 113))
    expect(status, changing: [42: 0x20], .badValue(field: "reason", offset: 114))
    expect(book, changing: [46: 1], .cutOff(needed: 20, offset: 116))
    expect(book, changing: [44: 15, 46: 1], .shortBlock(expected: 16, found: 15, offset: 116))
    expect(book.dropLast(2), .cutOff(needed: 4, offset: 120))
    let name = try #require(SymbolName("X"))
    let symbol = Sample.symbol(SymbolDefinition(name: name))
    expect(symbol, changing: [24: 0], .badValue(field: "name", offset: 96))
    expect(symbol, changing: [24: 0x22], .badValue(field: "name", offset: 96))
}

@Test("any bytes are read or refused, and the offset stands at a message", arguments: Seed.smoke)
func anyBytes(seed: Seed) throws {
    var draw = SampleGenerator(seed)
    let (reader, _) = try bound()
    func survive(_ bytes: [UInt8]) {
        var reader = reader, offset = 0
        bytes.withUnsafeBytes { bytes in
            while true {
                let start = offset
                do throws(SBEError) {
                    guard try reader.next(in: bytes, from: &offset) != nil else {
                        #expect(offset == bytes.count)
                        return
                    }
                    guard offset > start, offset <= bytes.count else {
                        Issue.record("\(seed): the offset went from \(start) to \(offset)")
                        return
                    }
                } catch {
                    // Messages that are not returned may have been passed on the way.
                    #expect(offset >= start && offset < bytes.count)
                    return
                }
            }
        }
    }
    for _ in 0..<300 {
        let frame = draw.sample().bytes(draw.own()) + draw.sample().bytes(draw.own())
        for length in 0..<frame.count { survive(Array(frame.prefix(length))) }
        var changed = frame
        for _ in 0...draw.random.below(4) {
            changed[draw.random.below(frame.count)] = UInt8(truncatingIfNeeded: draw.random.next())
        }
        survive(changed)
        var noise = (0..<draw.random.below(300)).map { _ in UInt8(truncatingIfNeeded: draw.random.next()) }
        survive(noise)
        // Noise behind a header that is right.
        noise = [UInt8(noise.count & 0x3f), 0, UInt8(draw.random.below(9)), 0, 0xe8, 0x1c, 0, 0] + noise
        survive(noise)
    }
}
