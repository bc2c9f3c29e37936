// What a fleet understands of what it is sent: which frames are data, how many messages they hold,
// and the times in them. Everything else about a message is the server's business.
//
//     …,"ts":1795240188904243652,"snap":true,"recv":…,"prev":29,"sent":…}     read from the back
import Basics

/// The times that one message carries, in nanoseconds since 1970.
struct MessageTimes: Equatable {
    /// Of the event, by the source.
    var event: Int64
    /// When ingest had it and when it was given to the socket, where the subscriber asked for it.
    var received: Int64?
    var sent: Int64?
    /// State as old as it may be: its age says nothing about the server.
    var isSnapshot = false
}

/// How one server writes its data messages.
struct MessageFormat: Equatable {
    enum Kind: Equatable {
        /// JSON text whose byte at `place` is `letter` in data and nowhere else.
        case json(place: Int, letter: UInt8)
        /// Binary frames, each with a data message, and perhaps its stamps behind it.
        case sbe
    }
    let kind: Kind

    /// `{"type":"quote",…`: the tenth byte tells a channel's data from answers and heartbeats.
    static func native(channel: String) -> MessageFormat {
        MessageFormat(kind: .json(place: 9, letter: channel.utf8.first ?? 0))
    }
    static let binary = MessageFormat(kind: .sbe)
    /// `{"sym":…`: bench/floor.c sends nothing but data.
    static let plain = MessageFormat(kind: .json(place: 6, letter: UInt8(ascii: ":")))
    /// `42["tick",{…}]`: an event; other packets have other digits.
    static let socketio = MessageFormat(kind: .json(place: 1, letter: UInt8(ascii: "2")))

    /// Messages in a frame whose first byte is `head`; 0 where it is no data.
    @inline(__always)
    func messages(head: UInt8, _ payload: UnsafeRawBufferPointer) -> Int {
        switch kind {
        case .json(let place, let letter):
            head == 0x81 && payload.count > place && payload[place] == letter ? 1 : 0
        case .sbe: head == 0x82 && payload.count >= SBEPlaces.blockMin && SBEPlaces.isData(payload) ? 1 : 0
        }
    }

    /// Of the last message in the payload; nil where it has none.
    func times(_ payload: UnsafeRawBufferPointer) -> MessageTimes? {
        switch kind {
        case .json: MessageTimes(json: payload)
        case .sbe: MessageTimes(sbe: payload)
        }
    }
}

/// Where the schema puts what a fleet reads (tickerfeed.sbe.xml): every data message begins alike.
private enum SBEPlaces {
    static let blockMin = 40
    private static let template = 2
    /// Data messages have templates 1 to 6 and 9; 7 names a symbol, 8 are stamps.
    private static let symbolTemplate: UInt16 = 7
    private static let stampsTemplate: UInt16 = 8
    private static let breakTemplate: UInt16 = 9
    static let flags = 20
    static let time = 32
    /// A header and two times.
    static let stampsCount = 24

    static func isData(_ payload: UnsafeRawBufferPointer) -> Bool {
        let template = payload.loadUnaligned(fromByteOffset: template, as: UInt16.self)
        return template < symbolTemplate || template == breakTemplate
    }
    static func hasStamps(_ payload: UnsafeRawBufferPointer) -> Bool {
        payload.count >= blockMin + stampsCount
            && payload.loadUnaligned(
                fromByteOffset: payload.count - stampsCount + template, as: UInt16.self) == stampsTemplate
    }
}

extension MessageTimes {
    init(sbe payload: UnsafeRawBufferPointer) {
        self.init(event: payload.loadUnaligned(fromByteOffset: SBEPlaces.time, as: Int64.self))
        isSnapshot = payload[SBEPlaces.flags] & 1 != 0
        if SBEPlaces.hasStamps(payload) {
            received = payload.loadUnaligned(fromByteOffset: payload.count - 16, as: Int64.self)
            sent = payload.loadUnaligned(fromByteOffset: payload.count - 8, as: Int64.self)
        }
    }
}

extension MessageTimes {
    private static let label = Array("\"ts\":".utf8)

    /// Looks from the back, where `ts` begins the last five members.
    init?(json text: UnsafeRawBufferPointer) {
        let label = MessageTimes.label
        var at = text.count - label.count
        while at >= 0, !text[at..<(at + label.count)].elementsEqual(label) { at -= 1 }
        guard at >= 0 else { return nil }
        at += label.count
        self.init(event: MessageTimes.number(text, &at))
        while at + 8 < text.count, text[at] == UInt8(ascii: ",") {
            readMember(text, &at)
        }
    }

    /// One of `,"snap":true` `,"recv":N` `,"prev":N` `,"sent":N`, told apart by two letters.
    private mutating func readMember(_ text: UnsafeRawBufferPointer, _ at: inout Int) {
        let name = (text[at + 2], text[at + 3])
        at += 8
        switch name {
        case (UInt8(ascii: "s"), UInt8(ascii: "n")):
            isSnapshot = true
            at += 4
        case (UInt8(ascii: "r"), _): received = MessageTimes.number(text, &at)
        case (UInt8(ascii: "s"), _): sent = MessageTimes.number(text, &at)
        case (UInt8(ascii: "p"), _): _ = MessageTimes.number(text, &at)
        default: at = text.count
        }
    }

    private static func number(_ text: UnsafeRawBufferPointer, _ at: inout Int) -> Int64 {
        var number: Int64 = 0
        while at < text.count, case let digit = text[at] &- 0x30, digit < 10 {
            number = number &* 10 &+ Int64(digit)
            at += 1
        }
        return number
    }
}
