// What a segment begins with: whose it is, where it stands among the others, what was recorded.
//
//      0  magic "TFJOURNL"            32  created, ns since 1970
//      8  version, 2 bytes            40  position: ticks of the run before this segment
//     10  bytes of this header, 2     48  clock: highest event time of the run before it
//     12  bytes of a tick, 2          56  bytes of the source's description, 2
//     14  feed clock, 1 (15: 0)       58  0, 2
//     16  number of the segment, 4    60  CRC-32 of all of the header but these four
//     20  epoch, 4                    64  the source's description, UTF-8, filled up with zeros
//     24  run, 8
import Basics
import Market

public struct SegmentHeader: Hashable, Sendable {
    /// From 1, as in the file's name.
    public var number: UInt32
    /// One life of one recorder: segments of another run do not go on where this one's end.
    public var run: UInt64
    public var created: Timestamp
    /// The epoch that the server's clients were told.
    public var epoch: UInt32
    public var clock: FeedClock
    public var position: UInt64
    /// The highest event time of the run before this segment; `Timestamp(raw: .min)`: there was none.
    public var reached: Timestamp
    /// What was recorded, for people.
    public var source: String

    public init(
        number: UInt32, run: UInt64, created: Timestamp, epoch: UInt32, clock: FeedClock,
        position: UInt64 = 0, reached: Timestamp = Timestamp(raw: .min), source: String
    ) {
        self.number = number
        self.run = run
        self.created = created
        self.epoch = epoch
        self.clock = clock
        self.position = position
        self.reached = reached
        self.source = source
    }

    static let magic: [UInt8] = Array("TFJOURNL".utf8)

    /// The bytes of a file's beginning.
    public var bytes: [UInt8] {
        let words = Array(source.utf8.prefix(JournalFormat.sourceMax))
        let unit = JournalFormat.unit, count = unit + (words.count + unit - 1) / unit * unit
        var bytes = [UInt8](repeating: 0, count: count)
        bytes.replaceSubrange(0..<8, with: SegmentHeader.magic)
        bytes.replaceSubrange(unit..<unit + words.count, with: words)
        bytes.withUnsafeMutableBytes { room in
            room.store(JournalFormat.version, at: 8)
            room.store(UInt16(count), at: 10)
            room.store(UInt16(unit), at: 12)
            room.store(clock.rawValue, at: 14)
            room.store(number, at: 16)
            room.store(epoch, at: 20)
            room.store(run, at: 24)
            room.store(created.raw, at: 32)
            room.store(position, at: 40)
            room.store(reached.raw, at: 48)
            room.store(UInt16(words.count), at: 56)
            room.store(SegmentHeader.checksum(UnsafeRawBufferPointer(room)), at: 60)
        }
        return bytes
    }

    /// Reads the beginning of a file; `bytes` may hold more.
    ///
    /// - Returns: the header and its length; nil where not all of it is there.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(JournalFlaw) -> (header: SegmentHeader, count: Int)? {
        for (byte, expected) in zip(bytes, magic) where byte != expected {
            throw JournalFlaw("not a journal: it does not begin with TFJOURNL")
        }
        guard bytes.count >= JournalFormat.unit else { return nil }
        let version = bytes.load(UInt16.self, at: 8), count = Int(bytes.load(UInt16.self, at: 10))
        guard version == JournalFormat.version else {
            throw JournalFlaw("version \(version) of the format; this program reads \(JournalFormat.version)")
        }
        guard count >= JournalFormat.unit, count <= JournalFormat.headerMax, count % JournalFormat.unit == 0
        else { throw JournalFlaw("a header of \(count) bytes") }
        guard bytes.count >= count else { return nil }
        let all = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        guard checksum(all) == all.load(UInt32.self, at: 60) else {
            throw JournalFlaw("checksum of the header")
        }
        return (try checked(all), count)
    }

    private static func checked(_ bytes: UnsafeRawBufferPointer) throws(JournalFlaw) -> SegmentHeader {
        let unit = JournalFormat.unit, words = Int(bytes.load(UInt16.self, at: 56))
        guard bytes.load(UInt16.self, at: 12) == UInt16(unit) else {
            throw JournalFlaw("ticks of another size")
        }
        guard let clock = FeedClock(rawValue: bytes[14]) else { throw JournalFlaw("a clock of no kind") }
        guard words <= bytes.count - unit else { throw JournalFlaw("a description longer than the header") }
        return SegmentHeader(
            number: bytes.load(UInt32.self, at: 16), run: bytes.load(UInt64.self, at: 24),
            created: Timestamp(raw: bytes.load(Int64.self, at: 32)), epoch: bytes.load(UInt32.self, at: 20),
            clock: clock, position: bytes.load(UInt64.self, at: 40),
            reached: Timestamp(raw: bytes.load(Int64.self, at: 48)),
            source: String(decoding: bytes[unit..<unit + words], as: UTF8.self))
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        let before = JournalFormat.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<60]))
        return JournalFormat.checksum(
            UnsafeRawBufferPointer(rebasing: bytes[JournalFormat.unit...]), after: before)
    }
}
