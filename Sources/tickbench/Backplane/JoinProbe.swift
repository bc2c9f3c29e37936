// How long it takes until symbols that nobody read here have come, as the one who asked for them sees it.
//
// Invariant: a symbol counts with the first message of it, and once.
import Basics
import CLinux
import Wire

struct JoinProbe: ~Copyable {
    private let client: WebSocketClient
    /// Of these the first message is awaited.
    private var awaited: Set<Int> = []
    private var complaint: String?

    private static let patience = Nanoseconds.seconds(20)
    private static let prefix = Array(#"{"type":"quote","sym":"S"#.utf8)

    init(_ server: ServerAddress) throws {
        client = WebSocketClient(
            url: WebSocketURL(host: server.host, port: server.port, path: "/v1/stream"),
            protocols: ["tickerfeed.v1.json"])
        try client.connect()
        try run("to be let in") { $0.client.isOpen }
    }
    deinit { client.abandon() }

    /// From asking for these to having the last of them.
    mutating func join(_ symbols: Range<Int>) throws -> Nanoseconds {
        awaited = Set(symbols)
        let text = Dialect.native(channel: "quote", rate: "\"max\"").subscription(
            Array(symbols), stamps: false)
        let start = Moment.read().instant
        client.send(text: text)
        try run("for \(symbols.count) symbols") { $0.awaited.isEmpty }
        return Moment.read().instant - start
    }

    private mutating func run(_ what: String, until isDone: (borrowing JoinProbe) -> Bool) throws {
        let limit = Moment.read().instant + JoinProbe.patience
        while !isDone(self) {
            if Interrupt.isPending { throw Interrupted() }
            if let complaint { throw BenchError("the node answered \(complaint)") }
            guard Moment.read().instant < limit, client.descriptor >= 0 else {
                throw BenchError("waited in vain \(what)")
            }
            if let ready = awaitSocket(client.descriptor, writing: client.wantsWrite, milliseconds: 10) {
                try pump(ready)
            }
        }
    }

    private mutating func pump(_ ready: (readable: Bool, writable: Bool)) throws {
        // Taken out, so that the set is not copied for each message that makes it smaller.
        var awaited = awaited, complaint = complaint
        self.awaited = []
        defer { (self.awaited, self.complaint) = (awaited, complaint) }
        try client.pump(readable: ready.readable, writable: ready.writable) { event in
            switch event {
            case .text(let bytes):
                if let symbol = JoinProbe.symbol(bytes) {
                    awaited.remove(symbol)
                } else if JoinProbe.isRefusal(bytes) {
                    complaint = String(decoding: bytes.prefix(200), as: UTF8.self)
                }
            case .closed(_, let reason): complaint = "a close: \(reason)"
            case .opened, .binary: break
            }
        }
    }

    /// The 12 of `{"type":"quote","sym":"S12",…`; nil where it is no quote.
    private static func symbol(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard bytes.starts(with: prefix) else { return nil }
        var number = 0
        for byte in bytes.dropFirst(prefix.count) {
            guard case let digit = byte &- 0x30, digit < 10 else { break }
            number = number * 10 + Int(digit)
        }
        return number
    }

    private static func isRefusal(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.starts(with: #"{"type":"error""#.utf8)
            || String(decoding: bytes, as: UTF8.self).split(separator: "\"refused\":[").count > 1
    }
}
