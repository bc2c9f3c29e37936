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
        let symbol = one.symbol, encoding = one.encoding
        let version = symbol.pointee.quote.sequence
        if let bytes = arena.bytes(of: symbol.pointee.quoteBodies[encoding], version: version) {
            return bytes
        }
        let body = arena.encode(version: version, atMost: NativeJSON.bodyMax) { pen in
            switch encoding {
            case .json: NativeJSON.quote(symbol.pointee.quote, name: symbol.pointee.name, to: &pen)
            case .sbe: NativeSBE.quote(symbol.pointee.quote, symbol: one.slot.pointee.symbol, to: &pen)
            }
        }
        symbol.pointee.quoteBodies[encoding] = body
        return arena.bytes(of: body, version: version).unsafelyUnwrapped
    }

    mutating func gatherStats(_ one: Addressee) {
        let newest = one.symbol.pointee.tradeSequence
        guard newest != one.slot.pointee.sent, let last = one.symbol.pointee.lastTrade else { return }
        emit(statsBody(one, last), version: newest, received: last.receiveTime, to: one)
    }

    private mutating func statsBody(_ one: Addressee, _ last: Tick) -> UnsafeRawBufferPointer {
        let symbol = one.symbol, encoding = one.encoding, version = last.sequence
        if let bytes = arena.bytes(of: symbol.pointee.statsBodies[encoding], version: version) {
            return bytes
        }
        let body = arena.encode(version: version, atMost: NativeJSON.bodyMax) { pen in
            switch encoding {
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
        symbol.pointee.statsBodies[encoding] = body
        return arena.bytes(of: body, version: version).unsafelyUnwrapped
    }
}
