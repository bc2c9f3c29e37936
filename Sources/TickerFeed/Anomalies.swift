// What a source did that it should not have: counted by name, never a reason to stop.

/// One kind of misbehaviour. Its name is the key in digests and the label in metrics.
public enum Anomaly: Int, CaseIterable, Sendable {
    case badLength, unknownType, badSide, badSymbol, timeBackwards
    case zeroSizeAdd, duplicateRef
    case unknownRefE, unknownRefC, unknownRefX, unknownRefD, unknownRefU
    case overReduceE, overReduceC, overReduceX
    /// More shares than a `Quantity` holds: shown as the most it holds.
    case quantityOverflow

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
        }
    }
}

/// A counter for each `Anomaly`.
public struct Anomalies: Sendable {
    private var counts: [16 of UInt64] = .init(repeating: 0)
    public private(set) var total: UInt64 = 0

    public init() {}

    public subscript(anomaly: Anomaly) -> UInt64 { counts[anomaly.rawValue] }

    mutating func count(_ anomaly: Anomaly) {
        counts[anomaly.rawValue] += 1
        total += 1
    }

    /// Those that happened, with their names.
    public var named: [(name: String, count: UInt64)] {
        Anomaly.allCases.filter { self[$0] > 0 }.map { ($0.name, self[$0]) }
    }
}
