// What is known of one stream of versions: its chain, its pace, and what it said last.
import Basics
import Dialects
import Market

final class VerifiedStream {
    /// Versions that a snapshot may be compared with, though newer ones have come.
    static let recentMax = 16

    /// The newest version there was; 0: none.
    var last: UInt64 = 0
    /// It has begun on this connection.
    var isOpen = false
    /// Counts its beginnings: one is allowed for each time that something else was asked for.
    private(set) var generation: Int
    /// What was asked for when `due` was set.
    var pacedFor = 0
    /// When the next message may come at the earliest, by the server's clock.
    var due: Timestamp?
    var book = VerifiedBook()
    /// Bars.
    var closed: BarMessage?
    /// Statistics.
    var stats: StatsMessage?
    private(set) var recent: [Known] = []

    /// A state at a version.
    enum Known {
        case quote(QuoteMessage)
        case trade(TradeMessage)
        case stats(StatsMessage)
        /// The reader's own book, by its checksum.
        case book(UInt64, checksum: UInt32)

        var sequence: UInt64 {
            switch self {
            case .quote(let message): message.version.sequence
            case .trade(let message): message.version.sequence
            case .stats(let message): message.version.sequence
            case .book(let sequence, _): sequence
            }
        }
    }

    init(_ generation: Int) { self.generation = generation }

    func remember(_ known: Known) {
        if recent.count == VerifiedStream.recentMax { recent.removeFirst() }
        recent.append(known)
    }

    func known(_ sequence: UInt64) -> Known? { recent.last { $0.sequence == sequence } }

    /// The chain has ended, or waits to be taken up again.
    func close(_ generation: Int) {
        self.generation = generation
        isOpen = false
        due = nil
        closed = nil
        stats = nil
    }
}
