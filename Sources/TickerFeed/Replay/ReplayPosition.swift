// Where a replay stands, as ingest keeps it.
import Basics
import Market

struct ReplayPosition {
    /// The source's first event, known once it was looked at.
    var first: Timestamp?
    /// Its last one that is played: known of journals, of others once they were played to their end.
    var last: Timestamp?
    /// What the source's clock shows; nil before the first event of a round.
    var clock: Timestamp?
    /// Events of this round so far.
    var events = 0
    var isPaused = false
    /// Events still to be played one by one, though it is paused.
    var stepsLeft = 0
    /// 0: unpaced.
    var speedMilli: Int64 = 1_000
}

extension Pace {
    init(_ speed: ReplaySpeed) {
        switch speed {
        case .max: self = .unpaced
        case .thousandths(let thousandths): self = .recorded(Speed(thousandths: thousandths))
        }
    }

    var speed: Speed {
        if case .recorded(let speed) = self { return speed }
        return .recorded
    }
}
