// Words that command line and configuration file have in common, read in one place.
import Basics

/// A value, or what would be right.
enum Reading<Value> {
    case value(Value)
    case wrong(advice: String)

    /// - Parameter place: what the fault begins with.
    func orUsageError(_ place: String) throws(UsageError) -> Value {
        switch self {
        case .value(let value): return value
        case .wrong(let advice): throw UsageError("\(place): \(advice)")
        }
    }
}

extension Column {
    /// Those that have an order.
    static let sortable = allCases.filter { $0 != .spark }

    /// `symbol, last, change`: at least one, none twice.
    static func list(_ text: Substring) -> Reading<[Column]> {
        var columns: [Column] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let word = part.trimmingBlanks
            guard let column = Column(rawValue: String(word)) else {
                let names = allCases.map(\.rawValue).joined(separator: ", ")
                return .wrong(
                    advice: "no column \(word.isEmpty ? "without a name" : word); there are \(names)")
            }
            guard !columns.contains(column) else {
                return .wrong(advice: "column \(word) stands there twice")
            }
            columns.append(column)
        }
        return .value(columns)
    }
}

extension Settings.Order {
    /// - Parameter direction: `asc`, `desc`, or nothing.
    static func read(_ column: Substring, _ direction: Substring?) -> Reading<Settings.Order> {
        guard let known = Column.sortable.first(where: { $0.rawValue == column }) else {
            let names = Column.sortable.map(\.rawValue).joined(separator: ", ")
            return .wrong(advice: "no column \(column) to sort by; there are \(names)")
        }
        switch direction {
        case nil, "asc": return .value(Settings.Order(column: known, isDescending: false))
        case "desc": return .value(Settings.Order(column: known, isDescending: true))
        default: return .wrong(advice: "asc or desc is wanted behind the column")
        }
    }
}

extension Substring {
    /// Without blanks and tabs at its ends.
    var trimmingBlanks: Substring {
        func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }
        let front = drop(while: isBlank)
        guard let last = front.lastIndex(where: { !isBlank($0) }) else { return "" }
        return front[...last]
    }
}
