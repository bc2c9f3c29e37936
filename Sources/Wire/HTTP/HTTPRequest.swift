// A request as handlers see it: decoded once, checked once.

/// A request; one with a body only where the parser's limits allow it.
public struct HTTPRequest: Sendable {
    public let method: String
    /// The request target as it came.
    public let target: String
    /// The path, percent-decoded: starts with `/`, has no dot segments, no encoded slashes, no
    /// control characters. `*` for `OPTIONS *`.
    public let path: String
    /// Pairs in the order they came, decoded as forms are: `+` is a blank.
    public let query: [(name: String, value: String)]
    public let headers: HTTPHeaders
    /// The `y` of `HTTP/1.y`.
    public let minorVersion: Int
    /// Whether the connection may carry another request. Never for HTTP/1.0: a server may close,
    /// and what asks in 1.0 today is a health check.
    public let keepAlive: Bool
    /// Empty where there is none.
    public var body: [UInt8] = []

    public init(
        method: String, target: String, path: String, query: [(name: String, value: String)] = [],
        headers: HTTPHeaders = [:], minorVersion: Int = 1, keepAlive: Bool = true
    ) {
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.headers = headers
        self.minorVersion = minorVersion
        self.keepAlive = keepAlive
    }

    /// The first value of a query parameter.
    public func parameter(_ name: String) -> String? {
        query.first { $0.name == name }?.value
    }
}
