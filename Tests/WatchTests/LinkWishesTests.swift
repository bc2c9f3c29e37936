// What is said to get from one set of subscriptions to another.
import Dialects
import Market
import Testing

@testable import Watch

private func said(_ old: [ClientMessage.Subscribe], _ new: [ClientMessage.Subscribe]) -> [String] {
    Wishes(new).requests(since: Wishes(old)).map { operation in
        switch operation {
        case .subscribe(let one):
            "+\(one.channel) \(one.symbols.joined(separator: ",")) \(one.rate.map { "\($0.interval.milliseconds)" } ?? "")"
        case .unsubscribe(let one):
            "-\(one.channel.map { "\($0)" } ?? "") \(one.symbols.joined(separator: ","))"
        case .set(.rate(let rate, let one)):
            "=\(one.channel.map { "\($0)" } ?? "") \(one.symbols.joined(separator: ",")) \(rate.interval.milliseconds)"
        default: "?"
        }
    }
}

private func quote(_ symbols: String..., rate: Int = 10) -> ClientMessage.Subscribe {
    .init(channel: .quote, symbols: symbols, rate: .perThousandSeconds(rate * 1_000))
}

@Suite struct LinkWishesTests {
    @Test(
        "as little as it is",
        arguments: [
            ([quote("A", "B")], [quote("B", "A")], []),
            ([], [quote("A", "B", "A")], ["+quote A,B 100"]),
            ([quote("A", "B")], [quote("A")], ["-quote B"]),
            ([quote("A", "B")], [quote("A"), quote("B", rate: 1)], ["=quote B 1000"]),
            ([quote("A")], [quote("A", rate: 1), quote("B", rate: 1)], ["+quote B 1000", "=quote A 1000"]),
            // A pattern's name goes with it, and what it said comes back.
            ([quote("*"), quote("AB", rate: 1)], [quote("AB", rate: 1)], ["-quote *", "+quote AB 1000"]),
            ([quote("AB")], [quote("A*", rate: 1), quote("AB")], ["+quote A* 1000", "+quote AB 100"]),
            ([quote("A*"), quote("AB")], [quote("A*")], ["-quote AB", "+quote A* 100"]),
            (
                [quote("A*"), quote("AB")], [quote("A*", rate: 1), quote("AB")],
                ["=quote A* 1000", "=quote AB 100"]
            ),
        ] as [([ClientMessage.Subscribe], [ClientMessage.Subscribe], [String])])
    func least(old: [ClientMessage.Subscribe], new: [ClientMessage.Subscribe], requests: [String]) {
        #expect(said(old, new) == requests)
    }

    @Test("another depth, mode or interval is another subscription")
    func options() {
        let book = ClientMessage.Subscribe(channel: .book, symbols: ["A"], depth: 5)
        let deeper = ClientMessage.Subscribe(channel: .book, symbols: ["A"], depth: 10)
        #expect(said([book], [deeper]) == ["+book A 100"])
        let seconds = ClientMessage.Subscribe(channel: .bar, symbols: ["A"], interval: .second)
        let minutes = ClientMessage.Subscribe(channel: .bar, symbols: ["A"], interval: .minute)
        #expect(said([seconds], [minutes]) == ["-bar A", "+bar A 100"])
        #expect(said([seconds], [seconds, minutes]) == ["+bar A 100"])
    }

    @Test("a message names 512 symbols at most, and has 64 KiB")
    func chunks() {
        let names = (0..<1_025).map { "S\($0)" }
        let requests = Wishes([.init(channel: .trade, symbols: names)]).requests(resume: nil)
        let counts = requests.map { if case .subscribe(let one) = $0 { one.symbols.count } else { 0 } }
        #expect(counts == [512, 512, 1])
        let long = (0..<512).map { "\($0)" + String(repeating: "\u{1}", count: 1_000) }
        for request in Wishes([.init(channel: .trade, symbols: long)]).requests(resume: nil) {
            #expect(ClientMessage(request).json.utf8.count <= 65_536)
        }
    }
}
