// A request that is answered with an error, and the most a request may be.

/// Why a request is refused: what the answer's status, text and extra headers are.
public struct HTTPFault: Error, Hashable, Sendable {
    public let status: Int
    public let reason: String
    public let headers: HTTPHeaders

    public init(_ status: Int, _ reason: String, headers: HTTPHeaders = [:]) {
        self.status = status
        self.reason = reason
        self.headers = headers
    }
}

/// What a request may take. Beyond: 414 for the target, 431 for the rest of the head, 413 for a body.
public struct HTTPLimits: Hashable, Sendable {
    public var headBytesMax: Int
    public var headersMax: Int
    public var targetBytesMax: Int
    /// 0: no request has a body.
    public var bodyBytesMax: Int

    public init(
        headBytesMax: Int = 8 * 1_024, headersMax: Int = 64, targetBytesMax: Int = 2 * 1_024,
        bodyBytesMax: Int = 0
    ) {
        self.headBytesMax = headBytesMax
        self.headersMax = headersMax
        self.targetBytesMax = targetBytesMax
        self.bodyBytesMax = bodyBytesMax
    }
}
