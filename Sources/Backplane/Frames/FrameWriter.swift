// Frames on their way out.
//
// Invariant: a frame's length is written when the rest of it is there.
import Basics
import Market

public struct FrameWriter: ~Copyable {
    public private(set) var buffer = ByteBuffer()
    private let epoch: UInt32

    public init(epoch: UInt32) { self.epoch = epoch }

    public var bytes: UnsafeRawBufferPointer { buffer.readable }
    public var isEmpty: Bool { buffer.isEmpty }
    public mutating func removeAll() { buffer.removeAll() }

    /// - Parameter previous: the flush of the symbol's frame before.
    public mutating func ticks(_ ticks: some Collection<Tick>, _ place: FlushPlace, previous: UInt64) {
        let start = begin(.ticks, place) { pen in pen.varint(place.flush &- previous) }
        add(ticks)
        end(start)
    }

    public mutating func gone(_ place: FlushPlace) { end(begin(.gone, place) { _ in }) }

    /// A symbol's state, in as many frames as it takes.
    ///
    /// - Returns: where each begins.
    @discardableResult
    public mutating func state(_ ticks: [Tick], _ place: FlushPlace, term: UInt64) -> [Int] {
        var starts: [Int] = [], from = 0
        repeat {
            let to = min(from + FrameLimits.ticksMax, ticks.count)
            let part: UInt8 = (from == 0 ? 1 : 0) | (to == ticks.count ? 2 : 0)
            let start = begin(.state, place) { pen in
                pen.varint(term)
                pen.byte(part)
            }
            add(ticks[from..<to])
            end(start)
            starts.append(start)
            from = to
        } while from < ticks.count
        return starts
    }

    /// - Parameters:
    ///   - ticks: with what each is among the symbol's in its flush.
    ///   - count: how many these are.
    public mutating func events(_ ticks: [(index: Int, tick: Tick)], of count: Int, _ place: FlushPlace) {
        let start = begin(.events, place) { $0.varint(UInt64(count)) }
        var context = TickContext(for: ticks.lazy.map(\.tick))
        addSteps(context, count: ticks.count)
        var last = 0
        for (index, tick) in ticks {
            buffer.write(atMost: TickContext.tickMax + Pen.varintMax) { pen in
                pen.varint(UInt64(index - last))
                context.write(tick, to: &pen)
            }
            last = index
        }
        end(start)
    }

    /// - Parameters:
    ///   - told: what was published completely: not after the flush's end.
    ///   - changed: the publisher's numbers of the symbols that changed in the flush, ascending.
    public mutating func heads(
        _ place: FlushPlace, told: UInt64, term: UInt64, clock: UInt8, symbols: Int, changed: [UInt32]
    ) {
        let start = begin(.heads, place) { pen in
            pen.varint(place.end &- told)
            pen.varint(term)
            pen.byte(clock)
            pen.varint(UInt64(symbols))
            pen.varint(UInt64(changed.count))
        }
        var last: UInt32 = 0
        for number in changed {
            buffer.write(atMost: Pen.varintMax) { $0.varint(UInt64(number &- last)) }
            last = number
        }
        end(start)
    }

    /// - Parameter definitions: `.symbol` ticks, numbered from `first` on.
    public mutating func symbols(
        _ definitions: some Collection<Tick>, first: Int, term: UInt64, clock: UInt8, source: String
    ) {
        let words = Array(source.utf8.prefix(FrameLimits.sourceMax))
        let start = begin(.symbols, nil) { pen in
            pen.varint(term)
            pen.byte(clock)
            pen.varint(UInt64(first))
            pen.varint(UInt64(words.count))
        }
        words.withUnsafeBytes { buffer.append($0) }
        add(definitions)
        end(start)
    }

    private mutating func begin(
        _ type: FrameType, _ place: FlushPlace?, _ more: (inout Pen) -> Void
    ) -> Int {
        let start = buffer.count
        let epoch = epoch
        buffer.write(atMost: FrameLimits.headMax) { pen in
            pen.littleEndian(UInt32(0))
            pen.byte(FrameLimits.version)
            pen.byte(type.rawValue)
            pen.littleEndian(epoch)
            if let place {
                pen.varint(place.flush)
                pen.varint(place.first)
                pen.varint(place.end &- place.first)
            }
            more(&pen)
        }
        return start
    }

    private mutating func end(_ start: Int) {
        let length = UInt32(buffer.count - start - 4)
        buffer.mutable.storeBytes(of: length.littleEndian, toByteOffset: start, as: UInt32.self)
    }

    private mutating func addSteps(_ context: TickContext, count: Int) {
        buffer.write(atMost: 2 + Pen.varintMax) { pen in
            pen.byte(TickContext.exponent(context.priceStep))
            pen.byte(TickContext.exponent(context.sizeStep))
            pen.varint(UInt64(count))
        }
    }

    private mutating func add(_ ticks: some Collection<Tick>) {
        var context = TickContext(for: ticks)
        addSteps(context, count: ticks.count)
        for tick in ticks {
            buffer.write(atMost: TickContext.tickMax) { context.write(tick, to: &$0) }
        }
    }
}

extension Pen {
    mutating func littleEndian(_ value: UInt32) {
        for shift in stride(from: UInt32(0), to: 32, by: 8) {
            byte(UInt8(truncatingIfNeeded: value >> shift))
        }
    }
}
