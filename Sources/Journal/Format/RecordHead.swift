// What every record begins with: 64 bytes that say what follows, and where in the recording it stands.
//
//      0  magic "TFJr"                24  time of the first tick
//      4  type, 1                     32  clock: highest event time of the run, up to the record's end
//      5  flags, 1 (6: 0, 2)          40  written, ns since 1970
//      8  bytes that follow, 4        48  CRC-32 of what follows
//     12  ticks that follow, 4        52  number of the segment, 4
//     16  position: ticks of the      56  low half of the run's number
//         run before this record      60  CRC-32 of the 60 bytes before
//
// Heads have a checksum of their own, so that a file can be walked without reading the ticks.
import Basics

public struct RecordHead: Hashable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// Ticks as they were on the tape, in order.
        case ticks = 1
        /// A part of the state of all symbols: ticks that repeat it.
        case snapshot = 2
        /// Ticks were not recorded: `LossNote`.
        case lost = 3
        /// The last record of a segment that was closed: `EndNote`.
        case end = 4
    }

    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// The first part of a snapshot.
        public static let first = Flags(rawValue: 1)
        /// The last part of a snapshot.
        public static let last = Flags(rawValue: 2)
        /// Ticks that do not end with an event: it goes on in the next record.
        public static let split = Flags(rawValue: 4)
    }

    /// Nil: of a later version, to be skipped.
    public var kind: Kind? { Kind(rawValue: type) }
    public var type: UInt8
    public var flags: Flags
    public var payloadBytes: Int
    public var count: Int
    public var position: UInt64
    public var first: Timestamp
    public var reached: Timestamp
    public var written: Timestamp
    public var payloadChecksum: UInt32
    public var segment: UInt32
    public var run: UInt32

    static let magic: UInt32 = 0x724a_4654  // "TFJr"

    /// The position behind the record: what was lost counts, too, where it is known.
    public var end: UInt64 { kind == .ticks ? position &+ UInt64(count) : position }
    public var bytes: UInt64 { UInt64(JournalFormat.unit + payloadBytes) }

    func store(to room: UnsafeMutableRawBufferPointer) {
        room.store(RecordHead.magic, at: 0)
        room.store(type, at: 4)
        room.store(flags.rawValue, at: 5)
        room.store(UInt16(0), at: 6)
        room.store(UInt32(payloadBytes), at: 8)
        room.store(UInt32(count), at: 12)
        room.store(position, at: 16)
        room.store(first.raw, at: 24)
        room.store(reached.raw, at: 32)
        room.store(written.raw, at: 40)
        room.store(payloadChecksum, at: 48)
        room.store(segment, at: 52)
        room.store(run, at: 56)
        room.store(JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: room[..<60])), at: 60)
    }

    /// Reads the 64 bytes of a head.
    ///
    /// - Parameter header: of the segment that it is in.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, in header: SegmentHeader
    ) throws(JournalFlaw) -> RecordHead {
        guard bytes.load(UInt32.self, at: 0) == magic else { throw JournalFlaw("no record begins here") }
        let checksum = JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<60]))
        guard checksum == bytes.load(UInt32.self, at: 60) else {
            throw JournalFlaw("checksum of a record's head")
        }
        let head = RecordHead(
            type: bytes[4], flags: Flags(rawValue: bytes[5]),
            payloadBytes: Int(bytes.load(UInt32.self, at: 8)), count: Int(bytes.load(UInt32.self, at: 12)),
            position: bytes.load(UInt64.self, at: 16), first: Timestamp(raw: bytes.load(Int64.self, at: 24)),
            reached: Timestamp(raw: bytes.load(Int64.self, at: 32)),
            written: Timestamp(raw: bytes.load(Int64.self, at: 40)),
            payloadChecksum: bytes.load(UInt32.self, at: 48), segment: bytes.load(UInt32.self, at: 52),
            run: bytes.load(UInt32.self, at: 56))
        guard head.segment == header.number, head.run == UInt32(truncatingIfNeeded: header.run) else {
            throw JournalFlaw("a record of another segment")
        }
        try head.checkLengths()
        return head
    }

    private func checkLengths() throws(JournalFlaw) {
        let unit = JournalFormat.unit
        guard payloadBytes <= JournalFormat.payloadMax, payloadBytes % unit == 0 else {
            throw JournalFlaw("a record of \(payloadBytes) bytes")
        }
        let isRight =
            switch kind {
            case .ticks, .snapshot: count * unit == payloadBytes
            case .lost, .end: count == 0 && payloadBytes == unit
            case nil: true
            }
        guard isRight else { throw JournalFlaw("\(count) ticks in \(payloadBytes) bytes") }
    }
}
