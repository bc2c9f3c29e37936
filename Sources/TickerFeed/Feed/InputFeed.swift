// A file, a pipe or standard input as a feed: its bytes, told apart by what they are, to a decoder.
//
// Invariants
//   - What was whole is played before a fault ends it: a cut file loses its last message only.
//   - A file is recognised when it is opened, so that a wrong one is refused; a pipe when its first
//     bytes come, so that nobody waits for them.
import Basics
import Market

/// A recording in any format that is known: docs/FEEDS.md.
public final class InputFeed: Feed {
    private var reader: InputReader

    /// Opens a file, a pipe, or standard input (`-`).
    ///
    /// - Parameter chunkBytes: how much one `read` asks for. The result never depends on it.
    public convenience init(_ options: FeedOptions, chunkBytes: Int = 256 << 10) throws(FeedError) {
        let source: InputSource
        do throws(SystemError) { source = InputSource(try InputFile(options.path)) } catch {
            throw .cannotOpen(file: options.path, error)
        }
        try self.init(options, source: source, chunkBytes: chunkBytes)
    }

    /// Plays bytes at hand, under the name that `options` has.
    public convenience init(
        _ options: FeedOptions, memory: InputMemory, chunkBytes: Int = 256 << 10
    ) throws(FeedError) {
        try self.init(options, source: InputSource(memory), chunkBytes: chunkBytes)
    }

    private init(
        _ options: FeedOptions, source: consuming InputSource, chunkBytes: Int
    ) throws(FeedError) {
        reader = InputReader(options, source, chunkBytes: chunkBytes)
        try reader.open()
    }

    public var description: String { reader.description }
    public var report: InputReport? { reader.report }
    /// Nil until the first bytes of a pipe have come.
    var decoder: (any FeedDecoder)? { reader.decoder }
    /// False for what can be read once only.
    public var isSeekable: Bool { reader.bytes.source.size != nil }
    /// Bytes that came behind the end, read to their end.
    var bytesLeft: Int { reader.bytesLeft() }

    /// Waits for the first bytes of a pipe: who needs to know the format before anything is played.
    func awaitDecoder() throws(FeedError) {
        while try !reader.recogniseMore() { wait(atMost: .seconds(1)) }
    }

    public func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        reader.play(upTo: time, limit: limit, received: received, into: &builder)
    }

    public func rewind() -> Bool { reader.rewind() }
    public func wait(atMost span: Nanoseconds) { reader.bytes.source.wait(atMost: span) }
}

/// What the feed does, as a value.
private struct InputReader: ~Copyable {
    var bytes: InputBytes
    private(set) var decoder: (any FeedDecoder)?
    private let options: FeedOptions
    private var fault: FeedError?

    /// The most that may stay unread: beyond it a decoder waits for an end that does not come.
    private static let unreadMax = 64 << 20

    init(_ options: FeedOptions, _ source: consuming InputSource, chunkBytes: Int) {
        self.options = options
        bytes = InputBytes(path: options.path, source: source, chunkBytes: chunkBytes)
    }

    var description: String {
        let name = options.path == "-" ? "standard input" : options.path
        return decoder.map { "\($0.description), \(name)" } ?? name
    }

    var report: InputReport {
        InputReport(
            source: description, bytesRead: bytes.bytesRead, bytesTotal: bytes.source.size,
            counts: decoder?.counts ?? [])
    }

    /// Recognises what doesn't have to be waited for.
    mutating func open() throws(FeedError) {
        if bytes.source.size != nil { _ = try recogniseMore() }
    }

    /// Reads on until the format is known. False where that has to wait.
    mutating func recogniseMore() throws(FeedError) -> Bool {
        while try !recognise() {
            if try bytes.fill() == .waits { return false }
        }
        return true
    }

    /// - Returns: false as long as too little is there to say.
    private mutating func recognise() throws(FeedError) -> Bool {
        if decoder != nil { return true }
        let format = try Recognition.format(
            of: bytes.buffer.readable.bytes, isAll: bytes.isAtEnd, path: options.path)
        guard let format else { return false }
        decoder = try format.make(options)
        return true
    }

    mutating func rewind() -> Bool {
        guard bytes.rewind() else { return false }
        decoder?.reset()
        fault = nil
        return true
    }

    mutating func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) -> FeedStep {
        if let fault { return FeedStep(played: 0, next: .failed(fault)) }
        var played = 0
        do throws(FeedError) {
            while true {
                let isLast = bytes.isAtEnd
                if try recognise(), let decoder {
                    let progress = decoder.play(
                        bytes.buffer.readable.bytes, at: bytes.offset, isLast: isLast, upTo: time,
                        limit: limit - played, received: received, into: &builder)
                    bytes.consume(progress.consumed)
                    played += progress.played
                    if let next = try next(progress) { return FeedStep(played: played, next: next) }
                    precondition(!isLast, "a decoder wants bytes behind the last one")
                }
                // What was played is shown before anything is waited for.
                if try bytes.fill() == .waits { return FeedStep(played: played, next: .waits) }
            }
        } catch {
            fault = error
            return FeedStep(played: played, next: .failed(error))
        }
    }

    /// Nil where the decoder wants bytes.
    private func next(_ progress: FeedProgress) throws(FeedError) -> FeedStep.Next? {
        switch progress.next {
        case .due(let time): return .due(time)
        case .end: return .end
        case .failed(let fault): throw .broken(file: options.path, fault)
        case .needsBytes:
            guard bytes.buffer.count < InputReader.unreadMax else {
                let reason = "\(bytes.buffer.count >> 20) MiB without an end of anything"
                throw .broken(file: options.path, FeedFault(offset: bytes.offset, reason: reason))
            }
            return nil
        }
    }

    mutating func bytesLeft() -> Int {
        var left = bytes.buffer.count
        bytes.consume(left)
        while let filled = try? bytes.fill(), filled == .some {
            left += bytes.buffer.count
            bytes.consume(bytes.buffer.count)
        }
        return left
    }
}
