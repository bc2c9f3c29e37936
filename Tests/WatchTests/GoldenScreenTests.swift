// Whole screens as files: what a reader sees, at every size, in every state.
//
// TICKERFEED_WRITE_GOLDEN=1 writes them anew; look at the difference before you commit it.
import Basics
import Foundation
import Testing
import Watch

struct GoldenScreen: CustomTestStringConvertible, Sendable {
    let name: String
    var columns = 80, rows = 24
    var glyphs = Glyphs.unicode
    let play: @Sendable (inout Stage) throws -> Void
    var testDescription: String { "\(name)-\(columns)x\(rows)" }

    init(
        _ name: String, _ columns: Int, _ rows: Int, _ glyphs: Glyphs = .unicode,
        _ play: @escaping @Sendable (inout Stage) throws -> Void = { _ in }
    ) {
        (self.name, self.columns, self.rows, self.glyphs, self.play) = (name, columns, rows, glyphs, play)
    }

    static let sizes = [(200, 60), (120, 40), (80, 24), (40, 10), (20, 3), (10, 1)]

    static var all: [GoldenScreen] {
        sizes.map { size in
            GoldenScreen("watchlist", size.0, size.1) { stage in
                stage.wait(.milliseconds(300))
                if stage.model.detail != nil { try stage.hearDetail("AAPL") }
            }
        }
            + sizes.map { size in
                GoldenScreen("broken", size.0, size.1) { stage in
                    stage.tell(
                        .link(
                            .broken(
                                reason: "closed without a close frame", retry: stage.now.instant + .seconds(9)
                            )))
                    stage.wait(.milliseconds(4_700))
                }
            }
            + sizes.map { size in
                GoldenScreen("book", size.0, size.1) { stage in
                    stage.press(.enter)
                    stage.wait(.milliseconds(300))
                    try stage.hearDetail("AAPL")
                }
            } + [
                GoldenScreen("ascii", 80, 24, .ascii) { stage in
                    stage.press(.enter)
                    stage.wait(.milliseconds(300))
                    try stage.hearDetail("AAPL")
                },
                GoldenScreen("sorted", 80, 24) { $0.press(.right, .right, .right, .character("s")) },
                GoldenScreen("filtered", 80, 24) { stage in
                    stage.press(.character("/"))
                    stage.type("q")
                },
                GoldenScreen("help", 80, 24) { $0.press(.character("?")) },
                GoldenScreen("trades", 40, 10) { stage in
                    stage.press(.character("3"))
                    stage.wait(.milliseconds(300))
                    try stage.hearDetail("AAPL")
                },
                GoldenScreen("chart", 60, 16) { stage in
                    stage.press(.character("4"))
                    stage.wait(.milliseconds(300))
                    try stage.hearDetail("AAPL")
                },
                GoldenScreen("latency", 80, 24) { $0.press(.character("5")) },
                GoldenScreen("frozen", 80, 24) { stage in
                    stage.press(.character(" "))
                    try stage.hearSymbol("AAPL", open: "1", last: "2")
                    stage.wait(.seconds(3))
                },
            ]
    }
}

private let goldenFolder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

@Test("a screen is what it was, on a terminal that was told of it in bytes", arguments: GoldenScreen.all)
func goldenScreen(_ golden: GoldenScreen) throws {
    var stage = try Stage.market(columns: golden.columns, rows: golden.rows)
    var emulator = Emulator(columns: golden.columns, rows: golden.rows), output = TerminalOutput(Theme())
    // What was shown before is painted over.
    _ = output.offer(stage.canvas(golden.glyphs))
    try golden.play(&stage)
    emulator.feed(output.unsent)
    output.wrote(output.unsent.count)
    _ = output.offer(stage.canvas(golden.glyphs))
    emulator.feed(output.unsent)
    let text = (0..<golden.rows).map { emulator.text(row: $0) + "\n" }.joined()
    let file = goldenFolder.appending(path: "\(golden.testDescription).txt")
    if ProcessInfo.processInfo.environment["TICKERFEED_WRITE_GOLDEN"] != nil {
        try text.write(to: file, atomically: true, encoding: .utf8)
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    #expect(text == expected, "\(golden.testDescription) has changed:\n\(text)")
}

@Test("without colours not one byte of a colour is sent, whatever is shown", arguments: GoldenScreen.all)
func noColour(_ golden: GoldenScreen) throws {
    var stage = try Stage.market(columns: golden.columns, rows: golden.rows)
    try golden.play(&stage)
    var emulator = Emulator(columns: golden.columns, rows: golden.rows)
    var output = TerminalOutput(Theme(depth: .none))
    _ = output.offer(stage.canvas(golden.glyphs))
    emulator.feed(output.unsent)
    #expect(emulator.colourParameters == 0)
}
