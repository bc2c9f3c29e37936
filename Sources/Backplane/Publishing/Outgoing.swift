// What a publisher keeps of each symbol, and the ticks that wait for the next flush.
//
// Invariants
//   - Waiting ticks lie in one run, in the tape's order; each symbol's are chained through it. So a tick
//     costs no allocation, and a flush visits the symbols that changed and no others.
import Market

/// What was published of a symbol.
struct Outgoing {
    /// The flush of its last frame; what comes next says so.
    var lastFlush: UInt64 = 0
    /// Bytes of the picture that the engine stores, and of the state that it begins with.
    var storedBytes = 0
    var stateBytes = 0
    /// Its picture is void: it is to be told from the start.
    var isVoid = true
    /// Where nothing is stored in the engine: the last frames, and the last events.
    var log = FrameLog()
    var events = FrameLog()

    // In the run of those that wait; -1: none do.
    fileprivate(set) var firstWaiting: Int32 = -1
    fileprivate(set) var lastWaiting: Int32 = -1
    fileprivate(set) var isChanged = false
}

/// The last frames of a symbol, as one run of bytes.
struct FrameLog {
    private(set) var bytes: [UInt8] = []
    static let bytesMax = 16_384

    /// Makes room by letting go of the oldest half.
    mutating func append(_ frame: UnsafeRawBufferPointer) {
        if bytes.count + frame.count > FrameLog.bytesMax { trim(to: FrameLog.bytesMax / 2 - frame.count) }
        if frame.count <= FrameLog.bytesMax / 2 { bytes.append(contentsOf: frame) }
    }

    mutating func removeAll() { bytes = [] }

    private mutating func trim(to count: Int) {
        var at = 0
        while bytes.count - at > max(0, count) { at += 4 + length(at) }
        bytes.removeFirst(min(at, bytes.count))
    }

    private func length(_ at: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
}

struct WaitingTicks {
    private(set) var symbols: [Outgoing] = []
    /// Symbols that changed since the last flush.
    private(set) var changed: [UInt32] = []
    private var ticks: [Tick] = []
    private var next: [Int32] = []

    /// Beyond it what waits is dropped, and its symbols are told from the start.
    static let ticksMax = 262_144

    var count: Int { ticks.count }
    var isEmpty: Bool { changed.isEmpty }
    var isFull: Bool { ticks.count >= WaitingTicks.ticksMax }

    subscript(symbol: Int) -> Outgoing {
        _read { yield symbols[symbol] }
        _modify { yield &symbols[symbol] }
    }

    /// - Parameter limit: symbols that a market may have.
    mutating func append(_ tick: Tick, limit: Int) {
        let index = tick.symbol.index
        guard index < limit else { return }
        define(index + 1)
        note(index)
        let place = Int32(ticks.count)
        ticks.append(tick)
        next.append(-1)
        if symbols[index].lastWaiting >= 0 {
            next[Int(symbols[index].lastWaiting)] = place
        } else {
            symbols[index].firstWaiting = place
        }
        symbols[index].lastWaiting = place
    }

    /// There are that many symbols.
    mutating func define(_ count: Int) {
        while symbols.count < count { symbols.append(Outgoing()) }
    }

    /// To be visited at the next flush, though no tick waits.
    mutating func note(_ index: Int) {
        guard !symbols[index].isChanged else { return }
        symbols[index].isChanged = true
        changed.append(UInt32(index))
    }

    /// The symbol's ticks, in order, behind what is in the array.
    func read(_ index: Int, into array: inout [Tick]) {
        var at = symbols[index].firstWaiting
        while at >= 0 {
            array.append(ticks[Int(at)])
            at = next[Int(at)]
        }
    }

    mutating func sortChanged() { changed.sort() }

    /// All of it was published, or is not to be.
    mutating func removeAll() {
        for number in changed {
            symbols[Int(number)].isChanged = false
            symbols[Int(number)].firstWaiting = -1
            symbols[Int(number)].lastWaiting = -1
        }
        changed.removeAll(keepingCapacity: true)
        ticks.removeAll(keepingCapacity: true)
        next.removeAll(keepingCapacity: true)
    }

    /// Nothing of what was published holds any more.
    mutating func voidAll() {
        for index in symbols.indices {
            symbols[index].isVoid = true
            symbols[index].storedBytes = 0
            symbols[index].log.removeAll()
            symbols[index].events.removeAll()
        }
    }
}
