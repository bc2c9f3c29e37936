// Which limit somebody reached, and what is said to them.
import Basics
import Wire

/// The limits that refuse. Each has a counter in `/metrics` under its name.
enum Refusal: Int, CaseIterable {
    /// The server is full. Counted by the loop that accepts.
    case connections
    /// The process has no descriptor left. Counted by the loop that accepts.
    case descriptors
    case memory
    case addressConnections
    case subjectConnections
    case handshakes
    case addressHandshakes
    case addressRequests
    /// 414 and 431.
    case head
    /// 411 and 413.
    case body
    /// A request that did not come whole in time: 408.
    case requestTime
    /// A message that did not come whole in time: 1008.
    case messageTime
    /// 1009.
    case message
    /// 1008.
    case fragments
    case operations
    /// 4429.
    case inputBytes
    case symbols
    /// Answers that nobody reads: 1008.
    case unreadAnswers

    /// What `/metrics` calls it.
    var name: String {
        switch self {
        case .connections: "connections"
        case .descriptors: "descriptors"
        case .memory: "memory"
        case .addressConnections: "address_connections"
        case .subjectConnections: "subject_connections"
        case .handshakes: "handshakes"
        case .addressHandshakes: "address_handshakes"
        case .addressRequests: "address_requests"
        case .head: "head"
        case .body: "body"
        case .requestTime: "request_time"
        case .messageTime: "message_time"
        case .message: "message"
        case .fragments: "fragments"
        case .operations: "operations"
        case .inputBytes: "input_bytes"
        case .symbols: "symbols"
        case .unreadAnswers: "unread_answers"
        }
    }
}

/// Somebody who is not let in now, and when to ask again.
struct Refused: Error, Hashable {
    let limit: Refusal
    let wait: Nanoseconds

    /// What the client is told.
    func reason(_ limits: Limits) -> String {
        switch limit {
        case .memory: "the server is out of memory for new clients"
        case .addressConnections: "more than \(limits.connectionsPerAddress) connections from this address"
        case .subjectConnections:
            "more than \(limits.connectionsPerSubject) streams with this token's subject"
        case .handshakes: "more than \(limits.handshakesPerSecond) handshakes a second"
        case .addressHandshakes:
            "more than \(limits.handshakesPerAddress) handshakes a second from this address"
        case .addressRequests: "more than \(limits.requestsPerAddress) requests a second from this address"
        default: "the server is full"
        }
    }

    /// 429 where it is this client's doing, 503 where it is everybody's.
    func fault(_ limits: Limits) -> HTTPFault {
        let status =
            switch limit {
            case .addressConnections, .subjectConnections, .addressHandshakes, .addressRequests: 429
            default: 503
            }
        let seconds = max(1, (wait.raw + 999_999_999) / 1_000_000_000)
        return HTTPFault(status, reason(limits), headers: ["Retry-After": "\(seconds)"])
    }
}
