// Data messages as JSON, written once and shared: body first, each subscriber's own tail last.
//
//     {"type":"quote","sym":"AAPL","seq":8840,"bid":585.35,…,"ts":1340285400104512000   shared
//     ,"prev":8812}                                                                      own
//
// Prices and sizes are exact decimals in their shortest form. Every function says how many bytes
// it writes at most; its caller reserved them.
import Basics
import Market

public enum NativeJSON {
    /// The longest body that is no book: a symbol of 24 bytes, twelve numbers of 21, and the names.
    public static let bodyMax = 512

    /// The longest book of that many levels on both sides together.
    public static func bookMax(levels: Int) -> Int { 256 + levels * 48 }
    /// The longest tail: three numbers of 20 and the names.
    public static let tailMax = 128

    public static func quote(_ quote: Quote, name: UnsafeRawBufferPointer, to pen: inout Pen) {
        head("{\"type\":\"quote\",\"sym\":\"", name, quote.sequence, to: &pen)
        if let bid = quote.bid {
            number(",\"bid\":", bid.price, to: &pen)
            pen.literal(",\"bid_size\":")
            pen.quantity(bid.size)
        } else {
            pen.literal(",\"bid\":null,\"bid_size\":null")
        }
        if let ask = quote.ask {
            number(",\"ask\":", ask.price, to: &pen)
            pen.literal(",\"ask_size\":")
            pen.quantity(ask.size)
        } else {
            pen.literal(",\"ask\":null,\"ask_size\":null")
        }
        if quote.isCrossed { pen.literal(",\"crossed\":true") }
        time(quote.eventTime, to: &pen)
    }

    /// One trade as it came.
    public static func trade(_ trade: Tick, name: UnsafeRawBufferPointer, to pen: inout Pen) {
        head("{\"type\":\"trade\",\"sym\":\"", name, trade.sequence, to: &pen)
        number(",\"price\":", trade.price, to: &pen)
        pen.literal(",\"size\":")
        pen.quantity(trade.size)
        aggressor(trade.side, to: &pen)
        identifier(trade.aux, to: &pen)
        time(trade.eventTime, to: &pen)
    }

    /// A trade taken back: what it was, where the source says so.
    public static func tradeBreak(_ broken: Tick, name: UnsafeRawBufferPointer, to pen: inout Pen) {
        head("{\"type\":\"trade\",\"sym\":\"", name, broken.sequence, to: &pen)
        pen.literal(",\"broken\":\"")
        pen.unsigned(broken.aux)
        pen.byte(UInt8(ascii: "\""))
        if broken.size != .zero {
            number(",\"price\":", broken.price, to: &pen)
            pen.literal(",\"size\":")
            pen.quantity(broken.size)
        }
        time(broken.eventTime, to: &pen)
    }

    /// The last of several trades with what was merged into it.
    public static func trade(
        _ last: Tick, merging merged: DayStatistics, name: UnsafeRawBufferPointer, to pen: inout Pen
    ) {
        head("{\"type\":\"trade\",\"sym\":\"", name, last.sequence, to: &pen)
        number(",\"price\":", last.price, to: &pen)
        pen.literal(",\"size\":")
        sum(merged.volumeE8, to: &pen)
        aggressor(last.side, to: &pen)
        identifier(last.aux, to: &pen)
        pen.literal(",\"count\":")
        pen.unsigned(merged.count)
        number(",\"high\":", merged.high, to: &pen)
        number(",\"low\":", merged.low, to: &pen)
        time(last.eventTime, to: &pen)
    }

    /// The day so far. Only for statistics with at least one trade.
    public static func stats(
        _ day: DayStatistics, sequence: UInt64, at time: Timestamp, name: UnsafeRawBufferPointer,
        to pen: inout Pen
    ) {
        head("{\"type\":\"stats\",\"sym\":\"", name, sequence, to: &pen)
        statistics(day, to: &pen)
        self.time(time, to: &pen)
    }

    /// The members of `stats`, each with a comma before it.
    public static func statistics(_ day: DayStatistics, to pen: inout Pen) {
        number(",\"open\":", day.open, to: &pen)
        number(",\"high\":", day.high, to: &pen)
        number(",\"low\":", day.low, to: &pen)
        number(",\"last\":", day.last, to: &pen)
        number(",\"change\":", day.change, to: &pen)
        pen.literal(",\"volume\":")
        sum(day.volumeE8, to: &pen)
        pen.literal(",\"vwap\":")
        if let vwap = day.vwap { pen.price(vwap) } else { pen.literal("null") }
        pen.literal(",\"count\":")
        pen.unsigned(day.count)
    }

    /// Levels of a book: all within a depth, best first, or those that changed (size 0: gone).
    public static func book(
        bids: UnsafeBufferPointer<Level>, asks: UnsafeBufferPointer<Level>, crc: UInt32?,
        isCrossed: Bool, sequence: UInt64, at time: Timestamp, name: UnsafeRawBufferPointer,
        to pen: inout Pen
    ) {
        head("{\"type\":\"book\",\"sym\":\"", name, sequence, to: &pen)
        levels(",\"bids\":[", bids, to: &pen)
        levels(",\"asks\":[", asks, to: &pen)
        if isCrossed { pen.literal(",\"crossed\":true") }
        if let crc {
            pen.literal(",\"crc\":")
            pen.unsigned(UInt64(crc))
        }
        self.time(time, to: &pen)
    }

    private static func levels(
        _ label: StaticString, _ levels: UnsafeBufferPointer<Level>, to pen: inout Pen
    ) {
        pen.literal(label)
        for (index, level) in levels.enumerated() {
            pen.literal(index == 0 ? "[" : ",[")
            pen.price(level.price)
            pen.byte(UInt8(ascii: ","))
            pen.quantity(level.size)
            pen.byte(UInt8(ascii: "]"))
        }
        pen.byte(UInt8(ascii: "]"))
    }

    /// A bar, open or closed. Only for bars with at least one trade. `time`: the last trade's, or
    /// the interval's end.
    public static func bar(
        _ bar: Bar, _ interval: BarInterval, isClosed: Bool, sequence: UInt64, at time: Timestamp,
        name: UnsafeRawBufferPointer, to pen: inout Pen
    ) {
        head("{\"type\":\"bar\",\"sym\":\"", name, sequence, to: &pen)
        pen.literal(",\"interval\":\"")
        pen.literal(interval.name)
        pen.literal("\",\"start\":")
        pen.integer(bar.start.raw)
        number(",\"open\":", bar.trades.open, to: &pen)
        number(",\"high\":", bar.trades.high, to: &pen)
        number(",\"low\":", bar.trades.low, to: &pen)
        number(",\"close\":", bar.trades.last, to: &pen)
        pen.literal(",\"volume\":")
        sum(bar.trades.volumeE8, to: &pen)
        pen.literal(",\"vwap\":")
        if let vwap = bar.trades.vwap { pen.price(vwap) } else { pen.literal("null") }
        pen.literal(",\"count\":")
        pen.unsigned(bar.trades.count)
        pen.literal(isClosed ? ",\"closed\":true" : ",\"closed\":false")
        self.time(time, to: &pen)
    }

    /// The market's word and the feed's.
    public static func status(
        _ status: MarketStatus, _ feed: FeedState, sequence: UInt64, at time: Timestamp,
        name: UnsafeRawBufferPointer, to pen: inout Pen
    ) {
        head("{\"type\":\"status\",\"sym\":\"", name, sequence, to: &pen)
        pen.literal(",\"market\":\"")
        pen.literal(status.state.name)
        pen.literal("\",\"feed\":\"")
        pen.literal(feed.name)
        pen.literal("\",\"reason\":")
        pen.byte(UInt8(ascii: "\""))
        let (letters, count) = status.letters
        for place in 0..<count { pen.escaped(letters[place]) }
        pen.byte(UInt8(ascii: "\""))
        self.time(time, to: &pen)
    }

    /// What ends a message: each subscriber's own bytes.
    public struct Tail: Sendable {
        public var previous: UInt64
        public var isSnapshot: Bool
        /// Received and sent, for subscribers that asked for `stamps`.
        public var stamps: (received: Timestamp, sent: Timestamp)?
        public init(
            previous: UInt64, isSnapshot: Bool, stamps: (received: Timestamp, sent: Timestamp)? = nil
        ) {
            self.previous = previous
            self.isSnapshot = isSnapshot
            self.stamps = stamps
        }

        /// The exact number of bytes `write` writes: a frame's header needs it first.
        @inline(__always)
        public var count: Int {
            var count = 9 + Pen.digitCount(previous)  // ,"prev":0}
            if isSnapshot { count += 12 }  // ,"snap":true
            if let stamps {
                count += 16 + Pen.digitCount(stamps.received.raw.magnitude)
                count += Pen.digitCount(stamps.sent.raw.magnitude)
                if stamps.received.raw < 0 { count += 1 }
                if stamps.sent.raw < 0 { count += 1 }
            }
            return count
        }

        @inline(__always)
        public func write(to pen: inout Pen) {
            if isSnapshot { pen.literal(",\"snap\":true") }
            if let stamps {
                pen.literal(",\"recv\":")
                pen.integer(stamps.received.raw)
            }
            pen.literal(",\"prev\":")
            pen.unsigned(previous)
            if let stamps {
                pen.literal(",\"sent\":")
                pen.integer(stamps.sent.raw)
            }
            pen.byte(UInt8(ascii: "}"))
        }
    }

    @inline(__always)
    private static func head(
        _ opening: StaticString, _ name: UnsafeRawBufferPointer, _ sequence: UInt64, to pen: inout Pen
    ) {
        pen.literal(opening)
        pen.short(name)  // SymbolName allows nothing that needs escaping
        pen.literal("\",\"seq\":")
        pen.unsigned(sequence)
    }

    @inline(__always)
    private static func number(_ label: StaticString, _ price: Price, to pen: inout Pen) {
        pen.literal(label)
        pen.price(price)
    }

    @inline(__always)
    private static func aggressor(_ side: Side?, to pen: inout Pen) {
        switch side {
        case .bid: pen.literal(",\"side\":\"buy\"")
        case .ask: pen.literal(",\"side\":\"sell\"")
        case nil: break
        }
    }

    @inline(__always)
    private static func identifier(_ id: UInt64, to pen: inout Pen) {
        guard id != 0 else { return }
        pen.literal(",\"trade_id\":\"")
        pen.unsigned(id)
        pen.byte(UInt8(ascii: "\""))
    }

    @inline(__always)
    private static func time(_ time: Timestamp, to pen: inout Pen) {
        pen.literal(",\"ts\":")
        pen.integer(time.raw)
    }

    /// A sum of quantities. Beyond 64 bits the text is made the slow way; no market got there yet.
    private static func sum(_ unitsE8: Int128, to pen: inout Pen) {
        if let small = Int64(exactly: unitsE8) {
            pen.decimal(small, decimals: 8)
        } else {
            let (whole, rest) = unitsE8.quotientAndRemainder(dividingBy: 100_000_000)
            pen.text("\(whole)")
            if rest != 0 {
                let digits = String(Int64(rest.magnitude) + 100_000_000).dropFirst()
                pen.text("." + digits.reversed().drop { $0 == "0" }.reversed())
            }
        }
    }
}
