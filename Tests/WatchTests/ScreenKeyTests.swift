// Keys, whatever bytes a terminal sends for them.
import Basics
import TestSupport
import Testing

@testable import Watch

private let start = Instant(raw: 1_000_000_000_000)

/// All keys of some bytes, a lone escape at the end among them.
private func keys(_ text: String, pieces: Int = .max) -> [Key] {
    var reader = KeyReader(), keys: [Key] = [], rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        keys += reader.take(rest.prefix(pieces), start)
        rest = rest.dropFirst(pieces)
    }
    return keys + reader.flush(start + .seconds(2))
}

@Test(
    "terminals differ in what they send for a key",
    arguments: [
        ("q", [.character("q")]), (" ", [.character(" ")]),
        ("é日🚀", [.character("é"), .character("日"), .character("🚀")]),
        ("\r", [.enter]), ("\n", [.enter]), ("\t", [.tab]), ("\u{7F}", [.backspace]), ("\u{8}", [.backspace]),
        ("\u{0}", [.control(" ")]), ("\u{3}", [.control("c")]), ("\u{1A}", [.control("z")]),
        ("\u{1C}\u{1F}", [.control("\\"), .control("_")]),
        ("\u{1B}[A\u{1B}[B\u{1B}[C\u{1B}[D", [.up, .down, .right, .left]),
        ("\u{1B}OA\u{1B}OB\u{1B}OC\u{1B}OD", [.up, .down, .right, .left]),
        ("\u{1B}[H\u{1B}[F\u{1B}OH\u{1B}OF", [.home, .end, .home, .end]),
        ("\u{1B}[1~\u{1B}[4~\u{1B}[7~\u{1B}[8~", [.home, .end, .home, .end]),
        ("\u{1B}[5~\u{1B}[6~\u{1B}[3~\u{1B}[2~", [.pageUp, .pageDown, .delete]),
        ("\u{1B}[1;2A\u{1B}[1;2B\u{1B}[a\u{1B}[b", [.shiftUp, .shiftDown, .shiftUp, .shiftDown]),
        ("\u{1B}[1;5A\u{1B}[1;3D", [.up, .left]), ("\u{1B}[Z", [.backTab]),
        ("\u{1B}OP\u{1B}OS\u{1B}[11~\u{1B}[15~", [.function(1), .function(4), .function(1), .function(5)]),
        (
            "\u{1B}[17~\u{1B}[21~\u{1B}[24~\u{1B}[34~",
            [.function(6), .function(10), .function(12), .function(20)]
        ),
        ("\u{1B}[[A\u{1B}[[E\u{1B}[1;2P", [.function(1), .function(5), .function(1)]),
        ("\u{1B}a\u{1B}é\u{1B}<", [.alternate("a"), .alternate("é"), .alternate("<")]),
        ("\u{1B}\r\u{1B}\u{7F}", [.enter, .backspace]), ("\u{1B}Oq\u{1B}OM", [.character("1"), .enter]),
        ("\u{1B}[I\u{1B}[O", [.focusIn, .focusOut]),
        (
            "\u{1B}[27;5;99~\u{1B}[99;5u\u{1B}[97;3u\u{1B}[9;2u",
            [.control("c"), .control("c"), .alternate("a"), .backTab]
        ),
        ("\u{1B}", [.escape]), ("\u{1B}\u{1B}", [.escape, .escape]), ("\u{1B}\u{1B}[A", [.escape, .up]),
        ("\u{1B}[", [.alternate("[")]), ("\u{1B}O", [.alternate("O")]), ("\u{1B}P", [.alternate("P")]),
    ] as [(String, [Key])])
func keySequences(bytes: String, expected: [Key]) {
    #expect(keys(bytes) == expected)
    #expect(keys(bytes, pieces: 1) == expected, "byte by byte")
}

@Test(
    "what is not known is swallowed whole, and what follows is a key again",
    arguments: [
        "\u{1B}[99~", "\u{1B}[?62;c", "\u{1B}[12;40R", "\u{1B}[<0;10;10M",
        "\u{1B}]11;rgb:0000/0000/0000\u{7}",
        "\u{1B}]11;rgb:0000/0000/0000\u{1B}\\", "\u{1B}P1$r0m\u{1B}\\", "\u{1B}[1;2;3;4;5;6;7;8X", "\u{1B}O!",
        "\u{1B}[99999999999999999999~", "\u{1B}[57399u", "\u{80}", "\u{1B}[ @", "\u{1B}[E", "\u{1B}[201~",
    ])
func unknownSequences(bytes: String) {
    #expect(keys(bytes + "q") == [.character("q")])
}

@Test("bytes that are no UTF-8 are no key")
func brokenCharacters() {
    var reader = KeyReader()
    let bytes: [UInt8] = [
        0xFF, 0x80, 0xC0, 0xAF, 0xE0, 0x80, 0x80, 0xED, 0xA0, 0x80, 0xF4, 0x90, 0x80, 0x80, 0xC3, 0x61,
    ]
    #expect(reader.take(bytes, start) == [.character("a")])
    #expect(reader.due == nil)
}

@Test("an escape waits 50 ms for what it may begin, and no longer")
func loneEscape() {
    var reader = KeyReader()
    #expect(reader.take([0x1B], start).isEmpty)
    let due = start + .milliseconds(50)
    #expect(reader.due == due)
    #expect(reader.flush(start + .milliseconds(49)).isEmpty)
    #expect(reader.flush(due) == [.escape] && reader.due == nil)
    // Whoever forgets to flush gets it with the next bytes.
    _ = reader.take([0x1B], start)
    #expect(
        reader.take(Array("[A".utf8), start + .seconds(1)) == [.escape, .character("["), .character("A")])
    // Half a sequence that stays half is nothing.
    #expect(reader.take(Array("\u{1B}[1;".utf8), start + .seconds(2)).isEmpty)
    #expect(
        reader.flush(start + .seconds(3)).isEmpty
            && reader.take([0x41], start + .seconds(3)) == [.character("A")])
}

@Test(
    "a paste is one key, whatever is in it",
    arguments: [
        "AAPL MSFT\rNVDA", "", "\u{1B}[A\u{1B}", "\u{1B}[201", "\u{1B}\u{1B}[200~", "日本\u{3}", "[201~",
        "\u{1B}[20\u{1B}[201\u{1B}",
    ])
func pastes(text: String) {
    let bytes = "\u{1B}[200~\(text)\u{1B}[201~q"
    #expect(keys(bytes) == [.paste(text), .character("q")])
    #expect(keys(bytes, pieces: 1) == [.paste(text), .character("q")])
}

@Test("a paste keeps 64 KiB, and one without an end does not keep the keyboard")
func pasteLimits() {
    var reader = KeyReader()
    var keys = reader.take("\u{1B}[200~".utf8, start)
    for _ in 0..<100 { keys += reader.take([UInt8](repeating: 0x61, count: 1_000), start) }
    keys += reader.take("\u{1B}[201~".utf8, start)
    #expect(keys == [.paste(String(repeating: "a", count: 65_536))])
    _ = reader.take("\u{1B}[200~AAPL".utf8, start)
    #expect(reader.due == start + .seconds(1))
    #expect(reader.take("q".utf8, start + .seconds(1)) == [.paste("AAPL"), .character("q")])
}

@Test("any bytes are survived, and cut anywhere they are the same keys", arguments: Seed.smoke)
func anyKeys(seed: Seed) {
    var random = seed.generator()
    let likely = Array("\u{1B}\u{1B}\u{1B}[[O;;?<0125~ABu]P\\\u{7}".utf8)
    for _ in 0..<40 {
        let bytes = (0..<random.below(400)).map { _ in
            random.oneIn(3) ? UInt8(random.below(256)) : likely[random.below(likely.count)]
        }
        var whole = KeyReader(), cut = KeyReader(), seen: [Key] = []
        let expected = whole.take(bytes, start) + whole.flush(start + .seconds(5))
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = random.below(rest.count) + 1
            seen += cut.take(rest.prefix(count), start)
            rest = rest.dropFirst(count)
        }
        seen += cut.flush(start + .seconds(5))
        #expect(seen == expected, "\(seed)")
        #expect(seen.count <= bytes.count && cut.due == nil)
    }
}
