// A terminal in memory, that knows what our painter says and fails a test on anything else.
import Testing

@testable import Watch

struct Emulator {
    /// What SGR has switched on.
    struct Look: Hashable {
        var flags: Set<Int> = []
        /// The parameters as they came: "38;2;1;2;3"; empty is the terminal's own.
        var text = "", behind = ""
        static let plain = Look()
    }
    struct Place: Hashable {
        /// 0 in the right half of a wide character.
        var scalar: UInt32 = 0x20
        var look = Look.plain
    }

    private(set) var columns: Int, rows: Int
    private(set) var places: [Place]
    private(set) var look = Look.plain
    /// Private modes that are set: 7 is autowrap, 25 the cursor, 1049 the other screen, 2026 a frame.
    private(set) var modes: Set<Int> = [7, 25]
    private(set) var bells = 0
    /// How many parameters of SGR were about colours.
    private(set) var colourParameters = 0
    private var column = 0, row = 0
    private var pending: [UInt8] = []
    /// False from a change of size to the next clearing: what comes is for the screen that was.
    private var isSettled = true

    init(columns: Int, rows: Int, modes: Set<Int> = [25]) {
        (self.columns, self.rows, self.modes) = (columns, rows, modes)
        places = Array(repeating: Place(), count: columns * rows)
    }

    /// Bytes as they come, cut anywhere.
    mutating func feed(_ bytes: some Collection<UInt8>) {
        pending += bytes
        while !pending.isEmpty {
            guard let length = step() else { return }
            pending.removeFirst(length)
        }
    }

    /// Another size; what is on the screen then is anybody's guess.
    mutating func resize(columns: Int, rows: Int) {
        (self.columns, self.rows) = (columns, rows)
        isSettled = false
        let guess = Place(scalar: 0x3F, look: Look(flags: [7]))
        places = Array(repeating: guess, count: columns * rows)
        (column, row) = (min(column, max(0, columns - 1)), min(row, max(0, rows - 1)))
    }

    func text(row: Int) -> String {
        var text = String.UnicodeScalarView()
        for place in places[row * columns..<(row + 1) * columns] where place.scalar != 0 {
            text.append(Unicode.Scalar(place.scalar) ?? "?")
        }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
    var text: String { (0..<rows).map { text(row: $0) }.joined(separator: "\n") }

    /// Whether all of it is as a canvas and a theme have it.
    func shows(_ canvas: Canvas, _ theme: Theme) -> Bool {
        guard (columns, rows) == (canvas.columns, canvas.rows) else { return false }
        return zip(places, canvas.cells).allSatisfy { place, cell in
            var look = Look.plain
            let sequence = theme.sequence(of: cell.role, isSelected: cell.isSelected)
            Emulator.apply(Emulator.parameters(of: sequence.dropFirst(2).dropLast()), to: &look)
            return place == Place(scalar: cell.scalar, look: look)
        }
    }
}

// MARK: What comes

extension Emulator {
    /// Does what comes first; nil where more is needed to know it.
    private mutating func step() -> Int? {
        switch pending[0] {
        case 0x1B: return escape()
        case 0x07:
            bells += 1
            return 1
        case 0x20...0x7E:
            put(UInt32(pending[0]))
            return 1
        case 0xC2...0xF4: return character()
        default:
            Issue.record("byte \(pending[0]) sent to a terminal")
            return 1
        }
    }

    private mutating func character() -> Int? {
        let length = pending[0] < 0xE0 ? 2 : pending[0] < 0xF0 ? 3 : 4
        let whole = pending.prefix(length)
        if let cut = whole.dropFirst().firstIndex(where: { $0 < 0x80 }) {
            put(0xFFFD)
            return cut
        }
        guard whole.count == length else { return nil }
        guard let text = String(validating: whole, as: UTF8.self) else {
            Issue.record("\(whole) is not UTF-8")
            return 1
        }
        for scalar in text.unicodeScalars { put(scalar.value) }
        return length
    }

    private mutating func escape() -> Int? {
        guard pending.count > 1 else { return nil }
        guard pending[1] == UInt8(ascii: "[") else {
            #expect(pending[1] == 0x1B, "ESC \(pending[1]) sent to a terminal")
            return 1
        }
        let end = pending[2...].firstIndex { (0x40...0x7E).contains($0) || $0 == 0x1B }
        guard let end else { return nil }
        // An escape ends whatever was begun.
        guard pending[end] != 0x1B else { return end }
        var body = pending[2..<end]
        let isPrivate = body.first == UInt8(ascii: "?")
        if isPrivate { body = body.dropFirst() }
        let numbers = Emulator.parameters(of: body)
        control(Unicode.Scalar(pending[end]), isPrivate, numbers)
        return end + 1
    }

    private static func parameters(of bytes: some Collection<UInt8>) -> [Int] {
        String(decoding: bytes, as: UTF8.self).split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.isEmpty ? 0 : Int($0) ?? -1 }
    }

    private mutating func control(_ final: Unicode.Scalar, _ isPrivate: Bool, _ numbers: [Int]) {
        let first = numbers.first ?? 0
        switch (final, isPrivate) {
        case ("h", true): for mode in numbers { modes.insert(mode) }
        case ("l", true): for mode in numbers { modes.remove(mode) }
        case ("H", false):
            let column = numbers.count > 1 ? numbers[1] : 0
            move(to: max(1, column) - 1, max(1, first) - 1)
        case ("G", false): move(to: max(1, first) - 1, row)
        case ("C", false): move(to: column + max(1, first), row)
        case ("J", false) where first == 2:
            erase(0..<places.count)
            isSettled = true
        case ("K", false) where first == 0 && rows > 0: erase(row * columns + column..<(row + 1) * columns)
        case ("m", false):
            colourParameters += numbers.filter { $0 >= 30 }.count
            Emulator.apply(numbers, to: &look)
        default: Issue.record("ESC[\(numbers)\(final) sent to a terminal")
        }
    }

    private mutating func move(to column: Int, _ row: Int) {
        let isInside = column < max(1, columns) && row < max(1, rows)
        #expect(isInside || !isSettled, "the cursor is sent to \(column), \(row) of \(columns) × \(rows)")
        (self.column, self.row) = (min(column, max(0, columns - 1)), min(row, max(0, rows - 1)))
    }

    private mutating func erase(_ range: Range<Int>) {
        var blank = Place()
        blank.look.behind = look.behind
        for index in range { places[index] = blank }
    }

    private static func apply(_ numbers: [Int], to look: inout Look) {
        var index = 0
        while index < numbers.count {
            let number = numbers[index]
            switch number {
            case 0: look = .plain
            case 1, 2, 4, 7: look.flags.insert(number)
            case 30...37, 90...97: look.text = "\(number)"
            case 40...47, 100...107: look.behind = "\(number)"
            case 38, 48:
                let count = index + 1 < numbers.count && numbers[index + 1] == 2 ? 5 : 3
                let words = numbers[index..<min(index + count, numbers.count)].map(String.init)
                if number == 38 { look.text = words.joined(separator: ";") }
                if number == 48 { look.behind = words.joined(separator: ";") }
                index += count - 1
            default: Issue.record("SGR \(number) sent to a terminal")
            }
            index += 1
        }
    }

    /// A character, as a terminal without autowrap has it: behind the last column nothing is put.
    private mutating func put(_ scalar: UInt32) {
        let width = CharacterWidth.of(raw: scalar)
        guard width > 0, column + width <= columns, row < rows, !modes.contains(7) else {
            if isSettled { Issue.record("\(scalar) is put at \(column), \(row) of \(columns) × \(rows)") }
            return
        }
        let base = row * columns
        if places[base + column].scalar == 0 { places[base + column - 1].scalar = 0x20 }
        let behind = column + width
        if behind < columns, places[base + behind].scalar == 0 { places[base + behind].scalar = 0x20 }
        places[base + column] = Place(scalar: scalar, look: look)
        if width == 2 { places[base + column + 1] = Place(scalar: 0, look: look) }
        column = behind
    }
}
