// To a time: the nearest snapshot before it, and the ticks from there, applied in silence.
//
// A recording's clock is the highest event time so far, which never steps back. A time is reached with the
// first event that has it or a later one: who plays from there gets what who played from the start would
// have been given from that event on. Of a recording that went through the same hours twice it is the first
// time.
import Basics
import Market

extension JournalReader {
    /// Stands before the first event at or after `time`, with the state of everything before it.
    ///
    /// - Parameter image: becomes that state.
    /// - Returns: false where no event is that late; the reader then stands at the end.
    public func seek(to time: Timestamp, image: inout MarketImage) throws(JournalError) -> Bool {
        image.removeAll()
        for index in segments.indices {
            guard let map = try map(segments[index]), map.reached >= time,
                let mark = map.mark(before: time)
            else { continue }
            move(to: index)
            try move(toSnapshotAt: mark.offset)
            return try forward(to: time, &image)
        }
        return try forwardToEnd(&image)
    }

    /// The highest time of any event: where the recording ends. Nil where it has none.
    public func lastTime() throws(JournalError) -> Timestamp? {
        for name in segments.reversed() {
            if let map = try map(name), map.reached.raw > .min { return map.reached }
        }
        return nil
    }

    private func map(_ name: String) throws(JournalError) -> SegmentMap? {
        do throws(SystemError) {
            return try SegmentMap(name, in: folder)
        } catch {
            throw fault(name, error)
        }
    }

    private func forwardToEnd(_ image: inout MarketImage) throws(JournalError) -> Bool {
        for index in segments.indices.reversed() {
            guard let mark = try map(segments[index])?.marks.last else { continue }
            move(to: index)
            try move(toSnapshotAt: mark.offset)
            break
        }
        return try forward(to: Timestamp(raw: .max), &image)
    }

    private func forward(to time: Timestamp, _ image: inout MarketImage) throws(JournalError) -> Bool {
        while true {
            switch try next() {
            case .snapshot(let ticks, let isFirst, _):
                if isFirst { image.removeAll() }
                image.apply(ticks)
            case .ticks(let ticks, let head):
                if let first = JournalReader.apply(ticks, before: time, to: &image) {
                    hold(UnsafeBufferPointer(rebasing: ticks[first...]), head)
                    return true
                }
            case .segment, .lost, .broken: break
            case .notYet, .end: return false
            }
        }
    }

    /// Applies events up to the first at or after `time`.
    ///
    /// - Returns: where that one begins.
    private static func apply(
        _ ticks: UnsafeBufferPointer<Tick>, before time: Timestamp, to image: inout MarketImage
    ) -> Int? {
        var beginsEvent = true
        for index in ticks.indices {
            let tick = ticks[index]
            if beginsEvent, tick.eventTime >= time { return index }
            image.apply(tick)
            beginsEvent = tick.flags.contains(.endOfEvent)
        }
        return nil
    }
}
