// A recorded day of ITCH 5.0 as a feed: bytes of a file or pipe → messages → builder.
//
// Invariants
//   - Memory is bounded by the chunk, not by the file. A message cut by a chunk waits for its rest,
//     so the result doesn't depend on where chunks end.
//   - What was whole is played before a fault is thrown: a cut file loses its last message only.
//   - Behind an end marker nothing is read.
import Basics
import Market

/// Plays an ITCH 5.0 file. Reading a pipe blocks until its writer writes.
public final class ITCHFileFeed: Feed {
    public let description: String
    private var reader: ITCHReader

    /// Opens the file and looks at its first bytes.
    ///
    /// - Parameters:
    ///   - date: the day of the recording; nil takes it from the file's name.
    ///   - chunkBytes: how much one `read` asks for. For tests; the result never depends on it.
    public init(
        path: String, date: CalendarDate? = nil, chunkBytes: Int = 256 << 10
    ) throws(FeedError) {
        guard let day = date ?? CalendarDate(inFileName: path) else { throw .noDate(file: path) }
        description = "ITCH 5.0 file \(path) of \(day)"
        reader = try ITCHReader(
            path: path, midnight: EasternTime.midnight(of: day), chunkBytes: chunkBytes)
        try reader.recognise()
    }

    public func nextTime() -> Timestamp? { reader.nextTime() }

    public func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) throws(FeedError) -> Int {
        try reader.play(upTo: time, limit: limit, received: received, into: &builder)
    }

    public func rewind() -> Bool { reader.rewind() }
}

/// What the feed does, as a value: its loops touch no reference.
private struct ITCHReader: ~Copyable {
    private let path: String
    private let file: InputFile
    private let chunkBytes: Int
    private var buffer = ByteBuffer()
    private var router: ITCHRouter
    /// Bytes of the file in front of the buffer.
    private var consumed = 0
    private var isAtEnd = false
    /// Found while there was still something to play, or by `nextTime`: thrown by the next `play`.
    private var fault: FeedError?

    init(path: String, midnight: Timestamp, chunkBytes: Int) throws(FeedError) {
        file = try InputFile.open(feed: path)
        self.path = path
        self.chunkBytes = chunkBytes
        router = ITCHRouter(midnight: midnight)
    }

    /// Looks at the first bytes. They stay to be played.
    mutating func recognise() throws(FeedError) {
        while buffer.count < 16, try fill() {}
        try ITCHRecognition.check(buffer.readable, file: path)
    }

    mutating func rewind() -> Bool {
        guard file.rewind() else { return false }
        buffer.removeAll()
        router.rewind()
        consumed = 0
        isAtEnd = false
        fault = nil
        return true
    }

    mutating func nextTime() -> Timestamp? {
        while fault == nil, !isAtEnd {
            let bytes = buffer.readable
            var cursor = ITCHCursor(bytes.bytes)
            if let timestamp = cursor.nextTimestamp { return router.midnight + timestamp }
            if cursor.isAtEndMarker {
                isAtEnd = true
            } else if file.wouldWait {
                return router.lastTime  // what was played is shown before `play` waits
            } else {
                readOn()
            }
        }
        return fault == nil ? nil : router.lastTime
    }

    mutating func play(
        upTo time: Timestamp, limit: Int, received: Timestamp, into builder: inout BookBuilder
    ) throws(FeedError) -> Int {
        var played = 0
        while fault == nil, !isAtEnd {
            played += playBuffered(
                upTo: time - router.midnight, limit: limit - played, received: received, &builder)
            guard needsBytes, played == 0 || !file.wouldWait else { break }
            readOn()
        }
        if let fault, played == 0 {
            isAtEnd = true
            self.fault = nil
            throw fault
        }
        return played
    }

    /// Set by `playBuffered`: it stopped for want of bytes, not for time or limit.
    private var needsBytes = false

    /// Plays what is whole in the buffer.
    private mutating func playBuffered(
        upTo time: Nanoseconds, limit: Int, received: Timestamp, _ builder: inout BookBuilder
    ) -> Int {
        let bytes = buffer.readable
        var cursor = ITCHCursor(bytes.bytes)
        var played = 0, ahead = 0
        needsBytes = false
        while played < limit {
            guard let timestamp = cursor.nextTimestamp else {
                if cursor.isAtEndMarker { isAtEnd = true } else { needsBytes = true }
                break
            }
            guard timestamp <= time else { break }
            if ahead == 0 { ahead = router.lookAhead(cursor, builder) }
            ahead &-= 1
            do throws(ITCHError) {
                if let message = try cursor.next() {
                    router.apply(message, received: received, into: &builder)
                }
            } catch {
                router.reject(error, into: &builder)
            }
            played += 1
        }
        consumed += cursor.offset
        buffer.consume(cursor.offset)
        return played
    }

    /// Reads a chunk. At the end of the file decides whether it is a good one.
    private mutating func readOn() {
        do throws(FeedError) {
            if try fill() { return }
            isAtEnd = true
            guard !buffer.isEmpty else { return }
            fault = .truncated(file: path, offset: consumed, bytesLeft: buffer.count)
        } catch {
            fault = error
        }
    }

    private mutating func fill() throws(FeedError) -> Bool {
        try file.fill(&buffer, feed: path, atMost: chunkBytes)
    }
}

extension InputFile {
    /// Opens a feed's file, with the feed's word for what goes wrong.
    static func open(feed path: String) throws(FeedError) -> InputFile {
        do throws(SystemError) { return try InputFile(path) } catch {
            throw .cannotOpen(file: path, error)
        }
    }

    /// Reads more behind what is in the buffer; false at the end.
    func fill(
        _ buffer: inout ByteBuffer, feed path: String, atMost limit: Int
    ) throws(FeedError) -> Bool {
        do throws(SystemError) {
            let count = try read(into: buffer.reserve(limit), atMost: limit)
            buffer.commit(count, of: limit)
            return count > 0
        } catch {
            throw .cannotRead(file: path, error)
        }
    }
}
