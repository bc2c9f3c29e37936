// Numbers of a JSON text in fixed point: exactly, or not at all.
//
//     61737.63000000      digits 6173763000000, eight of them behind the point
//     value = digits × 10^(decimals + exponent - places)      a negative power must divide without rest
//
// 19 digits fit into 64 bits. Longer numbers, mostly zeros at one end, take the slow way.

extension JSONScanner {
    /// A number in units of 10^-`decimals` (0...18): 1.5 at 8 decimals is 150,000,000. With an exponent,
    /// too, as long as nothing has to be rounded.
    public mutating func number(decimals: Int) throws(JSONFault) -> Int64 {
        let first = try next()
        guard first == UInt8(ascii: "-") || first &- UInt8(ascii: "0") < 10 else { throw .wrongKind }
        let value = try fixedPoint(decimals: decimals)
        valueEnds()
        return value
    }

    /// A number without decimals: an id, a count, a time.
    public mutating func integer() throws(JSONFault) -> Int64 { try number(decimals: 0) }

    /// A string that holds a number and nothing else. Escapes are no digits.
    public mutating func quoted(decimals: Int) throws(JSONFault) -> Int64 {
        guard try next() == UInt8(ascii: "\"") else { throw .wrongKind }
        offset &+= 1
        let value = try fixedPoint(decimals: decimals)
        guard offset < bytes.byteCount else { throw .endsEarly }
        guard bytes.u8(at: offset) == UInt8(ascii: "\"") else { throw .badNumber }
        offset &+= 1
        valueEnds()
        return value
    }

    /// A number, in quotes or not.
    public mutating func decimal(decimals: Int) throws(JSONFault) -> Int64 {
        try next() == UInt8(ascii: "\"") ? quoted(decimals: decimals) : number(decimals: decimals)
    }

    mutating func skipNumber() throws(JSONFault) {
        _ = try numeral()
        valueEnds()
    }

    @inline(__always)
    private mutating func fixedPoint(decimals: Int) throws(JSONFault) -> Int64 {
        let start = offset
        let numeral = try numeral()
        if numeral.digits > 19 { return try longFixedPoint(from: start, numeral, decimals: decimals) }
        if numeral.places == decimals, numeral.exponent == 0, numeral.value <= UInt64(Int64.max) {
            return numeral.isNegative ? -Int64(numeral.value) : Int64(numeral.value)
        }
        return try numeral.scaled(by: decimals + numeral.exponent - numeral.places)
    }

    /// Takes the digits one by one and remembers zeros until a digit follows them.
    @inline(never)
    private func longFixedPoint(
        from start: Int, _ read: Numeral, decimals: Int
    ) throws(JSONFault) -> Int64 {
        var long = Numeral(), zeros = 0, seenPoint = false
        long.isNegative = read.isNegative
        for place in start..<offset {
            let byte = bytes.u8(at: place)
            if byte | 0x20 == UInt8(ascii: "e") { break }
            if byte == UInt8(ascii: ".") { seenPoint = true }
            guard byte >= UInt8(ascii: "0") else { continue }
            if seenPoint { long.places += 1 }
            zeros += 1
            guard byte > UInt8(ascii: "0") else { continue }
            for _ in 1..<zeros where long.value != 0 { try long.append(0) }
            try long.append(UInt64(byte - UInt8(ascii: "0")))
            zeros = 0
        }
        return try long.scaled(by: decimals + read.exponent - (long.places - zeros))
    }

    /// RFC 8259 §6: no leading zeros, a digit on either side of the point.
    @inline(__always)
    private mutating func numeral() throws(JSONFault) -> Numeral {
        var numeral = Numeral()
        if take(UInt8(ascii: "-")) { numeral.isNegative = true }
        let start = offset
        if !take(UInt8(ascii: "0")) { try digits(into: &numeral.value) }
        numeral.digits = offset &- start
        if take(UInt8(ascii: ".")) {
            let point = offset
            try digits(into: &numeral.value)
            numeral.places = offset &- point
            numeral.digits &+= numeral.places
        }
        if offset < bytes.byteCount, bytes.u8(at: offset) | 0x20 == UInt8(ascii: "e") {
            numeral.exponent = try exponent()
        }
        return numeral
    }

    /// One digit and more, behind those that are there. Above 19 the value is void.
    @inline(__always)
    private mutating func digits(into value: inout UInt64) throws(JSONFault) {
        let start = offset
        while offset < bytes.byteCount {
            let digit = bytes.u8(at: offset) &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = value &* 10 &+ UInt64(digit)
            offset &+= 1
        }
        guard offset > start else { throw .badNumber }
    }

    private mutating func exponent() throws(JSONFault) -> Int {
        offset += 1
        let isNegative = take(UInt8(ascii: "-"))
        if !isNegative { _ = take(UInt8(ascii: "+")) }
        let start = offset
        var value = 0
        while offset < bytes.byteCount {
            let digit = bytes.u8(at: offset) &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            value = min(1_000_000, value * 10 + Int(digit))  // more makes no difference
            offset += 1
        }
        guard offset > start else { throw .badNumber }
        return isNegative ? -value : value
    }

    @inline(__always)
    private mutating func take(_ byte: UInt8) -> Bool {
        guard offset < bytes.byteCount, bytes.u8(at: offset) == byte else { return false }
        offset &+= 1
        return true
    }
}

/// A number as it was written.
private struct Numeral {
    var isNegative = false
    /// All its digits as one integer.
    var value: UInt64 = 0
    var digits = 0
    /// Digits behind the point.
    var places = 0
    var exponent = 0

    mutating func append(_ digit: UInt64) throws(JSONFault) {
        guard let next = FixedPoint.appending(digit, to: value) else { throw .numberRange }
        value = next
    }

    /// `value` × 10^`power`, with its sign.
    func scaled(by power: Int) throws(JSONFault) -> Int64 {
        guard value != 0 else { return 0 }
        var scaled = self
        for _ in 0..<max(0, power) { try scaled.append(0) }
        for _ in 0..<max(0, -power) {
            guard scaled.value % 10 == 0 else { throw .inexactNumber }
            scaled.value /= 10
        }
        guard isNegative else {
            guard let result = Int64(exactly: scaled.value) else { throw .numberRange }
            return result
        }
        guard scaled.value <= 1 << 63 else { throw .numberRange }
        return Int64(truncatingIfNeeded: 0 &- scaled.value)
    }
}
