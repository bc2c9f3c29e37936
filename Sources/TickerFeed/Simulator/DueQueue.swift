// Whose turn it is: the symbols of a market by the time of their next message.
//
// Invariants
//   - The first is the earliest; of equal times the symbol with the smaller number.
//   - Every symbol is in it once, always. The first one's next turn costs O(log n), and next to
//     nothing where it comes soon again; anybody else's O(n).

struct DueQueue {
    private struct Turn {
        var due: Int64
        let symbol: Int32

        static func < (a: Turn, b: Turn) -> Bool {
            a.due < b.due || (a.due == b.due && a.symbol < b.symbol)
        }
    }
    /// A heap: no turn is before the one at half its place.
    private var turns: [Turn]

    /// So many symbols, all due at 0.
    init(symbols: Int) { turns = (0..<symbols).map { Turn(due: 0, symbol: Int32($0)) } }

    var first: Int { Int(turns[0].symbol) }

    /// Gives the first symbol its next turn.
    @inline(__always)
    mutating func putOff(to due: Int64) {
        turns[0].due = due
        sink(0)
    }

    /// Gives any symbol another turn than it has.
    mutating func move(_ symbol: Int, to due: Int64) {
        guard var place = turns.firstIndex(where: { $0.symbol == Int32(symbol) }) else { return }
        turns[place].due = due
        while place > 0, turns[place] < turns[(place - 1) / 2] {
            turns.swapAt(place, (place - 1) / 2)
            place = (place - 1) / 2
        }
        sink(place)
    }

    /// Gives every symbol the turn that `due` says.
    mutating func moveAll(to due: (Int) -> Int64) {
        for place in turns.indices { turns[place].due = due(Int(turns[place].symbol)) }
        for place in stride(from: turns.count / 2, through: 0, by: -1) { sink(place) }
    }

    @inline(__always)
    private mutating func sink(_ start: Int) {
        turns.withUnsafeMutableBufferPointer { turns in
            let turn = turns[start]
            var place = start
            while true {
                var child = 2 * place + 1
                guard child < turns.count else { break }
                if child + 1 < turns.count, turns[child + 1] < turns[child] { child += 1 }
                guard turns[child] < turn else { break }
                turns[place] = turns[child]
                place = child
            }
            turns[place] = turn
        }
    }
}
