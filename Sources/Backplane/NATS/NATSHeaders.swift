// The headers of a NATS message (ADR-4): a line of version and status, then fields as in HTTP.
//
//     NATS/1.0 503␍␊␍␊                                  nobody listens where the request went
//     NATS/1.0␍␊TickerFeed-Part: more 3␍␊␍␊             the fourth part of an answer, not its last
import Basics

struct NATSHeaders {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// 0 where there is none.
    var status: Int {
        var fields = NATSFields(lines.first ?? bytes)
        guard fields.next()?.isWord("NATS/1.0") == true else { return 0 }
        return fields.next()?.number.map { Int($0) } ?? 0
    }

    /// What a field says; names as they are written.
    subscript(name: StaticString) -> UnsafeRawBufferPointer? {
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
                UnsafeRawBufferPointer(rebasing: line[..<colon]).isWord(name)
            else { continue }
            return NATSFields(UnsafeRawBufferPointer(rebasing: line[(colon + 1)...])).rest
        }
        return nil
    }

    /// At most 4,096 bytes come this far, seldom.
    private var lines: [UnsafeRawBufferPointer] {
        bytes.split(separator: 0x0a).map { line in
            UnsafeRawBufferPointer(rebasing: line.last == 0x0d ? line.dropLast() : line)
        }
    }
}

/// What our own header says of a part of an answer.
enum NATSPart: Equatable {
    case more(Int)
    case last(Int)
    /// There is nothing.
    case none

    static let header: StaticString = "TickerFeed-Part"

    init?(_ headers: NATSHeaders) {
        guard let value = headers[NATSPart.header] else { return nil }
        var fields = NATSFields(value)
        guard let word = fields.next() else { return nil }
        if word.isWord("none") {
            self = .none
            return
        }
        guard let number = fields.next()?.number.flatMap({ Int(exactly: $0) }) else { return nil }
        if word.isWord("more") {
            self = .more(number)
        } else if word.isWord("last") {
            self = .last(number)
        } else {
            return nil
        }
    }

    var text: String {
        switch self {
        case .more(let number): "NATS/1.0\r\n\(NATSPart.header): more \(number)\r\n\r\n"
        case .last(let number): "NATS/1.0\r\n\(NATSPart.header): last \(number)\r\n\r\n"
        case .none: "NATS/1.0\r\n\(NATSPart.header): none\r\n\r\n"
        }
    }
}
