// What a token lets its bearer read: which symbols, which channels, how often, how deep.
//
//     {"symbols":["AAPL","BRK*"],"channels":["quote","trade"],"max_rate":10,"max_depth":5}
//
// Invariants
//   - What is not named is not allowed: without `symbols` there are none. Only `channels`, `max_rate`
//     and `max_depth` may be left out, and mean all the server has.
//   - Built once for a token and asked when something is subscribed to or requested, never for a tick.
import Basics
import Dialects
import Market

/// Claims that are there and not what they have to be.
struct EntitlementFault: Error {}

struct Entitlements: Sendable {
    /// Sorted.
    private var names: [SymbolName] = []
    /// Sorted, and none begins with another: of all that are not behind a name, only the last may fit.
    private var prefixes: [[UInt8]] = []
    private var channels: Set<Channel> = Set(Channel.allCases)
    /// The greatest rate; `max` is no limit.
    private(set) var rateMax = Rate.max
    private(set) var depthMax = BookWindow.depthMax
    /// Whether its bearer may pause and seek for everybody, where the server takes that here.
    private(set) var movesReplay = false

    /// Where there are no tokens.
    static let everything: Entitlements = {
        var everything = Entitlements()
        everything.prefixes = [[]]
        return everything
    }()

    private init() {}

    init(_ claims: JSONValue) throws(EntitlementFault) {
        if let symbols = claims["symbols"] { take(symbols: try Entitlements.texts(symbols)) }
        if let named = claims["channels"] {
            channels = Set(try Entitlements.texts(named).compactMap { Channel(named: $0) })
        }
        if let rate = claims["max_rate"] {
            guard let thousandths = rate.decimal(3), thousandths >= 100 else { throw EntitlementFault() }
            rateMax = .perThousandSeconds(Int(min(thousandths, 1_000_000)))
        }
        if let depth = claims["max_depth"] {
            guard let levels = depth.integer, levels >= 1 else { throw EntitlementFault() }
            depthMax = Int(min(levels, Int64(BookWindow.depthMax)))
        }
        if let moves = claims["replay"] {
            guard case .bool(let moves) = moves else { throw EntitlementFault() }
            movesReplay = moves
        }
    }

    private static func texts(_ value: JSONValue) throws(EntitlementFault) -> [String] {
        let texts = value.array?.map(\.string)
        guard let texts, texts.allSatisfy({ $0 != nil }) else { throw EntitlementFault() }
        return texts.compactMap { $0 }
    }

    /// Text that is neither a name nor a pattern allows nothing.
    private mutating func take(symbols: [String]) {
        var found: [[UInt8]] = []
        for text in symbols {
            if let prefix = Pattern.prefix(of: text) {
                found.append(prefix)
            } else if let name = SymbolName(text) {
                names.append(name)
            }
        }
        names.sort()
        for prefix in found.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            if let last = prefixes.last, prefix.starts(with: last) { continue }
            prefixes.append(prefix)
        }
    }

    // MARK: Questions

    func allows(_ name: SymbolName) -> Bool { includes(name) || hasPrefix(of: name.bytes) }

    /// The same without a copy of the name: a pattern asks for every symbol there is.
    func allows(_ symbol: UnsafeMutablePointer<SymbolView>) -> Bool {
        hasPrefix(of: symbol.pointee.name) || includes(symbol.pointee.definition.name)
    }

    func allows(_ channel: Channel) -> Bool { channels.contains(channel) }

    func allows(_ rate: Rate) -> Bool {
        switch (rateMax, rate) {
        case (.max, _): true
        case (_, .max): false
        case (.perThousandSeconds(let most), .perThousandSeconds(let asked)): asked <= most
        }
    }

    /// Whether a symbol whose name begins so may be allowed: then the pattern stands for those.
    func touches(prefix: [UInt8]) -> Bool {
        if hasPrefix(of: prefix) || prefixes.contains(where: { $0.starts(with: prefix) }) { return true }
        guard let first = SymbolName(prefix) else { return !names.isEmpty }
        let place = names.partition { $0 < first }
        return place < names.count && names[place].bytes.starts(with: prefix)
    }

    private func includes(_ name: SymbolName) -> Bool {
        let place = names.partition { $0 < name }
        return place < names.count && names[place] == name
    }

    /// Whether one of the prefixes is the beginning of `bytes`.
    private func hasPrefix(of bytes: some Collection<UInt8>) -> Bool {
        let behind = prefixes.partition { !bytes.lexicographicallyPrecedes($0) }
        return behind > 0 && bytes.starts(with: prefixes[behind - 1])
    }

    // MARK: Words

    /// Names and patterns, sorted; those that a pattern includes are left out.
    var symbols: [String] {
        let named = names.filter { !hasPrefix(of: $0.bytes) }.map(\.description)
        return (named + prefixes.map { String(decoding: $0, as: UTF8.self) + "*" }).sorted()
    }

    var channelNames: [String] { Channel.allCases.filter(allows).map { "\($0.name)" } }

    /// Tells snapshots apart that show different things.
    var channelBits: UInt64 { channels.reduce(0) { $0 | 1 << UInt64($1.rawValue) } }
}

extension Array {
    /// How many elements `isBefore` says yes to, where those come first.
    fileprivate func partition(_ isBefore: (Element) -> Bool) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
