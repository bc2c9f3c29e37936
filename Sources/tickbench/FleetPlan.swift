// Who is in a fleet: whom it connects to, what each member asks for, and how it behaves.
//
// Invariants
//   - A member's symbols, role and stamps follow from its number alone: two runs are alike, and who
//     comes back after churn is who left.
import Basics
import Wire

/// How to speak to a server.
struct Dialect {
    /// As `--speaks` names them.
    enum Kind: String, CaseIterable {
        /// TickerFeed's: acknowledges subscriptions, tells errors and gaps.
        case native
        /// `SUB S0,S7`, and an update in each frame: bench/floor.c and most of bench/peers.
        case plain
        /// NATS' lines, in WebSocket frames.
        case nats
        /// Redis' RESP, without WebSocket.
        case redis
        /// Socket.IO 5 on Engine.IO 4.
        case socketio
    }
    let kind: Kind
    var path = "/"
    /// What the messages are written in, as the handshake asks for it.
    var subprotocol: String?
    var format = MessageFormat.plain
    /// What is said as soon as the connection is open, whatever is asked for later.
    var greeting: String?
    /// Of a server that writes lines: what begins those that a body follows.
    var announcer: UInt8?
    /// The request in TickerFeed's form, up to its symbols and behind them.
    private var request = (head: "", tail: "")

    static func native(channel: String, rate: String, isBinary: Bool = false) -> Dialect {
        Dialect(
            kind: .native, path: "/v1/stream", subprotocol: "tickerfeed.v1.\(isBinary ? "sbe" : "json")",
            format: isBinary ? .binary : .native(channel: channel),
            request: ("{\"op\":\"subscribe\",\"channel\":\"\(channel)\",\"symbols\":[", "],\"rate\":\(rate)"))
    }
    static let plain = Dialect(kind: .plain)
    static let nats = Dialect(
        kind: .nats, greeting: "CONNECT {\"verbose\":false}\r\n", announcer: UInt8(ascii: "M"))
    static let redis = Dialect(kind: .redis, announcer: UInt8(ascii: "$"))
    static let socketio = Dialect(
        kind: .socketio, path: "/socket.io/?EIO=4&transport=websocket", format: .socketio, greeting: "40")
    static let peers = [plain, nats, redis, socketio]

    func subscription(_ symbols: [Int], stamps: Bool) -> String {
        let names = symbols.map { "S\($0)" }
        switch kind {
        case .native:
            let quoted = names.map { "\"\($0)\"" }.joined(separator: ",")
            return request.head + quoted + request.tail + (stamps ? ",\"stamps\":true}" : "}")
        case .plain: return "SUB " + names.joined(separator: ",")
        case .nats: return names.enumerated().map { "SUB \($1) \($0 + 1)\r\n" }.joined()
        case .redis: return "SUBSCRIBE " + names.joined(separator: " ") + "\r\n"
        case .socketio: return "42[\"sub\",\"" + names.joined(separator: ",") + "\"]"
        }
    }
}

/// Which of S0, S1, … a member follows.
struct SymbolPicker {
    enum Pick: String, CaseIterable { case zipf, round }

    private let perConnection: Int
    private let universe: Int
    private let pick: Pick
    /// Sums of 1, 1/2, 1/3, …, scaled to 2^32.
    private let sums: [UInt64]
    private let stride: Int

    init(_ pick: Pick, perConnection: Int, universe: Int) {
        precondition(perConnection >= 0 && perConnection <= universe, "more symbols than there are")
        self.pick = pick
        self.perConnection = perConnection
        self.universe = universe
        stride = SymbolPicker.stride(universe)
        var sum = 0.0
        let weights = (1...max(1, universe)).map { rank -> Double in
            sum += 1 / Double(rank)
            return sum
        }
        sums = weights.map { UInt64($0 / sum * 4_294_967_296) }
    }

    /// Without repetition, in the order of the draw.
    func symbols(of member: Int) -> [Int] {
        if pick == .round { return (0..<perConnection).map { (member * perConnection + $0) % universe } }
        var random = SeededGenerator(seed: UInt64(member) &* 0x9E37_79B9 &+ 1)
        var chosen: [Int] = [], seen: Set<Int> = []
        // Who wants nearly all would draw for ever: the rest is then taken from the front.
        let drawsMax = perConnection * 50
        var draws = 0
        while chosen.count < perConnection {
            let rank = draws < drawsMax ? rank(of: random.next() >> 32) : draws - drawsMax
            draws += 1
            if seen.insert(rank).inserted { chosen.append(rank * stride % universe) }
        }
        return chosen
    }

    private func rank(of draw: UInt64) -> Int {
        var low = 0, high = universe - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] <= draw { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// About 0.618 of the universe and without a common divisor: a source that ticks symbols in
    /// turn would else send the popular ones, which are ranks 0, 1, 2, …, in one burst.
    static func stride(_ universe: Int) -> Int {
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        let start = max(1, universe * 618 / 1_000)
        return (start...(start + universe)).first { divisor($0, universe) == 1 } ?? 1
    }
}

/// How a member treats what it is sent.
enum Role { case healthy, slow, stalled }

struct FleetPlan {
    var connections: Int
    var server: ServerAddress
    /// With TLS, and whom to believe then.
    var trust: TLSTrust?
    var dialect: Dialect
    var picker: SymbolPicker
    /// Source addresses 127.0.0.1, 127.0.0.2, …; 1 leaves the choice to the kernel.
    var addresses = 1
    /// Of a hundred members.
    var slow = 0
    var stalled = 0
    /// Of a hundred members that ask for `stamps`.
    var stamped = 0
    /// Connections replaced a second.
    var churn = 0
    /// Healthy members that the server closes are counted too, and the others go on.
    var countsLosses = false

    // 37 and 61 have no divisor in common with 100: any hundred members in a row have the shares.
    func role(of member: Int) -> Role {
        let place = member % 100 * 37 % 100
        return place < stalled ? .stalled : place < stalled + slow ? .slow : .healthy
    }
    func isStamped(_ member: Int) -> Bool { member % 100 * 61 % 100 < stamped }

    func subscription(of member: Int) -> String? {
        let symbols = picker.symbols(of: member)
        return symbols.isEmpty ? nil : dialect.subscription(symbols, stamps: isStamped(member))
    }
    /// Members of a role.
    func count(_ role: Role) -> Int { (0..<connections).count { self.role(of: $0) == role } }
}
