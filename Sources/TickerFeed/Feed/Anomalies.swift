// What a source did that it should not have: counted by name, never a reason to stop.

/// One kind of misbehaviour. Its name is the key in digests and the label in metrics.
public enum Anomaly: Int, CaseIterable, Sendable {
    case badLength, unknownType, badSide, badSymbol, timeBackwards
    case zeroSizeAdd, duplicateRef
    case unknownRefE, unknownRefC, unknownRefX, unknownRefD, unknownRefU
    case overReduceE, overReduceC, overReduceX
    /// More shares than a `Quantity` holds: shown as the most it holds.
    case quantityOverflow
    /// Text that is none of the format's: the line is passed over as a whole.
    case malformedLine
    /// A number with more digits than there is room for, or out of its range.
    case numberRange
    /// A line, packet or message beyond the format's limit.
    case tooLong
    /// More is taken off a level than rests there.
    case overReduceLevel
    /// The source's numbers have a hole that nothing filled.
    case sequenceGap
    /// A number that was had already.
    case oldSequence
    /// A packet that carries none of the feed's messages.
    case unusablePacket
    /// A packet whose own numbers don't fit it.
    case badPacket
    /// More is held back than there is room for: the oldest went.
    case bufferOverflow
    /// A trade was taken back that is not, or no longer, remembered.
    case unknownTradeBroken
    /// Quotes and levels of one symbol: it has what came first.
    case mixedDepth

    /// What happened, for people, where the place itself does not say more.
    public var explanation: String {
        switch self {
        case .badLength: "a message whose length is not that of its type"
        case .unknownType: "a message of a type that is not known"
        case .badSide: "an order that neither buys nor sells"
        case .badSymbol: "a message of a symbol that is not known"
        case .timeBackwards: "a time before that of the message before"
        case .zeroSizeAdd: "an order of no shares"
        case .duplicateRef: "a new order with the reference of one that lives"
        case .unknownRefE, .unknownRefC: "an execution of an order that is not known"
        case .unknownRefX: "a cancel of an order that is not known"
        case .unknownRefD: "a delete of an order that is not known"
        case .unknownRefU: "a replace of an order that is not known"
        case .overReduceE, .overReduceC: "an execution of more shares than the order has"
        case .overReduceX: "a cancel of more shares than the order has"
        case .quantityOverflow: "more shares than a size can hold"
        case .malformedLine: "a line that is none of this format"
        case .numberRange: "a number that is out of range"
        case .tooLong: "a message beyond the format's limit"
        case .overReduceLevel: "more is taken off a level than rests there"
        case .sequenceGap: "numbers are missing: messages were lost"
        case .oldSequence: "a number that was had already"
        case .unusablePacket: "a packet without messages of this feed"
        case .badPacket: "a packet whose own numbers don't fit it"
        case .bufferOverflow: "more is held back than there is room for"
        case .unknownTradeBroken: "a trade is taken back that is not remembered"
        case .mixedDepth: "quotes and levels of one symbol"
        }
    }

    /// As metrics and digests call it.
    public var name: String {
        switch self {
        case .badLength: "bad_length"
        case .unknownType: "unknown_type"
        case .badSide: "bad_side"
        case .badSymbol: "bad_symbol"
        case .timeBackwards: "time_backwards"
        case .zeroSizeAdd: "zero_size_add"
        case .duplicateRef: "duplicate_ref"
        case .unknownRefE: "unknown_ref_E"
        case .unknownRefC: "unknown_ref_C"
        case .unknownRefX: "unknown_ref_X"
        case .unknownRefD: "unknown_ref_D"
        case .unknownRefU: "unknown_ref_U"
        case .overReduceE: "over_reduce_E"
        case .overReduceC: "over_reduce_C"
        case .overReduceX: "over_reduce_X"
        case .quantityOverflow: "quantity_overflow"
        case .malformedLine: "malformed_line"
        case .numberRange: "number_range"
        case .tooLong: "too_long"
        case .overReduceLevel: "over_reduce_level"
        case .sequenceGap: "sequence_gap"
        case .oldSequence: "old_sequence"
        case .unusablePacket: "unusable_packet"
        case .badPacket: "bad_packet"
        case .bufferOverflow: "buffer_overflow"
        case .unknownTradeBroken: "unknown_trade_broken"
        case .mixedDepth: "mixed_depth"
        }
    }
}

/// A counter for each `Anomaly`, and where each was met first.
public struct Anomalies: Sendable {
    /// Where the first of a kind was, for one line in a log.
    public struct First: Hashable, Sendable {
        /// What kind.
        public let anomaly: Anomaly
        /// The source's number of the message: of the line, the row, the packet.
        public let message: UInt64
        /// Bytes from the beginning of the input, where that is known.
        public let offset: Int?
        /// In one line, where more is known than the kind.
        public let cause: String?

        /// The cause, or what happens in such a case.
        public var reason: String { cause ?? anomaly.explanation }
    }

    private var counts: [32 of UInt64] = .init(repeating: 0)
    /// All kinds together.
    public private(set) var total: UInt64 = 0
    /// In the order in which they were met.
    public private(set) var firsts: [First] = []

    init() {}

    /// How often that kind was met.
    public subscript(anomaly: Anomaly) -> UInt64 { counts[anomaly.rawValue] }

    @inline(never)
    mutating func count(
        _ anomaly: Anomaly, message: UInt64, offset: Int? = nil, cause: StaticString? = nil
    ) {
        counts[anomaly.rawValue] += 1
        total += 1
        guard counts[anomaly.rawValue] == 1 else { return }
        firsts.append(
            First(anomaly: anomaly, message: message, offset: offset, cause: cause.map { "\($0)" }))
    }

    /// Says where the messages of those first ones begin that were met without a place.
    ///
    /// - Parameter offset: of a message by its number; nil where it is not known any more.
    mutating func locate(from index: Int, _ offset: (UInt64) -> Int?) {
        for index in index..<firsts.count where firsts[index].offset == nil {
            let first = firsts[index]
            firsts[index] = First(
                anomaly: first.anomaly, message: first.message, offset: offset(first.message),
                cause: first.cause)
        }
    }

    /// Those that happened, with their names.
    public var named: [(name: String, count: UInt64)] {
        Anomaly.allCases.filter { self[$0] > 0 }.map { ($0.name, self[$0]) }
    }
}
