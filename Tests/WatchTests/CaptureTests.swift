// A capture plays what was received, at its times, however its bytes come; damage is told, and nothing crashes.
import Basics
import Dialects
import TestSupport
import Testing
import Wire

@testable import Watch

/// An event and its time, as a line.
private func line(_ event: LinkEvent, _ now: Moment) -> String {
    let text =
        switch event {
        case .state(let state): "\(state)"
        case .raw(let kind, let bytes): "raw \(kind) \(String(decoding: bytes, as: UTF8.self))"
        case .message(let message): "\(message)"
        case .unreadable(let text): "unreadable \(text)"
        case .roundTrip(let span): "round trip \(span.raw)"
        case .clockOffset(let span): "offset \(span.raw)"
        case .asked(let wanted): "asked \(wanted)"
        }
    return "\(now.instant.raw) \(now.wall.raw) \(text)"
}

private let began = Moment(instant: Instant(raw: 5_000), wall: Timestamp(raw: 1_700_000_000_000_000_000))

/// A session with a break in it: the file, and what a link had told.
private func session() throws -> (file: [UInt8], told: [String]) {
    let options = LinkOptions(try ServerAddress("wss://example.org/v1/stream?x=secret"), seed: 1)
    var buffer = ByteBuffer(), told: [String] = [], decoder = LinkDecoder()
    let head = CaptureHead(
        options, started: began.wall, subscriptions: [.init(channel: .quote, symbols: ["AAPL", "M*"])])
    var writer = CaptureWriter(head, began, into: &buffer)
    func tell(_ event: LinkEvent, at milliseconds: Int) {
        let span = Nanoseconds.milliseconds(milliseconds)
        let now = Moment(instant: began.instant + span, wall: began.wall + span)
        writer.record(event, now, into: &buffer)
        told.append(line(event, now))
    }
    func receive(_ kind: RawKind, _ text: String, at milliseconds: Int) {
        Array(text.utf8).withUnsafeBytes { bytes in
            tell(.raw(kind, bytes), at: milliseconds)
            decoder.take(kind, bytes) { tell($0, at: milliseconds) }
        }
    }
    let wanted = [
        ClientMessage.Subscribe(channel: .quote, symbols: ["AAPL", "M*"]),
        .init(channel: .book, symbols: ["AAPL"], rate: .max, depth: 5, checksum: true),
    ]
    tell(.asked(wanted), at: 0)
    tell(.state(.connecting), at: 0)
    receive(.text, #"{"type":"welcome","protocol":1,"epoch":"7","heartbeat_ms":1000}"#, at: 10)
    tell(.state(.live), at: 10)
    tell(.roundTrip(.microseconds(81)), at: 20)
    tell(.clockOffset(.microseconds(-12)), at: 20)
    receive(.text, #"{"type":"pong","id":1,"ts":5}"#, at: 1_000)
    receive(.text, "nonsense", at: 1_000)
    tell(.state(.broken(reason: "a \"cable\"", retry: began.instant + .milliseconds(1_700))), at: 1_500)
    tell(.state(.broken(reason: "in vain", retry: .never)), at: 1_600)
    tell(.state(.connecting), at: 1_700)
    tell(.asked([]), at: 1_750)
    receive(.events, "event: pong\nid: 7.1\ndata: {\"type\":\"po", at: 1_800)
    receive(.events, "ng\"}\n\n", at: 1_900)
    return (Array(buffer.readable), told)
}

/// Plays a file given in pieces of `size`, as fast as it goes.
private func play(
    _ file: [UInt8], size: Int = 1 << 20, speedMilli: Int64? = nil
) throws(CaptureError) -> (told: [String], player: CapturePlayer) {
    let player = CapturePlayer(speedMilli: speedMilli, began.instant)
    var told: [String] = [], offset = 0
    while !player.hasEnded {
        if player.wantsBytes {
            let piece = Array(file[offset..<min(file.count, offset + size)])
            piece.withUnsafeBytes { player.append($0) }
            offset += piece.count
        }
        try player.play(max(player.next, began.instant)) { told.append(line($0, $1)) }
    }
    return (told, player)
}

@Suite struct CaptureTests {
    @Test("what was told is told again, however the file is read", arguments: [1, 7, 100, 1 << 20])
    func again(size: Int) throws {
        let (file, told) = try session()
        let played = try play(file, size: size)
        #expect(played.told == told)
        #expect(played.player.cutBytes == 0 && played.player.next == .never)
        #expect(played.player.head?.url == "wss://example.org/v1/stream")
        #expect(played.player.head?.subscriptions == ["quote AAPL,M*"])
    }

    @Test("subscriptions that are too long for the first line are in a record all the same")
    func manySubscriptions() throws {
        let options = LinkOptions(try ServerAddress("ws://example.org/v1/stream"), seed: 1)
        let wanted = [
            ClientMessage.Subscribe(channel: .book, symbols: (0..<10_000).map { "SYMBOL\($0)" }, rate: .max)
        ]
        var buffer = ByteBuffer()
        let head = CaptureHead(options, started: began.wall, subscriptions: wanted)
        var writer = CaptureWriter(head, began, into: &buffer)
        writer.record(.asked(wanted), began, into: &buffer)
        let played = try play(Array(buffer.readable))
        #expect(played.told == [line(.asked(wanted), began)])
    }

    @Test("nothing of a token is in it, nor of the URL's query")
    func noSecrets() throws {
        let text = String(decoding: try session().file, as: UTF8.self)
        #expect(!text.contains("secret") && !text.contains("Bearer"))
        #expect(
            text.hasPrefix(#"{"format":"tickwatch capture","version":1,"url":"wss://example.org/v1/stream","#)
        )
    }

    @Test("at any speed: each event at its time, and none before", arguments: [500, 1_000, 2_000] as [Int64])
    func speed(milli: Int64) throws {
        let (file, told) = try session()
        let player = CapturePlayer(speedMilli: milli, began.instant)
        file.withUnsafeBytes { player.append($0) }
        player.append(UnsafeRawBufferPointer(start: nil, count: 0))
        var count = 0, now = began.instant
        while !player.hasEnded {
            try player.play(now) { _, moment in
                count += 1
                #expect(moment.instant <= now && now - moment.instant < .milliseconds(1))
            }
            now = now + .milliseconds(1)
        }
        #expect(count == told.count)
        #expect((now - began.instant).milliseconds == 1_900 * 1_000 / milli + 1)
    }

    @Test("a file that was cut plays up to there, and says so")
    func cut() throws {
        let (file, told) = try session()
        let head = try #require(file.firstIndex(of: 10)) + 1
        for end in head...file.count {
            let played = try play(Array(file[..<end]))
            #expect(told.starts(with: played.told), "cut at \(end)")
            #expect(played.told.count < told.count || end == file.count)
        }
        for end in 0..<head {
            #expect(throws: CaptureError.notACapture) { try play(Array(file[..<end])) }
        }
    }

    @Test("one bit that is wrong is told, and nothing behind it is played")
    func damage() throws {
        let (file, told) = try session()
        let head = try #require(file.firstIndex(of: 10)) + 1
        for index in head..<file.count {
            var bytes = file
            bytes[index] ^= 1 << (index % 8)
            let player = CapturePlayer(speedMilli: nil, began.instant)
            bytes.withUnsafeBytes { player.append($0) }
            player.append(UnsafeRawBufferPointer(start: nil, count: 0))
            var seen: [String] = [], isTold = false
            do throws(CaptureError) {
                while !player.hasEnded { try player.play(.zero) { seen.append(line($0, $1)) } }
                isTold = player.cutBytes > 0
            } catch {
                isTold = true
            }
            #expect(isTold && told.starts(with: seen), "byte \(index)")
            #expect(player.hasEnded)
        }
    }

    @Test(
        "what is no capture, or a later one",
        arguments: ["", "x", "{}\n", "quote,AAPL\n", "{\"format\":1}\n"])
    func foreign(text: String) {
        #expect(throws: CaptureError.notACapture) { try play(Array(text.utf8)) }
    }

    @Test("any bytes at all end", arguments: Seed.smoke)
    func anyBytes(seed: Seed) throws {
        var random = seed.generator()
        let (file, _) = try session()
        for _ in 0..<50 {
            var bytes = file
            for _ in 0..<1 + random.below(8) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            _ = try? play(bytes, size: 1 + random.below(300), speedMilli: random.oneIn(2) ? nil : 1_000)
        }
    }
}
