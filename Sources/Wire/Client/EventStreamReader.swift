// Server-sent events read back (WHATWG HTML §9.2.6), however their bytes are cut.
//
// Invariants
//   - What comes out depends on the bytes alone, not on where they were cut.
//   - A line and an event's data are bounded; beyond that the stream is not one of ours.
//   - An event that the end of the stream cuts is never told.

public struct ServerSentEvent: Hashable, Sendable {
    /// `message` where the stream says none.
    public var type: String
    public var data: [UInt8]
    /// The last `id` up to here.
    public var id: String
}

public enum EventStreamFault: Error, Hashable, Sendable {
    case lineTooLong(bytesMax: Int)
    case eventTooLong(bytesMax: Int)
}

public struct EventStreamReader: Sendable {
    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    /// A day; whoever says more does not mean it.
    private static let retryMax = 86_400_000

    /// Where to go on, as the last block said it: also one without an event.
    public private(set) var lastEventID = ""
    /// When to come back after a break, in milliseconds, where the server said it.
    public private(set) var retry: Int?
    public private(set) var comments: UInt64 = 0

    private let lineMax: Int
    private let eventMax: Int
    /// Of a line that has not ended yet.
    private var line: [UInt8] = []
    /// The line before ended with CR: an LF right behind it belongs to it.
    private var followsCR = false
    private var isFirstLine = true
    private var type = ""
    private var data: [UInt8] = []
    private var hasData = false
    private var id = ""

    /// - Parameters:
    ///   - lineMax: bytes of a line.
    ///   - eventMax: bytes of an event's data, all of its lines.
    public init(lineMax: Int = 1 << 20, eventMax: Int = 1 << 20) {
        self.lineMax = lineMax
        self.eventMax = eventMax
    }

    /// The next event that ends in `bytes` from `offset`, and nil when all of them are read.
    public mutating func next(
        in bytes: UnsafeRawBufferPointer, from offset: inout Int
    ) throws(EventStreamFault) -> ServerSentEvent? {
        while offset < bytes.count {
            if followsCR {
                followsCR = false
                if bytes[offset] == 0x0a {
                    offset += 1
                    continue
                }
            }
            let rest = bytes[offset...]
            guard let end = rest.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) else {
                try keep(rest)
                offset = bytes.count
                return nil
            }
            try keep(bytes[offset..<end])
            followsCR = bytes[end] == 0x0d
            offset = end + 1
            defer { line.removeAll(keepingCapacity: true) }
            if let event = try takeLine() { return event }
        }
        return nil
    }

    private mutating func keep(_ bytes: Slice<UnsafeRawBufferPointer>) throws(EventStreamFault) {
        guard bytes.count <= lineMax - line.count else { throw .lineTooLong(bytesMax: lineMax) }
        line += bytes
    }

    private mutating func takeLine() throws(EventStreamFault) -> ServerSentEvent? {
        if isFirstLine {
            isFirstLine = false
            if line.starts(with: EventStreamReader.mark) { line.removeFirst(3) }
        }
        guard !line.isEmpty else { return dispatch() }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        guard colon > 0 else {
            comments &+= 1
            return nil
        }
        var value = line[min(colon + 1, line.count)...]
        if value.first == 0x20 { value = value.dropFirst() }
        try takeField(line[..<colon], value)
        return nil
    }

    private mutating func takeField(
        _ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>
    ) throws(EventStreamFault) {
        if name.elementsEqual("data".utf8) {
            guard value.count < eventMax - data.count else { throw .eventTooLong(bytesMax: eventMax) }
            if hasData { data.append(0x0a) }
            data += value
            hasData = true
        } else if name.elementsEqual("event".utf8) {
            type = String(decoding: value, as: UTF8.self)
        } else if name.elementsEqual("id".utf8) {
            if !value.contains(0) { id = String(decoding: value, as: UTF8.self) }
        } else if name.elementsEqual("retry".utf8), !value.isEmpty, value.allSatisfy(ASCII.isDigit) {
            retry = min(Int(String(decoding: value, as: UTF8.self)) ?? .max, EventStreamReader.retryMax)
        }
    }

    /// A blank line ends a block.
    private mutating func dispatch() -> ServerSentEvent? {
        lastEventID = id
        defer {
            type = ""
            data = []
            hasData = false
        }
        guard hasData else { return nil }
        return ServerSentEvent(type: type.isEmpty ? "message" : type, data: data, id: id)
    }
}
