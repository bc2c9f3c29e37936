// What was asked and not answered yet, under the numbers that end the places for answers.
//
// Invariants
//   - A question ends once: by its last part, by there being nothing, or by two seconds without a part.
//   - Parts count from 0; one that is missing, or there twice, ends the question: what came would be wrong.
import Basics
import Market

struct NATSQuestions {
    static let patience = Nanoseconds.seconds(2)
    /// How often it is looked which are overdue.
    private static let lookEvery = Nanoseconds.milliseconds(50)

    private struct Question {
        /// Nil: the directory.
        let symbol: SymbolName?
        var parts = 0
        var due: Instant
    }

    enum Answer {
        case part(SymbolName?, isLast: Bool)
        case nothing(SymbolName?)
    }

    private var open: [UInt64: Question] = [:]
    private var last: UInt64 = 0
    /// Asked since the last turn: when that is, the next turn says.
    private var undated: [UInt64] = []
    /// No question is overdue before.
    private(set) var due = Instant.never

    /// - Returns: its number.
    mutating func ask(_ symbol: SymbolName?) -> UInt64 {
        last += 1
        open[last] = Question(symbol: symbol, due: .never)
        undated.append(last)
        return last
    }

    mutating func removeAll() {
        open.removeAll()
        undated.removeAll()
        due = .never
    }

    /// What a message says of the question with this number; nil: nothing, or nobody asked.
    mutating func answer(_ number: UInt64, _ headers: NATSHeaders, _ now: Instant) -> Answer? {
        guard let question = open[number] else { return nil }
        let part = NATSPart(headers)
        switch part {
        case .more(question.parts):
            open[number]?.parts += 1
            open[number]?.due = now + NATSQuestions.patience
            return .part(question.symbol, isLast: false)
        case .last(question.parts):
            open[number] = nil
            return .part(question.symbol, isLast: true)
        case nil where headers.status != 503: return nil
        default:
            open[number] = nil
            return .nothing(question.symbol)
        }
    }

    /// Ends what is overdue.
    mutating func expire(_ now: Instant, _ tell: (SymbolName?) -> Void) {
        for number in undated { open[number]?.due = now + NATSQuestions.patience }
        if !undated.isEmpty { due = min(due, now + NATSQuestions.patience) }
        undated.removeAll(keepingCapacity: true)
        guard now >= due else { return }
        let late = open.filter { $0.value.due <= now }.keys.sorted()
        let symbols = late.map { open.removeValue(forKey: $0)?.symbol }
        let next = open.values.lazy.map(\.due).min() ?? .never
        due = next == .never ? .never : max(next, now + NATSQuestions.lookEvery)
        for symbol in symbols { tell(symbol) }
    }
}
