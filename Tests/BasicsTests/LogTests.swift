// Log lines: what stands in them, what cannot, and how many there are.
import Basics
import Synchronization
import Testing

/// A log on a clock that stands where a test puts it, and its lines.
private struct Notebook {
    private final class Paper: Sendable {
        let state = Mutex((now: Int64(0), lines: [String](), takes: true))
    }
    private let paper: Paper
    let log: Log

    init(level: LogLevel = .info, format: LogFormat = .text) {
        let paper = Paper()
        self.paper = paper
        let clock = { @Sendable in
            let now = paper.state.withLock { $0.now }
            return Moment(
                instant: Instant(raw: now), wall: Timestamp(raw: 1_700_000_000_123_000_000 + now))
        }
        log = Log(level: level, format: format, clock: clock) { line in
            paper.state.withLock { state in
                if state.takes { state.lines.append(String(decoding: line, as: UTF8.self)) }
                return state.takes
            }
        }
    }

    var lines: [String] { paper.state.withLock { $0.lines } }
    func pass(milliseconds: Int64) { paper.state.withLock { $0.now += milliseconds * 1_000_000 } }
    func stopReading(_ stop: Bool) { paper.state.withLock { $0.takes = !stop } }
}

@Test(
    "a field as text and as JSON",
    arguments: [
        ("plain", "plain", "\"plain\""), ("", "\"\"", "\"\""),
        ("two words", "\"two words\"", "\"two words\""),
        ("a=b", "\"a=b\"", "\"a=b\""), ("q\"q", "\"q\\\"q\"", "\"q\\\"q\""),
        ("back\\", "\"back\\\\\"", "\"back\\\\\""),
        // A line of one's own, an escape of the terminal, one in eight bits, a change of direction.
        ("x\n2026 error", "\"x\\n2026 error\"", "\"x\\n2026 error\""),
        ("x\r", "\"x\\u000d\"", "\"x\\u000d\""),
        ("\u{1b}[2J", "\"\\u001b[2J\"", "\"\\u001b[2J\""), ("\u{9b}2J", "\"\\u009b2J\"", "\"\\u009b2J\""),
        ("\u{202e}x", "\"\\u202ex\"", "\"\\u202ex\""), ("\u{2028}", "\"\\u2028\"", "\"\\u2028\""),
        ("é", "\"\\u00e9\"", "\"\\u00e9\""), ("😀", "\"\\ud83d\\ude00\"", "\"\\ud83d\\ude00\""),
        ("\u{0}\u{7f}", "\"\\u0000\\u007f\"", "\"\\u0000\\u007f\""),
    ])
func field(value: String, text: String, json: String) {
    let texts = Notebook(), jsons = Notebook(format: .json)
    for notebook in [texts, jsons] {
        notebook.log.write(.warning, "met", ["name": .text(value), "count": 3])
    }
    let time = "2023-11-14T22:13:20.123Z"
    #expect(texts.lines == ["\(time) warning met name=\(text) count=3\n"])
    #expect(
        jsons.lines == [
            "{\"time\":\"\(time)\",\"level\":\"warning\",\"event\":\"met\",\"name\":\(json),\"count\":3}\n"
        ])
}

@Test(
    "the calendar in UTC",
    arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (1_735_689_599_000, "2024-12-31T23:59:59.000Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    ])
func calendar(milliseconds: Int64, text: String) {
    #expect(Timestamp(raw: milliseconds * 1_000_000).utc == text)
}

@Test("whatever a value is, a line is one line of ASCII that a pipe takes whole", arguments: LogFormats.all)
func bounds(format: LogFormat) {
    let notebook = Notebook(format: format)
    let long = String(repeating: "\u{1b}é😀\n", count: 10_000)
    notebook.log.write(
        .info, "long",
        ["a": .text(long), "b": .text(long), "c": .text(long), "d": .text(long), "e": .text(long)])
    notebook.log.write(.info, "cut", ["a": .text(String(repeating: "x", count: 300)), "b": 1])
    for line in notebook.lines {
        #expect(line.utf8.count <= 2_048 && line.utf8.dropLast().allSatisfy { (0x20..<0x7f).contains($0) })
        #expect(line.utf8.last == UInt8(ascii: "\n"))
    }
    #expect(notebook.lines[1].contains(String(repeating: "x", count: 256) + "...\""))
}

enum LogFormats { static let all = [LogFormat.text, .json] }

@Test("a level lets through itself and what is graver", arguments: LogLevel.allCases)
func levels(level: LogLevel) {
    let notebook = Notebook(level: .debug)
    notebook.log.change(level: level, format: .text)
    for one in LogLevel.allCases { notebook.log.write(one, "met") }
    #expect(notebook.lines.count == level.rawValue + 1)
    #expect(LogLevel(level.name) == level && LogLevel("loud") == nil)
}

@Test("what clients provoke is bounded by kind, and what was held back is counted")
func provoked() {
    let notebook = Notebook()
    for _ in 0..<140 { notebook.log.bounded(.info, "closed", kind: "stalled", ["n": 1]) }
    #expect(notebook.lines.count == 20)
    notebook.log.bounded(.info, "closed", kind: "asked", ["n": 2])
    notebook.log.write(.info, "start")
    #expect(notebook.lines.count == 22, "neither another kind nor the server itself waits for them")
    notebook.log.sayHeldBack()
    #expect(notebook.lines.count == 22, "there is no room for a line yet")
    notebook.pass(milliseconds: 500)
    notebook.log.bounded(.info, "closed", kind: "stalled", ["n": 3])
    #expect(notebook.lines.last?.hasSuffix("closed n=3 and_more=120\n") == true, "\(notebook.lines)")
    notebook.log.bounded(.info, "closed", kind: "stalled", ["n": 4])
    notebook.pass(milliseconds: 500)
    notebook.log.sayHeldBack()
    notebook.log.sayHeldBack()
    #expect(notebook.lines.count == 24)
    #expect(notebook.lines.last?.hasSuffix("held_back lines_of=\"closed stalled\" and_more=1\n") == true)
}

@Test("lines that nobody takes are counted, and said with the next one")
func unread() {
    let notebook = Notebook()
    notebook.stopReading(true)
    for _ in 0..<3 { notebook.log.write(.info, "unheard") }
    notebook.stopReading(false)
    for _ in 0..<2 { notebook.log.write(.info, "heard") }
    #expect(notebook.log.lost == 3)
    #expect(notebook.lines.map { $0.contains("lines_lost=3") } == [true, false], "\(notebook.lines)")
}
