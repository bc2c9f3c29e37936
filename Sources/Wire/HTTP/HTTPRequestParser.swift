// HTTP/1.1 requests from bytes: RFC 9112, strictly; with a body only up to `bodyBytesMax`, which is 0.
//
// Invariants
//   - Nothing is kept between calls: the caller offers all bytes not consumed so far. An unfinished
//     head is looked at again each time, at most `headBytesMax` of it.
//   - No prefix of an accepted request is a fault: nil means that more is wanted.
//   - `consumed` is the whole request, so the next one (pipelining) starts there.

public struct HTTPRequestParser: Sendable {
    private let limits: HTTPLimits
    public init(limits: HTTPLimits = .init()) { self.limits = limits }

    /// The request at the front of `bytes`, or nil while it is incomplete.
    ///
    /// - Throws: `HTTPFault` with what to answer; the connection is to be closed after that, since
    ///   where the next request starts is not known.
    public func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(HTTPFault) -> (request: HTTPRequest, consumed: Int)? {
        if bytes.first == 0x16 { throw HTTPFault(400, "this port speaks plain HTTP, not TLS") }
        guard let end = try headLength(bytes) else { return nil }
        var cursor = HTTPHeadCursor(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
        guard var line = try cursor.line() else { return nil }
        if line.isEmpty, let next = try cursor.line() { line = next }
        let (method, target, minor) = try requestLine(cursor, line)
        guard let headers = try cursor.headers(atMost: limits.headersMax) else { return nil }
        var request = try request(method, target, minor, headers)
        let body = try bodyCount(headers, minor: minor)
        guard bytes.count - end >= body else { return nil }
        request.body = Array(bytes[end..<end + body])
        return (request, end + body)
    }

    /// Bytes to the end of the empty line. Builds nothing: an unfinished head costs only a look.
    private func headLength(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Int? {
        var cursor = HTTPHeadCursor(bytes), linesSeen = 0
        // A method and a version take less than 64 bytes beside the target.
        let firstLineMax = limits.targetBytesMax + 64
        while let line = try cursor.line() {
            if linesSeen == 0, line.isEmpty, line.lowerBound == 0 { continue }  // RFC 9112 §2.2
            if linesSeen == 0, line.count > firstLineMax { throw targetTooLong }
            if cursor.at > limits.headBytesMax { throw headTooLong }
            if line.isEmpty { return cursor.at }
            linesSeen += 1
        }
        if linesSeen == 0, bytes.count - cursor.at > firstLineMax + 1 { throw targetTooLong }
        if bytes.count >= limits.headBytesMax { throw headTooLong }
        return nil
    }

    private var targetTooLong: HTTPFault {
        HTTPFault(414, "the target has more than \(limits.targetBytesMax) bytes")
    }
    private var headTooLong: HTTPFault {
        HTTPFault(431, "the head has more than \(limits.headBytesMax) bytes")
    }

    /// `method SP target SP HTTP/1.x`, RFC 9112 §3, with single blanks.
    private func requestLine(
        _ cursor: HTTPHeadCursor, _ line: Range<Int>
    ) throws(HTTPFault) -> (method: String, target: String, minor: Int) {
        let parts = cursor.text(line).split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, !parts[1].isEmpty,
            parts[0].utf8.allSatisfy(ASCII.isToken)
        else { throw HTTPFault(400, "malformed request line") }
        let minor = try minorVersion(parts[2])
        guard parts[1].utf8.count <= limits.targetBytesMax else { throw targetTooLong }
        return (String(parts[0]), String(parts[1]), minor)
    }

    /// `HTTP/1.1` and `HTTP/1.0`; the name is case-sensitive (RFC 9112 §2.3).
    private func minorVersion(_ text: Substring) throws(HTTPFault) -> Int {
        let digits = Array(text.utf8.dropFirst(5))
        guard text.hasPrefix("HTTP/"), digits.count == 3, digits[1] == UInt8(ascii: "."),
            ASCII.isDigit(digits[0]), ASCII.isDigit(digits[2])
        else { throw HTTPFault(400, "malformed HTTP version") }
        switch text {
        case "HTTP/1.1": return 1
        case "HTTP/1.0": return 0
        default: throw HTTPFault(505, "only HTTP/1.1 and HTTP/1.0 are spoken here")
        }
    }

    private func request(
        _ method: String, _ rawTarget: String, _ minor: Int, _ headers: HTTPHeaders
    ) throws(HTTPFault) -> HTTPRequest {
        _ = try bodyCount(headers, minor: minor)
        try checkExpectation(headers)
        let target = try HTTPTarget(rawTarget, method: method)
        try checkHost(headers, minor: minor, authority: target.authority)
        return HTTPRequest(
            method: method, target: rawTarget, path: target.path, query: target.query,
            headers: headers, minorVersion: minor,
            keepAlive: minor > 0 && !headers.hasToken("Connection", "close"))
    }

    /// The body's length: there are no two ways to read it (RFC 9112 §6).
    private func bodyCount(_ headers: HTTPHeaders, minor: Int) throws(HTTPFault) -> Int {
        let length = try contentLength(headers)
        let codings = headers.values("Transfer-Encoding")
        if !codings.isEmpty {
            guard length == nil else {
                throw HTTPFault(400, "both Content-Length and Transfer-Encoding")  // §6.3
            }
            guard minor > 0 else { throw HTTPFault(400, "Transfer-Encoding in HTTP/1.0") }  // §6.1
            let isChunked = codings.count == 1 && ASCII.equal(codings[0], "chunked")
            throw isChunked
                ? HTTPFault(411, "a body of unknown length is not taken")
                : HTTPFault(501, "transfer coding not implemented")
        }
        guard let length, length > 0 else { return 0 }
        guard length <= limits.bodyBytesMax else {
            let max = limits.bodyBytesMax
            throw HTTPFault(
                413, max == 0 ? "a request has no body here" : "the body has more than \(max) bytes")
        }
        return Int(length)
    }

    /// `100-continue` waits for leave to send a body. There is none that would be taken, so the answer
    /// itself is what it waits for (RFC 9110 §10.1.1).
    private func checkExpectation(_ headers: HTTPHeaders) throws(HTTPFault) {
        guard headers.elements("Expect").allSatisfy({ ASCII.equal($0, "100-continue") }) else {
            throw HTTPFault(417, "only 100-continue may be expected")
        }
    }

    /// One number, or the same number several times; never a sign, a blank or nothing.
    private func contentLength(_ headers: HTTPHeaders) throws(HTTPFault) -> UInt64? {
        let values = headers.values("Content-Length")
        guard let first = values.first else { return nil }
        guard values.allSatisfy({ $0 == first }), !first.isEmpty,
            first.utf8.allSatisfy(ASCII.isDigit), let length = UInt64(first)
        else { throw HTTPFault(400, "malformed Content-Length") }
        return length
    }

    /// Exactly one Host in HTTP/1.1 (RFC 9112 §3.2), equal to the target's where that names one.
    private func checkHost(_ headers: HTTPHeaders, minor: Int, authority: String?) throws(HTTPFault) {
        let hosts = headers.values("Host")
        guard hosts.count == 1 || (hosts.isEmpty && minor == 0) else {
            throw HTTPFault(400, hosts.isEmpty ? "Host is missing" : "more than one Host")
        }
        guard let host = hosts.first else { return }
        guard !host.isEmpty, host.utf8.allSatisfy(isHostByte) else { throw HTTPFault(400, "malformed Host") }
        guard authority == nil || ASCII.equal(authority ?? "", host) else {
            throw HTTPFault(400, "Host and target name different hosts")
        }
    }

    /// Names, IPv4, bracketed IPv6 and a port. What could end a host early in another reader's
    /// eyes (`/`, `@`, `,`, blanks) is not among it.
    private func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~"),
            UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
            true
        default: ASCII.isAlphanumeric(byte)
        }
    }
}
