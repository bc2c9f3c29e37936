// JSON: what is read, written again, is read as the same; nothing is nested deeper than allowed; and
// reading it where it stands comes to the same value, or to a fault where the other has one.
import Basics

@Sendable func fuzzJSON(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let depthMax = input.decide(65)
    let text = input.rest()
    guard let value = try? JSONValue(parsing: text.bytes, depthMax: depthMax) else {
        demand(!isSkipped(text, depthMax), "the scanner takes what is no JSON")
        if let fault = jsonFault(text, depthMax) {
            demand((0...text.count).contains(fault.offset), "a fault at \(fault.offset) of \(text.count)")
        }
        return
    }
    demand(isSkipped(text, depthMax), "the scanner takes less than JSON")
    demand(isScanned(text, as: value, depthMax), "the scanner reads something else")
    let written = value.written
    demand(written.count <= 6 * text.count, "\(text.count) bytes became \(written.count)")
    let depth = value.depth
    demand(depth <= depthMax, "\(depth) deep, \(depthMax) are allowed")
    let copy = Memory(written)
    guard let again = try? JSONValue(parsing: copy.bytes, depthMax: depth) else {
        return demand(false, "what was written is not read: \(String(decoding: written, as: UTF8.self))")
    }
    // To Swift, texts that look alike are equal: bytes say more.
    demand(again == value && again.written == written, "it comes back as something else")
    if depth > 0 {
        demand(jsonFault(copy, depth - 1) != nil, "\(depth) deep, and \(depth - 1) are enough")
    }
}

/// Whether the scanner gets over the text without looking at what is in it.
private func isSkipped(_ text: borrowing Memory, _ depthMax: Int) -> Bool {
    var scanner = JSONScanner(text.bytes.bytes, depthMax: depthMax)
    do throws(JSONFault) {
        try scanner.skip()
        try scanner.end()
        return true
    } catch {
        demand((0...text.count).contains(scanner.offset), "the scanner stands at \(scanner.offset)")
        return false
    }
}

/// Whether the scanner finds this value in the text.
private func isScanned(_ text: borrowing Memory, as value: JSONValue, _ depthMax: Int) -> Bool {
    var scanner = JSONScanner(text.bytes.bytes, depthMax: depthMax)
    do throws(JSONFault) {
        let isFound = try scan(&scanner, value)
        try scanner.end()
        return isFound
    } catch {
        return false
    }
}

private func scan(_ scanner: inout JSONScanner, _ value: JSONValue) throws(JSONFault) -> Bool {
    switch (try scanner.kind(), value) {
    case (.null, .null):
        try scanner.null()
        return true
    case (.bool, .bool(let flag)): return try scanner.bool() == flag
    case (.string, .string(let text)): return try scanner.string().bytes.elementsEqual(text.utf8)
    case (.number, .number(let digits)):
        let start = scanner.offset
        try scanner.skip()
        return scanner.offset - start == digits.utf8.count
    case (.array, .array(let values)):
        try scanner.openArray()
        for value in values {
            guard try scanner.nextElement(), try scan(&scanner, value) else { return false }
        }
        return try !scanner.nextElement()
    case (.object, .object(let members)):
        try scanner.openObject()
        for member in members {
            switch try scanner.nextName() {
            case .some(let name): guard name.bytes.elementsEqual(member.name.utf8) else { return false }
            case .none: return false
            }
            guard try scan(&scanner, member.value) else { return false }
        }
        return try scanner.nextName() == nil
    default: return false
    }
}

private func jsonFault(_ text: borrowing Memory, _ depthMax: Int) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONValue(parsing: text.bytes, depthMax: depthMax)
        return nil
    } catch {
        return error
    }
}

extension JSONValue {
    fileprivate var depth: Int {
        switch self {
        case .array(let values): 1 + (values.map(\.depth).max() ?? 0)
        case .object(let members): 1 + (members.map(\.value.depth).max() ?? 0)
        default: 0
        }
    }

    fileprivate var written: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private func write(to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += "\(value)".utf8
        case .number(let digits): bytes += digits.utf8
        case .string(let text): bytes += JSONValue.quoted(text)
        case .array(let values):
            bytes += "[".utf8
            for (index, value) in values.enumerated() {
                if index > 0 { bytes += ",".utf8 }
                value.write(to: &bytes)
            }
            bytes += "]".utf8
        case .object(let members):
            bytes += "{".utf8
            for (index, member) in members.enumerated() {
                if index > 0 { bytes += ",".utf8 }
                bytes += JSONValue.quoted(member.name) + ":".utf8
                member.value.write(to: &bytes)
            }
            bytes += "}".utf8
        }
    }

    /// As all our texts are quoted.
    private static func quoted(_ text: String) -> [UInt8] {
        var buffer = ByteBuffer()
        buffer.write(atMost: 6 * text.utf8.count + 2) { $0.quoted(text) }
        return Array(buffer.readable)
    }
}
