// A subscriber without a WebSocket: it asks by a URL, and reads events, lines, or one answer after the
// other. What is in them is checked as on any connection.
import Basics
import Dialects
import Market
import Wire

@testable import FanOut

/// What a subscriber without a WebSocket remembers of its connection.
struct Fallback {
    var bytes: [UInt8] = []
    var head: AnswerHead?
    var events = EventStream()
    /// What the poll that is under way asked for, and from where.
    var asked: [ClientMessage.Subscribe] = []
    /// The next poll may be asked.
    var isAnswered = false
    /// The server closes behind this answer.
    var endsHere = false
    /// When the last answer with anything in it was made.
    var lastAnswer: Instant?
    /// A status that is none of success.
    var refusal: Int?
    var retryAfter: String?
}

extension Subscriber {
    /// Asks for all of these at once, on a new connection unless polls go on on the old one.
    func ask(_ plan: [ClientMessage.Subscribe], over transport: Transport) {
        let cursor = plan[0].resume, polled = self.transport == .poll && cursor != nil
        if link == nil { connect(over: transport) }
        guard let link else { return }
        // A poll's cursor that speaks of no states still speaks of trades, be they merged or not.
        if cursor?.states == nil { told = polled ? told.filter { $0.key.kind.channel == .trade } : [:] }
        fallback.asked = plan
        fallback.isAnswered = false
        fallback.endsHere = transport == .poll && random.oneIn(8)
        var query = Subscriber.query(plan)
        var fields = "Host: sim\r\n"
        if let cursor {
            let isHeader = transport == .events && random.oneIn(2)
            // The header is the newer one.
            if isHeader { fields += "Last-Event-ID: \(cursor.text)\r\n" }
            query += "&cursor=\(isHeader ? "7.0" : cursor.text)"
        }
        if transport == .lines { fields += "Accept: application/x-ndjson\r\n" }
        if fallback.endsHere { fields += "Connection: close\r\n" }
        let path = transport == .poll ? "/v1/poll" : "/v1/events"
        write(raw: Array("GET \(path)?\(query) HTTP/1.1\r\n\(fields)\r\n".utf8))
        around.tell(name, "asks \(path)?\(query) \(fields.split(separator: "\r\n"))")
        for wish in plan { note(wish, end: network.position(link)) }
    }

    private static func query(_ plan: [ClientMessage.Subscribe]) -> String {
        let one = plan.first { $0.channel == .book } ?? plan[0]
        var rate = ByteBuffer()
        rate.write(atMost: 64) { one.rateServed.write(to: &$0) }
        let rateText = String(decoding: rate.readable, as: UTF8.self).filter { $0 != "\"" }
        let channels = plan.map { "\($0.channel.name)" }.joined(separator: ",")
        return "channel=\(channels)&symbols=\(one.symbols.joined(separator: ","))&rate=\(rateText)"
            + "&depth=\(one.depthServed)&crc=\(one.checksum)&stamps=\(one.stamps)"
            + "&interval=\(one.interval.name)&mode=\(one.mode == .latest ? "latest" : "every")"
    }

    // MARK: Listening

    func takeText(_ bytes: UnsafeMutableRawBufferPointer, _ sent: Instant) {
        fallback.bytes += bytes
        while isConnected, !fallback.bytes.isEmpty {
            if fallback.head == nil {
                guard let head = AnswerHead(&fallback.bytes) else { return }
                begins(head)
            }
            guard let head = fallback.head else { return }
            if let length = head.length ?? (head.status == 204 ? 0 : nil) {
                guard fallback.bytes.count >= length else { return }
                let body = fallback.bytes[..<length]
                answer(head, body, sent)
                fallback.bytes.removeFirst(length)
                fallback.head = nil
            } else {
                transport == .events ? events(sent) : lines(sent)
                break
            }
        }
        // An answer without a body ends with its head.
        if let head = fallback.head, head.length == nil, head.status == 204 {
            answer(head, [], sent)
            fallback.head = nil
        }
    }

    private func begins(_ head: AnswerHead) {
        fallback.head = head
        guard head.status == 200, transport == .events || transport == .lines else { return }
        let type = transport == .events ? "text/event-stream" : "application/x-ndjson"
        if head.fields["content-type"] != "\(type); charset=utf-8" { fault("a stream of another type") }
        if head.fields["x-accel-buffering"] != "no" || head.fields["connection"] != "close" {
            fault("a stream's head without its fields: \(head.fields)")
        }
        if head.length != nil { fault("a stream with a length") }
    }

    private func events(_ sent: Instant) {
        for byte in fallback.bytes {
            let before = fallback.events.lastEventID
            let event = fallback.events.take(byte)
            if fallback.events.lastEventID != before {
                guard let place = Cursor(fallback.events.lastEventID) else {
                    fault("an id that is no cursor: \(fallback.events.lastEventID)")
                    return
                }
                cursor = place
            }
            guard let event else { continue }
            let type = message(Array(event.data.utf8)[...], sent)
            if event.type != type { fault("an event \(event.type) with a \(type)") }
        }
        fallback.bytes.removeAll(keepingCapacity: true)
    }

    private func lines(_ sent: Instant) {
        while let end = fallback.bytes.firstIndex(of: 10) {
            _ = message(fallback.bytes[..<end], sent)
            fallback.bytes.removeFirst(end + 1)
        }
    }

    private func message(_ bytes: ArraySlice<UInt8>, _ sent: Instant) -> String {
        Array(bytes).withUnsafeBytes { text($0, sent) }
        let word = bytes.dropFirst(9).prefix { $0 != UInt8(ascii: "\"") }
        return String(decoding: word, as: UTF8.self)
    }

    // MARK: Polls

    private func answer(_ head: AnswerHead, _ body: ArraySlice<UInt8>, _ sent: Instant) {
        around.tell(name, "is answered \(head.status), \(body.count) bytes")
        switch head.status {
        case 200 where transport == .poll: array(body, sent)
        case 200: fallback.refusal = 200
        case 204:
            grantAsked(isAnew: false)
            requests = [:]
            cursor = head.fields["tickerfeed-cursor"].flatMap { Cursor($0) }
            if cursor?.states == nil, !mayHaveLost { fault("nothing new, and from nowhere") }
        default:
            requests = [:]
            fallback.refusal = head.status
            fallback.retryAfter = head.fields["retry-after"]
        }
        fallback.isAnswered = true
        if fallback.endsHere { expectsEnd = true }
    }

    private func array(_ body: ArraySlice<UInt8>, _ sent: Instant) {
        let all = members(ofArray: body), before = messages
        // Answers to what was asked, though there was a cursor: it was of another epoch.
        let isAnew =
            all.first.map { String(decoding: $0, as: UTF8.self).hasPrefix("{\"type\":\"ack\"") } == true
        grantAsked(isAnew: isAnew)
        let epoch = life?.epoch
        for member in all { _ = message(member, sent) }
        if !requests.isEmpty { fault("an answer without what was acknowledged") }
        requests = [:]
        told.merge(chains) { $1 }
        if cursor?.states == nil, !mayHaveLost { fault("an answer that does not say where to go on") }
        guard messages > before else { return }
        if let last = fallback.lastAnswer, link?.blocks == 0, fallback.asked[0].resume != nil,
            !isAnew, life?.epoch == epoch
        {
            let rate = fallback.asked[0].rateServed
            let interval = rate == .max ? Nanoseconds.milliseconds(1) : rate.interval
            if sent - last < interval {
                fault("an answer \((sent - last).raw) ns after the last, at \(rate)")
            }
        }
        fallback.lastAnswer = link?.blocks == 0 ? sent : nil
    }

    /// Who goes on from a cursor is not told what was granted: it was.
    private func grantAsked(isAnew: Bool) {
        wishes = Wishes()
        chains = [:]
        guard fallback.asked[0].resume != nil, !isAnew else { return }
        let at = requests.values.compactMap(\.handledAt).max() ?? around.now.instant
        wishes.look(around.truth, until: at)
        for wish in fallback.asked {
            let known = wish.symbols.filter { name in
                name.hasSuffix("*") || around.truth.byName[name].map { $0.definedAt <= at } == true
            }
            wishes.grant(wish, known, isResumed: true, at: at, truth: around.truth)
        }
        requests = [:]
    }

    /// A loop that was lapped may not know what it has not told.
    private var mayHaveLost: Bool { cursor != nil && around.handlers[loop].laps > 0 }

    /// What a client of polls knows is not told again.
    func isRepeated(_ key: Key, _ version: Version) -> Bool {
        guard transport == .poll, let known = told[key], !around.scenario.naps else { return false }
        return version.sequence <= known.last
    }
}
