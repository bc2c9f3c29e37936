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
            answer(index, error.json)
        }
        if connections.contains(index) { updateRealTime(index) }
    }

    private mutating func takeOperation(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        if connection.pointee.operations.take(now: now.instant) {
            counters.operations += 1
            return true
        }
        counters.operationsRefused += 1
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

    func answer(_ index: Int, _ json: String) {
        connections.address(of: index).pointee.control.appendFrame(json)
    }

    private mutating func perform(
        _ message: ClientMessage, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        switch message.operation {
        case .subscribe(let request): try subscribe(request, message.id, index, now)
        case .unsubscribe(let channel, let symbols): unsubscribe(channel, symbols, message.id, index)
        case .set(let channel, let symbols, let rate):
            set(channel, symbols, rate, message.id, index, now)
        case .list: list(message.id, index)
        case .ping:
            var pong = ControlMessage("pong")
            pong.add(message.id)
            pong.add("ts", now.wall.raw)
            answer(index, pong.end())
        case .auth:
            // There are no tokens yet: everybody may read everything on this listener.
            var ack = ControlMessage("ack")
            ack.add(message.id)
            answer(index, ack.end())
        }
    }

    private func subscribe(
        _ request: ClientMessage.Subscribe, _ id: MessageID?, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        let connection = connections.address(of: index)
        var accepted: [(name: String, id: SymbolID)] = []
        var refused: [(name: String, code: ErrorCode)] = []
        for name in request.symbols {
            if let symbol = view.find(name) {
                accepted.append((name, symbol))
            } else {
                refused.append((name, SymbolName(name) == nil ? .badSymbol : .unknownSymbol))
            }
        }
        let asked = Set(connection.pointee.subscriptions.slots.map(\.symbol))
            .union(accepted.map(\.id)).count
        guard asked <= limits.symbols else {
            throw ClientFault(
                .limitSymbols, "at most \(limits.symbols) symbols a connection; \(asked) asked")
        }
        var done: [String] = []
        for (name, symbol) in accepted {
            let isDone = connection.pointee.subscriptions.subscribe(
                symbol, request.channel, rate: request.rate, mode: request.mode, stamps: request.stamps,
                now: now.instant)
            if isDone { done.append(name) } else { refused.append((name, .limitRate)) }
        }
        acknowledge(id, index, channel: request.channel, done, refused, rate: request.rate)
    }

    private func unsubscribe(_ channel: Channel, _ symbols: [String], _ id: MessageID?, _ index: Int) {
        let connection = connections.address(of: index)
        var done: [String] = []
        var refused: [(name: String, code: ErrorCode)] = []
        for name in named(symbols, channel, index) {
            if let symbol = view.find(name), connection.pointee.subscriptions.unsubscribe(symbol, channel) {
                done.append(name)
            } else {
                refused.append((name, .notSubscribed))
            }
        }
        acknowledge(id, index, channel: channel, done, refused, rate: nil)
    }

    private func set(
        _ channel: Channel?, _ symbols: [String], _ rate: Rate, _ id: MessageID?, _ index: Int,
        _ now: Moment
    ) {
        let connection = connections.address(of: index)
        var done: [String] = []
        var refused: [(name: String, code: ErrorCode)] = []
        for name in named(symbols, channel, index) {
            let symbol = view.find(name)
            let slots = connection.pointee.subscriptions.slots
            let matching = slots.indices.filter {
                slots[$0].symbol == symbol && (channel == nil || slots[$0].channel == channel)
            }
            let isDone = matching.allSatisfy {
                connection.pointee.subscriptions.set(rate, slot: $0, now: now.instant)
            }
            switch (matching.isEmpty, isDone) {
            case (true, _): refused.append((name, .notSubscribed))
            case (false, true): done.append(name)
            case (false, false): refused.append((name, .limitRate))
            }
        }
        acknowledge(id, index, channel: channel, done, refused, rate: rate)
    }

    /// `*` stands for all symbols the connection is subscribed to, on this channel or on any.
    private func named(_ symbols: [String], _ channel: Channel?, _ index: Int) -> [String] {
        guard symbols == ["*"] else { return symbols }
        let slots = connections.address(of: index).pointee.subscriptions.slots
            .filter { channel == nil || $0.channel == channel }
        return Set(slots.map(\.symbol)).sorted().map { view.directory[$0].name.description }
    }

    private func list(_ id: MessageID?, _ index: Int) {
        let connection = connections.address(of: index)
        let entries = connection.pointee.subscriptions.slots.map { slot in
            let rate: String =
                switch connection.pointee.subscriptions.rate(of: slot) {
                case .max: "\"max\""
                case .perThousandSeconds(let n): ControlMessage.decimal(Int64(n), 3)
                }
            let name = view.directory[slot.symbol].name
            return "{\"channel\":\"\(slot.channel.name)\",\"symbol\":\"\(name)\",\"rate\":\(rate)}"
        }
        var message = ControlMessage("subscriptions")
        message.add(id)
        message.add("subscriptions", json: "[\(entries.joined(separator: ","))]")
        answer(index, message.end())
    }

    private func acknowledge(
        _ id: MessageID?, _ index: Int, channel: Channel?, _ symbols: [String],
        _ refused: [(name: String, code: ErrorCode)], rate: Rate?
    ) {
        var ack = ControlMessage("ack")
        ack.add(id)
        if let channel { ack.add("channel", "\(channel.name)") }
        ack.add("symbols", symbols)
        if let rate { ack.add("rate", rate) }
        if !refused.isEmpty {
            let list = refused.map {
                "{\"symbol\":\(ControlMessage.quoted($0.name)),\"code\":\"\($0.code.rawValue)\"}"
            }
            ack.add("refused", json: "[\(list.joined(separator: ","))]")
        }
        ack.add("resume", cursor.text)
        answer(index, ack.end())
    }

    var cursor: Cursor { Cursor(epoch: options.epoch, position: view.position) }

    func welcome(_ index: Int, session: UInt64) -> String {
        let report = options.feedReport()
        let speed = report.speedMilli.map { ControlMessage.decimal($0, 3) } ?? "\"max\""
        var message = ControlMessage("welcome")
        message.add("protocol", 1)
        message.add("server", options.server)
        message.add("session", String(session, radix: 16))
        message.add("epoch", cursor.epochText)
        message.add("clock", json: "{\"mode\":\"\(report.clock)\",\"speed\":\(speed)}")
        message.add("heartbeat_ms", limits.heartbeat.milliseconds)
        message.add(
            "limits",
            json: "{\"symbols\":\(limits.symbols),\"message_bytes\":\(limits.messageBytes)}")
        return message.end()
    }

    /// Puts a heartbeat among the answers, and sets the next.
    mutating func addHeartbeat(_ index: Int, _ now: Moment) {
        let connection = connections.address(of: index)
        let elapsed = max(1, (now.instant - connection.pointee.lastHeartbeat).raw)
        let messages = connection.pointee.messages - connection.pointee.messagesAtHeartbeat
        let heartbeat = Heartbeat(
            time: now.wall, lag: connection.pointee.blockedSince.map { now.instant - $0 } ?? .zero,
            buffered: connection.pointee.tail.count, merged: connection.pointee.merged,
            askedMilli: askedMilli(connection), sentTenths: Int64(messages) * 10_000_000_000 / elapsed,
            cursor: cursor)
        connection.pointee.control.appendFrame(heartbeat.json)
        connection.pointee.messagesAtHeartbeat = connection.pointee.messages
        connection.pointee.lastHeartbeat = now.instant
        connection.pointee.nextHeartbeat = now.instant + limits.heartbeat
    }

    private func askedMilli(_ connection: UnsafeMutablePointer<Connection>) -> Int64? {
        var sum: Int64 = 0
        for rateClass in connection.pointee.subscriptions.classes where rateClass.slots > 0 {
            guard case .perThousandSeconds(let n) = rateClass.rate else { return nil }
            sum += Int64(n) * Int64(rateClass.slots)
        }
        return sum
    }
}
