// A client's WebSocket on the simulated network: what it asks goes out, and what comes is verified.
import Basics
import Dialects
import FanOut
import Watch
import Wire

final class StreamClient {
    private let socket: SimulatedNetwork.ClientSocket
    private var reader = WebSocketReader(role: .client, messageMax: 1 << 20)
    private var answer: [UInt8] = []
    private var isUpgraded = false
    private var verifier: Verifier
    private(set) var messages: [ServerMessage] = []
    /// By codes.
    private(set) var errors: [String] = []
    /// The first rule that was broken.
    private(set) var divergence: Divergence?
    private(set) var closeCode: UInt16?

    init(_ world: World, loop: Int = 0, _ wanted: [ClientMessage.Subscribe]) {
        verifier = Verifier(wanted)
        _ = verifier.take(.state(.connecting))
        socket = world.networks[loop].connect(world.handlers[loop])
        socket.write(
            WebSocketHandshake.request(
                host: "sim", path: "/v1/stream", key: WebSocketHandshake.key(1, 2)))
        // Nobody has to wait for the answer before speaking; TCP keeps the order.
        for (id, wish) in wanted.enumerated() {
            say(ClientMessage(id: .number(Int64(id)), .subscribe(wish)))
        }
    }

    /// All there is to be told of AAPL.
    static func everything(_ rate: Rate) -> [ClientMessage.Subscribe] {
        Channel.allCases.map { ClientMessage.Subscribe(channel: $0, symbols: ["AAPL"], rate: rate) }
    }

    func say(_ message: ClientMessage) {
        var buffer = ByteBuffer(), text = message.json
        text.withUTF8 {
            WebSocketFrame.write(into: &buffer, opcode: .text, payload: UnsafeRawBufferPointer($0), mask: 0)
        }
        socket.write(Array(buffer.readable))
    }

    /// The messages that are whole with at most so many bytes more.
    @discardableResult
    func read(_ limit: Int = .max) throws -> [ServerMessage] {
        var bytes = socket.read(limit), offset = 0, read: [ServerMessage] = []
        if !isUpgraded { bytes = upgrade(bytes) }
        try bytes.withUnsafeMutableBytes { raw in
            while let event = try reader.next(raw, from: &offset) {
                switch event {
                case .text: read.append(try ServerMessage(json: reader.payload))
                case .close(let code): closeCode = code
                default: break
                }
            }
        }
        for message in read { take(message) }
        return read
    }

    private func upgrade(_ bytes: [UInt8]) -> [UInt8] {
        answer += bytes
        guard let end = answer.endOfHead else { return [] }
        isUpgraded = true
        return Array(answer[end...])
    }

    private func take(_ message: ServerMessage) {
        messages.append(message)
        if case .error(_, let code, _) = message { errors.append(code) }
        if divergence == nil { divergence = verifier.take(message) }
    }
}

extension [UInt8] {
    /// Behind the empty line of an answer.
    var endOfHead: Int? {
        indices.dropLast(3).first { self[$0..<$0 + 4] == [13, 10, 13, 10] }.map { $0 + 4 }
    }
}
