// Bytes of a terminal → keys, a piece at a time.
//
//     61            a                     1B            Escape, if nothing follows for 50 ms
//     1B 61         Alt-a                 1B 5B 41      Up, as 1B 4F 41 is
//     1B [ 200 ~    what was pasted       1B [ 201 ~    and its end
//
// Invariants
//   - Where the bytes are cut makes no difference, but for a pause behind an escape.
//   - No bytes grow it: a sequence keeps a few numbers, a paste 64 KiB, the rest of either is dropped.
//   - What is not known is swallowed whole: no part of a sequence is ever taken for something typed.
//   - No clock in here: the caller passes `now`, and calls `flush` when `due` says.
import Basics

public struct KeyReader: Sendable {
    /// How long a byte that may begin a sequence waits for the rest.
    public static let escapeTimeout = Nanoseconds.milliseconds(50)
    /// A paste whose end is lost ends by itself after so long a silence.
    public static let pasteTimeout = Nanoseconds.seconds(1)
    public static let pasteBytesMax = 65_536
    /// Of a sequence that ends with a text, an answer of the terminal say: what is longer is none.
    private static let textBytesMax = 4_096

    private enum State: Hashable, Sendable {
        case ground, escape, control, single, linuxFunction
        /// `ESC ]` and its kin, up to BEL or ESC \; so many bytes are read.
        case text(Int)
        /// Behind an escape in such a text, of which it is the end.
        case textEnd
        case paste
        /// Of a character: how many bytes are to come, what there is, and the least it must be.
        case character(left: Int, value: UInt32, least: UInt32)
    }
    private var state = State.ground
    private var sequence = ControlSequence()
    private var isAlternate = false
    private var pasted: [UInt8] = []
    /// How much of the end of a paste the last bytes are.
    private var matched = 0
    private var lastByte = Instant.zero
    private var keys: [Key] = []

    public init() {}

    /// When to call `flush`; nil where nothing waits.
    public var due: Instant? {
        switch state {
        case .ground: nil
        case .paste: lastByte + KeyReader.pasteTimeout
        default: lastByte + KeyReader.escapeTimeout
        }
    }

    /// The keys that these bytes complete.
    public mutating func take(_ bytes: some Sequence<UInt8>, _ now: Instant) -> [Key] {
        expire(now)
        for byte in bytes {
            take(byte)
            lastByte = now
        }
        return gather()
    }

    /// The keys that are complete since nothing followed: a lone escape is one.
    public mutating func flush(_ now: Instant) -> [Key] {
        expire(now)
        return gather()
    }

    private mutating func gather() -> [Key] {
        defer { keys.removeAll() }
        return keys
    }

    private mutating func expire(_ now: Instant) {
        guard let due, now >= due else { return }
        switch state {
        case .escape: keys.append(.escape)
        case .control where sequence.isEmpty: keys.append(.alternate("["))
        case .single: keys.append(.alternate("O"))
        case .text(0): keys.append(.alternate(sequence.opener))
        case .paste: endPaste()
        default: break
        }
        rest()
    }

    private mutating func rest() {
        state = .ground
        isAlternate = false
    }

    // MARK: A byte

    private mutating func take(_ byte: UInt8) {
        switch state {
        case .ground: ground(byte)
        case .escape: escape(byte)
        case .control: control(byte)
        case .single: single(byte)
        case .linuxFunction:
            rest()
            if (0x41...0x45).contains(byte) { keys.append(.function(Int(byte) - 0x40)) }
        case .text(let count): text(byte, count)
        case .textEnd:
            rest()
            if byte != UInt8(ascii: "\\") { escape(byte) }
        case .paste: paste(byte)
        case .character(let left, let value, let least): character(byte, left, value, least)
        }
    }

    private mutating func ground(_ byte: UInt8) {
        switch byte {
        case 0x1B: state = .escape
        case 0xC2...0xDF: state = .character(left: 1, value: UInt32(byte & 0x1F), least: 0x80)
        case 0xE0...0xEF: state = .character(left: 2, value: UInt32(byte & 0x0F), least: 0x800)
        case 0xF0...0xF4: state = .character(left: 3, value: UInt32(byte & 0x07), least: 0x1_0000)
        // No byte of UTF-8 that could stand here.
        case 0x80...: rest()
        default: plain(byte)
        }
    }

    private mutating func plain(_ byte: UInt8) {
        switch byte {
        case 0x09: keys.append(.tab)
        case 0x0A, 0x0D: keys.append(.enter)
        case 0x08, 0x7F: keys.append(.backspace)
        case 0x00: keys.append(.control(" "))
        case 0x01...0x1A: keys.append(.control(Unicode.Scalar(byte | 0x60)))
        case 0x1C...0x1F: keys.append(.control(Unicode.Scalar(byte | 0x40)))
        default: type(Unicode.Scalar(byte))
        }
        rest()
    }

    private mutating func type(_ scalar: Unicode.Scalar) {
        keys.append(isAlternate ? .alternate(scalar) : .character(scalar))
    }

    private mutating func character(_ byte: UInt8, _ left: Int, _ value: UInt32, _ least: UInt32) {
        guard byte & 0xC0 == 0x80 else {
            rest()
            return ground(byte)
        }
        let value = value << 6 | UInt32(byte & 0x3F)
        guard left == 1 else {
            state = .character(left: left - 1, value: value, least: least)
            return
        }
        // Controls of the upper half are no keys.
        if value >= max(least, 0xA0), let scalar = Unicode.Scalar(value) { type(scalar) }
        rest()
    }

    private mutating func escape(_ byte: UInt8) {
        switch Unicode.Scalar(byte) {
        case "[":
            sequence = ControlSequence()
            state = .control
        case "O": state = .single
        case "]", "P", "X", "^", "_":
            sequence.opener = Unicode.Scalar(byte)
            state = .text(0)
        case "\u{1B}": keys.append(.escape)
        default:
            isAlternate = true
            ground(byte)
        }
    }

    private mutating func control(_ byte: UInt8) {
        switch sequence.take(byte) {
        case .more: return
        case .broken:
            rest()
            ground(byte)
        case .linuxFunction: state = .linuxFunction
        case .ended:
            rest()
            if sequence.isPasteStart {
                state = .paste
            } else if let key = sequence.key {
                keys.append(key)
            }
        }
    }

    private mutating func single(_ byte: UInt8) {
        rest()
        guard byte >= 0x20, byte < 0x7F else { return ground(byte) }
        if let key = ControlSequence.key(afterSingleShift: byte) { keys.append(key) }
    }

    /// To be swallowed, up to its end or to where it can be none.
    private mutating func text(_ byte: UInt8, _ count: Int) {
        switch byte {
        case 0x1B: state = .textEnd
        case 0x07: rest()
        case _ where count >= KeyReader.textBytesMax: rest()
        default: state = .text(count + 1)
        }
    }

    // MARK: Pastes

    private static let pasteEnd = Array("\u{1B}[201~".utf8)

    private mutating func paste(_ byte: UInt8) {
        if byte == KeyReader.pasteEnd[matched] {
            matched += 1
            if matched == KeyReader.pasteEnd.count {
                endPaste()
                rest()
            }
            return
        }
        // An escape begins the end, and is nowhere else in it: what looked like it was pasted.
        for index in 0..<matched { keep(KeyReader.pasteEnd[index]) }
        matched = byte == 0x1B ? 1 : 0
        if matched == 0 { keep(byte) }
    }

    private mutating func keep(_ byte: UInt8) {
        if pasted.count < KeyReader.pasteBytesMax { pasted.append(byte) }
    }

    private mutating func endPaste() {
        keys.append(.paste(String(decoding: pasted, as: UTF8.self)))
        pasted = []
        matched = 0
    }
}
