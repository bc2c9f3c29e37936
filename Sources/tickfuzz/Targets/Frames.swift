// Frames between nodes: what is read is written and read again the same, and a follower that an engine
// tells anything at all neither traps nor keeps more than it may.
import Backplane
import Basics
import Market
import TickerFeed

@Sendable func fuzzFrames(_ bytes: UnsafeRawBufferPointer) {
    try? Frame.forEach(in: bytes) { frame throws(FrameFlaw) in
        guard frame.type == .ticks else { return }
        var ticks: [Tick] = []
        let previous = try frame.readTicks(of: SymbolID(3), into: &ticks)
        var writer = FrameWriter(epoch: frame.epoch)
        writer.ticks(ticks, frame.place, previous: previous)
        var again: [Tick] = []
        let copy = try Frame.only(in: writer.bytes)
        let previousAgain = try copy.readTicks(of: SymbolID(3), into: &again)
        demand(again == ticks && previousAgain == previous, "a frame of \(ticks.count) ticks is another one")
    }
    follow(bytes)
}

/// The bytes as what an engine says: a letter, a symbol, a length, and so many bytes.
private func follow(_ bytes: UnsafeRawBufferPointer) {
    let engine = ScriptedEngine(Array(bytes))
    var now = Moment(instant: Instant(raw: 1_000_000_000), wall: Timestamp(raw: 1_764_167_400_000_000_000))
    guard let feed = try? FollowedFeed(engine, log: .none, clock: { now }) else { return }
    let tape = Tape(capacity: 1 << 16)
    let ingest = Ingest(
        feed: feed, writer: Tape.Writer(tape), options: ReplayOptions(pace: .live), epoch: 1)
    for index in 0..<4 { feed.interest.add(SymbolID(index)) }
    for _ in 0..<64 {
        _ = ingest.turn(now: now)
        let step = Nanoseconds.milliseconds(30)
        now = Moment(instant: now.instant + step, wall: now.wall + step)
    }
    demand(ingest.state.symbols <= Interest.symbolsMax, "\(ingest.state.symbols) symbols")
}

private final class ScriptedEngine: FollowingEngine {
    private var script: [UInt8]
    private var at = 0
    private(set) var isConnected = false
    let traffic = EngineTraffic()
    let description = "a script"
    let descriptor: Int32 = -1
    let wantsWrite = false
    let pendingBytes = 0
    private var asked: [SymbolName] = []
    private var asksDirectory = false

    init(_ script: [UInt8]) { self.script = script }

    func follow(_ symbols: [SymbolName]) {}
    func unfollow(_ symbols: [SymbolName]) {}
    func fetch(_ symbol: SymbolName) { asked.append(symbol) }
    func fetchDirectory() { asksDirectory = true }
    func complain(of symbol: SymbolName?) {}
    func close() {}

    func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant {
        if !isConnected {
            isConnected = true
            tell(.connected)
            return now.instant
        }
        for _ in 0..<3 where at + 4 <= script.count { step(tell) }
        return now.instant
    }

    private func step(_ tell: (EngineEvent) -> Void) {
        let kind = script[at], number = Int(script[at + 1])
        let length = Int(script[at + 2]) | Int(script[at + 3]) << 8
        let end = min(script.count, at + 4 + length), piece = Array(script[at + 4..<end])
        at = end
        let names = ["AAPL", "MSFT", "BRK.B", "A>B"].compactMap { SymbolName($0) }
        let symbol = names[number % names.count]
        piece.withUnsafeBytes { bytes in
            switch kind % 6 {
            case 0: tell(.heads(bytes))
            case 1: tell(.ticks(symbol, bytes))
            case 2:
                guard let first = asked.first else { return }
                if number & 128 == 0 { asked.removeFirst() }
                tell(.picture(first, bytes, isLast: number & 128 == 0))
            case 3:
                asksDirectory = false
                tell(.directory(bytes, isLast: true))
            case 4:
                if let first = asked.popLast() { tell(.noPicture(first)) }
                if asksDirectory { tell(.noDirectory) }
            default:
                isConnected = false
                asked = []
                tell(.disconnected("cut"))
            }
        }
    }
}
