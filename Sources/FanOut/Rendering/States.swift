// Quotes and statistics: states of which the newest version is all that anybody wants.
import Basics
import Dialects
import Market

extension Shard {
    @inline(__always)
    mutating func gatherQuote(_ one: Addressee) {
        let newest = one.symbol.pointee.quote.sequence
        guard newest != one.slot.pointee.sent else { return }
        emit(
            quoteBody(one), version: newest, received: one.symbol.pointee.quote.receiveTime, to: one)
    }

    @inline(__always)
    private mutating func quoteBody(_ one: Addressee) -> UnsafeRawBufferPointer {
        let symbol = one.symbol, version = symbol.pointee.quote.sequence
        return arena.bytes(&symbol.pointee.quoteBodies, one.encoding, version: version) { pen in
            switch one.encoding {
            case .json: NativeJSON.quote(symbol.pointee.quote, name: symbol.pointee.name, to: &pen)
            case .sbe: NativeSBE.quote(symbol.pointee.quote, symbol: one.slot.pointee.symbol, to: &pen)
            }
        }
    }

    mutating func gatherStats(_ one: Addressee) {
        let newest = one.symbol.pointee.tradeSequence
        guard newest != one.slot.pointee.sent, let last = one.symbol.pointee.lastPrint else { return }
        emit(statsBody(one, last), version: newest, received: last.receiveTime, to: one)
    }

    private mutating func statsBody(_ one: Addressee, _ last: Tick) -> UnsafeRawBufferPointer {
        let symbol = one.symbol, version = last.sequence
        return arena.bytes(&symbol.pointee.statsBodies, one.encoding, version: version) { pen in
            switch one.encoding {
            case .json:
                NativeJSON.stats(
                    symbol.pointee.day, sequence: version, at: last.eventTime, name: symbol.pointee.name,
                    to: &pen)
            case .sbe:
                NativeSBE.stats(
                    symbol.pointee.day, sequence: version, at: last.eventTime,
                    symbol: one.slot.pointee.symbol, to: &pen)
            }
        }
    }
}
