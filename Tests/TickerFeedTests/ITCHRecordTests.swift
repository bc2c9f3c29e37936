// All 23 types with all their fields: against the specification's tables, and against what another
// decoder made of the exchange's packets.
import Basics
import Foundation
import Market
import Testing

@testable import TickerFeed

private func record(_ bytes: [UInt8]) -> ITCHRecord? { ITCHRecord(bytes.span.bytes) }
private func letter(_ character: Character) -> UInt8 { character.asciiValue ?? 0 }
private func code(_ letters: String) -> UInt32 { letters.utf8.reduce(0) { $0 << 8 | UInt32($1) } }
private func stock(_ name: String) -> ITCHStock {
    ITCHStock(raw: ITCHField.stock(name).bytes.reduce(0) { $0 << 8 | UInt64($1) })
}
private let (newco, msft) = (ITCHField.stock("NEWCO"), ITCHField.stock("MSFT"))

/// A message of each type, and what it says.
private let vectors: [(bytes: [UInt8], body: ITCHRecord.Body)] = [
    (itch("S", .text("O")), .systemEvent(code: letter("O"))),
    (
        itch("R", .stock("ZVZZT"), .text("QD"), .u32(100), .text("NCZ TYU1V"), .u32(3), .text("W")),
        .stockDirectory(
            ITCHDirectoryEntry(
                stock: stock("ZVZZT"), marketCategory: letter("Q"), financialStatus: letter("D"),
                roundLotSize: 100, roundLotsOnly: letter("N"), issueClassification: letter("C"),
                issueSubtype: 0x5a20, authenticity: letter("T"), shortSaleThreshold: letter("Y"),
                ipoFlag: letter("U"), luldTier: letter("1"), etpFlag: letter("V"), etpLeverage: 3,
                inverse: letter("W")))
    ),
    (
        itch("H", msft, .text("P"), .text(" "), .text("LUDP")),
        .tradingAction(
            stock: stock("MSFT"), state: letter("P"), reserved: letter(" "), reason: code("LUDP"))
    ),
    (itch("Y", msft, .text("2")), .regSHO(stock: stock("MSFT"), action: letter("2"))),
    (
        itch("L", .text("GSCO"), msft, .text("YNA")),
        .participantPosition(
            participant: code("GSCO"), stock: stock("MSFT"), isPrimary: letter("Y"), mode: letter("N"),
            state: letter("A"))
    ),
    (
        itch("V", .u64(350_000_000_001), .u64(330_000_000_002), .u64(280_000_000_003)),
        .circuitBreakerLevels(level1: 350_000_000_001, level2: 330_000_000_002, level3: 280_000_000_003)
    ),
    (itch("W", .text("2")), .circuitBreakerStatus(breachedLevel: letter("2"))),
    (
        itch("K", newco, .u32(37_800), .text("A"), .u32(170_000)),
        .ipoQuoting(
            stock: stock("NEWCO"), releaseTime: 37_800, qualifier: letter("A"), price: Price(e4: 170_000))
    ),
    (
        itch("J", msft, .u32(1_000_000), .u32(1_050_000), .u32(950_000), .u32(4)),
        .auctionCollar(
            stock: stock("MSFT"), reference: Price(e4: 1_000_000), upper: Price(e4: 1_050_000),
            lower: Price(e4: 950_000), extensions: 4)
    ),
    (
        itch("h", msft, .text("QH")),
        .operationalHalt(stock: stock("MSFT"), market: letter("Q"), action: letter("H"))
    ),
    (
        itch("A", .u64(1 << 40), .text("B"), .u32(300), msft, .u32(1_871_500)),
        .addOrder(
            order: 1 << 40, side: letter("B"), shares: 300, stock: stock("MSFT"),
            price: Price(e4: 1_871_500), attribution: nil)
    ),
    (
        itch("F", .u64(7), .text("S"), .u32(300), msft, .u32(1_871_500), .text("GSCO")),
        .addOrder(
            order: 7, side: letter("S"), shares: 300, stock: stock("MSFT"), price: Price(e4: 1_871_500),
            attribution: code("GSCO"))
    ),
    (
        itch("E", .u64(7), .u32(100), .u64(9_000)),
        .orderExecuted(order: 7, shares: 100, match: 9_000)
    ),
    (
        itch("C", .u64(7), .u32(100), .u64(9_001), .text("N"), .u32(1_871_600)),
        .orderExecutedWithPrice(
            order: 7, shares: 100, match: 9_001, printable: letter("N"), price: Price(e4: 1_871_600))
    ),
    (itch("X", .u64(7), .u32(50)), .orderCancel(order: 7, shares: 50)),
    (itch("D", .u64(7)), .orderDelete(order: 7)),
    (
        itch("U", .u64(7), .u64(8), .u32(60), .u32(1_871_700)),
        .orderReplace(order: 7, newOrder: 8, shares: 60, price: Price(e4: 1_871_700))
    ),
    (
        itch("P", .u64(0), .text("B"), .u32(10), msft, .u32(1_871_800), .u64(9_002)),
        .trade(
            order: 0, side: letter("B"), shares: 10, stock: stock("MSFT"), price: Price(e4: 1_871_800),
            match: 9_002)
    ),
    (
        itch("Q", .u64(1 << 33), msft, .u32(1_871_900), .u64(9_003), .text("O")),
        .crossTrade(
            shares: 1 << 33, stock: stock("MSFT"), price: Price(e4: 1_871_900), match: 9_003,
            crossType: letter("O"))
    ),
    (itch("B", .u64(9_002)), .brokenTrade(match: 9_002)),
    (
        itch(
            "I", .u64(1 << 34), .u64(1 << 35), .text("S"), msft, .u32(1), .u32(2), .u32(3), .text("C"),
            .text("L")),
        .imbalance(
            ITCHImbalance(
                paired: 1 << 34, imbalance: 1 << 35, direction: letter("S"), stock: stock("MSFT"),
                far: Price(e4: 1), near: Price(e4: 2), reference: Price(e4: 3), crossType: letter("C"),
                variation: letter("L")))
    ),
    (itch("N", msft, .text("A")), .retailInterest(stock: stock("MSFT"), flag: letter("A"))),
    (
        itch(
            "O", newco, .text("Y"), .u32(1), .u32(2), .u32(3), .u64(34_200_000_000_000), .u32(4), .u32(5)),
        .priceDiscovery(
            ITCHPriceDiscovery(
                stock: stock("NEWCO"), openEligible: letter("Y"), minimum: Price(e4: 1),
                maximum: Price(e4: 2), nearExecution: Price(e4: 3), nearExecutionTime: 34_200_000_000_000,
                lowerCollar: Price(e4: 4), upperCollar: Price(e4: 5)))
    ),
]

@Test("every field of every type is where the specification has it")
func everyField() throws {
    #expect(Set(vectors.map { $0.bytes[0] }).count == 23)
    for (bytes, body) in vectors {
        let known = record(bytes)
        let record = try #require(known)
        #expect(record.type == bytes[0] && record.locate == 1 && record.trackingNumber == 2)
        #expect(record.timestamp == Nanoseconds(raw: 3))
        #expect(record.body == body)
    }
}

@Test("no type is read from fewer bytes than it has, nor from more")
func otherLengths() {
    for (bytes, _) in vectors {
        for length in 0..<bytes.count { #expect(record(Array(bytes.prefix(length))) == nil) }
        #expect(record(bytes + [0]) == nil)
    }
    for type in UInt8.min...255 where ITCHMessage.length(ofType: type) == nil {
        #expect(record([type, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0]) == nil)
    }
}

@Test("the small message that books are made of reads the same head, and stays small")
func smallMessage() throws {
    #expect(MemoryLayout<ITCHMessage>.size <= 64)
    for (bytes, _) in vectors {
        let framed = bytes.framed
        var cursor = ITCHCursor(framed.span.bytes)
        let next = try cursor.next()
        let message = try #require(next)
        #expect(message.type == bytes[0] && message.locate == 1)
        #expect(message.timestamp == Nanoseconds(raw: 3))
    }
}

@Test("packets of the exchange decode as another decoder has them, where they are at hand")
func samples() throws {
    guard let data = ProcessInfo.processInfo.environment["TICKERFEED_DATA"] else { return }
    let folder = "\(data)/pcap"
    let packets = try Fixture.array("\(folder)/itch-samples.packets.json")
    var found: [String: [ITCHRecord]] = [:]
    for entry in packets {
        let file = (entry["input"] as? NSDictionary)?["file"] as? String ?? ""
        let bytes = try Fixture.bytes("\(folder)/omi/\(file)")
        let (captured, error) = Capture.packets(of: bytes)
        #expect(error == nil)
        let expected = try #require(entry["packets"] as? [NSDictionary])
        #expect(captured.count == expected.count, "\(file)")
        for (packet, golden) in zip(captured, expected) {
            #expect(packet.time.raw == golden["ts_ns"] as? Int64)
            let datagram = try Datagram(in: bytes.span.bytes, frame: packet.frame)
            #expect(Int(datagram.port) == golden["port"] as? Int)
            let messages = Capture.messages(in: Array(bytes[datagram.payload]))
            #expect(messages.map(\.hex) == (golden["messages"] as? [[String]])?.map { $0[1] }, "\(file)")
            found[file, default: []] += messages.compactMap(record)
        }
    }
    let decoded = try Fixture.array("\(folder)/itch-samples.decoded.json")
    #expect(decoded.count > 50)
    for (file, golden) in Dictionary(grouping: decoded, by: { $0["file"] as? String ?? "" }) {
        let ours = found[file, default: []].map { $0.fields(file: file) }
        #expect(ours == golden, "\(file)")
    }
}
