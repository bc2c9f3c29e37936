// What other packages import says what it is: the two products, and what their users meet of the floors below.
import Testing

/// Files of floors below, whose types an embedder has in hand.
private let met = [
    "Basics/Arguments", "Basics/Console", "Basics/Doorbell", "Basics/Signals", "Basics/Thread", "Basics/Time",
    "Market/BookSide", "Market/FeedReport", "Market/MarketState", "Market/Price", "Market/Quote",
    "Market/Symbol",
    "Market/Tape", "Market/Tick", "Wire/Listener",
].map { "Sources/\($0).swift" }

/// The name that a line makes public, nil for any other line.
private func published(by line: Substring) -> Substring? {
    guard line.contains("public ") else { return nil }
    let pattern =
        /^\s*(?:@\w+(?:\([^)]*\))?\s+)*public\s+(?:[a-z]+(?:\(set\))?\s+)*?(?:(?:func|var|let|struct|enum|class|protocol|typealias)\s+(`?[\w=<+\-*]+)|(init\(\)|init\b|subscript\b))/
    guard let match = line.firstMatch(of: pattern) else { return nil }
    return match.1 ?? match.2
}

/// Says nothing that its kind does not say: an operator, a conformance to the language's own, an empty start.
private func isPlain(_ name: Substring) -> Bool {
    ["description", "hash", "zero", "rawValue", "init()", "==", "<", "+", "-", "*"].contains(name)
}

/// Names that protocols ask for, with the docstring there.
private func required() throws -> Set<Substring> {
    var names: Set<Substring> = []
    for path in House.files(under: "Sources") {
        var isInside = false
        for line in try House.lines(path).map(\.text) {
            if line.hasPrefix("public protocol ") || line.hasPrefix("package protocol ") { isInside = true }
            if line.hasPrefix("}") { isInside = false }
            guard isInside, let name = line.firstMatch(of: /^    (?:func|var) (\w+)/)?.1 else { continue }
            names.insert(name)
        }
    }
    return names
}

@Test("what is public has a docstring")
func documented() throws {
    let required = try required()
    for path in House.files(under: "Sources/TickerFeed") + House.files(under: "Sources/FanOut") + met {
        var isDocumented = false
        for line in try House.lines(path) {
            let text = line.text.drop { $0 == " " }
            if let name = published(by: text), !isDocumented, !isPlain(name), !required.contains(name) {
                House.complain(
                    path, line.number,
                    "makes \(name) public without a word. Say unit, shape, errors, or keep it in."
                )
            }
            // Between a docstring and what it is of there may be an attribute.
            isDocumented = text.hasPrefix("///") || isDocumented && text.hasPrefix("@")
        }
    }
}

@Test(
    "what a line makes public is seen however it is written",
    arguments: [
        ("    @inlinable public static func < (a: Self)", "<"), ("public struct Tape {", "Tape"),
        ("    public init() {}", "init()"), ("    public init(_ a: Int) {", "init"),
        ("    public internal(set) var books = 1", "books"), ("    package let x: Int", nil),
        ("public final class Log {", "Log"), ("    // public func", nil),
        ("    public static let `default` = 1", "`default"),
    ] as [(Substring, Substring?)])
func publicLine(line: Substring, name: Substring?) {
    #expect(published(by: line) == name)
}
