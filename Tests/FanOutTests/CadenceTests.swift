// Throttling as timelines: one character is a millisecond.
import Basics
import Dialects
import Market
import TestSupport
import Testing

@testable import FanOut

@Test(
    "one update an interval, always the newest; a late turn makes the next one later",
    arguments: [
        (every: 3, due: 1, late: 99, offered: "ab-cd----", emitted: "-b--d----"),  // a and c were conflated
        (every: 3, due: 0, late: 99, offered: "a--------", emitted: "a--------"),  // then a quiet market
        (every: 3, due: 2, late: 99, offered: "a--b--c--", emitted: "--a--b--c"),  // nothing waits longer
        (every: 1, due: 0, late: 99, offered: "abc", emitted: "abc"),  // a rate that conflates nothing
        (every: 4, due: 3, late: 99, offered: "----ab--", emitted: "-------b"),
        (every: 3, due: 0, late: 3, offered: "a--b--c--", emitted: "a---b--c-"),  // the loop slept at 3
    ])
func cadenceTimeline(every: Int, due: Int, late: Int, offered: String, emitted: String) {
    var classes = RateClasses()
    let start = Instant.zero + .milliseconds(due)
    #expect(classes.join(.perThousandSeconds(1_000_000 / every), slots: 1, now: start) == 0)
    var newest: Character = "-"
    var sent: Character = "-"
    let seen = offered.enumerated().map { millisecond, update -> Character in
        let now = Instant.zero + .milliseconds(millisecond)
        if update != "-" { newest = update }
        // A rate that does not divide a second is rounded down: this clock is as much too slow.
        let isDue = millisecond != late && classes.takeDue(at: now + .microseconds(10 * millisecond)) != 0
        guard isDue, newest != sent else { return "-" }
        sent = newest
        return newest
    }
    #expect(String(seen) == emitted)
}

private func quotes(_ milli: Int) -> SlotTemplate {
    SlotTemplate(kind: StreamKind(.quote), rate: .perThousandSeconds(milli))
}

@Test("the wheel fires what is due, never early, whatever the distance", arguments: Seed.smoke)
func wheelAgreesWithModel(seed: Seed) {
    var random = seed.generator()
    var now = Instant(raw: 5_000_000_000)
    var wheel = TimerWheel(capacity: 64, now: now)
    var model: [Int: Instant] = [:]
    for step in 0..<3_000 {
        let index = random.below(64)
        if random.oneIn(8) {
            wheel.set(index, .never)
            model[index] = nil
        } else {
            let due = now + Nanoseconds(raw: Int64(random.below(4_000_000_000)))
            wheel.set(index, due)
            model[index] = due
        }
        now = now + Nanoseconds(raw: Int64(random.below(30_000_000)))
        var fired: [Int32] = []
        wheel.fire(now, into: &fired)
        for one in fired {
            let due = model.removeValue(forKey: Int(one))
            #expect(due != nil && due! <= now, "\(seed), step \(step): fired early")
        }
        for (index, due) in model {
            #expect(due > now - .milliseconds(1), "\(seed), step \(step): \(index) is overdue")
        }
        if let next = model.values.min() { #expect(wheel.next <= next + .milliseconds(1)) }
    }
}

extension Instant {
    fileprivate static func - (a: Instant, b: Nanoseconds) -> Instant { Instant(raw: a.raw - b.raw) }
}

@Test("subscribing one by one shares a cadence; the first snapshot comes at once, the others within 100 ms")
func sharedCadence() {
    var subscriptions = Subscriptions()
    let start = Instant(raw: 7_123_456_789)
    func subscribe(_ symbol: Int, _ milli: Int, at now: Instant) {
        #expect(subscriptions.subscribe([.init(symbol)], quotes(milli), now: now) != nil)
    }
    subscribe(0, 10_000, at: start)
    #expect(subscriptions.due == start)
    #expect(subscriptions.takeDue(at: start) == 1)
    subscribe(1, 10_000, at: start + .milliseconds(40))
    #expect(subscriptions.classes.classes.count == 1)
    #expect(subscriptions.due == start + .milliseconds(100))
    // A slower rate opens a class of its own, on the same grid: its writes coincide.
    subscribe(2, 1_000, at: start + .milliseconds(50))
    #expect(subscriptions.due == start + .milliseconds(100))
    #expect(subscriptions.takeDue(at: start + .milliseconds(100)) == 3)
    #expect(subscriptions.due == start + .milliseconds(200))
    #expect(subscriptions.takeDue(at: start + .milliseconds(200)) == 1)
}

@Test(
    "whatever is subscribed when, no slot is sent more than its rate or later than an interval",
    arguments: Seed.smoke)
func ratesHold(seed: Seed) {
    var random = seed.generator()
    var subscriptions = Subscriptions()
    var began: [Int: Instant] = [:]
    var times: [Int: [Instant]] = [:]
    let rates = [500, 1_000, 3_000, 10_000, 30_000, 1_000_000]
    var milli: [Int: Int] = [:]
    var now = Instant(raw: 1_000_000_000)
    for _ in 0..<20_000 {
        if began.count < 40, random.oneIn(100) {
            let symbol = began.count
            milli[symbol] = rates[random.below(rates.count)]
            began[symbol] = now
            #expect(subscriptions.subscribe([.init(symbol)], quotes(milli[symbol]!), now: now) != nil)
        }
        let due = subscriptions.takeDue(at: now)
        for index in 0..<subscriptions.count where due & (1 << UInt32(subscriptions[index].rateClass)) != 0 {
            times[subscriptions[index].symbol.index, default: []].append(now)
        }
        now = now + .milliseconds(1)
    }
    for (symbol, sent) in times {
        let interval = Rate.perThousandSeconds(milli[symbol]!).interval
        let first = sent[0]
        for (count, time) in sent.enumerated() {  // rate·t + 1, whatever the moment it is counted from
            #expect(Int64(count) * interval.raw <= (time - first).raw, "\(seed) symbol \(symbol)")
        }
        #expect(first <= began[symbol]! + .milliseconds(101), "\(seed): the snapshot waited")
        for (one, next) in zip(sent, sent.dropFirst()) {
            #expect((next - one).raw <= interval.raw + 1_000_000, "\(seed): a slot starved")
        }
    }
}

@Test("a connection has at most 32 different rates, and never one faster than it asked for")
func tooManyRates() {
    var subscriptions = Subscriptions()
    for number in 0..<40 {
        let taken = subscriptions.subscribe([.init(number)], quotes(1_000 + number), now: .zero)
        #expect((taken != nil) == (number < 32))
    }
    for slot in (0..<subscriptions.count).map({ subscriptions[$0] }) {
        #expect(subscriptions.rate(of: slot) == .perThousandSeconds(1_000 + slot.symbol.index))
    }
}

@Test("a bucket of operations fills with time and no further")
func operationBudget() {
    var budget = OperationBudget(perSecond: 5, now: .zero)
    func taken(_ times: Int, at now: Instant) -> Int {
        (0..<times).filter { _ in budget.take(now: now) }.count
    }
    #expect(taken(8, at: .zero) == 5)
    #expect(taken(8, at: .zero + .milliseconds(400)) == 2)
    #expect(taken(8, at: .zero + .seconds(60)) == 5)
    #expect(budget.refused == 3)  // it was full again since the first nine
}
