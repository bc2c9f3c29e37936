// Who follows the market: for each symbol the connections that want its every change.
//
// A turn walks the lists of the symbols that changed and queues each connection once. That costs
// about 2 ns a follower of what changed, and nothing for what did not.
//
// Invariants
//   - A connection is in the queue at most once, and leaves it in the order it came.
//   - Entries of an earlier membership are recognised by its number and dropped on the way; a list
//     that is full drops them before it grows, so it is at most twice as long as it has followers.
import Basics
import Market

struct Followers: ~Copyable {
    /// A connection, which of its memberships this is of, and what it wants to hear of.
    private struct Entry {
        let connection: Int32
        let membership: UInt16
        let changes: Changes
    }

    private struct List {
        var entries: UnsafeMutablePointer<Entry>?
        var count: Int32 = 0
        var capacity: Int32 = 0
    }

    private struct Member {
        var membership: UInt16 = 0
        var isQueued = false
        var follows = false
    }

    private var lists: [List] = []
    private let members: UnsafeMutablePointer<Member>
    private var queue: [Int32] = []
    private var taken = 0
    /// Connections that want to hear of the market as it happens.
    private(set) var count = 0

    /// - Parameter connections: their indices are below it.
    init(connections: Int) {
        members = .allocate(capacity: connections)
        members.initialize(repeating: Member(), count: connections)
    }
    deinit {
        for list in lists { list.entries?.deallocate() }
        members.deallocate()
    }

    var isQueueEmpty: Bool { taken == queue.count }

    // MARK: Membership

    /// Says anew what a connection follows: its slots in `realTime` classes, and symbols to come.
    mutating func update(_ connection: Int, _ subscriptions: borrowing Subscriptions) {
        let member = members + connection
        leave(connection)
        let realTime = subscriptions.realTimeClass
        guard realTime != 0 || subscriptions.waitsForSymbols else { return }
        member.pointee.follows = true
        count += 1
        var index = 0
        while index < subscriptions.count {
            let symbol = subscriptions[index].symbol
            var changes: Changes = []
            while index < subscriptions.count, subscriptions[index].symbol == symbol {
                let slot = subscriptions[index]
                if realTime & (1 << UInt32(slot.rateClass)) != 0 { changes.formUnion(slot.kind.changes) }
                index += 1
            }
            if !changes.isEmpty {
                append(
                    Entry(
                        connection: Int32(connection), membership: member.pointee.membership,
                        changes: changes),
                    to: symbol.index)
            }
        }
    }

    /// Follows nothing any more.
    mutating func leave(_ connection: Int) {
        let member = members + connection
        guard member.pointee.follows else { return }
        member.pointee.follows = false
        member.pointee.membership &+= 1
        count -= 1
    }

    private mutating func append(_ entry: Entry, to symbol: Int) {
        while lists.count <= symbol { lists.append(List()) }
        if lists[symbol].count == lists[symbol].capacity { makeRoom(in: symbol) }
        let list = lists[symbol]
        (list.entries.unsafelyUnwrapped + Int(list.count)).initialize(to: entry)
        lists[symbol].count += 1
    }

    private mutating func makeRoom(in symbol: Int) {
        var list = lists[symbol]
        var kept: Int32 = 0
        for index in 0..<Int(list.count) {
            guard let entry = list.entries?[index], isCurrent(entry) else { continue }
            list.entries?[Int(kept)] = entry
            kept += 1
        }
        list.count = kept
        if kept > list.capacity / 2 || list.capacity == 0 {
            let capacity = max(4, list.capacity * 2)
            let new = UnsafeMutablePointer<Entry>.allocate(capacity: Int(capacity))
            if let entries = list.entries {
                new.update(from: entries, count: Int(kept))
                entries.deallocate()
            }
            list.entries = new
            list.capacity = capacity
        }
        lists[symbol] = list
    }

    @inline(__always)
    private func isCurrent(_ entry: Entry) -> Bool {
        let member = members[Int(entry.connection)]
        return member.follows && member.membership == entry.membership
    }

    // MARK: Turns

    /// Queues whoever wants to hear of these changes of the symbol.
    mutating func hear(_ symbol: SymbolID, _ changes: Changes) {
        guard symbol.index < lists.count else { return }
        let list = lists[symbol.index]
        guard let entries = list.entries else { return }
        for index in 0..<Int(list.count) where !entries[index].changes.isDisjoint(with: changes) {
            if isCurrent(entries[index]) { enqueue(entries[index].connection) }
        }
    }

    private mutating func enqueue(_ connection: Int32) {
        guard !members[Int(connection)].isQueued else { return }
        members[Int(connection)].isQueued = true
        queue.append(connection)
    }

    /// The connection that has waited longest.
    mutating func next() -> Int? {
        guard taken < queue.count else { return nil }
        let connection = Int(queue[taken])
        members[connection].isQueued = false
        taken += 1
        if taken == queue.count {
            queue.removeAll(keepingCapacity: true)
            taken = 0
        } else if taken >= 65_536 {
            // A queue that never runs empty would grow for ever.
            queue.removeFirst(taken)
            taken = 0
        }
        return connection
    }
}
