// What the engine sends is what the verifier believes; and one thing changed in it, whichever, is told.
import Basics
import Dialects
import Market
import TestSupport
import Testing
import TickerFeed
import Watch
import Wire

/// A client's messages of a recorded session, with the server's snapshots where they were taken.
private struct Recording {
    enum Step {
        case message(ServerMessage)
        case snapshot([UInt8])
    }

    static let depth = 5
    static let wanted: [ClientMessage.Subscribe] = [
        .init(channel: .quote, symbols: ["AAPL"], rate: .perThousandSeconds(20_000), stamps: true),
        .init(channel: .book, symbols: ["A*"], rate: .max, depth: depth, checksum: true, stamps: true),
        .init(channel: .trade, symbols: ["AAPL"], rate: .standard, stamps: true),
        .init(channel: .bar, symbols: ["AAPL"], rate: .max, interval: .minute, stamps: true),
        .init(channel: .bar, symbols: ["AAPL"], rate: .max, interval: .second, stamps: true),
        .init(channel: .stats, symbols: ["AAPL"], rate: .max, stamps: true),
        .init(channel: .status, symbols: ["*"], stamps: true),
    ]

    private(set) var steps: [Step] = []

    /// - Parameter times: how fast the session is played.
    init(times: Int64 = 300) throws {
        let feed = try InputFeed(FeedOptions(path: Repository.session))
        let world = World(feed, pace: .recorded(Speed(times: Int(times))), seed: Seed(1))
        for _ in 0..<5 { world.step() }
        let socket = world.network.connect(world.handler)
        socket.write(
            WebSocketHandshake.request(
                host: "sim", path: "/v1/stream", key: WebSocketHandshake.key(1, 2), protocols: [],
                headers: []))
        for (id, wish) in Recording.wanted.enumerated() {
            socket.write(Recording.frame(ClientMessage(id: .number(Int64(id)), .subscribe(wish)).json))
        }
        var reader = WebSocketReader(role: .client, messageMax: 1 << 20), isOpen = false, quiet = 0
        var turn = 0
        while quiet < 1_200 {
            world.step()
            if world.feedHasEnded { quiet += 1 }
            var bytes = socket.read(.max)
            if !isOpen, !bytes.isEmpty {
                let end = try #require((3..<bytes.count).first { bytes[($0 - 3)...$0] == [13, 10, 13, 10] })
                bytes.removeFirst(end + 1)
                isOpen = true
            }
            take(&bytes, &reader)
            turn += 1
            if turn % 50 == 0 { steps.append(.snapshot(Recording.snapshot(world))) }
        }
    }

    private mutating func take(_ bytes: inout [UInt8], _ reader: inout WebSocketReader) {
        var offset = 0
        bytes.withUnsafeMutableBytes { raw in
            while let event = try? reader.next(raw, from: &offset) {
                guard case .text = event, let message = try? ServerMessage(json: reader.payload) else {
                    continue
                }
                steps.append(.message(message))
            }
        }
    }

    private static func frame(_ text: String) -> [UInt8] {
        var buffer = ByteBuffer(), text = text
        text.withUTF8 {
            WebSocketFrame.write(into: &buffer, opcode: .text, payload: UnsafeRawBufferPointer($0), mask: 0)
        }
        return Array(buffer.readable)
    }

    private static func snapshot(_ world: World) -> [UInt8] {
        let socket = world.network.connect(world.handler)
        socket.write(Array("GET /v1/snapshot/AAPL?depth=\(depth) HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        var answer: [UInt8] = []
        // The clock stands still meanwhile: the stream is not kept waiting.
        for _ in 0..<100 where answer.isEmpty {
            world.network.turn(world.handler)
            answer = socket.read(.max)
        }
        socket.close()
        let body = (3..<max(3, answer.count)).first { answer[($0 - 3)...$0] == [13, 10, 13, 10] }
        return body.map { Array(answer[($0 + 1)...]) } ?? []
    }

    /// What a verifier says of it.
    func verify() -> (divergence: Divergence?, totals: VerifierTotals) {
        var verifier = Verifier(Recording.wanted)
        _ = verifier.take(.state(.connecting))
        for step in steps {
            let divergence =
                switch step {
                case .message(let message): verifier.take(message)
                case .snapshot(let bytes):
                    bytes.withUnsafeBytes { verifier.check(snapshot: $0, depth: Recording.depth) }
                }
            if let divergence { return (divergence, verifier.totals) }
        }
        return (nil, verifier.totals)
    }

    /// The same with the message at `index`, and others behind it, as `change` makes them.
    func changed(at index: Int, _ change: (ServerMessage) -> [ServerMessage]) -> Recording {
        var copy = self
        guard case .message(let message) = steps[index] else { return self }
        copy.steps.replaceSubrange(index...index, with: change(message).map { .message($0) })
        return copy
    }

    /// Where messages stand that `isWanted` picks.
    func places(_ isWanted: (ServerMessage) -> Bool) -> [Int] {
        steps.indices.filter { if case .message(let message) = steps[$0] { isWanted(message) } else { false } }
    }

    func snapshotChanged(_ from: String, _ to: String) -> Recording {
        var copy = self
        for index in steps.indices {
            guard case .snapshot(let bytes) = steps[index] else { continue }
            let text = String(decoding: bytes, as: UTF8.self)
            copy.steps[index] = .snapshot(Array(text.replacing(from, with: to).utf8))
        }
        return copy
    }
}

private let recording = Result { try Recording() }

@Test("a recorded session, every channel, with snapshots: nothing diverges, and something was compared")
func rightStream() throws {
    let (divergence, totals) = try recording.get().verify()
    #expect(divergence == nil, "\(divergence?.description ?? "")")
    #expect(totals.messages > 500 && totals.books > 100 && totals.checksums == totals.books, "\(totals)")
    #expect(totals.snapshotsCompared > 20 && totals.epochs == 1 && totals.gaps == 0, "\(totals)")
}
