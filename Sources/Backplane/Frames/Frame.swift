// What goes through an engine: runs of frames, each with its length, so that one can stand behind another.
//
//     frame    length, 4 bytes · version · type · epoch, 4 · what the type says, in varints
//
//     ticks    flush, flushes since the symbol's last · first, span · steps · count · ticks
//     gone     flush · first, span            what was before is void: fetch
//     state    flush · first, span · term · part · steps · count · ticks, flagged `snapshot`
//     events   as ticks, before each tick how far it stood behind the first one
//     heads    flush · first, span · told, as far before the end · term · clock · symbols there are · count · numbers that changed
//     symbols  term · clock · number of the first · source's words · count · definitions
//
// A flush is all that changed between two places on the publisher's tape, `first` and `first + span`.
// docs/BACKPLANE.md has the whole of it.
import Basics
import Market

public enum FrameType: UInt8, Sendable {
    case ticks = 1
    case gone = 2
    case state = 3
    case events = 4
    case heads = 5
    case symbols = 6
}

/// Where something stands in its publisher's stream.
public struct FlushPlace: Hashable, Sendable {
    /// From 1, one more each time.
    public var flush: UInt64
    /// Places on the publisher's tape.
    public var first: UInt64
    public var end: UInt64

    public init(flush: UInt64, first: UInt64, end: UInt64) {
        self.flush = flush
        self.first = first
        self.end = end
    }

    /// Where one symbol's tick stands, of `count` in this flush: not before where it stood on the tape, so
    /// that a cursor of the publisher's own misses nothing, and before the end.
    public func place(_ index: Int, of count: Int) -> UInt64 {
        max(first, end &- min(end, UInt64(max(1, count - index))))
    }
}

/// One publisher's time of being the one.
public struct Life: Hashable, Sendable {
    /// Later lives have higher ones: ns since 1970 when it began, by that publisher's clock.
    public var term: UInt64
    public var epoch: UInt32

    public init(term: UInt64, epoch: UInt32) {
        self.term = term
        self.epoch = epoch
    }
}

public enum FrameLimits {
    static let version: UInt8 = 1
    /// Ticks of a frame. What is larger goes in parts.
    public static let ticksMax = 4_096
    /// Bytes of the words on the source.
    static let sourceMax = 1_024
    /// Length, version, type, epoch, and a dozen numbers.
    static let headMax = 10 + 12 * Pen.varintMax
}
