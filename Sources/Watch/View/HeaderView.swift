// The first line: how the connection stands, and how fast it is.
import Basics

extension ScreenView {
    func drawHeader(on canvas: inout Canvas) {
        let state = connectionState
        var left = canvas.draw(state.text, 0, 0, state.role)
        var right = canvas.columns
        // Facts from the right, the weightiest first, as many as there is room for.
        for fact in facts where right - fact.text.count - 2 > left {
            right -= fact.text.count
            canvas.draw(fact.text, right, 0, fact.role)
            right -= 2
        }
        let server =
            "  " + model.connection.server
            + (model.connection.clock.isEmpty ? "" : " \(model.connection.clock)")
        if !model.connection.server.isEmpty, left + server.count < right {
            left = canvas.draw(server, left, 0, .dim)
        }
    }

    private var connectionState: (text: String, role: Role) {
        switch model.connection.state {
        case .connecting: return ("\(glyphs.empty) connecting", .warning)
        case .replaying: return ("\(glyphs.full) recording", .strong)
        case .live:
            if let outage = model.connection.lastOutage, let words = recovery(outage) {
                return ("\(glyphs.full) live \(glyphs.dot) \(words)", outage.lost > 0 ? .warning : .strong)
            }
            return ("\(glyphs.full) live", .strong)
        case .broken(let reason, let retry):
            let left = max(.zero, retry - now.instant)
            return ("\(glyphs.empty) next try in \(Numbers.age(left)) \(glyphs.dot) \(reason)", .alarm)
        }
    }

    /// What a break cost, for a while after it.
    private func recovery(_ outage: Connection.Outage) -> String? {
        guard now.instant - model.connection.since < .seconds(15) else { return nil }
        var words = "back after \(Numbers.age(outage.length))"
        words += outage.lost > 0 ? ", \(outage.lost) lost" : ", nothing lost"
        if outage.skipped > 0 { words += ", \(outage.skipped) passed by" }
        return words
    }

    /// The weightiest first.
    private var facts: [(text: String, role: Role)] {
        let connection = model.connection
        var facts: [(String, Role)] = []
        if connection.breaks > 0 { facts.append(("\(connection.breaks) breaks", .alarm)) }
        if connection.unreadable > 0 { facts.append(("\(connection.unreadable) not understood", .alarm)) }
        if let median = model.hops.whole.quantile(permille: 500),
            let most = model.hops.whole.quantile(permille: 990)
        {
            facts.append(("feed>screen \(Numbers.span(median)) p99 \(Numbers.span(most))", .plain))
        }
        if connection.lag > .zero { facts.append(("lag \(Numbers.span(connection.lag))", .warning)) }
        let asked = connection.askedMilli.map { "\(Numbers.rate(milli: $0))" } ?? "max"
        facts.append(("got \(Numbers.rate(milli: connection.sentMilli))/s of \(asked)", .plain))
        facts.append(("merged \(Numbers.short(connection.merged))", .dim))
        if let trip = connection.roundTrip { facts.append(("trip \(Numbers.span(trip))", .dim)) }
        return facts
    }
}
