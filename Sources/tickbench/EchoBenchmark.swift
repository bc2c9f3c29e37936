// What our WebSocket client is to a conformance suite that plays the server: it sends all back.
//
//     getCaseCount → n;  runCase?case=1 … n, each a connection;  updateReports
//
// The suite judges; nothing is measured here. These are the addresses of Autobahn's fuzzing server.
import Basics
import CLinux
import Wire

struct EchoBenchmark: Benchmark {
    private let server: String
    /// How long one case may last before the suite counts as stuck.
    private static let patience = Nanoseconds.seconds(60)
    private static let agent = "tickerfeed"

    init(_ arguments: Arguments) throws(UsageError) {
        guard arguments.operands.count == 2, let url = arguments.operands.last else {
            throw UsageError("echo wants the suite's address: tickbench echo ws://127.0.0.1:9001")
        }
        server = url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    func run() throws {
        let told = try converse("/getCaseCount")
        guard let count = Int(String(decoding: told, as: UTF8.self)) else {
            throw BenchError("\(server) does not say how many cases it has")
        }
        for number in 1...max(1, count) {
            try converse("/runCase?case=\(number)&agent=\(EchoBenchmark.agent)")
        }
        try converse("/updateReports?agent=\(EchoBenchmark.agent)")
        Console.write("\(count) cases\n")
    }

    /// One connection from its handshake to its end. A server that breaks the protocol is what most
    /// cases are about, so an end of any kind is none of ours to judge, once it was open.
    ///
    /// - Returns: the last message.
    @discardableResult
    private func converse(_ path: String) throws -> [UInt8] {
        let client = WebSocketClient(url: try WebSocketURL.parse(server + path), deflate: true)
        try client.connect()
        var last: [UInt8] = [], wasOpen = false
        let end = Moment.read().instant + EchoBenchmark.patience
        while client.descriptor >= 0 {
            guard Moment.read().instant < end else { throw BenchError("\(path) does not end") }
            do throws(ClientError) {
                try EchoBenchmark.turn(client) { event in
                    switch event {
                    case .opened: wasOpen = true
                    case .text(let bytes):
                        last = Array(bytes)
                        client.send(text: String(decoding: bytes, as: UTF8.self))
                    case .binary(let bytes): client.send(binary: bytes)
                    case .closed: break
                    }
                }
            } catch {
                guard wasOpen else { throw error }
            }
        }
        return last
    }

    private static func turn(
        _ client: WebSocketClient, _ onEvent: (ClientEvent) -> Void
    ) throws(ClientError) {
        if let ready = awaitSocket(client.descriptor, writing: client.wantsWrite, milliseconds: 1_000) {
            try client.pump(readable: ready.readable, writable: ready.writable, onEvent)
        }
    }
}
