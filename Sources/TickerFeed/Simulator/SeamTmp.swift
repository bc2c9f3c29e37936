import Market
extension BookBuilder {
    mutating func suspectAll(at: Stamp) {}
    mutating func suspect(_ s: SymbolID, at: Stamp) {}
    mutating func trust(_ s: SymbolID, at: Stamp) {}
    mutating func clearOrders(_ s: SymbolID, at: Stamp) {}
}
