// A control sequence as a terminal sends it for a key (ECMA-48 §5.4; xterm's ctlseqs, "Function keys").
//
//     ESC [ 1 ; 2 A      numbers 1 and 2, ended by A: Up with shift, as the second is 1 + its bits
//
// Invariant: keeps four numbers of 16 bits whatever comes, and is over after 64 bytes.

struct ControlSequence: Sendable {
    enum Verdict { case more, ended, broken, linuxFunction }

    private static let bytesMax = 64
    private var numbers: (UInt16, UInt16, UInt16, UInt16) = (0, 0, 0, 0)
    private var place = 0, count = 0
    /// Something of it says that it is no key.
    private var isForeign = false
    private var final: UInt8 = 0
    /// Behind a colon is what is more precise than we are.
    private var isDetail = false
    /// What began a sequence with a text.
    var opener: Unicode.Scalar = "]"

    var isEmpty: Bool { count == 0 }
    var isPasteStart: Bool { !isForeign && final == UInt8(ascii: "~") && numbers.0 == 200 }

    mutating func take(_ byte: UInt8) -> Verdict {
        count += 1
        switch byte {
        case UInt8(ascii: "[") where count == 1: return .linuxFunction
        case 0x30...0x39: digit(UInt16(byte - 0x30))
        case UInt8(ascii: ":"): isDetail = true
        case UInt8(ascii: ";"):
            place += 1
            isDetail = false
        case 0x20...0x2F, 0x3C...0x3F: isForeign = true
        case 0x40...0x7E:
            final = byte
            return .ended
        default: return .broken
        }
        return count < ControlSequence.bytesMax ? .more : .ended
    }

    private mutating func digit(_ digit: UInt16) {
        guard !isDetail else { return }
        func append(_ number: inout UInt16) { number = number < 6_553 ? number * 10 + digit : .max }
        switch place {
        case 0: append(&numbers.0)
        case 1: append(&numbers.1)
        case 2: append(&numbers.2)
        default: break
        }
    }
}

// MARK: Which key it is

extension ControlSequence {
    private var modifiers: UInt16 { numbers.1 == 0 ? 0 : numbers.1 - 1 }
    private var hasShift: Bool { modifiers & 1 != 0 }

    /// Nil: none of ours, or no key.
    var key: Key? {
        guard !isForeign else { return nil }
        switch Unicode.Scalar(final) {
        case "A": return hasShift ? .shiftUp : .up
        case "B": return hasShift ? .shiftDown : .down
        case "a": return .shiftUp
        case "b": return .shiftDown
        case "Z": return .backTab
        case "I": return isEmptyOfNumbers ? .focusIn : nil
        case "O": return isEmptyOfNumbers ? .focusOut : nil
        case "~": return numbers.0 == 27 ? typed(numbers.2) : ControlSequence.numbered(numbers.0)
        case "u": return typed(numbers.0)
        // With another first number it is the place of the cursor.
        case "R": return numbers.0 <= 1 ? .function(3) : nil
        default: return ControlSequence.key(afterSingleShift: final, named: true)
        }
    }

    private var isEmptyOfNumbers: Bool { count == 1 }

    /// `ESC O A`, and with the letters alone `ESC [ A`.
    static func key(afterSingleShift byte: UInt8, named: Bool = false) -> Key? {
        switch Unicode.Scalar(byte) {
        case "A": .up
        case "B": .down
        case "C": .right
        case "D": .left
        case "H": .home
        case "F": .end
        case "P", "Q", "R", "S": .function(Int(byte) - 0x4F)
        case _ where named: nil
        // The number pad of terminals that are told to say so.
        case "M": .enter
        case "j"..."y": .character(Unicode.Scalar(byte - 0x40))
        default: nil
        }
    }

    private static func numbered(_ number: UInt16) -> Key? {
        switch number {
        case 1, 7: .home
        case 4, 8: .end
        case 3: .delete
        case 5: .pageUp
        case 6: .pageDown
        case 11...15: .function(Int(number) - 10)
        case 17...21: .function(Int(number) - 11)
        case 23...26: .function(Int(number) - 12)
        case 28, 29: .function(Int(number) - 13)
        case 31...34: .function(Int(number) - 14)
        default: nil
        }
    }

    /// A character with its modifiers, as `ESC [ 27 ; 5 ; 99 ~` and `ESC [ 99 ; 5 u` name it.
    private func typed(_ code: UInt16) -> Key? {
        switch code {
        case 9: return hasShift ? .backTab : .tab
        case 13: return .enter
        case 27: return .escape
        case 8, 127: return .backspace
        // Controls, and the numbers that stand for keys without a character.
        case ..<0x20, 0x80..<0xA0, 0xE000..<0xF900: return nil
        default: break
        }
        guard let scalar = Unicode.Scalar(code) else { return nil }
        if modifiers & 4 != 0 { return .control(scalar) }
        return modifiers & 2 != 0 ? .alternate(scalar) : .character(scalar)
    }
}
