// A capture played: the same events that the link had given, at their times, through the same decoder.
//
// Invariants
//   - What comes out depends on the file alone; only when, on the speed.
//   - Each event comes with the moment it belongs to: on the caller's clock where it is paced, on the
//     recorded one, set to begin when the play began, where it is not. Wall time is the recorded one.
//   - The caller gives bytes while `wantsBytes`: about one record is kept, not the file.
import Basics
import Dialects

public final class CapturePlayer {
    /// Known as soon as the first line was given.
    public var head: CaptureHead? { reader.head }
    /// The file ended inside of a record: so many bytes of it were of no use.
    public private(set) var cutBytes = 0
    /// Nothing more will come.
    public private(set) var hasEnded = false
    /// Records that were played.
    public private(set) var records: UInt64 = 0

    private var reader = CaptureReader()
    private var decoder = LinkDecoder()
    private var waiting: CaptureRecord?
    private var isComplete = false
    /// Thousandths of the recorded speed; nil: as fast as it can be read.
    private let speedMilli: Int64?
    private let began: Instant

    /// - Parameters:
    ///   - speedMilli: 1,000 plays as it was, 2,000 twice as fast; nil without pauses.
    ///   - now: when the record of time 0 is due.
    public init(speedMilli: Int64?, _ now: Instant) {
        self.speedMilli = speedMilli.map { max(1, $0) }
        began = now
    }

    /// Gives it the next bytes of the file; none: that was all.
    public func append(_ bytes: UnsafeRawBufferPointer) {
        reader.append(bytes)
        if bytes.isEmpty { isComplete = true }
    }

    /// The next record is not there yet: give more bytes, then play on.
    public var wantsBytes: Bool { waiting == nil && !isComplete && !hasEnded }

    /// When the next record is due; at once where bytes are wanted, `.never` behind the last.
    public var next: Instant {
        if hasEnded { return .never }
        return waiting.map(due) ?? .zero
    }

    /// Plays what is due.
    ///
    /// - Parameter limit: records at most, so that a long one does not keep the screen waiting.
    /// - Throws: `CaptureError` where the file is none, or damaged; what came before was played, and
    ///   nothing comes any more.
    public func play(
        _ now: Instant, atMost limit: Int = 1_000, _ onEvent: (LinkEvent, Moment) -> Void
    ) throws(CaptureError) {
        for _ in 0..<limit where !hasEnded {
            guard let record = try upcoming(), due(record) <= now || speedMilli == nil else { return }
            waiting = nil
            records += 1
            play(record, moment(of: record), onEvent)
        }
    }

    private func upcoming() throws(CaptureError) -> CaptureRecord? {
        if let waiting { return waiting }
        do throws(CaptureError) {
            waiting = try reader.next()
        } catch {
            hasEnded = true
            throw error
        }
        if waiting == nil, isComplete {
            hasEnded = true
            cutBytes = reader.pending
            if reader.head == nil { throw .notACapture }
        }
        return waiting
    }

    // MARK: Time

    private func scaled(_ span: Nanoseconds) -> Nanoseconds {
        guard let speedMilli else { return span }
        let scaled = Int128(span.raw) * 1_000 / Int128(speedMilli)
        return Nanoseconds(raw: Int64(clamping: scaled))
    }

    private func due(_ record: CaptureRecord) -> Instant { began + scaled(record.time) }

    private func moment(of record: CaptureRecord) -> Moment {
        Moment(instant: due(record), wall: (head?.started ?? .zero) + record.time)
    }

    // MARK: Records

    private func play(_ record: CaptureRecord, _ now: Moment, _ onEvent: (LinkEvent, Moment) -> Void) {
        switch record.kind {
        case CaptureKind.state:
            guard let state = state(record.bytes, now.instant) else { return }
            if state == .connecting { decoder.begin() }
            onEvent(.state(state), now)
        case CaptureKind.measure: measure(record.bytes) { onEvent($0, now) }
        case CaptureKind.asked: onEvent(.asked(CapturePlayer.requests(record.bytes)), now)
        default:
            // Of a later version.
            guard let kind = RawKind(rawValue: record.kind) else { return }
            record.bytes.withUnsafeBytes { bytes in
                onEvent(.raw(kind, bytes), now)
                decoder.take(kind, bytes) { onEvent($0, now) }
            }
        }
    }

    private func state(_ bytes: [UInt8], _ now: Instant) -> LinkState? {
        guard let value = CapturePlayer.value(bytes) else { return nil }
        switch value["state"]?.string {
        case "connecting": return .connecting
        case "live": return .live
        case "broken":
            let left = value["retry_ns"]?.integer.map { Nanoseconds(raw: max(0, $0)) }
            return .broken(
                reason: value["reason"]?.string ?? "", retry: left.map { now + scaled($0) } ?? .never)
        default: return nil
        }
    }

    private func measure(_ bytes: [UInt8], _ onEvent: (LinkEvent) -> Void) {
        guard let value = CapturePlayer.value(bytes) else { return }
        if let span = value["round_trip_ns"]?.integer { onEvent(.roundTrip(Nanoseconds(raw: span))) }
        if let span = value["clock_offset_ns"]?.integer { onEvent(.clockOffset(Nanoseconds(raw: span))) }
    }

    /// A line that is no request is passed over.
    private static func requests(_ bytes: [UInt8]) -> [ClientMessage.Subscribe] {
        bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let message = line.withUnsafeBytes { try? ClientMessage(json: $0) }
            guard case .subscribe(let request)? = message?.operation else { return nil }
            return request
        }
    }

    private static func value(_ bytes: [UInt8]) -> JSONValue? {
        bytes.withUnsafeBytes { try? JSONValue(parsing: $0, depthMax: 2) }
    }
}
