// When a symbol wants to be looked at: rules of the settings against what is known.
import Basics
import Market

extension Model {
    /// Judges the rules for one symbol. A condition rings when it becomes true, not as long as it is.
    mutating func alerts(for at: Int, _ now: Instant) -> [Effect] {
        guard !settings.alerts.isEmpty else { return [] }
        let met = settings.alerts.first { Model.isMet($0, instruments[at], now) }
        let text = met.map(Model.text)
        guard text != instruments[at].alert else { return [] }
        instruments[at].alert = text
        return met?.rings == true ? [.ring] : []
    }

    /// Silence is met by the clock alone.
    mutating func alerts(_ now: Instant) -> [Effect] {
        guard !settings.alerts.isEmpty else { return [] }
        var effects: [Effect] = []
        for at in instruments.indices where effects.isEmpty { effects = alerts(for: at, now) }
        return effects
    }

    static func isMet(_ rule: AlertRule, _ instrument: Instrument, _ now: Instant) -> Bool {
        guard rule.symbol == nil || rule.symbol == instrument.symbol else { return false }
        switch rule.condition {
        case .lastAbove(let price): return instrument.last.map { $0 > price } ?? false
        case .lastBelow(let price): return instrument.last.map { $0 < price } ?? false
        case .changeBeyond(let points):
            return instrument.changeBasisPoints.map { $0.magnitude > points.magnitude } ?? false
        case .staleFor(let span): return instrument.updated.map { now - $0 > span } ?? false
        }
    }

    static func text(_ rule: AlertRule) -> String {
        switch rule.condition {
        case .lastAbove(let price): "last > \(Numbers.price(price))"
        case .lastBelow(let price): "last < \(Numbers.price(price))"
        case .changeBeyond(let points): "change > \(PipeLine.decimal(points, 2))%"
        case .staleFor(let span): "silent for \(Numbers.age(span))"
        }
    }
}
