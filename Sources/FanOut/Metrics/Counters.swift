// What one loop counts. Plain integers: the loop that owns them is the only one to touch them.

struct Counters {
    var opened: UInt64 = 0
    var requests: UInt64 = 0
    var upgrades: UInt64 = 0
    var operations: UInt64 = 0
    var operationsRefused: UInt64 = 0
    /// Data messages handed to sockets.
    var messages: UInt64 = 0
    /// Versions that were replaced by newer ones before they were sent.
    var merged: UInt64 = 0
    var gaps: UInt64 = 0
    var writes: UInt64 = 0
    var bytes: UInt64 = 0
    /// Writes of which the socket took only a part.
    var blocked: UInt64 = 0
    var turns: UInt64 = 0
    var closes: [CloseReason: UInt64] = [:]

    mutating func count(_ reason: CloseReason) { closes[reason, default: 0] += 1 }
}

/// Why a connection ended. Each has a code of the protocol and a counter of its own.
enum CloseReason: String, CaseIterable {
    /// The peer left, or its network did.
    case peer
    /// The peer asked for it with a closing handshake.
    case asked
    /// Bytes that are neither HTTP nor WebSocket, or break them.
    case protocolError = "protocol_error"
    /// HTTP without keep-alive: the answer was given.
    case served
    /// No complete request in time.
    case requestTimeout = "request_timeout"
    /// Took nothing for the stall limit: 4408.
    case stalled
    /// More operations than allowed: 4429.
    case operationRate = "operation_rate"
    /// Did not read its answers: 1008.
    case unreadAnswers = "unread_answers"
    /// The server goes down: 1001.
    case shutdown
}
