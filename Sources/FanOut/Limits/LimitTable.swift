// What is remembered of those whose doings are counted: how many connections they have, and how fast
// they come. Any key will do.
//
// Invariants
//   - It holds at most `capacity` entries, and its memory grows only with those that there are.
//   - Who has connections is never forgotten. Of the others, who was heard of longest ago makes room: a
//     crowd of addresses can empty its own buckets sooner than time would, and nothing else.
import Basics

/// Who is counted.
enum LimitKey: Hashable {
    case v4(UInt32)
    /// The first 64 bits: a single customer has the rest (RFC 6177 §2).
    case v6(UInt64)
    /// A token's subject.
    case subject(String)
}

struct LimitTable {
    struct Entry {
        var connections = 0
        var handshakes = TokenBucket()
        var requests = TokenBucket()
    }

    private struct Place {
        var key: LimitKey
        var entry = Entry()
        /// Neighbours among those without connections, from the one heard of longest ago.
        var older: Int32 = -1
        var younger: Int32 = -1
    }

    private let capacity: Int
    private var index: [LimitKey: Int32] = [:]
    private var places: [Place] = []
    private var oldest: Int32 = -1
    private var youngest: Int32 = -1

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { index.count }
    func contains(_ key: LimitKey) -> Bool { index[key] != nil }

    /// As it stands; nil for who is not known.
    func entry(_ key: LimitKey) -> Entry? { index[key].map { places[Int($0)].entry } }

    /// Works on the entry of a key, a new one if need be. Nil when all places have connections.
    mutating func change<Result>(_ key: LimitKey, _ body: (inout Entry) -> Result) -> Result? {
        guard let at = index[key] ?? place(for: key) else { return nil }
        if places[Int(at)].entry.connections == 0 { unlink(at) }
        let result = body(&places[Int(at)].entry)
        if places[Int(at)].entry.connections == 0 { link(at) }
        return result
    }

    private mutating func place(for key: LimitKey) -> Int32? {
        var at = Int32(places.count)
        if places.count < capacity {
            places.append(Place(key: key))
        } else {
            guard oldest >= 0 else { return nil }
            at = oldest
            unlink(at)
            index[places[Int(at)].key] = nil
            places[Int(at)] = Place(key: key)
        }
        index[key] = at
        link(at)
        return at
    }

    private mutating func link(_ at: Int32) {
        places[Int(at)].older = youngest
        places[Int(at)].younger = -1
        if youngest >= 0 { places[Int(youngest)].younger = at } else { oldest = at }
        youngest = at
    }

    private mutating func unlink(_ at: Int32) {
        let (older, younger) = (places[Int(at)].older, places[Int(at)].younger)
        if older >= 0 { places[Int(older)].younger = younger } else { oldest = younger }
        if younger >= 0 { places[Int(younger)].older = older } else { youngest = older }
    }
}
