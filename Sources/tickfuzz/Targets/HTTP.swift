// Heads: an answer does not depend on how the bytes were cut, and what is accepted is in order.
import Basics
import Wire

/// What a parser says of the first so many bytes.
private enum Verdict: Equatable {
    case incomplete, fault
    case accepted(consumed: Int, as: String)
}

@Sendable func fuzzHTTP(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let isSmall = input.decide(2) == 1, isAnswer = input.decide(2) == 1
    let limits = isSmall ? HTTPLimits(headBytesMax: 256, headersMax: 4, targetBytesMax: 32) : HTTPLimits()
    var rest = input.rest()
    // One behind the other, as on a connection that is kept.
    for _ in 0..<8 where rest.count > 0 {
        let parse = isAnswer ? answer : { request($0, limits) }
        guard case .accepted(let consumed, _) = verdict(of: rest, parse) else { return }
        rest = rest.piece(consumed..<rest.count)
    }
}

/// What is said of all bytes, after it was seen that no prefix says anything else.
private func verdict(of memory: borrowing Memory, _ parse: (UnsafeRawBufferPointer) -> Verdict) -> Verdict {
    let whole = parse(memory.bytes)
    var hasFailed = false
    for count in prefixes(of: memory.bytes) {
        let piece = memory.piece(0..<count)
        let early = parse(piece.bytes)
        switch (early, whole) {
        case (.incomplete, .accepted(let consumed, _)):
            demand(count < consumed, "\(count) bytes are incomplete, \(consumed) a request")
        case (.incomplete, _): demand(!hasFailed, "\(count) bytes are no fault, and fewer were")
        case (.fault, _):
            demand(whole == .fault, "\(count) bytes are a fault, all of them are not")
            hasFailed = true
        case (.accepted, _): demand(early == whole, "\(count) bytes are another request than all of them")
        }
    }
    return whole
}

/// All of few, and of many those where something may change: at the ends of lines, and the last.
private func prefixes(of bytes: UnsafeRawBufferPointer) -> [Int] {
    guard bytes.count > 96 else { return Array(0..<bytes.count) }
    var counts: [Int] = [], left = 64
    for index in bytes.indices where left > 0 {
        if bytes[index] == 0x0d || bytes[index] == 0x0a || index % 61 == 60 {
            counts += [index, index + 1]
            left -= 1
        }
    }
    return counts.filter { $0 < bytes.count } + [bytes.count - 1]
}

// MARK: Requests

private func request(_ bytes: UnsafeRawBufferPointer, _ limits: HTTPLimits) -> Verdict {
    do throws(HTTPFault) {
        guard let (request, consumed) = try HTTPRequestParser(limits: limits).parse(bytes) else {
            demand(bytes.count < limits.headBytesMax, "\(bytes.count) bytes without an end are kept")
            return .incomplete
        }
        demand(consumed > 0 && consumed <= bytes.count, "\(consumed) bytes of \(bytes.count) are consumed")
        check(request, limits)
        checkHandshake(request)
        return .accepted(consumed: consumed, as: "\(request)")
    } catch {
        demand((400...599).contains(error.status), "status \(error.status)")
        return .fault
    }
}

private func check(_ request: HTTPRequest, _ limits: HTTPLimits) {
    demand(request.target.utf8.count <= limits.targetBytesMax, "the target is too long")
    demand(request.headers.fields.count <= limits.headersMax, "too many fields")
    let segments = request.path.split(separator: "/", omittingEmptySubsequences: false)
    demand(request.path == "*" || request.path.utf8.first == 0x2f, "the path \(request.path)")
    demand(!segments.contains("..") && !segments.contains("."), "the path \(request.path) goes up")
    demand(!request.path.utf8.contains { $0 < 0x20 || $0 == 0x7f }, "a control character in the path")
    demand(request.minorVersion == 0 || request.headers.values("Host").count == 1, "no one Host")
    demand(request.headers.values("Transfer-Encoding").isEmpty, "a body of unknown length")
    for field in request.headers.fields {
        demand(!field.value.utf8.contains { $0 == 0x0d || $0 == 0x0a || $0 == 0 }, "a field of two lines")
    }
}

/// What becomes a WebSocket is answered by a head that a client of ours takes.
private func checkHandshake(_ request: HTTPRequest) {
    guard let acceptance = try? WebSocketHandshake.accept(request, protocols: ["a", "b"], deflates: true)
    else { return }
    var buffer = ByteBuffer()
    acceptance.write(into: &buffer)
    guard let (head, consumed) = try? HTTPResponseHead.parse(buffer.readable) else {
        return demand(false, "the answer is none")
    }
    demand(consumed == buffer.count && head.status == 101, "the answer is not all of a head")
    if let key = request.headers["Sec-WebSocket-Key"] {
        let agreed = try? WebSocketHandshake.verify(
            response: head, key: key, protocols: ["a", "b"], deflate: acceptance.deflate != nil)
        let isOurs = acceptance.deflate.map { $0.serverWindowBits == 15 } ?? true
        demand(agreed != nil || !isOurs, "a client of ours refuses the answer")
    }
}

// MARK: Answers

private func answer(_ bytes: UnsafeRawBufferPointer) -> Verdict {
    do throws(HTTPFault) {
        guard let (head, consumed) = try HTTPResponseHead.parse(bytes) else { return .incomplete }
        demand(consumed > 0 && consumed <= bytes.count, "\(consumed) bytes of \(bytes.count) are consumed")
        return .accepted(consumed: consumed, as: "\(head.status) \(head.phrase) \(head.headers)")
    } catch {
        return .fault
    }
}
