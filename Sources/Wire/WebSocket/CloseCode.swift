// Why a connection ends, as a number on the wire (RFC 6455 §7.4).

public enum CloseCode {
    public static let normal: UInt16 = 1000
    public static let protocolError: UInt16 = 1002
    public static let unsupportedData: UInt16 = 1003
    public static let invalidText: UInt16 = 1007
    public static let policyViolation: UInt16 = 1008
    public static let messageTooBig: UInt16 = 1009
    public static let serviceRestart: UInt16 = 1012
    public static let tryAgainLater: UInt16 = 1013

    // 4000–4999 are private use (§7.4.2): these are TickerFeed's, and echo HTTP's 401, 403, 408,
    // 409 and 429.
    public static let tokenExpired: UInt16 = 4401
    public static let entitlementWithdrawn: UInt16 = 4403
    public static let tooSlow: UInt16 = 4408
    public static let tooManyOperations: UInt16 = 4429

    /// Whether a close frame may carry it: 1004–1006 and 1015 are never on the wire (§7.4.1),
    /// 1012–1014 are registered with IANA since, the rest below 3000 is unassigned.
    public static func isValidOnWire(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
