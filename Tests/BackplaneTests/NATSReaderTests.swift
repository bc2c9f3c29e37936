// What a NATS server says, however its bytes are cut, and what is no NATS.
import Testing

@testable import Backplane

@Suite("What a NATS server says")
struct NATSReaderTests {
    /// Operations as lines: `MSG 3 tf.ticks.AAPL reply=_INBOX.1 headers=… payload`.
    private static func words(_ operation: NATSOperation) -> String {
        func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
        switch operation {
        case .info(let json): return "INFO \(text(json))"
        case .ping: return "PING"
        case .pong: return "PONG"
        case .ok: return "OK"
        case .error(let line): return "ERR \(text(line))"
        case .message(let message):
            let parts = [message.subject, message.reply, message.headers, message.payload].map(text)
            return "MSG \(message.sid) " + parts.joined(separator: "|")
        }
    }

    /// Reads pieces one after the other; a fault is the last line.
    private static func read(_ pieces: [[UInt8]]) -> [String] {
        var reader = NATSReader(), lines: [String] = []
        for piece in pieces {
            let fault = piece.withUnsafeBytes { bytes -> String? in
                var offset = 0
                do throws(NATSFault) {
                    while let operation = try reader.next(in: bytes, from: &offset) {
                        lines.append(words(operation))
                    }
                    return nil
                } catch {
                    return error.reason
                }
            }
            if let fault { return lines + [fault] }
        }
        return lines
    }

    private static let session = """
        INFO {"server_id":"A","max_payload":1048576} \r
        PONG\r
        MSG tf.heads 1 5\r
        heads\r
        MSG _INBOX.x.1 3  4\r
        ack!\r
        HMSG tf.picture.A 2 _INBOX.y.2 16 16\r
        NATS/1.0 503\r
        \r
        \r
        HMSG _INBOX.y.2 2 12 15\r
        NATS/1.0\r
        \r
        a\r
        \r
        PING\r
        +OK\r
        MSG tf.ticks.B 4 _INBOX.q 0\r
        \r
        -ERR 'Stale Connection'\r

        """

    private static let told = [
        "INFO {\"server_id\":\"A\",\"max_payload\":1048576}", "PONG", "MSG 1 tf.heads|||heads",
        "MSG 3 _INBOX.x.1|||ack!", "MSG 2 tf.picture.A|_INBOX.y.2|NATS/1.0 503\r\n\r\n|",
        "MSG 2 _INBOX.y.2||NATS/1.0\r\n\r\n|a\r\n", "PING", "OK", "MSG 4 tf.ticks.B|_INBOX.q||",
        "ERR Stale Connection",
    ]

    @Test("a session is the same operations wherever it is cut")
    func cut() {
        let bytes = Array(NATSReaderTests.session.utf8)
        #expect(NATSReaderTests.read([bytes]) == NATSReaderTests.told)
        #expect(NATSReaderTests.read(bytes.map { [$0] }) == NATSReaderTests.told)
        for place in 0...bytes.count {
            let pieces = [Array(bytes[..<place]), Array(bytes[place...])]
            #expect(NATSReaderTests.read(pieces) == NATSReaderTests.told, "cut at \(place)")
        }
    }

    @Test(
        "what is no NATS is refused by name, at once or a byte at a time",
        arguments: [
            ("HTTP/1.1 400 Bad Request\r\n", "it does not speak NATS"),
            ("PING\n", "it does not speak NATS: a line ends without a carriage return"),
            ("\r\n", "it does not speak NATS"),
            ("MSG a 1\r\n", "it does not speak NATS: the head of a message is wrong"),
            ("MSG a 1 b c 1\r\n", "it does not speak NATS: the head of a message is wrong"),
            ("MSG a x 1\r\n", "it does not speak NATS: the head of a message is wrong"),
            ("MSG a 1 -1\r\n", "it does not speak NATS: the head of a message is wrong"),
            ("MSG a 1 67108865\r\n", "it announced a message of 67108865 bytes"),
            ("MSG a 1 99999999999999999999\r\n", "it does not speak NATS: the head of a message is wrong"),
            ("HMSG a 1 4097 9999\r\n", "it announced headers of 4097 bytes"),
            ("HMSG a 1 12 10\r\n", "it announced headers of 12 bytes"),
            ("MSG a 1 1\r\nabc", "it does not speak NATS: a message does not end where it said"),
        ])
    func refused(text: String, reason: String) {
        let bytes = Array(text.utf8)
        #expect(NATSReaderTests.read([bytes]) == [reason])
        #expect(NATSReaderTests.read(bytes.map { [$0] }) == [reason])
    }

    @Test("a line has an end: 4,096 bytes are the last good ones")
    func longLine() {
        let name = String(repeating: "x", count: NATSReader.lineMax - "MSG  1 0\r\n".utf8.count)
        #expect(NATSReaderTests.read([Array("MSG \(name) 1 0\r\n\r\n".utf8)]) == ["MSG 1 \(name)|||"])
        let longer = Array("MSG \(name)x 1 0\r\n\r\n".utf8)
        #expect(NATSReaderTests.read([longer]) == ["it sent a line that does not end"])
        #expect(NATSReaderTests.read(longer.map { [$0] }) == ["it sent a line that does not end"])
    }

    @Test("the largest message may be announced, and takes no memory before it comes")
    func largest() {
        #expect(NATSReaderTests.read([Array("MSG a 1 67108864\r\nabc".utf8)]).isEmpty)
    }
}
