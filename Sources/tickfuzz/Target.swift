// What there is to fuzz, and how a property is demanded.
import Basics

/// A parser and what must hold whatever it is given.
struct Target: Sendable {
    let name: String
    let help: String
    let run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all = [
        Target(name: "http", help: "heads of requests and of answers", run: fuzzHTTP),
        Target(
            name: "websocket", help: "frames, in either role, with and without deflate", run: fuzzWebSocket),
        Target(name: "inflate", help: "compressed messages", run: fuzzInflate),
        Target(name: "json", help: "JSON as a value, and read where it stands", run: fuzzJSON),
        Target(name: "message", help: "what clients say and servers answer, as JSON", run: fuzzMessages),
        Target(name: "query", help: "subscriptions in a URL, and cursors", run: fuzzQuery),
        Target(name: "sbe", help: "binary messages", run: fuzzSBE),
        Target(name: "events", help: "server-sent events, as a client reads them", run: fuzzEvents),
        Target(name: "resp", help: "what Redis answers", run: fuzzRESP),
        Target(name: "capture", help: "captures of tickwatch, played and verified", run: fuzzWatchCapture),
        Target(name: "token", help: "signed tokens, and what they claim", run: fuzzTokens),
        Target(name: "options", help: "configuration files", run: fuzzOptionFile),
        Target(name: "address", help: "addresses, blocks of them, X-Forwarded-For", run: fuzzAddresses),
        Target(name: "keys", help: "keys, and whatever else a terminal sends", run: fuzzKeys),
        Target(name: "condition", help: "what --until waits for", run: fuzzCondition),
        Target(
            name: "configuration", help: "tickwatch's settings, read and written; lists of symbols",
            run: fuzzConfiguration),
        Target(name: "itch", help: "ITCH 5.0 files", run: fuzzITCH),
        Target(name: "pcap", help: "captures of ITCH over MoldUDP64", run: fuzzCapture),
        Target(name: "binance", help: "sessions of Binance's streams", run: fuzzBinance),
        Target(name: "lobster", help: "LOBSTER's message files", run: fuzzLOBSTER),
        Target(name: "csv", help: "quotes, trades and levels as CSV", run: fuzzCSV),
        Target(name: "ndjson", help: "quotes, trades and levels as NDJSON", run: fuzzNDJSON),
        Target(name: "input", help: "files of any kind: told apart, unpacked, played", run: fuzzInput),
        Target(
            name: "journal", help: "segments of a journal: read, followed, checked, cut, played",
            run: fuzzJournal),
        Target(name: "frames", help: "frames between nodes, and a follower of them", run: fuzzFrames),
        Target(name: "nats", help: "what a NATS server says", run: fuzzNATS),
        Target(name: "engine", help: "a whole loop: sockets, clients, market and time", run: fuzzEngine),
    ]

    /// As the help has it.
    var line: String { "  \(name)\(String(repeating: " ", count: 15 - name.count))\(help)\n" }

    static func named(_ name: String) -> Target? { all.first { $0.name == name } }
}

/// Ends the process where a property does not hold: the fuzzer keeps the input that showed it.
func demand(
    _ holds: Bool, _ property: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) {
    guard !holds else { return }
    Console.write("\(file):\(line): does not hold: \(property())\n", to: Console.errors)
    preconditionFailure("a property does not hold")
}
