// Which key does what: one table for the model, the footer and the help page.

/// What a key asks for.
public enum Command: Hashable, Sendable, CaseIterable {
    case up, down, pageUp, pageDown, first, last
    case open, back, nextPage
    case add, remove, moveUp, moveDown
    case sortLeft, sortRight, sort, ownOrder
    case filter, nextGroup, previousGroup
    case freeze, faster, slower
    case watchlist, book, trades, chart, latency, server
    case write, reconnect, repaint, help, suspend, quit
}

public struct KeyBinding: Hashable, Sendable {
    public let keys: [Key]
    /// As people read it.
    public let label: String
    public let command: Command
    public let help: String
    /// One word for the footer; nil where there is no room for it.
    public let short: String?
}

public enum KeyMap {
    public static let bindings: [KeyBinding] = [
        key([.up, .character("k")], "↑ k", .up, "move up"),
        key([.down, .character("j")], "↓ j", .down, "move down"),
        key([.pageUp], "PgUp", .pageUp, "a page up"),
        key([.pageDown], "PgDn", .pageDown, "a page down"),
        key([.home], "Home", .first, "to the first"),
        key([.end], "End", .last, "to the last"),
        key([.enter], "Enter", .open, "open the symbol: book, trades, chart", "open"),
        key([.escape, .backspace], "Esc", .back, "back; ends filter, group, freeze"),
        key([.tab], "Tab", .nextPage, "the next page"),
        key([.character("a")], "a", .add, "add symbols", "add"),
        key([.character("x"), .delete], "x", .remove, "remove the symbol", "remove"),
        key([.character("K"), .shiftUp], "K", .moveUp, "move the symbol up"),
        key([.character("J"), .shiftDown], "J", .moveDown, "move the symbol down"),
        key([.left, .character("h")], "← h", .sortLeft, "choose the column to the left"),
        key([.right], "→", .sortRight, "choose the column to the right"),
        key([.character("s")], "s", .sort, "sort by that column; again reverses", "sort"),
        key([.character("o")], "o", .ownOrder, "back to your own order"),
        key([.character("/")], "/", .filter, "list only what has this text", "filter"),
        key([.character("g")], "g", .nextGroup, "the next group", "group"),
        key([.character("G")], "G", .previousGroup, "the group before"),
        key([.character(" "), .character("f")], "Space", .freeze, "freeze the screen, and go on", "freeze"),
        key([.character("+"), .character("=")], "+", .faster, "more updates a second"),
        key([.character("-")], "-", .slower, "fewer updates a second"),
        key([.character("1")], "1", .watchlist, "watchlist"),
        key([.character("2"), .character("b")], "2 b", .book, "order book"),
        key([.character("3"), .character("t")], "3 t", .trades, "trades"),
        key([.character("4"), .character("c")], "4 c", .chart, "chart"),
        key([.character("5"), .character("l")], "5 l", .latency, "latency, hop by hop"),
        key([.character("6"), .character("v")], "6 v", .server, "the server's connections"),
        key([.character("w")], "w", .write, "write the configuration"),
        key([.character("r")], "r", .reconnect, "reconnect now"),
        key([.control("l")], "^L", .repaint, "paint the screen anew"),
        key([.character("?"), .function(1)], "?", .help, "this list", "help"),
        key([.control("z")], "^Z", .suspend, "to the shell; fg comes back"),
        key([.character("q"), .control("c")], "q", .quit, "quit", "quit"),
    ]

    private static func key(
        _ keys: [Key], _ label: String, _ command: Command, _ help: String, _ short: String? = nil
    ) -> KeyBinding {
        KeyBinding(keys: keys, label: label, command: command, help: help, short: short)
    }

    private static let commands: [Key: Command] = Dictionary(
        uniqueKeysWithValues: bindings.flatMap { binding in binding.keys.map { ($0, binding.command) } })

    static func command(_ key: Key) -> Command? { commands[key] }
}
