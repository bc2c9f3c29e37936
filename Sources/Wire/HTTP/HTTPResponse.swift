// Answers: a status, a few headers and a body that is whole.
import Basics

public struct HTTPResponse: Hashable, Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]

    public init(status: Int, headers: HTTPHeaders = [:], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public static func json(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, headers: ["Content-Type": "application/json"], body: Array(text.utf8))
    }

    public static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: ["Content-Type": "text/plain; charset=utf-8"], body: Array(text.utf8))
    }

    /// The answer to a request that was refused: its reason as one line of text.
    public init(_ fault: HTTPFault) {
        self = .text(fault.status, fault.reason + "\n")
        for field in fault.headers.fields { headers.append(field.name, field.value) }
    }

    /// The server has no room for another connection; soon it may.
    static let full = HTTPResponse(
        HTTPFault(503, "the server is full", headers: ["Retry-After": "5", "Cache-Control": "no-store"]))

    /// The bytes of an answer that ends its connection.
    public var closing: [UInt8] {
        var buffer = ByteBuffer()
        write(into: &buffer, keepAlive: false, head: false)
        return Array(buffer.readable)
    }

    /// Appends the answer, framed by its length.
    ///
    /// - Parameters:
    ///   - keepAlive: without it `Connection: close` is said; closing is the caller's.
    ///   - head: the request was HEAD: the length is told, the body is not sent.
    public func write(into buffer: inout ByteBuffer, keepAlive: Bool, head: Bool) {
        // A length would be wrong with 1xx and 204, and misleading with 304 (RFC 9110 §8.6).
        let hasBody = status >= 200 && status != 204 && status != 304
        HTTPResponse.writeHead(
            status, headers, length: hasBody ? body.count : nil, keepAlive: keepAlive, into: &buffer)
        if hasBody, !head { body.withUnsafeBytes { buffer.append($0) } }
    }

    /// Appends an answer's head; the body is the caller's to append.
    ///
    /// - Parameter length: of the body in bytes; nil where there is none, or it ends with the connection.
    public static func writeHead(
        _ status: Int, _ headers: HTTPHeaders, length: Int?, keepAlive: Bool, into buffer: inout ByteBuffer
    ) {
        buffer.append("HTTP/1.1 \(status) \(phrase(status))\r\n")
        for field in headers.fields { buffer.append("\(field.name): \(oneLine(field.value))\r\n") }
        if let length { buffer.append("Content-Length: \(length)\r\n") }
        buffer.append(keepAlive ? "\r\n" : "Connection: close\r\n\r\n")
    }

    /// A value may repeat what a client sent; it must not start a header of its own.
    static func oneLine(_ value: String) -> String {
        guard value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7f }) else { return value }
        return String(decoding: value.utf8.map { $0 < 0x20 || $0 == 0x7f ? 0x20 : $0 }, as: UTF8.self)
    }

    /// The words behind a status (RFC 9110 §15); nobody's program reads them.
    public static func phrase(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 202: "Accepted"
        case 204: "No Content"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 411: "Length Required"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: status < 400 ? "OK" : "Error"
        }
    }
}
