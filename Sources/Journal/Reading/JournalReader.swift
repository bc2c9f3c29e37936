// A journal from front to back: the segments of a folder, or one of them, as one stream.
//
//     segment · snapshot · ticks · ticks · … · lost · snapshot · ticks · … · segment · ticks · … · end
//
// Invariants
//   - Ticks come as they were recorded, in order, whole records only. Behind a loss, a cut or a new run
//     the first thing that comes is a snapshot: nobody is given ticks whose beginning it missed.
//   - A snapshot that only repeats what the ticks before it came to is left out, unless it is asked for.
//   - Where a segment cannot be read on it is said, and the next one is begun.
//   - A file that is being written is read as far as it is whole; then `notYet`, for whoever follows.
import Basics
import Market

public final class JournalReader {
    /// What comes next. Ticks are good until the next call.
    public enum Item {
        /// A segment begins. Where it does not continue what came before, all states are unknown.
        case segment(SegmentHeader, continues: Bool)
        /// Ticks in their order; whole events, but for one that is longer than a record.
        case ticks(UnsafeBufferPointer<Tick>, RecordHead)
        /// A part of the state of all symbols. What was known before its first part is void.
        case snapshot(UnsafeBufferPointer<Tick>, isFirst: Bool, isLast: Bool)
        /// Ticks are missing here: no state can be trusted until the snapshot that follows is whole.
        case lost(LossNote)
        /// The segment cannot be read on from here.
        case broken(JournalBreak)
        /// All that is there was read, and somebody may be writing on. Only for those who follow.
        case notYet
        /// All was read; closed: the recording ended in order.
        case end(isClosed: Bool)
    }

    public struct Options: Sendable {
        /// Goes on when more is written.
        public var follows = false
        /// Gives every snapshot and checks all their bytes.
        public var wantsSnapshots = false
        public init(follows: Bool = false, wantsSnapshots: Bool = false) {
            self.follows = follows
            self.wantsSnapshots = wantsSnapshots
        }
    }

    let folder: any JournalFolder
    private let options: Options
    /// Only this file; nil: the whole folder.
    private let only: String?
    var segments: [String]
    /// The segment that is open, or opened next.
    var index = 0
    private var segment: SegmentReader?
    private var window: ReadWindow? = ReadWindow()
    /// Of the segments before this one.
    private var bytesBefore: UInt64 = 0
    /// Where the last whole record ended; nil: the state is unknown until a snapshot is whole.
    private var known: Place?
    private var isInSnapshot = false
    private var ending: EndNote?
    /// What is left of a record that was not given out whole.
    private var held: (ticks: UnsafeBufferPointer<Tick>, head: RecordHead)?

    private struct Place: Equatable {
        var run: UInt64
        var position: UInt64
    }

    /// - Throws: where the folder cannot be read or has no segment.
    public init(
        _ folder: any JournalFolder, only: String? = nil, options: Options = Options()
    ) throws(JournalError) {
        self.folder = folder
        self.only = only
        self.options = options
        segments = try JournalReader.segments(in: folder, only: only)
        guard !segments.isEmpty || options.follows else { throw .nothing(folder: folder.path) }
    }

    static func segments(in folder: any JournalFolder, only: String?) throws(JournalError) -> [String] {
        if let only { return [only] }
        do throws(SystemError) {
            return try folder.names().filter { JournalFormat.segmentNumber($0) != nil }.sorted()
        } catch {
            throw .system(file: folder.path, error)
        }
    }

    /// Bytes of all segments, as of now.
    public func size() throws(JournalError) -> UInt64 {
        var sum: UInt64 = 0
        for name in segments { sum += try size(of: name) }
        return sum
    }

    private func size(of name: String) throws(JournalError) -> UInt64 {
        do throws(SystemError) { return try folder.open(name).size() } catch { throw fault(name, error) }
    }

    /// The segment that is read, and how far: for messages.
    public var place: (file: String, offset: UInt64) {
        (path(index < segments.count ? segments[index] : ""), segment?.offset ?? 0)
    }

    /// How far it got, of `size()`.
    public var bytesRead: UInt64 { bytesBefore + (segment?.offset ?? 0) }

    /// Of the segment that is read.
    public var header: SegmentHeader? { segment?.header }

    // MARK: Reading

    public func next() throws(JournalError) -> Item {
        if let held {
            self.held = nil
            return .ticks(held.ticks, held.head)
        }
        while true {
            if segment == nil {
                guard try openNext() else { return atEnd() }
            }
            if let item = try step() { return item }
        }
    }

    /// Nil: there was nothing to tell; go on.
    private func step() throws(JournalError) -> Item? {
        do throws(SegmentFault) {
            guard segment?.header != nil else { return try begin() }
            guard ending == nil else { return try afterEnd() }
            switch try segment?.next(isWanted) {
            case .record(let head, let payload): return try take(head, payload)
            case .end(let rest): return unfinished(rest)
            case nil: return nil
            }
        } catch {
            switch error {
            case .system(let error): throw fault(segments[index], error)
            case .flaw(let flaw): return broken(.damaged(flaw))
            }
        }
    }

    private func isWanted(_ head: RecordHead) -> Bool {
        head.kind != .snapshot || options.wantsSnapshots || known == nil
    }

    private func begin() throws(SegmentFault) -> Item? {
        guard let header = try segment?.readHeader() else {
            return unfinished(try segment?.beginning() ?? 0)
        }
        if let number = JournalFormat.segmentNumber(segments[index]), number != header.number {
            throw .flaw(JournalFlaw("segment \(header.number) under another's name"))
        }
        let continues = known == Place(run: header.run, position: header.position)
        if !continues { known = nil }
        isInSnapshot = false
        return .segment(header, continues: continues)
    }

    private func take(_ head: RecordHead, _ payload: UnsafeRawBufferPointer) throws(SegmentFault) -> Item? {
        switch head.kind {
        case .ticks: return try takeTicks(head, payload.ticks)
        case .snapshot: return try takeSnapshot(head, payload.ticks)
        case .lost: return try takeLoss(head, payload)
        case .end:
            do throws(JournalFlaw) { ending = try EndNote.parse(payload) } catch { throw .flaw(error) }
            return nil
        case nil: return nil
        }
    }

    private func takeTicks(
        _ head: RecordHead, _ ticks: UnsafeBufferPointer<Tick>
    ) throws(SegmentFault) -> Item? {
        guard let known else { throw .flaw(JournalFlaw("ticks where a snapshot should be")) }
        guard known.position == head.position else {
            throw .flaw(JournalFlaw("position \(head.position) where \(known.position) is next"))
        }
        self.known?.position = head.end
        isInSnapshot = false
        return ticks.isEmpty ? nil : .ticks(ticks, head)
    }

    private func takeSnapshot(
        _ head: RecordHead, _ ticks: UnsafeBufferPointer<Tick>
    ) throws(SegmentFault) -> Item? {
        if let known, known.position != head.position {
            throw .flaw(JournalFlaw("position \(head.position) where \(known.position) is next"))
        }
        let isFirst = head.flags.contains(.first), isLast = head.flags.contains(.last)
        if isFirst { isInSnapshot = true }
        guard isInSnapshot else { throw .flaw(JournalFlaw("a part of a snapshot that was not begun")) }
        if isLast {
            isInSnapshot = false
            if known == nil { known = Place(run: segment?.header?.run ?? 0, position: head.position) }
        }
        // One that was passed over has no bytes here.
        guard options.wantsSnapshots || ticks.count == head.count else { return nil }
        return .snapshot(ticks, isFirst: isFirst, isLast: isLast)
    }

    private func takeLoss(
        _ head: RecordHead, _ payload: UnsafeRawBufferPointer
    ) throws(SegmentFault) -> Item? {
        if let known, known.position != head.position {
            throw .flaw(JournalFlaw("position \(head.position) where \(known.position) is next"))
        }
        known = nil
        isInSnapshot = false
        do throws(JournalFlaw) { return .lost(try LossNote.parse(payload)) } catch { throw .flaw(error) }
    }

    // MARK: Places

    /// Back to the first record.
    public func rewind() { move(to: 0) }

    /// Goes on at the beginning of a segment.
    func move(to index: Int) {
        _ = close()
        bytesBefore = segments[..<index].reduce(0) { $0 + ((try? size(of: $1)) ?? 0) }
        self.index = index
        known = nil
        held = nil
        isInSnapshot = false
        ending = nil
    }

    /// Goes on at a snapshot that begins at `offset` of the segment that was moved to.
    func move(toSnapshotAt offset: UInt64) throws(JournalError) {
        guard try openNext() else { return }
        do throws(SegmentFault) { _ = try segment?.readHeader() } catch { return }
        if segment?.header != nil { segment?.move(to: offset) }
    }

    /// Gives these ticks again before it goes on.
    func hold(_ ticks: UnsafeBufferPointer<Tick>, _ head: RecordHead) { held = (ticks, head) }

    // MARK: Ends

    /// No more whole record is there.
    private func unfinished(_ rest: Int) -> Item? {
        // Where another segment has begun this one is complete, and may not have been a moment ago.
        if options.follows, isLast { return isSuperseded() ? nil : .notYet }
        guard rest > 0 || segment?.header == nil else { return close() }
        return broken(.cut)
    }

    private func afterEnd() throws(SegmentFault) -> Item? {
        do throws(SegmentFault) {
            if case .end(let rest)? = try segment?.next({ _ in false }), rest == 0 { return close() }
        } catch {
            if case .system = error { throw error }
        }
        throw .flaw(.bytesBehindEnd)
    }

    private func broken(_ kind: JournalBreak.Kind) -> Item? {
        let offset = segment?.offset ?? 0
        let size = (try? segment?.size()) ?? offset
        let found = JournalBreak(
            kind: kind, file: path(segments[index]), offset: offset, bytes: size > offset ? size - offset : 0)
        // What follows a cut may go on where it ended; what follows damage has lost something.
        if kind != .cut { known = nil }
        ending = nil
        _ = close()
        return .broken(found)
    }

    private func close() -> Item? {
        bytesBefore += (try? segment?.size()) ?? 0
        window = segment.take()?.close()
        index += 1
        return nil
    }

    private func openNext() throws(JournalError) -> Bool {
        if index >= segments.count { _ = isSuperseded() }
        guard index < segments.count else { return false }
        ending = nil
        let name = segments[index]
        do throws(SystemError) {
            segment = try SegmentReader(name, in: folder, window.take() ?? ReadWindow())
        } catch {
            throw fault(name, error)
        }
        return true
    }

    private var isLast: Bool { index == segments.count - 1 }

    /// Looks for segments that came to be. Only who follows asks.
    private func isSuperseded() -> Bool {
        guard options.follows, only == nil,
            let found = try? JournalReader.segments(in: folder, only: nil), found.count > segments.count
        else { return false }
        segments = found
        return true
    }

    private func atEnd() -> Item {
        options.follows && !(only != nil && ending != nil)
            ? .notYet : .end(isClosed: ending?.reason == .closed)
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }
    func fault(_ name: String, _ error: SystemError) -> JournalError { .system(file: path(name), error) }
}
