// Text that comes in pieces, as its reader understands it: events, lines, and answers of HTTP.
import Basics
import Dialects

/// An event stream read as a browser reads it (WHATWG HTML §9.2.6).
struct EventStream {
    struct Event: Equatable {
        var type: String
        var data: String
    }

    /// What a browser says when it comes back.
    private(set) var lastEventID = ""
    /// Milliseconds to wait before that.
    private(set) var retry: Int?
    private(set) var comments = 0
    private var line: [UInt8] = []
    private var followsReturn = false
    private var data = "", type = "", id = ""

    /// Takes a byte; an event, where this byte ends one.
    mutating func take(_ byte: UInt8) -> Event? {
        defer { followsReturn = byte == 13 }
        if byte == 10, followsReturn { return nil }
        guard byte == 10 || byte == 13 else {
            line.append(byte)
            return nil
        }
        defer { line.removeAll(keepingCapacity: true) }
        guard line.isEmpty else {
            field(String(decoding: line, as: UTF8.self))
            return nil
        }
        return dispatch()
    }

    private mutating func field(_ text: String) {
        guard text.first != ":" else {
            comments += 1
            return
        }
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        var value = text[colon...].dropFirst()
        if value.first == " " { value = value.dropFirst() }
        switch text[..<colon] {
        case "data": data += value + "\n"
        case "event": type = String(value)
        case "id": id = String(value)
        case "retry": retry = Int(value)
        default: break
        }
    }

    private mutating func dispatch() -> Event? {
        lastEventID = id
        defer {
            data = ""
            type = ""
        }
        return data.isEmpty
            ? nil : Event(type: type.isEmpty ? "message" : type, data: String(data.dropLast()))
    }
}

/// An answer's status and headers.
struct AnswerHead {
    var status: Int
    var fields: [String: String] = [:]

    /// Takes the head off the front of the bytes, once it is there.
    init?(_ bytes: inout [UInt8]) {
        guard let end = bytes.indices.dropLast(3).first(where: { bytes[$0..<$0 + 4] == [13, 10, 13, 10] })
        else { return nil }
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        bytes.removeFirst(end + 4)
        status = Int(lines.first?.split(separator: " ").dropFirst().first ?? "") ?? 0
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2 { fields[parts[0].lowercased()] = String(parts[1].dropFirst()) }
        }
    }

    var length: Int? { fields["content-length"].flatMap { Int($0) } }
}

/// The texts of an array's members.
func members(ofArray json: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    var members: [ArraySlice<UInt8>] = [], depth = 0, isText = false, isEscaped = false
    var start = json.startIndex
    for at in json.indices {
        let byte = json[at]
        if isText {
            isText = byte != UInt8(ascii: "\"") || isEscaped
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
            continue
        }
        switch byte {
        case UInt8(ascii: "\""): isText = true
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            depth += 1
            if depth == 2 { start = at }
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth == 1 { members.append(json[start...at]) }
        default: break
        }
    }
    return members
}
