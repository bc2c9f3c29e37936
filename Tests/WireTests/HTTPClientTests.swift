// One request, one answer: whatever frames its body, however it is cut, and what is no answer.
import Basics
import Glibc
import TestSupport
import Testing

@testable import Wire

/// Answers whatever it is asked with the same bytes, and hangs up where it is told to.
private final class PageServer: SocketHandler {
    let reactor: Reactor, url: WebSocketURL
    private(set) var request = ""
    private let answer: [UInt8]
    private let hangsUp: Bool

    init(_ answer: String, hangsUp: Bool = false) throws {
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        url = WebSocketURL(host: "127.0.0.1", port: listener.localPort, path: "/v1/x?a=b")
        reactor = try Reactor(listener: listener, bell: nil, connectionsMax: 10)
        self.answer = Array(answer.utf8)
        self.hangsUp = hangsUp
    }

    func opened(_ socket: SocketID, peer: PeerAddress) {}
    func closed(_ socket: SocketID) {}
    func writable(_ socket: SocketID) {}
    func received(_ socket: SocketID, _ bytes: UnsafeMutableRawBufferPointer) {
        request += String(decoding: bytes, as: UTF8.self)
        guard request.contains("\r\n\r\n") else { return }
        for byte in answer { [byte].withRaw { _ = reactor.send(socket, $0) } }
        if hangsUp { reactor.close(socket, abort: false) }
    }
}

/// Polls and pumps until there is an answer, or an error.
private func fetch(_ server: PageServer, body: [UInt8]? = nil, bodyMax: Int = 1_000) throws -> String {
    let client = HTTPClient(url: server.url, headers: [("Accept", "text/event-stream")], body: body)
    let fetch = HTTPFetch(client, bodyMax: bodyMax)
    try fetch.connect()
    let limit = Moment.read().instant + .seconds(5)
    while Moment.read().instant < limit {
        var poll = pollfd(
            fd: client.descriptor, events: Int16(POLLIN) | (client.wantsWrite ? Int16(POLLOUT) : 0),
            revents: 0)
        if Glibc.poll(&poll, 1, 0) > 0 {
            let readable = poll.revents & Int16(POLLIN | POLLHUP | POLLERR) != 0
            do throws(ClientError) {
                let answer = try fetch.pump(
                    readable: readable, writable: poll.revents & Int16(POLLOUT) != 0)
                if let answer { return "\(answer.head.status) \(answer.body.text)" }
            } catch {
                #expect(client.descriptor == -1 && client.isOver)
                return error.description
            }
        }
        server.reactor.turn(until: Moment.read().instant + .microseconds(200), handler: server)
    }
    return "nothing"
}

private let head = "HTTP/1.1 200 OK\r\n"

@Suite struct HTTPClientTests {
    @Test(
        "a body ends where it says",
        arguments: [
            (head + "Content-Length: 5\r\n\r\nhello", false, "200 hello"),
            (head + "Content-Length: 5\r\n\r\nhello and more", false, "200 hello"),
            (head + "Content-Length: 0\r\n\r\n", false, "200 "),
            (head + "\r\nuntil the end", true, "200 until the end"),
            (
                head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\nA: b\r\n\r\n",
                false,
                "200 hello!"
            ),
            (
                "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + head + "Content-Length: 2\r\n\r\nok", false,
                "200 ok"
            ),
            ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false, "304 "),
            ("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n", false, "404 no\n"),
        ])
    func whole(answer: String, hangsUp: Bool, found: String) throws {
        #expect(try fetch(PageServer(answer, hangsUp: hangsUp)) == found)
    }

    @Test(
        "what is cut, doubtful or too long is an error",
        arguments: [
            (head + "Content-Length: 5\r\n\r\nhell", "it was closed in the middle of an answer"),
            (head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "in the middle of an answer"),
            (head + "Transfer-Encoding: chunked\r\n\r\nx\r\n", "a chunk's size is no number"),
            (head + "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n", "a chunk is longer than it says"),
            (head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "nobody knows"),
            (head + "Content-Length: 5, 6\r\n\r\n", "its length is no number"),
            (head + "Content-Length: -1\r\n\r\n", "its length is no number"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "it changes the protocol"),
            ("SSH-2.0-OpenSSH_9.6\r\n", "the answer is not HTTP/1.1"),
            (
                head + "Content-Length: 2000\r\n\r\n" + String(repeating: "x", count: 1_001),
                "longer than 1000"
            ),
            ("HTTP/1.1 200", "it was closed before an answer"),
        ])
    func wrong(answer: String, told: String) throws {
        let line = try fetch(PageServer(answer, hangsUp: true))
        #expect(line.contains(told), "\(line)")
    }

    @Test("it asks as it should, once, and with a body where it has one")
    func request() throws {
        let server = try PageServer(head + "Content-Length: 0\r\n\r\n")
        _ = try fetch(server)
        let port = server.url.port
        #expect(
            server.request == "GET /v1/x?a=b HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
                + "Accept: text/event-stream\r\nConnection: close\r\n\r\n")
        let other = try PageServer(head + "Content-Length: 0\r\n\r\n")
        _ = try fetch(other, body: Array("{}".utf8))
        #expect(
            other.request.hasPrefix("POST ")
                && other.request.hasSuffix("Content-Length: 2\r\nConnection: close\r\n\r\n{}"))
    }
}
