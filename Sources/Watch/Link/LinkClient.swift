// The two ways of being connected, as a link sees them.
import Wire

enum LinkClient {
    case stream(WebSocketClient)
    case events(HTTPClient)

    var descriptor: Int32 {
        switch self {
        case .stream(let client): client.descriptor
        case .events(let client): client.descriptor
        }
    }

    var wantsWrite: Bool {
        switch self {
        case .stream(let client): client.wantsWrite
        case .events(let client): client.wantsWrite
        }
    }

    func connect() throws(ClientError) {
        switch self {
        case .stream(let client): try client.connect()
        case .events(let client): try client.connect()
        }
    }

    func abandon() {
        switch self {
        case .stream(let client): client.abandon()
        case .events(let client): client.abandon()
        }
    }

    /// Events cannot be answered.
    func send(_ text: String) {
        if case .stream(let client) = self { client.send(text: text) }
    }

    static func === (a: LinkClient?, b: LinkClient) -> Bool {
        switch (a, b) {
        case (.stream(let a), .stream(let b)): a === b
        case (.events(let a), .events(let b)): a === b
        default: false
        }
    }
}

/// An answer that is no stream: its first line says why.
struct Refusal {
    static let bytesMax = 4 * 1_024
    let head: HTTPResponseHead
    var body: [UInt8] = []

    /// Nil where the stream of events follows.
    init?(_ head: HTTPResponseHead) {
        let type = head.headers["Content-Type"] ?? ""
        guard head.status != 200 || !type.lowercased().hasPrefix("text/event-stream") else { return nil }
        self.head = head
    }

    var error: ClientError {
        head.status == 200
            ? .badAnswer("it is no stream of events") : HTTPAnswer(head: head, body: body).refusal
    }
}
