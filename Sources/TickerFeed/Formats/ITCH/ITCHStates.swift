// Whether stocks trade, out of what ITCH says of it in two messages that know nothing of each other.
//
// Invariants
//   - H is the word of all markets, h of the feed's own: a stock trades where both let it.
//   - When h ends, the last word of H counts again, also if it came meanwhile.
import Basics
import Market

struct ITCHStates {
    /// Messages were lost: stocks that appear from now on are suspect, too.
    var isIncomplete = false
    /// What H said of stocks that are halted by h, by locate.
    private var halted: [UInt16: MarketStatus] = [:]

    /// Code O1 of NASDAQ's list of halts: the message itself has no reason.
    private static let operational = MarketStatus(.halted, reason: 0x4f31_2020)

    /// What to show after H.
    mutating func act(_ status: MarketStatus, on locate: UInt16) -> MarketStatus {
        guard halted[locate] != nil else { return status }
        halted[locate] = status
        return status.state == .trading ? ITCHStates.operational : status
    }

    /// What to show after h; nil where nothing changes.
    ///
    /// - Parameter shown: what is shown so far.
    mutating func operate(
        isHalted: Bool, on locate: UInt16, _ shown: MarketStatus
    ) -> MarketStatus? {
        guard isHalted else { return halted.removeValue(forKey: locate) }
        guard halted[locate] == nil else { return nil }
        halted[locate] = shown
        return shown.state == .trading || shown.state == .closed ? ITCHStates.operational : nil
    }
}

extension MarketState {
    /// The trading state of ITCH 5.0, 4.2.2; nil for a letter of no meaning.
    init?(itch letter: UInt8) {
        switch letter {
        case UInt8(ascii: "T"): self = .trading
        case UInt8(ascii: "H"): self = .halted
        case UInt8(ascii: "P"): self = .paused
        case UInt8(ascii: "Q"): self = .auction
        default: return nil
        }
    }
}
