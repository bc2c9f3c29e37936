// What one loop counts. Plain integers: the loop that owns them is the only one to touch them.
//
// Invariant: nothing but `UInt64`s side by side, so that a copy is a move of bytes, counting allocates
// nothing, and the sum over all loops (`Figures`) goes word by word and forgets none.
import Wire

struct Counters: BitwiseCopyable {
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
    /// Messages compressed; who shares one is sent it without compressing it again.
    var deflates: UInt64 = 0
    var writes: UInt64 = 0
    var bytes: UInt64 = 0
    /// Writes of which the socket took only a part.
    var blocked: UInt64 = 0
    var turns: UInt64 = 0
    /// From ingest's hands into the view: the oldest tick of a turn, where somebody follows the market.
    var tapeLags = Lags()
    /// From when a rate class was due until it was served.
    var loopLags = Lags()
    /// From a write that the socket took in part until it had all of it.
    var socketLags = Lags()
    var tokensAccepted: UInt64 = 0
    /// By `TokenFault`.
    private var tokensRefused = InlineArray<16, UInt64>(repeating: 0)
    /// By `CloseReason`; with room for some that do not exist yet.
    private var closes = InlineArray<32, UInt64>(repeating: 0)

    /// By `Refusal`; with room, too.
    private var refusals = InlineArray<32, UInt64>(repeating: 0)

    mutating func count(_ fault: TokenFault) { tokensRefused[fault.index] += 1 }
    func refused(_ fault: TokenFault) -> UInt64 { tokensRefused[fault.index] }

    mutating func count(_ reason: CloseReason) { closes[reason.rawValue] += 1 }
    func closed(_ reason: CloseReason) -> UInt64 { closes[reason.rawValue] }
    mutating func refuse(_ limit: Refusal) { refusals[limit.rawValue] += 1 }
    func refusals(_ limit: Refusal) -> UInt64 { refusals[limit.rawValue] }
}

/// Why a connection ended. Each has a code of the protocol and a counter of its own.
enum CloseReason: Int, CaseIterable {
    /// The peer left, or its network did.
    case peer
    /// The peer asked for it with a closing handshake.
    case asked
    /// Bytes that are neither HTTP nor WebSocket, or break them.
    case protocolError
    /// HTTP without keep-alive: the answer was given.
    case served
    /// No complete request in time.
    case requestTimeout
    /// Took nothing for the stall limit: 4408.
    case stalled
    /// More operations than allowed: 4429.
    case operationRate
    /// Did not read its answers: 1008.
    case unreadAnswers
    /// The server goes down: 1012.
    case shutdown
    /// Answered no ping: 1008.
    case silent
    /// Would have lost something, and had chosen to be closed rather: 4408.
    case tooSlow
    /// No token in time, or none that was right: 1008.
    case unauthenticated
    /// The token came to its end: 4401.
    case tokenExpired
    /// The token is not taken any more: 4403.
    case entitlementWithdrawn
    /// One stream too many for its token's subject: 1013.
    case overloaded
    /// More bytes than allowed: 4429.
    case inputRate
    /// A message that did not come whole in time: 1008.
    case messageTimeout

    /// What `/metrics` calls it.
    var name: String {
        switch self {
        case .peer: "peer"
        case .asked: "asked"
        case .protocolError: "protocol_error"
        case .served: "served"
        case .requestTimeout: "request_timeout"
        case .stalled: "stalled"
        case .operationRate: "operation_rate"
        case .unreadAnswers: "unread_answers"
        case .shutdown: "shutdown"
        case .silent: "silent"
        case .tooSlow: "too_slow"
        case .unauthenticated: "unauthenticated"
        case .tokenExpired: "token_expired"
        case .entitlementWithdrawn: "entitlement_withdrawn"
        case .overloaded: "overloaded"
        case .inputRate: "input_rate"
        case .messageTimeout: "message_timeout"
        }
    }
}

extension TokenFault {
    fileprivate var index: Int { TokenFault.allCases.firstIndex(of: self) ?? 0 }
}
