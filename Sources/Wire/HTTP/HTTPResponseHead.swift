// Responses as a client of ours reads them: the head only. Who wants bodies takes curl.

public struct HTTPResponseHead: Sendable {
    public let status: Int
    /// The words behind the status, possibly none.
    public let phrase: String
    public let headers: HTTPHeaders

    static let bytesMax = 16 * 1_024

    /// The head at the front of `bytes` and its length, or nil while it is incomplete.
    ///
    /// - Throws: `HTTPFault` for what is no HTTP/1.1 response; only its reason means something.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer
    ) throws(HTTPFault) -> (head: HTTPResponseHead, consumed: Int)? {
        var cursor = HTTPHeadCursor(bytes)
        guard let line = try cursor.line() else { return try incomplete(bytes) }
        let parts = cursor.text(line).split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), (100...599).contains(status)
        else { throw HTTPFault(502, "the answer is not HTTP/1.1") }
        guard let headers = try cursor.headers(atMost: 128) else { return try incomplete(bytes) }
        let phrase = parts.count > 2 ? String(parts[2]) : ""
        return (HTTPResponseHead(status: status, phrase: phrase, headers: headers), cursor.at)
    }

    private static func incomplete<Nothing>(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Nothing? {
        guard bytes.count < bytesMax else { throw HTTPFault(502, "the answer's head is too long") }
        return nil
    }
}
