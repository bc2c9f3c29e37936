// What ingest knows of a source: when its next event is, and how to make it happen.
//
// Invariants
//   - A feed has no clock: it is told up to which of its own times to play.
//   - How a stream is cut into calls of `play` changes nothing in what it plays.
import Basics
import Market

/// A source of recorded or made-up market events, played up to a point in its own time.
public protocol Feed: AnyObject {
    /// What it plays, for a log line: `file feeds/x.itch`.
    var description: String { get }

    /// Time of the next event, nil at the end. A fault that waits says "now": `play` throws it.
    func nextTime() -> Timestamp?

    /// Applies events whose time is <= `time`, at most `limit` of them; returns how many.
    func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) throws(FeedError) -> Int

    /// Back to the first event (a new round). False where that cannot be done.
    func rewind() -> Bool
}

/// Why a source cannot be played, or not on. Each says in one line what to do about it.
public enum FeedError: Error, Hashable, Sendable, CustomStringConvertible {
    case cannotOpen(file: String, SystemError)
    case cannotRead(file: String, SystemError)
    /// The bytes at `offset` are not what the format begins with.
    case notITCH(file: String, offset: Int, found: String)
    /// Everything before `offset` was played; the file ends inside the message there.
    case truncated(file: String, offset: Int, bytesLeft: Int)
    /// ITCH has times but no date, and the file's name has none either.
    case noDate(file: String)

    public var description: String {
        switch self {
        case .cannotOpen(let file, let error): "\(file): cannot be opened: \(error.reason)"
        case .cannotRead(let file, let error): "\(file): cannot be read: \(error.reason)"
        case .notITCH(let file, let offset, let found):
            "\(file): not length-prefixed ITCH 5.0: at offset \(offset) is \(found)"
        case .truncated(let file, let offset, let bytesLeft):
            "\(file): ends inside the message at offset \(offset), of which \(bytesLeft) bytes are there"
        case .noDate(let file):
            "\(file): ITCH has no date and the file's name has none: pass --date YYYY-MM-DD"
        }
    }
}
