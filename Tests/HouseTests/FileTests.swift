// What holds for every file: size, opening words, and words that have no place in it.
import Testing

/// Something that no line of code may hold, and what to write instead.
struct Banned: Sendable, CustomTestStringConvertible {
    let name: String
    let found: @Sendable (Substring) -> Bool
    let instead: String
    /// A line that the rule must find and one that it must let pass, so that no rule sleeps.
    let bad: Substring, good: Substring

    var testDescription: String { name }
}

let bannedInSources = [
    Banned(
        name: "try!", found: { $0.contains(/\btry!/) },
        instead: "Throw on, or catch it and say what the outside did.",
        bad: "let a = try! open()", good: "let a = try open()  // no try! here"),
    Banned(
        name: "fatalError", found: { $0.contains(/\bfatalError\s*\(/) },
        instead: "Use precondition for memory and money, a typed throw for what the outside does.",
        bad: "default: fatalError(\"no\")", good: "case .fatalErrorSeen: return"),
    Banned(
        name: "as!", found: { $0.contains(/\bas!/) },
        instead: "Keep the type, or `as?` with a named error.",
        bad: "x as! Int", good: "x as? Int"),
]

let bannedInTests = [
    Banned(
        name: "sleep", found: { $0.contains(/\b(?:u|nano|Task\.)?sleep\s*\(/) },
        instead: "Pass the time in, or wait for the event itself: a line, a descriptor, a count.",
        bad: "usleep" + "(10)", good: "thread.sleeper(1)")
]

@Test("nothing in Sources ends the process or hides an error", arguments: bannedInSources)
func sources(banned: Banned) throws { try search("Sources", for: banned) }

@Test("no test waits for the clock", arguments: bannedInTests)
func tests(banned: Banned) throws { try search("Tests", for: banned) }

private func search(_ folder: String, for banned: Banned) throws {
    for path in House.files(under: folder) where !path.hasPrefix("Tests/HouseTests/") {
        for line in try House.lines(path) where banned.found(code(of: line.text)) {
            House.complain(path, line.number, "has \(banned.name). \(banned.instead)")
        }
    }
}

@Test("a rule finds what it is for", arguments: bannedInSources + bannedInTests)
func ruleIsAwake(banned: Banned) {
    #expect(banned.found(code(of: banned.bad)))
    #expect(!banned.found(code(of: banned.good)))
}

@Test("a file is short enough to hold one idea")
func sizes() throws {
    for path in House.files(under: "Sources") + House.files(under: "Examples") {
        let count = try House.lines(path).count
        if count > 500 {
            House.complain(
                path, 501, "has \(count) lines, 500 is the most. Find its second idea and move it out.")
        } else if count > 400 {
            print("\(path):1: has \(count) lines. At 500 the tests fail: which idea could go?")
        }
    }
}

@Test("a file opens with why it exists")
func openings() throws {
    for path in House.files(under: "Sources") + House.files(under: "Examples") {
        let lines = try House.lines(path)
        let first = lines.first { !$0.text.allSatisfy(\.isWhitespace) }
        // Package.swift wants a file in every target: a room that waits for its first idea has one line.
        guard let first, lines.count > 1, !first.text.hasPrefix("//") else { continue }
        House.complain(path, first.number, "opens with code. Say in a comment above why the file exists.")
    }
}
