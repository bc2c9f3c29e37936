// Items that wait for a slow pipe, in the order in which they began to wait.
import Basics
import Dialects

struct WaitingItems {
    /// What adding an item cost.
    struct Outcome: Hashable {
        var merged: UInt64 = 0
        var dropped: UInt64 = 0
    }

    private var items: [Int: PipeItem] = [:]
    /// Numbers of items; some are gone already.
    private var order: [Int] = []
    private var head = 0
    private var nextNumber = 0
    private var states: [PipeItem.Key: Int] = [:]
    private var events: [PipeItem.Key: [Int]] = [:]
    private var eventCount = 0
    /// Versions of events that fell out and were not told of.
    private var lost: [PipeItem.Key: ClosedRange<UInt64>] = [:]

    var isEmpty: Bool { items.isEmpty }
    var count: Int { items.count }

    mutating func add(_ item: PipeItem) -> Outcome {
        if case .message(.epoch) = item {
            // What is of the old life is void, and must not come behind this.
            let outcome = Outcome(dropped: UInt64(items.count))
            self = WaitingItems()
            append(item)
            return outcome
        }
        guard let key = item.key else { return addEvent(item) }
        if let number = states[key], let old = items[number] {
            items[number] = old.merged(with: item)
            return Outcome(merged: 1)
        }
        states[key] = nextNumber
        append(item)
        return Outcome()
    }

    private mutating func addEvent(_ item: PipeItem) -> Outcome {
        var outcome = Outcome()
        if let key = item.event {
            if let numbers = events[key], numbers.count >= PipeQueue.eventsMax {
                drop(numbers[0])
                outcome.dropped += 1
            }
            events[key, default: []].append(nextNumber)
        }
        append(item)
        eventCount += 1
        if eventCount > PipeQueue.eventsInAllMax, let oldest = oldestEvent() {
            drop(oldest)
            outcome.dropped += 1
        }
        return outcome
    }

    private mutating func append(_ item: PipeItem) {
        items[nextNumber] = item
        order.append(nextNumber)
        nextNumber += 1
        // Those that fell out leave their numbers behind.
        guard order.count - head > 2 * items.count + 1_024 else { return }
        order = order[head...].filter { items[$0] != nil }
        head = 0
    }

    private func oldestEvent() -> Int? {
        order[head...].first { number in items[number].map { $0.key == nil } ?? false }
    }

    private mutating func drop(_ number: Int) {
        guard let item = items.removeValue(forKey: number) else { return }
        eventCount -= 1
        guard let key = item.event, case .message(let message) = item, let version = message.version else {
            return
        }
        forget(number, of: key)
        let known = lost[key]
        let from = min(known?.lowerBound ?? version.sequence, version.sequence)
        lost[key] = from...max(known?.upperBound ?? version.sequence, version.sequence)
    }

    private mutating func forget(_ number: Int, of key: PipeItem.Key) {
        events[key]?.removeAll { $0 == number }
        if events[key]?.isEmpty == true { events[key] = nil }
    }

    /// The one that has waited longest; where some of its kind fell out before it, first a `gap` that says so.
    mutating func next() -> PipeItem? {
        while head < order.count {
            let number = order[head]
            guard let item = items[number] else {
                head += 1
                continue
            }
            if let key = item.event, let range = lost.removeValue(forKey: key), let channel = key.channel {
                let gap = GapMessage(
                    symbol: key.symbol, channel: "\(channel.name)", interval: key.interval,
                    from: range.lowerBound, to: range.upperBound, reason: "slow_reader")
                return .message(.gap(gap))
            }
            head += 1
            take(number, item)
            return item
        }
        order.removeAll()
        head = 0
        return nil
    }

    private mutating func take(_ number: Int, _ item: PipeItem) {
        items[number] = nil
        if let key = item.key {
            states[key] = nil
        } else {
            eventCount -= 1
            if let key = item.event { forget(number, of: key) }
        }
    }
}
