// What a client may ask for on its WebSocket, and what it is answered.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// One request. Its answer waits in `control`; the caller writes once for all of them.
    mutating func handle(_ text: UnsafeRawBufferPointer, _ index: Int, _ now: Moment) {
        guard takeOperation(index, now) else { return }
        do throws(ClientFault) {
            let message = try ClientMessage(json: text)
            do throws(ClientFault) {
                try perform(message, index, now)
            } catch {
                throw ClientFault(error.code, error.message, id: message.id)
            }
        } catch {
            if error.code == .limitSymbols { counters.refuse(.symbols) }
            answer(index, error.json)
        }
    }

    private mutating func takeOperation(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        if connection.pointee.operations.take(now: now.instant) {
            counters.operations += 1
            return true
        }
        counters.operationsRefused += 1
        counters.refuse(.operations)
        if connection.pointee.operations.refused > limits.operationsRefusedMax {
            startClosing(
                index, .operationRate, code: CloseCode.tooManyOperations,
                reason: "more than \(limits.operationsPerSecond) operations a second", now)
        } else {
            let fault = ClientFault(
                .limitRate, "at most \(limits.operationsPerSecond) operations a second")
            answer(index, fault.json)
        }
        return false
    }

    /// Puts a message among the answers: it goes ahead of data.
    func answer(_ index: Int, _ json: String) {
        let connection = connections.address(of: index)
        connection.pointee.control.append(
            message: json, on: connection.pointee.transport, cursor: cursor(of: connection))
    }

    /// Up to where a connection was told everything that is never conflated, in the epoch it is in.
    func cursor(of connection: UnsafeMutablePointer<Connection>) -> Cursor {
        Cursor(epoch: connection.pointee.epoch, position: connection.pointee.safePosition)
    }

    private mutating func perform(
        _ message: ClientMessage, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        switch message.operation {
        case .auth, .ping: break
        case .subscribe, .set, .unsubscribe, .list: _ = try granted(index)
        }
        switch message.operation {
        case .subscribe(let request): try subscribe(request, message.id, index, now)
        case .unsubscribe(let selection): try unsubscribe(selection, message.id, index)
        case .set(.rate(let rate, let selection)): try set(rate, selection, message.id, index, now)
        case .set(.kilobits(let kilobits)): limit(kilobits, message.id, index)
        case .list: list(message.id, index)
        case .ping:
            var pong = ControlMessage("pong")
            pong.add(message.id)
            pong.add("ts", now.wall.raw)
            answer(index, pong.end())
        case .auth(let token): try authenticate(token, message.id, index, now)
        }
    }

    private func limit(_ kilobits: Int?, _ id: MessageID?, _ index: Int) {
        let connection = connections.address(of: index)
        connection.pointee.kilobits = Int32(clamping: kilobits ?? 0)
        connection.pointee.heldUntil = .zero
        var ack = ControlMessage("ack")
        ack.add(id)
        ack.add("max_kbps", json: kilobits.map { "\($0)" } ?? "null")
        answer(index, ack.end())
    }

    private func list(_ id: MessageID?, _ index: Int) {
        let connection = connections.address(of: index)
        var entries = connection.pointee.subscriptions.patterns.map {
            let name = String(decoding: $0.prefix, as: UTF8.self) + "*"
            return Shard.entry(name, $0.template)
        }
        for at in 0..<connection.pointee.subscriptions.count {
            let slot = connection.pointee.subscriptions[at]
            guard !slot.options.contains(.byPattern) else { continue }
            let name = view.directory[slot.symbol].name.description
            let rate = connection.pointee.subscriptions.rate(of: slot)
            entries.append(
                Shard.entry(
                    name,
                    SlotTemplate(kind: slot.kind, rate: rate, depth: slot.depth, options: slot.options)))
        }
        var message = ControlMessage("subscriptions")
        message.add(id)
        message.add("subscriptions", json: "[\(entries.joined(separator: ","))]")
        answer(index, message.end())
    }

    /// A subscription in the words in which it could be asked for.
    private static func entry(_ symbol: String, _ template: SlotTemplate) -> String {
        let rate: String =
            switch template.rate {
            case .max: "\"max\""
            case .perThousandSeconds(let n): FixedPoint.text(Int64(n), decimals: 3)
            }
        let channel = template.kind.channel, options = template.options
        var text = "{\"channel\":\"\(channel.name)\""
        if channel == .bar { text += ",\"interval\":\"\(template.kind.interval.name)\"" }
        text += ",\"symbol\":\(ControlMessage.quoted(symbol)),\"rate\":\(rate)"
        if channel == .book { text += ",\"depth\":\(template.depth)" }
        if options.contains(.checksum) { text += ",\"crc\":true" }
        if options.contains(.latest) { text += ",\"mode\":\"latest\"" }
        if options.contains(.stamps) { text += ",\"stamps\":true" }
        if options.contains(.closesWhenSlow) { text += ",\"on_slow\":\"close\"" }
        return text + "}"
    }

    /// Where the view stands, for answers that are about no connection.
    var cursor: Cursor { Cursor(epoch: view.epoch, position: view.position) }

    func welcome(_ index: Int, session: UInt64) -> String {
        connections.address(of: index).pointee.session = session
        let report = options.feedReport()
        let speed = report.speedMilli.map { FixedPoint.text($0, decimals: 3) } ?? "\"max\""
        var message = ControlMessage("welcome")
        message.add("protocol", 1)
        message.add("server", options.server)
        message.add("session", String(session, radix: 16))
        message.add("epoch", cursor.epochText)
        message.add("clock", json: "{\"mode\":\"\(report.clock.name)\",\"speed\":\(speed)}")
        message.add("heartbeat_ms", limits.heartbeat.milliseconds)
        message.add(
            "limits",
            json: "{\"symbols\":\(limits.symbols),\"message_bytes\":\(limits.messageBytes)}")
        if connections.address(of: index).pointee.grant == nil {
            message.add("auth_ms", limits.authDeadline.milliseconds)
        }
        return message.end()
    }

    /// Puts a heartbeat among the answers, and sets the next.
    mutating func addHeartbeat(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        noteSafePosition(connection)
        let elapsed = max(1, (now.instant - connection.pointee.lastHeartbeat).raw)
        let messages = connection.pointee.messages - connection.pointee.messagesAtHeartbeat
        let heartbeat = Heartbeat(
            time: now.wall, lag: connection.pointee.blockedSince.map { now.instant - $0 } ?? .zero,
            buffered: connection.pointee.tail.count, merged: connection.pointee.merged,
            askedMilli: askedMilli(connection), sentTenths: Int64(messages) * 10_000_000_000 / elapsed,
            cursor: cursor(of: connection))
        answer(index, heartbeat.json)
        connection.pointee.messagesAtHeartbeat = connection.pointee.messages
        connection.pointee.lastHeartbeat = now.instant
        connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
    }

    func askedMilli(_ connection: UnsafeMutablePointer<Connection>) -> Int64? {
        var sum: Int64 = 0
        for rateClass in connection.pointee.subscriptions.classes.classes where rateClass.slots > 0 {
            guard case .perThousandSeconds(let n) = rateClass.rate else { return nil }
            sum += Int64(n) * Int64(rateClass.slots)
        }
        return sum
    }
}
