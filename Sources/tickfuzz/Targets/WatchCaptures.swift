// Captures of tickwatch: any file is played or refused, alike however it is read; and a verifier takes
// whatever comes out of it.
import Basics
import Dialects
import Watch
import Wire

@Sendable func fuzzWatchCapture(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let size = 1 + input.decide(256), isMade = input.decide(2) == 1
    let content = input.rest()
    let file = isMade ? made(content) : Memory(content.bytes)
    let whole = play(file, by: max(1, file.count)), cut = play(file, by: size)
    demand(whole == cut, "read by \(size) bytes the capture says something else")
}

/// A file whose records are right and hold the input: fuzzers do not guess checksums.
private func made(_ content: borrowing Memory) -> Memory {
    guard let address = try? ServerAddress("ws://h") else { return Memory([]) }
    var buffer = ByteBuffer(), offset = 0
    var now = Moment(instant: .zero, wall: .zero)
    let head = CaptureHead(LinkOptions(address, seed: 1), started: .zero, subscriptions: [])
    var writer = CaptureWriter(head, now, into: &buffer)
    writer.record(.state(.connecting), now, into: &buffer)
    while offset < content.count {
        // A byte says the kind, and how many of those behind it.
        let first = content.bytes[offset], end = min(content.count, offset + 1 + Int(first >> 2) * 4)
        now = Moment(instant: now.instant + .milliseconds(Int(first)), wall: .zero)
        let kind = RawKind(rawValue: first & 3)
        let piece = content.piece(min(offset + 1, end)..<end)
        let event: LinkEvent =
            kind.map { .raw($0, piece.bytes) } ?? .state(first & 4 == 0 ? .connecting : .live)
        writer.record(event, now, into: &buffer)
        offset = max(end, offset + 1)
    }
    return Memory(buffer.readable)
}

private func play(_ file: borrowing Memory, by size: Int) -> [String] {
    let player = CapturePlayer(speedMilli: nil, .zero)
    var told: [String] = [], offset = 0
    var verifier = Verifier([
        .init(channel: .book, symbols: ["*"], depth: 3, checksum: true),
        .init(channel: .quote, symbols: ["*"]),
        .init(channel: .trade, symbols: ["A"], mode: .latest), .init(channel: .bar, symbols: ["*"]),
        .init(channel: .stats, symbols: ["*"]), .init(channel: .trade, symbols: ["B"]),
    ])
    while !player.hasEnded {
        if player.wantsBytes {
            let end = min(file.count, offset + size)
            let piece = file.piece(offset..<end)
            player.append(piece.bytes)
            offset = end
        }
        do throws(CaptureError) {
            try player.play(.zero) { event, _ in
                if case .message(let message) = event { told.append("\(message)") }
                if let divergence = verifier.take(event) { told.append(divergence.description) }
            }
        } catch {
            demand(player.hasEnded, "it goes on behind \(error)")
            told.append(error.description)
        }
    }
    return told + ["\(player.records) \(player.cutBytes)"]
}
