// A colour, and how it is said to terminals that know sixteen of them, 256, or all.

public struct Colour: Hashable, Sendable {
    public let red, green, blue: UInt8
    /// Of the sixteen: 0…7, and 8…15 the bright ones. Chosen by hand: what they look like is the
    /// terminal's own affair.
    public let basic: UInt8

    public init(_ rgb: UInt32, basic: UInt8) {
        red = UInt8(truncatingIfNeeded: rgb >> 16)
        green = UInt8(truncatingIfNeeded: rgb >> 8)
        blue = UInt8(truncatingIfNeeded: rgb)
        self.basic = basic
    }

    /// The nearest of the 240 that xterm fixes: 16…231 a cube of 6 × 6 × 6, 232…255 greys.
    public var indexed: UInt8 {
        let cube = [red, green, blue].map(Colour.step)
        let grey = min(max((Int(red) + Int(green) + Int(blue)) / 3 - 3, 0) / 10, 23)
        let level = UInt8(8 + 10 * grey)
        let inCube = distance(Colour.steps[cube[0]], Colour.steps[cube[1]], Colour.steps[cube[2]])
        if distance(level, level, level) < inCube { return UInt8(232 + grey) }
        return UInt8(16 + 36 * cube[0] + 6 * cube[1] + cube[2])
    }

    /// Parameters of SGR that make it the colour of the text, or of what is behind the text.
    func parameters(_ depth: ColourDepth, isBehind: Bool) -> String {
        switch depth {
        case .none: ""
        case .sixteen:
            "\((isBehind ? 40 : 30) + (basic < 8 ? Int(basic) : Int(basic) + 52))"
        case .palette256: "\(isBehind ? 48 : 38);5;\(indexed)"
        case .trueColour: "\(isBehind ? 48 : 38);2;\(red);\(green);\(blue)"
        }
    }

    static let steps: [UInt8] = [0, 95, 135, 175, 215, 255]

    private static func step(of value: UInt8) -> Int {
        value < 48 ? 0 : value < 115 ? 1 : (Int(value) - 35) / 40
    }

    private func distance(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> Int {
        func squared(_ a: UInt8, _ b: UInt8) -> Int { (Int(a) - Int(b)) * (Int(a) - Int(b)) }
        return squared(red, self.red) + squared(green, self.green) + squared(blue, self.blue)
    }
}
