// The rules of the protocol, each checked at the message that could break it.
import Basics
import Dialects
import Market

@testable import FanOut

extension Subscriber {
    func take(_ message: ServerMessage, _ sent: Instant) {
        if let version = message.version, let kind = message.kind {
            data(message, version, Key(symbol: version.symbol, kind: kind), sent)
            return
        }
        switch message {
        case .ack(let ack): acknowledged(answered(ack.id), ack.symbols, ack.refused, ack.resume)
        case .pong(let id, _), .error(let id, _, _):
            _ = answered(id)
            if case .error(_, let code, let text) = message { fault("error \(code): \(text)") }
        case .subscriptions:
            // `list` is asked for by one request at a time.
            if let id = requests.first(where: { $0.value.message.operation == .list })?.key {
                requests[id] = nil
            }
        case .welcome(let welcome): entered(welcome.epoch)
        case .epoch(let epoch, let reason): begin(epoch, reason, sent)
        case .heartbeat(let beat): heartbeat(beat.merged, beat.resume, sent)
        case .goodbye(let code, let after):
            around.tell(name, "is sent away: \(code), \(after?.milliseconds ?? -1) ms")
            goodbye = (code, after, sent)
        case .unknown(let type): fault("a message of type \(type)")
        default: break
        }
    }

    private func entered(_ text: String) {
        guard let epoch = UInt32(text, radix: 16) else { return fault("an epoch \(text)") }
        enter(epoch)
    }

    /// Everything begins anew, at its rate, as if it had been asked for now.
    private func begin(_ text: String, _ reason: String, _ sent: Instant) {
        guard let epoch = UInt32(text, radix: 16), reason == "seek" else {
            return fault("an epoch \(text), \(reason)")
        }
        if let old = life?.epoch, epoch <= old { fault("epoch \(epoch) after \(old)") }
        enter(epoch)
        wishes.renew(at: sent)
    }

    private func answered(_ id: MessageID?) -> Request? {
        var id = id
        // Without a number, answers come in the order of what was asked.
        if id == nil, transport != .webSocket { id = requests.keys.min().map { .number($0) } }
        guard case .number(let number) = id, let request = requests.removeValue(forKey: number) else {
            fault("an answer to nothing: \(id as Any)")
            return nil
        }
        return request
    }

    private func acknowledged(
        _ request: Request?, _ symbols: [String], _ refused: [ServerMessage.Refusal], _ resume: Cursor?
    ) {
        guard let request else { return }
        let at = request.handledAt ?? around.now.instant
        around.tell(name, "has an ack: \(request.message.operation) \(symbols)")
        wishes.look(around.truth, until: at)
        switch request.message.operation {
        case .subscribe(let wanted):
            // An answer to a poll is the first that says which epoch it is of.
            if transport == .poll, let resume { enter(resume.epoch) }
            let isResumed = wanted.resume.map { $0.epoch == resume?.epoch } ?? false
            wishes.grant(wanted, symbols, isResumed: isResumed, at: at, truth: around.truth)
            for refusal in refused where refusal.code != "unknown_symbol" {
                fault("refused \(refusal.symbol): \(refusal.code)")
            }
            if !isResumed {
                let kind = StreamKind(wanted.channel, wanted.interval)
                for key in wishes.table.keys where key.kind == kind && wishes.table[key]?.grantedAt == at {
                    had[key] = nil
                }
            }
        case .unsubscribe(let selection):
            wishes.withdraw(selection, symbols)
            for key in Array(had.keys) where wishes.table[key] == nil { had[key] = nil }
            for key in Array(chains.keys) where wishes.table[key] == nil && link?.blocks == 0 {
                if chains[key]?.isExact == false { fault("\(key): not exact at its end") }
                chains[key] = nil
            }
        case .set(.rate(let rate, let selection)): wishes.rate(rate, selection, symbols, at: at)
        default: break
        }
        // Of a connection that still has requests under way a cursor says too little.
        noteCursor(resume)
    }

    /// Where to go on. An event stream says it by its ids, and those must be right at any time.
    private func noteCursor(_ resume: Cursor?) {
        if requests.isEmpty, transport != .events, let resume { cursor = resume }
    }

    private func heartbeat(_ merged: UInt64, _ resume: Cursor?, _ sent: Instant) {
        heartbeats += 1
        lastHeartbeatMerged = merged
        noteCursor(resume)
        guard transport != .poll else {
            if merged != self.merged { fault("an answer: merged \(merged), it were \(self.merged)") }
            return
        }
        guard link?.blocks == 0 else {
            lastHeartbeat = nil
            if merged < self.merged { fault("heartbeat: merged \(merged), it were \(self.merged)") }
            return
        }
        if merged != self.merged { fault("heartbeat: merged \(merged), it were \(self.merged)") }
        if let last = lastHeartbeat {
            let span = sent - last
            let wanted = around.scenario.limits.heartbeat
            if span < wanted || span > wanted + around.scenario.lateness {
                fault("a heartbeat \(span.milliseconds) ms after the last")
            }
        }
        lastHeartbeat = sent
    }

    // MARK: Data

    private func data(_ message: ServerMessage, _ version: Version, _ key: Key, _ sent: Instant) {
        messages += 1
        around.tell(
            name, "gets \(key) \(version.previous) → \(version.sequence)\(version.isSnapshot ? " snap" : "")")
        wishes.look(around.truth)
        guard let symbol = truth[version.symbol],
            version.sequence > 0, version.sequence <= UInt64(symbol.newest(key))
        else {
            fault("\(key): version \(version.sequence) does not exist")
            return
        }
        let made = made(version, sent)
        if let made { overtakes(key, made) }
        let previous = chains[key]
        guard var chain = advance(key, version, previous) else { return }
        account(message, key, version, chain, symbol)
        if let made { pace(key, made, chain, previous, message, symbol) }
        compare(message, key, symbol, &chain)
        chain.lastMade = made
        chain.lastWasClosed = message.isClosedBar
        chains[key] = chain
    }

    /// When the message was made: as it says, or when the network had it, if it always took all.
    private func made(_ version: Version, _ sent: Instant) -> Instant? {
        let isFlowing = link?.blocks == 0
        guard let wall = version.sent else { return isFlowing ? sent : nil }
        let made = around.instant(wall)
        if made > sent || (isFlowing && made != sent) { fault("made at \(made), sent at \(sent)") }
        return made
    }

    /// Answers come before whatever was made later.
    private func overtakes(_ key: Key, _ made: Instant) {
        for (id, request) in requests {
            if let handled = request.handledAt, handled < made {
                fault("\(key) made at \(made.raw) overtook the answer \(id) of \(handled.raw)")
                requests[id] = nil
            }
        }
    }

    /// The chain with this message at its end; nil where it does not hold.
    private func advance(_ key: Key, _ version: Version, _ known: Chain?) -> Chain? {
        if wishes.table[key] == nil, link?.blocks == 0 { fault("\(key): was not asked for") }
        if isRepeated(key, version) {
            fault("\(key): \(version.sequence) once more, with nothing new since \(told[key]?.last ?? 0)")
        }
        if version.previous == 0 { return begin(key, version, known) }
        let old = known?.wish?.number ?? -1
        var known = known
        // Subscribed to again from a cursor, it goes back to there.
        if let chain = known, version.previous != chain.last, isResumedAnew(key, chain) { known = nil }
        guard var chain = known ?? goOn(key, from: version.previous, after: old) else {
            fault("\(key): begins with prev \(version.previous)")
            return nil
        }
        if version.previous != chain.last { fault("\(key): prev \(version.previous) after \(chain.last)") }
        if version.sequence <= chain.last { fault("\(key): \(version.sequence) after \(chain.last)") }
        if version.isSnapshot, key.kind.channel != .book { fault("\(key): a snapshot in the middle") }
        let skipped = version.sequence &- version.previous &- 1
        chain.merged += skipped
        merged += skipped
        chain.delivered += 1
        chain.last = version.sequence
        return chain
    }

    private func begin(_ key: Key, _ version: Version, _ known: Chain?) -> Chain? {
        if !version.isSnapshot { fault("\(key): begins without a snapshot") }
        if let known, !known.isExact { fault("\(key): not exact when it began anew") }
        let used = known?.wish?.number ?? -1
        let grants = wishes.grants(of: key).filter { $0.number > used }
        guard let last = grants.last else {
            fault("\(key): begins anew, and nobody asked")
            return nil
        }
        // An answer may have overtaken data of the request before it.
        let isSure = grants.count == 1 || link?.blocks == 0
        return Chain(wish: isSure ? last : nil, first: version.sequence, last: version.sequence)
    }

    private func isResumedAnew(_ key: Key, _ chain: Chain) -> Bool {
        wishes.grants(of: key).contains { $0.isResumed && $0.number > chain.wish?.number ?? -1 }
    }

    /// A resumed chain goes on without a snapshot. Of several requests it may be the first one's, where
    /// their answers overtook it.
    private func goOn(_ key: Key, from version: UInt64, after number: Int) -> Chain? {
        let grants = wishes.grants(of: key).filter { $0.number > number }
        guard let wish = link?.blocks == 0 ? grants.last : grants.first(where: \.isResumed),
            wish.isResumed, key.isComplete(wish) || isKnown(key, version)
        else { return nil }
        return Chain(wish: wish, first: version, last: version)
    }

    /// Polls go on with states too, and with a gap where the loop knows of nothing before.
    private func isKnown(_ key: Key, _ version: UInt64) -> Bool {
        guard transport == .poll, version != 0 else { return transport == .poll }
        guard let known = told[key]?.last else { return false }
        return fallback.asked[0].resume?.states == nil ? version <= known : version == known
    }

    func gap(_ key: Key, _ from: UInt64, _ to: UInt64, _ reason: String, _ sent: Instant) {
        around.tell(name, "gets a gap of \(key) \(from)…\(to) \(reason)")
        guard let symbol = truth[key.symbol], to <= UInt64(symbol.newest(key)), from <= to
        else {
            fault("\(key): a gap \(from)…\(to) of what is not")
            return
        }
        var chain = chains[key]
        let old = chain?.wish?.number ?? -1
        if let known = chain, known.last != from - 1, isResumedAnew(key, known) { chain = nil }
        chain = chain ?? goOn(key, from: from - 1, after: old)
        guard var chain, chain.last == from - 1 else {
            fault("\(key): a gap \(from)…\(to) that does not follow")
            return
        }
        if reason == "slow" {
            let kept = key.kind.channel == .status ? 64 : key.kind.channel == .bar ? 128 : 1_024
            if Int(to) + kept > symbol.newest(key) { fault("\(key): a gap though it was kept") }
        } else if around.handlers[loop].laps == 0 {
            fault("\(key): a gap, \(reason), of a loop that was not")
        }
        if let done = had[key] {
            if from > done + 1 { fault("\(key): a gap \(from)…\(to) behind \(done)") }
            had[key] = max(done, to)
        }
        chain.lost += to - from + 1
        chain.last = to
        chains[key] = chain
    }

    /// What is never conflated is there without a hole, over all connections that resumed.
    private func account(
        _ message: ServerMessage, _ key: Key, _ version: Version, _ chain: Chain, _ symbol: TrueSymbol
    ) {
        let sequence = version.sequence
        guard let wish = chain.wish else {
            if let done = had[key] { had[key] = max(done, sequence) }
            return
        }
        guard key.isComplete(wish) else { return }
        defer { had[key] = max(had[key] ?? 0, sequence) }
        // A fresh snapshot is a beginning, unless it was to go on.
        guard let done = had[key], sequence > done, wish.isResumed || version.previous != 0 else { return }
        switch key.kind.channel {
        case .bar:
            let bars = symbol.bars[Int(key.kind.interval.rawValue)]
            let before = done == 0 ? 0 : bars[Int(done) - 1].closes
            let missing = bars[Int(sequence) - 1].closes - before - (message.isClosedBar ? 1 : 0)
            if missing != 0 { fault("\(key): \(missing) closed bars lost after \(done), at \(sequence)") }
        default:
            if sequence != done + 1 { fault("\(key): \(done) → \(sequence), and no gap") }
        }
    }

    // MARK: Time

    /// Not more often than asked for, and for those who read at once not later.
    private func pace(
        _ key: Key, _ made: Instant, _ chain: Chain, _ previous: Chain?, _ message: ServerMessage,
        _ symbol: TrueSymbol
    ) {
        guard let wish = wishes.table[key], wish.number == chain.wish?.number else { return }
        let interval = wish.rate.interval
        let isBatch = key.isComplete(wish) && isOneBatch(previous?.lastMade, made)
        if let last = previous?.lastMade, last >= wish.ratedAt, previous?.wish?.number == wish.number,
            made - last < interval, !isBatch
        {
            fault("\(key): \((made - last).raw) ns after the last, at \(wish.rate)")
        }
        guard isPrompt, !isLimited, !around.scenario.naps else { return }
        // While the socket takes nothing it gets older; then it goes out at once.
        let free = link?.unblocked.last { $0 <= made } ?? .zero
        guard made - free > around.scenario.lateness else { return }
        let version = chain.last
        // With a last trade come those taken back since, in one batch.
        guard let before = previous?.last, previous?.wish?.number == wish.number,
            before != previous?.first || previous?.lastMade != made
        else {
            let since = max(wish.grantedAt, symbol.published(key, 1))
            let patience = wish.rate == .max ? .zero : interval + .milliseconds(100)
            if made - since > patience + around.scenario.lateness {
                fault("\(key): the first message after \((made - since).milliseconds) ms at \(wish.rate)")
            }
            return
        }
        guard before < version else { return }
        let since = max(symbol.published(key, symbol.told(key, after: before)), wish.ratedAt)
        let limit =
            max(interval, wish.ratedAt < since ? .zero : .milliseconds(100)) + around.scenario.lateness
        guard made - since > limit else { return }
        if key.kind.channel == .book {
            let depth = wish.depth
            guard let since = symbol.differs(since: before, to: version, depth: depth),
                made - max(since, wish.ratedAt) > limit
            else { return }
        }
        fault("\(key): \((made - since).milliseconds) ms old at \(wish.rate)")
    }

    /// What is too long for one write goes on with the next turn, or when there is room again.
    private func isOneBatch(_ last: Instant?, _ made: Instant) -> Bool {
        guard let last else { return true }
        return around.scenario.writesAreSmall || isLimited || link?.blocks != 0
            || made - last <= around.scenario.step * 2
    }

    // MARK: Content

    private func compare(
        _ message: ServerMessage, _ key: Key, _ symbol: TrueSymbol, _ chain: inout Chain
    ) {
        let isRight =
            switch message {
            case .quote(let quote): quote.says(symbol.quotes[Int(quote.version.sequence) - 1])
            case .trade(let trade): says(trade, chain, symbol)
            case .broken(let broken): broken.says(symbol.trades[Int(broken.version.sequence) - 1])
            case .stats(let day): day.says(symbol.trades[Int(day.version.sequence) - 1])
            case .bar(let bar):
                bar.says(symbol.bars[Int(bar.interval.rawValue)][Int(bar.version.sequence) - 1])
            case .status(let word): word.says(symbol.statuses[Int(word.version.sequence) - 1])
            case .book(let book): says(book, key, symbol, &chain)
            default: true
            }
        if !isRight { fault("\(key): not what was published: \(message)") }
    }

    private func says(_ trade: TradeMessage, _ chain: Chain, _ symbol: TrueSymbol) -> Bool {
        let tick = symbol.trades[Int(trade.version.sequence) - 1].tick
        guard tick.kind == .trade, trade.price == tick.price, trade.version.time == tick.eventTime,
            trade.aggressor == tick.side,
            trade.tradeID == (tick.aux == 0 ? nil : String(tick.aux))
        else { return false }
        if let wish = chain.wish, (wish.mode == .latest) != (trade.merged != nil) { return false }
        guard let merged = trade.merged else { return trade.size == tick.size }
        var first = trade.version.previous + 1
        // A symbol that came while a poll waited begins with its last trade.
        let isNew = chain.wish?.isResumed != true || (transport == .poll && merged.count == 1)
        if trade.version.previous == 0, isNew { first = trade.version.sequence }
        var sum = DayStatistics()
        for version in first...trade.version.sequence {
            let one = symbol.trades[Int(version) - 1].tick
            if one.kind == .trade { sum.add(price: one.price, size: one.size) }
        }
        return merged.count == sum.count && merged.high == sum.high && merged.low == sum.low
            && Int128(trade.size.e8) == sum.volumeE8
    }

    private func says(
        _ message: BookMessage, _ key: Key, _ symbol: TrueSymbol, _ chain: inout Chain
    ) -> Bool {
        guard let wish = chain.wish else { return true }
        let version = message.version
        chain.book.apply(message)
        let shadow = symbol.book(at: version.sequence)
        let mine = chain.book.window(.max), its = shadow.window(wish.depth)
        if mine != its { return false }
        if (message.crc != nil) != wish.checksum { return false }
        if let crc = message.crc, crc != chain.book.checksum { return false }
        let best = (shadow.bids.best, shadow.asks.best)
        var isCrossed = false
        if let bid = best.0, let ask = best.1 { isCrossed = bid.price > ask.price }
        return message.isCrossed == isCrossed
            && version.time == symbol.changes[Int(version.sequence) - 1].time
    }
}

extension ServerMessage {
    var isClosedBar: Bool { if case .bar(let bar) = self { bar.isClosed } else { false } }
}

extension QuoteMessage {
    fileprivate func says(_ quote: TrueQuote) -> Bool {
        var crosses = false
        if let bid, let ask { crosses = bid > ask }
        return bid == quote.bid?.price && bidSize == quote.bid?.size && ask == quote.ask?.price
            && askSize == quote.ask?.size && isCrossed == crosses && version.time == quote.time
    }
}

extension BreakMessage {
    fileprivate func says(_ broken: TrueTrade) -> Bool {
        broken.isBreak && tradeID == "\(broken.tick.aux)" && price == broken.tick.price
            && size == broken.tick.size && version.time == broken.tick.eventTime
    }
}

extension StatsMessage {
    fileprivate func says(_ trade: TrueTrade) -> Bool {
        let day = trade.day
        return open == day.open && high == day.high && low == day.low && last == day.last
            && change == day.change && volumeE8 == Int64(exactly: day.volumeE8) && vwap == day.vwap
            && count == day.count && version.time == trade.tick.eventTime
    }
}

extension BarMessage {
    fileprivate func says(_ bar: TrueBar) -> Bool {
        let trades = bar.bar.trades
        return !bar.isNothing && start == bar.bar.start && open == trades.open && high == trades.high
            && low == trades.low
            && close == trades.last && volumeE8 == Int64(exactly: trades.volumeE8) && vwap == trades.vwap
            && count == trades.count && isClosed == bar.isClosed && version.time == bar.time
    }
}

extension StatusMessage {
    fileprivate func says(_ word: TrueStatus) -> Bool {
        market == "\(word.status.state.name)" && feed == "\(word.feed.name)"
            && reason == word.status.reasonText
            && version.time == word.time
    }
}
