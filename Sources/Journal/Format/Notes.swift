// What records say that hold no ticks, in 64 bytes each.
//
//     lost:   0 reason, 4 · 4 errno, 4 · 8 ticks, 8 · 16 from, 8 · 24 to, 8 · zeros
//     end:    0 reason, 4 · 4 zeros    · 8 ticks, 8 · 16 records, 8           · zeros
import Basics

/// Ticks that were on the tape and are not in the journal. Behind it a snapshot says what they came to.
public struct LossNote: Hashable, Sendable {
    public enum Reason: UInt32, Sendable {
        /// The recorder was lapped by the tape.
        case lapped = 1
        /// The file could not be written.
        case unwritable = 2
        /// The feed told all states anew, as after a seek.
        case restated = 3

        public var name: String {
            switch self {
            case .lapped: "lapped"
            case .unwritable: "unwritable"
            case .restated: "restated"
            }
        }
    }

    public var reason: Reason
    /// The system's number of the fault; 0 where it was none.
    public var code: Int32 = 0
    /// How many at most: ticks that only repeated state may be among them.
    public var ticks: UInt64
    /// By the clock on the wall, ns since 1970.
    public var from: Timestamp
    public var to: Timestamp

    public init(reason: Reason, code: Int32 = 0, ticks: UInt64, from: Timestamp, to: Timestamp) {
        self.reason = reason
        self.code = code
        self.ticks = ticks
        self.from = from
        self.to = to
    }

    func store(to room: UnsafeMutableRawBufferPointer) {
        room.zero()
        room.store(reason.rawValue, at: 0)
        room.store(code, at: 4)
        room.store(ticks, at: 8)
        room.store(from.raw, at: 16)
        room.store(to.raw, at: 24)
    }

    /// - Parameter bytes: 64 of them.
    static func parse(_ bytes: UnsafeRawBufferPointer) throws(JournalFlaw) -> LossNote {
        guard let reason = Reason(rawValue: bytes.load(UInt32.self, at: 0)) else {
            throw JournalFlaw("a loss of no kind")
        }
        return LossNote(
            reason: reason, code: bytes.load(Int32.self, at: 4), ticks: bytes.load(UInt64.self, at: 8),
            from: Timestamp(raw: bytes.load(Int64.self, at: 16)),
            to: Timestamp(raw: bytes.load(Int64.self, at: 24)))
    }
}

/// A segment was closed in order.
public struct EndNote: Hashable, Sendable {
    public enum Reason: UInt32, Sendable {
        /// The recording ends here.
        case closed = 1
        /// It goes on in the next segment.
        case full = 2
    }

    public var reason: Reason
    /// Ticks in records of that kind.
    public var ticks: UInt64
    /// Records before this one.
    public var records: UInt64

    func store(to room: UnsafeMutableRawBufferPointer) {
        room.zero()
        room.store(reason.rawValue, at: 0)
        room.store(ticks, at: 8)
        room.store(records, at: 16)
    }

    /// - Parameter bytes: 64 of them.
    static func parse(_ bytes: UnsafeRawBufferPointer) throws(JournalFlaw) -> EndNote {
        guard let reason = Reason(rawValue: bytes.load(UInt32.self, at: 0)) else {
            throw JournalFlaw("an end of no kind")
        }
        return EndNote(
            reason: reason, ticks: bytes.load(UInt64.self, at: 8), records: bytes.load(UInt64.self, at: 16))
    }
}
