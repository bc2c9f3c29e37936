// Texts that a watcher's reader writes: conditions, configurations, and lists of symbols.
import Basics
import Watch

/// A condition names symbols that there can be; a fault names a place in the text.
@Sendable func fuzzCondition(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    do throws(ConditionFault) {
        let condition = try Condition.parse(text, isExact: true)
        demand(!condition.symbols.isEmpty, "a condition of nothing")
        demand(!condition.isMet { _, _ in nil }, "met by nothing")
        // Of two opposites one is met at most.
        let opposite = try? Condition.parse("not (\(text))", isExact: true)
        for value in [Int128(-1), 0, 190_000_000_000] {
            func known(_ symbol: String, _ field: Condition.Field) -> Condition.Value? {
                field.words.map { .word($0[0]) } ?? .number(value)
            }
            demand(
                opposite?.isMet(known) != true || !condition.isMet(known), "both it and its opposite are met")
        }
    } catch {
        demand(1...(text.count + 1) ~= error.column, "\(error) is behind the text")
        demand(error.pointing(into: text).utf8.contains(0x0a), "no caret")
    }
}

/// What is written over a file says what was asked for, and leaves no trace where nothing was.
@Sendable func fuzzConfiguration(_ bytes: UnsafeRawBufferPointer) {
    let read = Configuration(parsing: Array(bytes))
    for fault in read.faults { demand(fault.line >= 1 && !fault.advice.isEmpty, "\(fault) helps nobody") }
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    if let same = Configuration.written(read.settings, over: text) {
        demand(same.hasPrefix(text), "lines changed that nobody touched: \(same)")
        demand(Configuration(parsing: same).settings == read.settings, "writing changed what it says")
    }
    // All of it gone, and all of the example instead.
    for settings in [Settings(), Configuration(parsing: Configuration.example).settings] {
        guard let new = Configuration.written(settings, over: text) else { continue }
        var again = Configuration(parsing: new).settings
        demand(Set(again.alerts) == Set(settings.alerts), "other alerts: \(new)")
        demand(Set(again.groups) == Set(settings.groups), "other groups: \(new)")
        (again.alerts, again.groups) = (settings.alerts, settings.groups)
        demand(again == settings, "other settings: \(new)")
    }
    if let names = try? SymbolList.parse(Array(bytes), name: "f", isExact: true) {
        demand(names.allSatisfy { !$0.isEmpty && $0.utf8.count <= 25 }, "no symbol")
    }
}
