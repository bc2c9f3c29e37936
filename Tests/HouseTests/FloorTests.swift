// Who may import whom. The compiler refuses what Package.swift does not name; this table refuses what
// Package.swift should never name.
import Testing

/// What each floor may import. `Synchronization` is the language's own and open to all.
private let floors: [String: Set<String>] = [
    "Basics": ["CFiles", "CLinux", "Glibc"],
    "Market": ["Basics"],
    "Wire": ["Basics", "CLinux", "COpenSSL", "CZlib"],
    "Dialects": ["Basics", "CZlib", "Market"],
    "Journal": ["Basics", "CLinux", "CZlib", "Market"],
    "Backplane": ["Basics", "CLinux", "Market", "Wire"],
    "TickerFeed": ["Basics", "Market", "Wire", "Dialects", "Journal", "Backplane", "CLinux", "CZlib"],
    "FanOut": ["Basics", "Market", "Wire", "Dialects"],
    "Watch": ["Basics", "CLinux", "Market", "Wire", "Dialects"],
    // What the products of Package.swift give to others, and no more.
    "BookBuilder": ["Basics", "Glibc", "Market", "TickerFeed"],
    "FanOutServer": ["Basics", "Glibc", "Market", "Wire", "TickerFeed", "FanOut"],
]

private let doors: Set = ["tickerd", "tickwatch", "tickbench", "tickfuzz"]
private let rooms: Set = [
    "Basics", "Market", "Wire", "Dialects", "Journal", "Backplane", "TickerFeed", "FanOut", "Watch",
]
private let ground: Set = ["CFiles", "CLinux", "COpenSSL", "CSwiftRuntime", "CZlib"]

/// The module that a line imports, nil for any other line.
func imported(by line: Substring) -> String? {
    guard line.contains("import") else { return nil }
    let pattern =
        /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/
    return line.firstMatch(of: pattern).map { String($0.1) }
}

@Test(
    "a file imports only floors below its own",
    arguments: House.files(under: "Sources") + House.files(under: "Examples"))
func importsGoDown(path: String) throws {
    let room = String(path.split(separator: "/")[1])
    let allowed = doors.contains(room) ? rooms.union(ground).union(["Glibc"]) : floors[room]
    guard let allowed else {
        House.complain(path, 1, "\(room) is no floor that FloorTests.swift knows. Give it one in its table.")
        return
    }
    for line in try House.lines(path) {
        guard let module = imported(by: line.text) else { continue }
        if module.hasPrefix("Foundation") {
            let why = "it triples a static binary and the data path has no need of it"
            House.complain(path, line.number, "imports \(module): \(why). Use Basics and CLinux.")
        } else if !allowed.union(["Synchronization"]).contains(module) {
            let may = allowed.sorted().joined(separator: ", ")
            let advice = "Move what you need to a floor below both"
            House.complain(
                path, line.number, "\(room) imports \(module) but may import only \(may). \(advice).")
        }
    }
}

@Test(
    "an import is seen however it is written",
    arguments: [
        ("import Basics", "Basics"), ("  import Basics  // why", "Basics"),
        ("@testable import FanOut", "FanOut"), ("@_spi(Tests) public import Wire", "Wire"),
        ("internal import struct Market.Price", "Market"), ("import func Glibc.read", "Glibc"),
        ("// import Foundation", nil), ("let important = 1", nil), ("importer.run()", nil),
    ] as [(Substring, String?)])
func importLine(line: Substring, module: String?) {
    #expect(imported(by: line) == module)
}

@Test("the package depends on nobody and warnings are errors in every target")
func packageManifest() throws {
    let path = "Package.swift"
    var targets = 0, ruled = 0, rules = ""
    for line in try House.lines(path) {
        let code = code(of: line.text)
        rules += code
        targets += code.matches(of: /\.(?:target|executableTarget|testTarget|macro|plugin)\(/).count
        ruled += code.matches(of: /swiftSettings: rules/).count
        if code.contains(".package(") {
            House.complain(
                path, line.number, "depends on a package. Write what you need of it, in the room it serves.")
        }
        if code.contains("unsafeFlags") {
            House.complain(
                path, line.number, "has unsafe flags, which shut the package out of others. Do without.")
        }
    }
    #expect(rules.contains(".swiftLanguageMode(.v6)"), "\(path):1: put .swiftLanguageMode(.v6) into `rules`")
    #expect(
        rules.contains(".treatAllWarnings(as: .error)"),
        "\(path):1: put .treatAllWarnings(as: .error) into `rules`")
    #expect(targets == ruled, "\(path):1: give every target `swiftSettings: rules`")
}
