// One state in both encodings: what the tests of either compare.
import Basics
import Market
import TestSupport

@testable import Dialects

/// A data message before it is bytes.
struct Sample {
    /// As subscribers with either encoding are sent it, but without the ends that are their own.
    let json: (_ name: UnsafeRawBufferPointer, inout Pen) -> Void
    let sbe: (inout Pen) -> Void

    static let id = SymbolID(7)

    static func quote(_ bid: Level?, _ ask: Level?, seq: UInt64, at time: Timestamp) -> Sample {
        var quote = Quote()
        for (side, level) in [(Side.bid, bid), (Side.ask, ask)] {
            quote.apply(
                Tick(
                    .best, id, side: side, sequence: seq, eventTime: time, price: level?.price ?? .zero,
                    size: level?.size ?? .zero))
        }
        return Sample(
            json: { NativeJSON.quote(quote, name: $0, to: &$1) },
            sbe: { NativeSBE.quote(quote, symbol: id, to: &$0) })
    }

    static func trade(
        _ price: Price, _ size: Quantity, _ side: Side?, tradeID: UInt64 = 0, merging: DayStatistics? = nil,
        seq: UInt64, at time: Timestamp
    ) -> Sample {
        let tick = Tick(
            .trade, id, side: side, sequence: seq, eventTime: time, price: price, size: size, aux: tradeID)
        guard let merging else {
            return Sample(
                json: { NativeJSON.trade(tick, name: $0, to: &$1) },
                sbe: { NativeSBE.trade(tick, to: &$0) })
        }
        return Sample(
            json: { NativeJSON.trade(tick, merging: merging, name: $0, to: &$1) },
            sbe: { NativeSBE.trade(tick, merging: merging, to: &$0) })
    }

    static func book(
        _ bids: [Level], _ asks: [Level], crc: UInt32? = nil, isCrossed: Bool = false, seq: UInt64,
        at time: Timestamp
    ) -> Sample {
        Sample(
            json: { name, pen in
                bids.withUnsafeBufferPointer { bids in
                    asks.withUnsafeBufferPointer { asks in
                        NativeJSON.book(
                            bids: bids, asks: asks, crc: crc, isCrossed: isCrossed, sequence: seq, at: time,
                            name: name, to: &pen)
                    }
                }
            },
            sbe: { pen in
                bids.withUnsafeBufferPointer { bids in
                    asks.withUnsafeBufferPointer { asks in
                        NativeSBE.book(
                            bids: bids, asks: asks, crc: crc, isCrossed: isCrossed, sequence: seq, at: time,
                            symbol: id, to: &pen)
                    }
                }
            })
    }

    static func bar(
        _ bar: Bar, _ interval: BarInterval, isClosed: Bool, seq: UInt64, at time: Timestamp
    ) -> Sample {
        Sample(
            json: {
                NativeJSON.bar(
                    bar, interval, isClosed: isClosed, sequence: seq, at: time, name: $0, to: &$1)
            },
            sbe: {
                NativeSBE.bar(
                    bar, interval, isClosed: isClosed, sequence: seq, at: time, symbol: id, to: &$0)
            })
    }

    static func stats(_ day: DayStatistics, seq: UInt64, at time: Timestamp) -> Sample {
        Sample(
            json: { NativeJSON.stats(day, sequence: seq, at: time, name: $0, to: &$1) },
            sbe: { NativeSBE.stats(day, sequence: seq, at: time, symbol: id, to: &$0) })
    }

    static func tradeBreak(
        _ price: Price, _ size: Quantity, tradeID: UInt64, seq: UInt64, at time: Timestamp
    ) -> Sample {
        let tick = Tick(
            .tradeBreak, id, sequence: seq, eventTime: time, price: price, size: size, aux: tradeID)
        return Sample(
            json: { NativeJSON.tradeBreak(tick, name: $0, to: &$1) },
            sbe: { NativeSBE.tradeBreak(tick, to: &$0) })
    }

    static func status(_ status: MarketStatus, _ feed: FeedState, seq: UInt64, at time: Timestamp) -> Sample {
        Sample(
            json: { NativeJSON.status(status, feed, sequence: seq, at: time, name: $0, to: &$1) },
            sbe: { NativeSBE.status(status, feed, sequence: seq, at: time, symbol: id, to: &$0) })
    }
}

/// What makes a sample one subscriber's message.
typealias Own = NativeJSON.Tail

extension Sample {
    func text(_ name: SymbolName, _ own: Own) -> String {
        var buffer = ByteBuffer()
        name.bytes.withUnsafeBytes { name in
            buffer.write(atMost: 65_536) { pen in
                json(name, &pen)
                own.write(to: &pen)
            }
        }
        return String(decoding: buffer.readable, as: UTF8.self)
    }

    /// The message, and stamps behind it where they were asked for.
    func bytes(_ own: Own) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.write(atMost: 65_536) { pen in
            let message = pen.at
            sbe(&pen)
            NativeSBE.own(message, previous: own.previous, isSnapshot: own.isSnapshot)
            guard let stamps = own.stamps else { return }
            NativeSBE.stamps(received: stamps.received, sent: stamps.sent, to: &pen)
        }
        return [UInt8](buffer.readable)
    }

    /// The message that binds the samples' number to a name.
    static func symbol(_ definition: SymbolDefinition, _ id: SymbolID = Sample.id) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.write(atMost: NativeSBE.bodyMax) { NativeSBE.symbol(id, definition, to: &$0) }
        return [UInt8](buffer.readable)
    }
}

/// Draws states with many edges in them.
struct SampleGenerator {
    var random: SeededGenerator

    init(_ seed: Seed) { random = seed.generator() }

    mutating func integer() -> Int64 {
        switch random.below(10) {
        case 0: return random.oneIn(2) ? .max : .min + 1
        case 1: return 0
        default: return Int64(bitPattern: random.next()) >> Int64(random.below(64))
        }
    }
    mutating func price() -> Price { Price(e9: integer()) }
    /// Never zero: to a quote that is a side that is missing.
    mutating func size() -> Quantity {
        let size = integer()
        return Quantity(e8: size == 0 ? 1 : size)
    }
    mutating func level() -> Level { Level(price: price(), size: size()) }
    mutating func side() -> Side? { Side(rawValue: UInt8(random.below(3))) }
    mutating func levels() -> [Level] { (0..<random.below(12)).map { _ in level() } }
    /// Prices that can be subtracted from each other, sums that mostly fit and are never null's.
    mutating func day() -> DayStatistics {
        var day = DayStatistics()
        for _ in 0...random.below(4) {
            let size = random.oneIn(4) ? Quantity(e8: abs(self.size().e8)) : Quantity(shares: 3)
            day.add(price: Price(e9: integer() / 2), size: size)
        }
        return day
    }

    mutating func sample() -> Sample {
        let seq = random.next(), time = Timestamp(raw: integer())
        switch random.below(7) {
        case 0:
            return .quote(
                random.oneIn(4) ? nil : level(), random.oneIn(4) ? nil : level(), seq: seq, at: time)
        case 1: return .trade(price(), size(), side(), tradeID: random.next(), seq: seq, at: time)
        case 2:
            var merged = day()
            while Int64(exactly: merged.volumeE8) == nil { merged = day() }
            return .trade(price(), size(), side(), merging: merged, seq: seq, at: time)
        case 3:
            return .book(
                levels(), levels(), crc: random.oneIn(2) ? nil : UInt32(truncatingIfNeeded: random.next()),
                isCrossed: random.oneIn(2), seq: seq, at: time)
        case 4:
            let bar = Bar(start: Timestamp(raw: integer()), trades: day())
            return .bar(
                bar, random.oneIn(2) ? .second : .minute, isClosed: random.oneIn(2), seq: seq, at: time)
        case 5: return .stats(day(), seq: seq, at: time)
        default:
            let status = MarketStatus(
                MarketState.allCases[random.below(5)], reason: random.oneIn(2) ? 0 : 0x4c55_4450)
            return .status(status, FeedState.allCases[random.below(4)], seq: seq, at: time)
        }
    }

    mutating func own() -> Own {
        let stamps: (Timestamp, Timestamp)? =
            random.oneIn(2) ? nil : (Timestamp(raw: integer()), Timestamp(raw: integer()))
        return Own(previous: random.next(), isSnapshot: random.oneIn(2), stamps: stamps)
    }
}
