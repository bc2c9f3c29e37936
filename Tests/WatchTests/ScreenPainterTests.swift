// What is drawn comes to be seen, in few bytes.
import Basics
import TestSupport
import Testing

@testable import Watch

/// Texts that views draw, and texts that nobody should have sent.
private let texts = [
    "AAPL  231.45 ▲ +0.12%", "日本電信 3", "│ 231.44 × 231.46 │", "▁▂▃▅█", "🚀 up", "e\u{301}tude", "\u{1B}[2J",
    "Ｓ＆Ｐ500", "⣿⢁", "ไทย", "x", "",
]

private func scribble(on canvas: inout Canvas, _ random: inout SeededGenerator, times: Int) {
    for _ in 0..<times {
        let column = random.below(canvas.columns + 4) - 2, row = random.below(canvas.rows + 1)
        let role = Role.allCases[random.below(Role.allCases.count)]
        switch random.below(8) {
        case 0: canvas.draw(String(repeating: " ", count: random.below(30)), column, row)
        case 1: canvas.draw(String(repeating: "─", count: 40), column, row, role)
        case 2: canvas.select(row: row)
        default: canvas.draw(texts[random.below(texts.count)], column, row, role)
        }
    }
}

private let sizes = [(0, 0), (10, 1), (20, 3), (1, 1), (80, 24), (0, 5), (7, 0), (2, 9), (33, 8)]

private func anyTheme(_ random: inout SeededGenerator) -> Theme {
    let depths = [ColourDepth.none, .sixteen, .palette256, .trueColour]
    return Theme(
        palette: Palette.allCases[random.below(3)], background: Background.allCases[random.below(2)],
        depth: depths[random.below(4)], isUpRed: random.oneIn(2))
}

@Test("a slow terminal comes to show the newest screen, whatever was drawn before", arguments: Seed.smoke)
func painterModel(seed: Seed) throws {
    var random = seed.generator()
    var output = TerminalOutput(anyTheme(&random))
    var size = sizes[random.below(sizes.count)]
    var emulator = Emulator(columns: size.0, rows: size.1)
    var canvas = Canvas(columns: size.0, rows: size.1)
    for step in 0..<120 {
        switch random.below(20) {
        case 0:
            size = sizes[random.below(sizes.count)]
            emulator.resize(columns: size.0, rows: size.1)
            canvas = Canvas(columns: size.0, rows: size.1)
            // What is on its way is for the screen that was: it may go, or be forgotten halfway.
            if random.oneIn(2) { output.reset() } else { output.repaint() }
        case 1: output.repaint()
        case 2: output.theme = anyTheme(&random)
        case 3: canvas = Canvas(columns: size.0, rows: size.1)
        default: scribble(on: &canvas, &random, times: random.below(6))
        }
        let wasBusy = output.isBusy
        #expect((output.offer(canvas) == .busy) == wasBusy)
        let count = random.oneIn(2) ? output.unsent.count : random.below(output.unsent.count + 1)
        emulator.feed(output.unsent.prefix(count))
        output.wrote(count)
        guard !output.isBusy, !wasBusy else { continue }
        try #require(emulator.shows(canvas, output.theme), "\(seed), step \(step), \(size)")
        #expect(!emulator.modes.contains(2026), "a frame is left open")
    }
    emulator.feed(output.unsent)
    output.wrote(output.unsent.count)
    _ = output.offer(canvas)
    emulator.feed(output.unsent)
    #expect(emulator.shows(canvas, output.theme), "\(seed)")
}

@Test("with NO_COLOR no colour is sent, whatever is drawn", arguments: Seed.smoke)
func painterWithoutColour(seed: Seed) {
    var random = seed.generator()
    var output = TerminalOutput(Theme(depth: .none))
    var emulator = Emulator(columns: 40, rows: 6)
    for _ in 0..<20 {
        var canvas = Canvas(columns: 40, rows: 6)
        scribble(on: &canvas, &random, times: 20)
        #expect(output.offer(canvas) != .busy)
        emulator.feed(output.unsent)
        output.wrote(output.unsent.count)
        #expect(emulator.shows(canvas, output.theme), "\(seed)")
    }
    #expect(emulator.colourParameters == 0)
}

/// Bytes of the frame that brings a terminal from one screen to another.
private func frame(from shown: Canvas, to next: Canvas, depth: ColourDepth = .trueColour) -> String {
    var output = TerminalOutput(Theme(depth: depth))
    _ = output.offer(shown)
    output.wrote(output.unsent.count)
    _ = output.offer(next)
    return String(decoding: output.unsent, as: UTF8.self)
}

@Test("where nothing changed, nothing is written")
func quietScreen() {
    var canvas = Canvas(columns: 200, rows: 60)
    canvas.draw("AAPL 231.45 日本", 3, 7, .up)
    #expect(frame(from: canvas, to: canvas).isEmpty)
    // What is drawn anew is not newer for that.
    var again = Canvas(columns: 200, rows: 60)
    again.draw("AAPL 231.45 日本", 3, 7, .up)
    #expect(frame(from: canvas, to: again).isEmpty)
}

@Test("one price that changed costs a move, a look and its digits")
func onePrice() {
    var canvas = Canvas(columns: 200, rows: 60)
    for row in 0..<60 { canvas.draw("AAPL    231.45 × 231.47    +1.23", 0, row, .up) }
    var next = canvas
    next.draw("231.46", 8, 30, .up)
    // The look is on from the rows before.
    #expect(frame(from: canvas, to: next) == "\u{1B}[?2026h\u{1B}[31;14H6\u{1B}[?2026l")
    next.draw("231.46", 8, 30, .flashUp)
    #expect(frame(from: canvas, to: next).utf8.count <= 70)
}

@Test("close by is written again, further away is stepped to, and a blank rest is erased")
func moves() {
    var canvas = Canvas(columns: 40, rows: 2)
    canvas.draw("AAPL 231.45 AAPL 231.45", 0, 0)
    var next = canvas
    next.draw("9", 0, 0)
    next.draw("9", 3, 0)
    next.draw("9", 20, 0)
    #expect(frame(from: canvas, to: next) == "\u{1B}[?2026h\u{1B}[H9AP9\u{1B}[16C9\u{1B}[?2026l")
    next = canvas
    next.draw(String(repeating: " ", count: 29), 11, 0)
    #expect(frame(from: canvas, to: next) == "\u{1B}[?2026h\u{1B}[1;13H\u{1B}[K\u{1B}[?2026l")
}

@Test("a terminal that takes nothing has frames dropped, and then gets the newest")
func slowTerminal() {
    var output = TerminalOutput(Theme())
    var canvas = Canvas(columns: 10, rows: 1)
    var emulator = Emulator(columns: 10, rows: 1)
    canvas.draw("100", 0, 0)
    #expect(output.offer(canvas) == .made)
    emulator.feed(output.unsent.prefix(5))
    output.wrote(5)
    let left = output.unsent.count
    for price in 101...150 {
        canvas.draw("\(price)", 0, 0)
        #expect(output.offer(canvas) == .busy)
    }
    #expect(output.unsent.count == left && output.framesDropped == 50)
    emulator.feed(output.unsent)
    output.wrote(left)
    #expect(emulator.text == "100")
    #expect(output.offer(canvas) == .made && output.framesMade == 2)
    emulator.feed(output.unsent)
    output.wrote(output.unsent.count)
    #expect(emulator.text == "150" && output.offer(canvas) == .nothingNew)
}

@Test("an alert rings once, though it was asked for often, and moves nothing")
func bell() {
    var output = TerminalOutput(Theme())
    let canvas = Canvas(columns: 4, rows: 1)
    var emulator = Emulator(columns: 4, rows: 1)
    _ = output.offer(canvas)
    output.ring()
    output.ring()
    #expect(output.offer(canvas) == .busy, "not into the middle of a frame")
    emulator.feed(output.unsent)
    output.wrote(output.unsent.count)
    #expect(emulator.bells == 0 && output.offer(canvas) == .nothingNew)
    emulator.feed(output.unsent)
    output.wrote(output.unsent.count)
    #expect(emulator.bells == 1 && output.offer(canvas) == .nothingNew && output.unsent.isEmpty)
}

@Test("a change after a quiet time is shown at once, a stream of them thirty times a second")
func framePacing() {
    var clock = FrameClock(), frames: [Instant] = []
    let start = Instant(raw: 5_000_000_000)
    #expect(clock.due == nil && !clock.take(start))
    for millisecond in 0..<1_000 {
        let now = start + .milliseconds(millisecond)
        clock.change()
        if clock.take(now) { frames.append(now) }
    }
    #expect(frames.first == start && frames.count <= 30 && frames.count >= 29)
    clock.change()
    let due = clock.due ?? .never
    #expect(due - (frames.last ?? .zero) == FrameClock.interval)
    #expect(!clock.take(due + Nanoseconds(raw: -1)) && clock.take(due) && clock.due == nil)
}
