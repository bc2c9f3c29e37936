// What one connection has subscribed to: slots in the order of their symbols, in plain memory.
//
// Invariants
//   - A symbol's stream has one slot at most; slots are sorted by `Slot.key`.
//   - A pattern is remembered for symbols that are not there yet.
import Basics
import Dialects
import Market

/// All symbols whose names begin alike, those to come included.
struct Pattern: Hashable {
    let prefix: [UInt8]
    let template: SlotTemplate

    /// What stands before the `*` of a pattern; nil for anything else.
    static func prefix(of text: String) -> [UInt8]? {
        guard text.utf8.last == UInt8(ascii: "*") else { return nil }
        let prefix = Array(text.utf8.dropLast())
        return prefix.isEmpty || SymbolName(prefix) != nil ? prefix : nil
    }
}

/// The slots that a pass has still to look at, by their keys: slots may come and go meanwhile.
/// Behind the last slot it goes on with the first one.
struct SlotRange {
    let first: UInt64
    let last: UInt64
}

struct Subscriptions: ~Copyable {
    private var base: UnsafeMutablePointer<Slot>?
    private var capacity = 0
    private(set) var count = 0
    private(set) var patterns: [Pattern] = []
    private(set) var classes: RateClasses
    private let dice: UInt32

    /// - Parameter dice: another one for each connection (`RateClasses`).
    init(dice: UInt32 = 0) {
        self.dice = dice
        classes = RateClasses(dice: dice)
    }
    deinit { base?.deallocate() }

    var isEmpty: Bool { count == 0 }
    /// A symbol that comes now is due at once, and no class of its rate would look for it.
    var waitsForSymbols: Bool {
        patterns.contains { pattern in
            pattern.template.rate == .max
                || !classes.classes.contains { $0.slots > 0 && $0.rate == pattern.template.rate }
        }
    }
    var due: Instant { classes.due }
    var realTimeClass: UInt32 { classes.realTime }

    @inline(__always)
    subscript(index: Int) -> Slot { base.unsafelyUnwrapped[index] }

    /// The slot's address; stable until slots are added or removed.
    @inline(__always)
    func address(of index: Int) -> UnsafeMutablePointer<Slot> { base.unsafelyUnwrapped + index }

    func rate(of slot: Slot) -> Rate { classes[slot.rateClass].rate }

    /// Symbols subscribed to by name, and patterns.
    var symbolCount: Int {
        var symbols = 0
        var last: SymbolID?
        for index in 0..<count where !self[index].options.contains(.byPattern) {
            if self[index].symbol != last { symbols += 1 }
            last = self[index].symbol
        }
        return symbols + patterns.count
    }

    func index(of symbol: SymbolID, _ kind: StreamKind) -> Int? {
        let index = position(of: Slot.key(symbol, kind))
        return index < count && self[index].key == Slot.key(symbol, kind) ? index : nil
    }

    /// Slots of that symbol.
    func range(of symbol: SymbolID) -> Range<Int> {
        position(of: UInt64(symbol.raw) << 8)..<position(of: (UInt64(symbol.raw) + 1) << 8)
    }

    private func position(of key: UInt64) -> Int {
        var low = 0, high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].key < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    mutating func takeDue(at now: Instant) -> UInt32 { classes.takeDue(at: now) }
    mutating func postpone(_ served: UInt32, from now: Instant) { classes.postpone(served, from: now) }

    /// Where the range begins by now, and how many slots are in it.
    func rest(_ range: SlotRange) -> (first: Int, count: Int) {
        let first = position(of: range.first), end = position(of: range.last + 1)
        return (first, range.first <= range.last ? end - first : count - first + end)
    }

    // MARK: Changes

    /// Adds slots or changes them; either way a snapshot comes next. `symbols` are sorted, each once.
    ///
    /// - Returns: the symbols that had no such slot; nil where the connection has too many rates.
    mutating func subscribe(_ symbols: [SymbolID], _ template: SlotTemplate, now: Instant) -> [SymbolID]? {
        guard !symbols.isEmpty else { return [] }
        guard let rateClass = classes.join(template.rate, slots: symbols.count, now: now) else { return nil }
        var added: [SymbolID] = []
        for symbol in symbols {
            if let known = index(of: symbol, template.kind) {
                replace(known, template, rateClass)
            } else {
                added.append(symbol)
            }
        }
        insert(added, template, rateClass)
        return added
    }

    mutating func add(_ pattern: Pattern) {
        patterns.removeAll { $0.prefix == pattern.prefix && $0.template.kind == pattern.template.kind }
        patterns.append(pattern)
    }

    private mutating func replace(_ index: Int, _ template: SlotTemplate, _ rateClass: UInt8) {
        let old = self[index]
        classes.leave(old.rateClass)
        var options = template.options.union(old.options.intersection(.isNamed))
        // A name that was given stays one of the connection's own symbols.
        if !old.options.contains(.byPattern) { options.remove(.byPattern) }
        address(of: index).pointee = Slot(
            symbol: old.symbol, kind: old.kind, rateClass: rateClass, depth: template.depth, options: options)
    }

    /// Merges from the back, so that each slot moves once.
    private mutating func insert(_ symbols: [SymbolID], _ template: SlotTemplate, _ rateClass: UInt8) {
        guard !symbols.isEmpty else { return }
        reserve(count + symbols.count)
        let slots = base.unsafelyUnwrapped
        var old = count - 1, new = symbols.count - 1, at = count + symbols.count - 1
        while new >= 0 {
            if old >= 0, slots[old].key > Slot.key(symbols[new], template.kind) {
                slots[at] = slots[old]
                old -= 1
            } else {
                (slots + at).initialize(
                    to: Slot(
                        symbol: symbols[new], kind: template.kind, rateClass: rateClass,
                        depth: template.depth, options: template.options))
                new -= 1
            }
            at -= 1
        }
        count += symbols.count
    }

    private mutating func reserve(_ slots: Int) {
        guard slots > capacity else { return }
        let larger = max(4, slots > 64 ? slots + slots / 4 : slots)
        let new = UnsafeMutablePointer<Slot>.allocate(capacity: larger)
        if let base {
            new.update(from: base, count: count)
            base.deallocate()
        }
        base = new
        capacity = larger
    }

    /// Removes the slots that `matches` says yes to, after it was asked about each one once.
    mutating func unsubscribe(_ matches: (Slot) -> Bool) {
        var kept = 0
        for index in 0..<count {
            let slot = self[index]
            if matches(slot) {
                classes.leave(slot.rateClass)
            } else {
                address(of: kept).pointee = slot
                kept += 1
            }
        }
        count = kept
    }

    mutating func removePatterns(_ matches: (Pattern) -> Bool) { patterns.removeAll(where: matches) }

    /// Changes the rate of the slots that `matches` says yes to, and nothing else: the chains of
    /// versions go on. Patterns that `covers` says yes to take it for symbols to come.
    ///
    /// - Returns: how many slots it were; nil where the connection has too many different rates.
    mutating func set(
        _ rate: Rate, now: Instant, _ matches: (Slot) -> Bool, covers: (Pattern) -> Bool
    ) -> Int? {
        let chosen = (0..<count).filter { matches(self[$0]) }
        if !chosen.isEmpty {
            guard let rateClass = classes.join(rate, slots: chosen.count, now: now) else { return nil }
            for index in chosen {
                classes.leave(self[index].rateClass)
                address(of: index).pointee.rateClass = rateClass
            }
        }
        for index in patterns.indices where covers(patterns[index]) {
            var template = patterns[index].template
            template.rate = rate
            patterns[index] = Pattern(prefix: patterns[index].prefix, template: template)
        }
        return chosen.count
    }

    mutating func removeAll() {
        base?.deallocate()
        base = nil
        capacity = 0
        count = 0
        patterns = []
        classes = RateClasses(dice: dice)
    }
}
