// Who hears of what: followers against a plain table.
import Basics
import Dialects
import Market
import TestSupport
import Testing

@testable import FanOut

@Test("a connection hears once of what it follows, in the order of the news", arguments: Seed.smoke)
func followersAgree(seed: Seed) {
    var random = seed.generator()
    let connections = 12, symbols = 6
    var followers = Followers(connections: connections)
    var subscriptions: [Int: [SymbolID: Changes]] = [:]
    for step in 0..<600 {
        let connection = random.below(connections)
        if random.oneIn(3) {
            var slots = Subscriptions()
            var follows: [SymbolID: Changes] = [:]
            for channel in Channel.allCases where random.oneIn(2) {
                let rate: Rate = random.oneIn(2) ? .max : .standard
                let kind = StreamKind(channel)
                let chosen = (0..<symbols).filter { _ in random.oneIn(2) }.map { SymbolID($0) }
                _ = slots.subscribe(chosen, SlotTemplate(kind: kind, rate: rate), now: .zero)
                guard rate == .max else { continue }
                for symbol in chosen { follows[symbol, default: []].formUnion(kind.changes) }
            }
            followers.update(connection, slots)
            subscriptions[connection] = follows
        } else if random.oneIn(4) {
            followers.leave(connection)
            subscriptions[connection] = [:]
        }
        let symbol = SymbolID(random.below(symbols)), changes = Changes(rawValue: UInt8(random.below(16)))
        followers.hear(symbol, changes)
        followers.hear(symbol, changes)
        var heard: [Int] = []
        while let next = followers.next() { heard.append(next) }
        let expected = subscriptions.filter { !($0.value[symbol] ?? []).isDisjoint(with: changes) }.keys
            .sorted()
        #expect(heard.sorted() == expected, "\(seed), step \(step)")
        let (isEmpty, members) = (followers.isQueueEmpty, followers.count)
        #expect(isEmpty)
        let followersCount = subscriptions.values.count { !$0.isEmpty }
        #expect(members >= followersCount, "\(seed), step \(step)")
    }
}
