// What a client subscribes to, by name and by pattern, and what becomes of it.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// The symbols of a request, sorted out.
    private struct Wanted {
        /// Symbols by name, sorted, each once.
        var named: [SymbolID] = []
        /// Prefixes, and the symbols there are for each.
        var patterns: [[UInt8]] = []
        var matched: [[SymbolID]] = []
        /// As the client wrote them.
        var accepted: [String] = []
        var refused: [(name: String, code: ErrorCode)] = []
    }

    mutating func subscribe(
        _ request: ClientMessage.Subscribe, _ id: MessageID?, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        let connection = connections.address(of: index)
        guard request.symbols.count <= limits.symbols else { throw tooMany(request.symbols.count) }
        let grant = try granted(index)
        try grant.check(request.channel)
        let template = try Shard.template(request, grant)
        let wanted = resolve(request.symbols, grant.entitlements)
        try checkLimits(wanted, template.kind, connection)
        let isDone =
            add(wanted.named, template, index, now.instant)
            && addPatterns(wanted, template, index, now.instant)
        charge(index, comparisons: wanted.patterns.count * view.directory.count)
        var resumed: Bool?
        if let cursor = request.resume {
            resumed = cursor.epoch == connection.pointee.epoch
            if resumed == true, isDone {
                resume(connection, template.kind, wanted.named, wanted.patterns, cursor)
            }
        }
        followers.update(index, connection.pointee.subscriptions)
        noteSafePosition(connection)
        var answer = Answer(channel: request.channel, rate: template.rate, resumed: resumed)
        answer.interval = request.channel == .bar ? request.interval : nil
        answer.done = isDone ? wanted.accepted : []
        answer.refused =
            isDone ? wanted.refused : wanted.refused + wanted.accepted.map { ($0, .limitRate) }
        acknowledge(answer, id, index)
    }

    /// - Throws: `forbidden` for more than the grant allows.
    private static func template(
        _ request: ClientMessage.Subscribe, _ grant: Grant
    ) throws(ClientFault) -> SlotTemplate {
        var options: SlotOptions = []
        if request.mode == .latest { options.formUnion(.latest) }
        if request.stamps { options.formUnion(.stamps) }
        if request.closesWhenSlow { options.formUnion(.closesWhenSlow) }
        if request.channel == .book, request.checksum { options.formUnion(.checksum) }
        return SlotTemplate(
            kind: StreamKind(request.channel, request.interval), rate: try grant.rate(asked: request.rate),
            depth: request.channel == .book ? UInt8(try grant.depth(asked: request.depth)) : 0,
            options: options)
    }

    /// A symbol that is not allowed gets one answer, whether it exists or not. A pattern stands for
    /// those of its symbols that are allowed.
    private func resolve(_ names: [String], _ entitlements: Entitlements) -> Wanted {
        var wanted = Wanted()
        var named: Set<SymbolID> = []
        for name in names {
            if let prefix = Pattern.prefix(of: name) {
                guard entitlements.touches(prefix: prefix) else {
                    wanted.refused.append((name, .forbidden))
                    continue
                }
                if !wanted.patterns.contains(prefix) { wanted.patterns.append(prefix) }
                wanted.accepted.append(name)
                continue
            }
            do throws(Refusal) {
                named.insert(try symbol(name, entitlements))
                wanted.accepted.append(name)
            } catch {
                wanted.refused.append((name, error.code))
            }
        }
        wanted.named = named.sorted()
        // More of them are refused in a moment: not looked for before.
        if wanted.patterns.count <= limits.patterns {
            wanted.matched = wanted.patterns.map {
                matching($0, 0..<view.directory.count, entitlements)
            }
        }
        return wanted
    }

    private struct Refusal: Error { let code: ErrorCode }

    private func symbol(_ text: String, _ entitlements: Entitlements) throws(Refusal) -> SymbolID {
        guard let name = SymbolName(text) else { throw Refusal(code: .badSymbol) }
        guard entitlements.allows(name) else { throw Refusal(code: .forbidden) }
        guard let symbol = view.directory.find(name) else { throw Refusal(code: .unknownSymbol) }
        return symbol
    }

    /// An operation that looks at many symbols counts as several: nobody keeps a loop busy with few words.
    private func charge(_ index: Int, comparisons: Int) {
        let connection = connections.address(of: index)
        let slots = connection.pointee.subscriptions.count
        connection.pointee.operations.charge((comparisons + slots) / limits.comparisonsPerOperation)
    }

    private func tooMany(_ count: Int) -> ClientFault {
        ClientFault(.limitSymbols, "at most \(limits.symbols) symbols a connection; \(count) asked")
    }

    private func tooManyPatterns(_ count: Int) -> ClientFault {
        ClientFault(.limitSymbols, "at most \(limits.patterns) patterns a connection; \(count) asked")
    }

    private func checkLimits(
        _ wanted: Wanted, _ kind: StreamKind, _ connection: UnsafeMutablePointer<Connection>
    ) throws(ClientFault) {
        let known = wanted.named.count { symbol in
            connection.pointee.subscriptions.range(of: symbol).contains {
                !connection.pointee.subscriptions[$0].options.contains(.byPattern)
            }
        }
        let held = connection.pointee.subscriptions.patterns.filter { $0.template.kind == kind }
        let new = wanted.patterns.count { prefix in !held.contains { $0.prefix == prefix } }
        let asked = connection.pointee.subscriptions.symbolCount + wanted.named.count - known + new
        guard asked <= limits.symbols else { throw tooMany(asked) }
        let patterns = connection.pointee.subscriptions.patterns.count + new
        guard patterns <= limits.patterns else { throw tooManyPatterns(patterns) }
        // Two patterns for one symbol are counted twice, and only here.
        let slots = ([wanted.named] + wanted.matched).reduce(0) { sum, symbols in
            sum + symbols.count { connection.pointee.subscriptions.index(of: $0, kind) == nil }
        }
        guard connection.pointee.subscriptions.count + slots <= limits.slots else {
            throw ClientFault(.limitSymbols, "at most \(limits.slots) subscriptions a connection")
        }
        guard slotCount + slots <= limits.slotsOfLoop else {
            throw ClientFault(.limitSymbols, "the server holds as many subscriptions as it can")
        }
    }

    // MARK: Slots

    /// False where the connection has too many different rates.
    private mutating func add(
        _ symbols: [SymbolID], _ template: SlotTemplate, _ index: Int, _ now: Instant
    ) -> Bool {
        guard !symbols.isEmpty else { return true }
        let connection = connections.address(of: index)
        guard let added = connection.pointee.subscriptions.subscribe(symbols, template, now: now) else {
            return false
        }
        slotCount += added.count
        for symbol in added { want(symbol) }
        if template.kind.channel == .book {
            for symbol in added { view.symbol(symbol).pointee.addBookReaders(1) }
        }
        return true
    }

    private mutating func addPatterns(
        _ wanted: Wanted, _ template: SlotTemplate, _ index: Int, _ now: Instant
    ) -> Bool {
        guard !wanted.patterns.isEmpty else { return true }
        let connection = connections.address(of: index)
        var template = template
        template.options.formUnion(.byPattern)
        for (prefix, symbols) in zip(wanted.patterns, wanted.matched) {
            guard add(symbols, template, index, now) else { return false }
            connection.pointee.subscriptions.add(Pattern(prefix: prefix, template: template))
            if !patternHolders.contains(Int32(index)) { patternHolders.append(Int32(index)) }
        }
        return true
    }

    private func matching(
        _ prefix: [UInt8], _ range: Range<Int>, _ entitlements: Entitlements
    ) -> [SymbolID] {
        range.lazy.map { SymbolID($0) }.filter {
            view.symbol($0).pointee.name.starts(with: prefix)
                && entitlements.allows(view.symbol($0))
        }
    }

    /// Symbols that came later, for a connection with patterns.
    mutating func follow(_ index: Int, _ range: Range<Int>, _ now: Instant) {
        let connection = connections.address(of: index)
        guard let entitlements = connection.pointee.grant?.entitlements else { return }
        for pattern in connection.pointee.subscriptions.patterns {
            let symbols = matching(pattern.prefix, range, entitlements)
            let room = min(
                limits.slots - connection.pointee.subscriptions.count, limits.slotsOfLoop - slotCount)
            _ = add(Array(symbols.prefix(max(0, room))), pattern.template, index, now)
        }
        followers.update(index, connection.pointee.subscriptions)
        schedule(index)
    }

    mutating func forgetSubscriptions(_ index: Int) {
        let connection = connections.address(of: index)
        for at in 0..<connection.pointee.subscriptions.count {
            forgot(connection.pointee.subscriptions[at])
        }
        if !connection.pointee.subscriptions.patterns.isEmpty {
            patternHolders.removeAll { $0 == Int32(index) }
        }
        connection.pointee.subscriptions.removeAll()
        followers.leave(index)
    }

    /// A feed that brings only what is wanted hears of each symbol's first subscription and last.
    private func want(_ symbol: SymbolID) {
        view.symbol(symbol).pointee.subscriptions += 1
        if view.symbol(symbol).pointee.subscriptions == 1 { options.interest?.add(symbol) }
    }

    private mutating func forgot(_ slot: Slot) {
        slotCount -= 1
        view.symbol(slot.symbol).pointee.subscriptions -= 1
        if view.symbol(slot.symbol).pointee.subscriptions == 0 { options.interest?.remove(slot.symbol) }
        if slot.kind.channel == .book { view.symbol(slot.symbol).pointee.addBookReaders(-1) }
    }

    // MARK: One's own subscriptions

    /// Which of the connection's own subscriptions a selection is about.
    private struct Matcher {
        let channel: Channel?
        let interval: BarInterval?
        var symbols: Set<SymbolID> = []
        var prefixes: [[UInt8]] = []

        func matches(_ kind: StreamKind) -> Bool {
            guard channel == nil || kind.channel == channel else { return false }
            return kind.channel != .bar || interval == nil || kind.interval == interval
        }
        /// Patterns of the connection that a pattern of the selection includes.
        func covers(_ pattern: Pattern) -> Bool {
            matches(pattern.template.kind) && prefixes.contains { pattern.prefix.starts(with: $0) }
        }
    }

    /// The selection, and for each of its symbols whether it is subscribed to at all.
    private func match(
        _ selection: ClientMessage.Selection, _ connection: UnsafeMutablePointer<Connection>
    ) throws(ClientFault) -> (matcher: Matcher, answer: Answer) {
        guard selection.symbols.count <= limits.symbols else { throw tooMany(selection.symbols.count) }
        var matcher = Matcher(channel: selection.channel, interval: selection.interval)
        var answer = Answer(channel: selection.channel)
        answer.interval = selection.interval
        for name in selection.symbols {
            if let prefix = Pattern.prefix(of: name) {
                matcher.prefixes.append(prefix)
                answer.done.append(name)
            } else if let symbol = view.find(name),
                connection.pointee.subscriptions.range(of: symbol).contains(where: {
                    matcher.matches(connection.pointee.subscriptions[$0].kind)
                })
            {
                matcher.symbols.insert(symbol)
                answer.done.append(name)
            } else {
                answer.refused.append((name, .notSubscribed))
            }
        }
        // Each slot is compared with each pattern.
        guard matcher.prefixes.count <= limits.patterns else { throw tooManyPatterns(matcher.prefixes.count) }
        return (matcher, answer)
    }

    private func isChosen(_ slot: Slot, _ matcher: Matcher) -> Bool {
        guard matcher.matches(slot.kind) else { return false }
        if matcher.symbols.contains(slot.symbol) { return true }
        let name = view.symbol(slot.symbol).pointee.name
        return matcher.prefixes.contains { prefix in name.starts(with: prefix) }
    }

    mutating func unsubscribe(
        _ selection: ClientMessage.Selection, _ id: MessageID?, _ index: Int
    ) throws(ClientFault) {
        let connection = connections.address(of: index)
        let (matcher, answer) = try match(selection, connection)
        let gone = slots(of: index) { isChosen($0, matcher) }
        end(gone, of: index, patterns: { matcher.covers($0) })
        charge(index, comparisons: connection.pointee.subscriptions.count * matcher.prefixes.count)
        acknowledge(answer, id, index)
    }

    /// Those of the connection's slots, in their order, that are chosen.
    func slots(of index: Int, where isChosen: (Slot) -> Bool) -> [Slot] {
        let connection = connections.address(of: index)
        return (0..<connection.pointee.subscriptions.count)
            .map { connection.pointee.subscriptions[$0] }.filter(isChosen)
    }

    /// - Parameter gone: in the order of the connection's slots.
    mutating func end(_ gone: [Slot], of index: Int, patterns isIncluded: (Pattern) -> Bool) {
        let connection = connections.address(of: index)
        var rest = gone[...]
        connection.pointee.subscriptions.unsubscribe { slot in
            guard slot.key == rest.first?.key else { return false }
            rest.removeFirst()
            return true
        }
        for slot in gone { forgot(slot) }
        connection.pointee.subscriptions.removePatterns(isIncluded)
        if connection.pointee.subscriptions.patterns.isEmpty {
            patternHolders.removeAll { $0 == Int32(index) }
        }
        followers.update(index, connection.pointee.subscriptions)
        noteSafePosition(connection)
    }

    mutating func set(
        _ rate: Rate, _ selection: ClientMessage.Selection, _ id: MessageID?, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        let connection = connections.address(of: index)
        let rate = try granted(index).rate(asked: rate)
        var (matcher, answer) = try match(selection, connection)
        let changed = connection.pointee.subscriptions.set(
            rate, now: now.instant, { isChosen($0, matcher) }, covers: { matcher.covers($0) })
        charge(index, comparisons: connection.pointee.subscriptions.count * matcher.prefixes.count)
        if changed == nil {
            answer.refused += answer.done.map { ($0, .limitRate) }
            answer.done = []
        }
        answer.rate = rate
        followers.update(index, connection.pointee.subscriptions)
        noteSafePosition(connection)
        acknowledge(answer, id, index)
    }

    // MARK: Answers

    private struct Answer {
        var channel: Channel?
        var interval: BarInterval?
        var done: [String] = []
        var refused: [(name: String, code: ErrorCode)] = []
        var rate: Rate?
        /// Whether the cursor was of this epoch, where one was given.
        var resumed: Bool?
    }

    private func acknowledge(_ answer: Answer, _ id: MessageID?, _ index: Int) {
        var ack = ControlMessage("ack")
        ack.add(id)
        if let channel = answer.channel { ack.add("channel", "\(channel.name)") }
        if let interval = answer.interval { ack.add("interval", "\(interval.name)") }
        ack.add("symbols", answer.done)
        if let rate = answer.rate { ack.add("rate", rate) }
        if !answer.refused.isEmpty {
            let list = answer.refused.map {
                "{\"symbol\":\(ControlMessage.quoted($0.name)),\"code\":\"\($0.code.rawValue)\"}"
            }
            ack.add("refused", json: "[\(list.joined(separator: ","))]")
        }
        if let resumed = answer.resumed { ack.add("resumed", json: resumed ? "true" : "false") }
        ack.add("resume", cursor(of: connections.address(of: index)).text)
        self.answer(index, ack.end())
    }
}
