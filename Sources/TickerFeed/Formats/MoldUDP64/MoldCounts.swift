// What lines did, by name, and which numbers none of them brought.

/// Counts of one capture, all sessions together. Repetitions are what a second line is for.
struct MoldCounts {
    var heartbeats: UInt64 = 0
    var endsOfSession: UInt64 = 0
    /// Packets whose first number is not above all that was known.
    var behind: UInt64 = 0
    /// Packets that had to wait for a number before theirs.
    var ahead: UInt64 = 0
    /// Messages that had come already, or too late.
    var duplicates: UInt64 = 0
    /// Packets with numbers that had been given up.
    var late: UInt64 = 0
    /// Packets of a session that was over.
    var oldSessions: UInt64 = 0

    mutating func count(_ packet: MoldPacket) {
        switch packet.kind {
        case .messages: break
        case .heartbeat: heartbeats += 1
        case .endOfSession: endsOfSession += 1
        }
    }

    /// Those that happened, with their names.
    var named: [(name: String, count: UInt64)] {
        [
            ("heartbeats", heartbeats), ("packets_repeating_or_behind", behind), ("packets_ahead", ahead),
            ("duplicate_messages", duplicates), ("packets_late", late),
            ("packets_of_old_sessions", oldSessions), ("end_of_session", endsOfSession),
        ].filter { $0.1 > 0 }
    }
}

/// Numbers that were lost: the last `rangesMax` ranges of the session, and how many numbers in all.
struct MissingNumbers {
    static let rangesMax = 1_024

    private(set) var ranges: [Range<UInt64>] = []
    private(set) var count: UInt64 = 0

    mutating func add(_ range: Range<UInt64>) {
        if ranges.count == MissingNumbers.rangesMax { ranges.removeFirst() }
        ranges.append(range)
        count += UInt64(range.count)
    }

    /// Numbers start anew; what was lost stays counted.
    mutating func beginSession() { ranges.removeAll() }

    func contains(_ numbers: Range<UInt64>) -> Bool {
        guard let last = ranges.last, numbers.lowerBound < last.upperBound else { return false }
        return ranges.contains { $0.overlaps(numbers) }
    }
}
