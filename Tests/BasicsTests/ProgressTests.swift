// How far something has come, in words and as a bar.
import Testing

@testable import Basics

private func at(_ milliseconds: Int) -> Instant { .zero + .milliseconds(milliseconds) }

@Test(
    "the time left follows from the rate so far",
    arguments: [
        (done: 0, total: 1_000, after: 2_000, text: "0 %  0 B/s"),
        (done: 250, total: 1_000, after: 50, text: "25 %"),
        (done: 250_000, total: 1_000_000, after: 1_000, text: "25 %  250 kB/s  0:03 left"),
        (done: 1_000_000, total: 1_000_000, after: 1_000, text: "100 %  1.0 MB/s  0:00 left"),
        (done: 2_000, total: 1_000, after: 1_000, text: "100 %  2.0 kB/s  0:00 left"),
        (done: 1, total: 7_200, after: 1_000, text: "0 %  1 B/s  1:59:59 left"),
    ])
func progressText(done: Int, total: Int, after: Int, text: String) {
    var progress = Progress("x", of: UInt64(total), started: .zero)
    progress.done = UInt64(done)
    #expect(progress.text(at: at(after)) == text)
}

@Test("where the end is unknown, what was done is told")
func progressWithoutEnd() {
    var progress = Progress("x", of: nil, unit: .things("events"), started: .zero)
    progress.done = 3_000
    #expect(progress.text(at: at(2_000)) == "3000 events  1500 events/s")
    #expect(progress.summary(at: at(2_000)) == "3000 events in 0:02, 1500 events/s")
    #expect(Progress("x", of: 0, started: .zero).permille == 1_000)
}

@Test("the largest numbers are told, too")
func progressAtTheEdge() {
    var progress = Progress("x", of: .max, started: .zero)
    progress.done = .max - 1
    #expect(progress.text(at: at(100)) == "99 %  18.4 EB/s  0:00 left")
}

@Test("on a terminal a bar is drawn ten times a second at most, and goes away")
func bar() {
    var painter = ProgressPainter(columns: 60, started: .zero)
    var progress = Progress("verify", of: 1_000, started: .zero)
    #expect(painter.finish() == nil)
    #expect(painter.draw(progress, at: at(99)) == nil)
    progress.done = 500
    #expect(
        painter.draw(progress, at: at(100))
            == "\rverify [============>           ] 50 %  5.0 kB/s  0:01 left\u{1b}[K")
    #expect(painter.draw(progress, at: at(199)) == nil)
    #expect(painter.draw(progress, at: at(200)) != nil)
    #expect(painter.finish() == "\r\u{1b}[K")
    #expect(painter.finish() == nil)
}

@Test("a line is never as wide as the terminal", arguments: [1, 10, 20, 40, 41, 80, 500])
func barWidth(columns: Int) {
    var progress = Progress("verify", of: 1_000, started: .zero)
    for done in stride(from: UInt64(0), through: 1_000, by: 100) {
        progress.done = done
        #expect(ProgressPainter.line(progress, at: at(1_000), columns: columns).count < columns)
    }
}

@Test("elsewhere a plain line comes every ten seconds")
func plainLines() {
    var painter = ProgressPainter(columns: nil, started: .zero)
    var progress = Progress("verify", of: 1_000, started: .zero)
    progress.done = 500
    #expect(painter.draw(progress, at: at(9_999)) == nil)
    #expect(painter.draw(progress, at: at(10_000)) == "verify: 50 %  50 B/s  0:10 left\n")
    #expect(painter.draw(progress, at: at(19_999)) == nil)
    #expect(painter.draw(progress, at: at(20_000)) != nil)
    #expect(painter.finish() == nil)
}
