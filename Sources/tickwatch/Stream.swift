// Where the stream comes from: a server, or a file that a run before recorded; and the file that this run
// records into.
//
// Invariant: a recording that cannot be written is given up and said; what is watched goes on.
import Basics
import CLinux
import Dialects
import Market
import Watch

final class Stream {
    enum Failure {
        case refused(String)
        case noServer(String)

        /// How that ends, and what is said about it.
        func told(_ place: String) -> (status: ExitStatus, words: String) {
            switch self {
            case .refused(let reason): (.refused, "\(place) refused: \(reason)")
            case .noServer(let reason):
                (
                    .noServer,
                    "no server at \(place): \(reason). Start one with script/serve, or name another with --url"
                )
            }
        }
    }
    private let link: Link?
    private let tape: RecordedStream?
    private var recording: StreamRecording?

    init(_ setup: Setup) throws {
        link = setup.link.map { Link($0) }
        if case .replay(let path, let speed) = setup.options.source {
            tape = try RecordedStream(path, speed)
        } else {
            tape = nil
        }
        if let path = setup.options.recordFile, let link = setup.link {
            recording = try StreamRecording(path, link)
        }
    }

    var isRecorded: Bool { tape != nil }
    /// A recording has been played to its end.
    var hasEnded: Bool { tape?.hasEnded ?? false }
    var descriptor: Int32 { link?.descriptor ?? -1 }
    var wantsWrite: Bool { link?.wantsWrite ?? false }
    var next: Instant { min(link?.next ?? .never, tape?.next ?? .never) }

    func set(_ wanted: [ClientMessage.Subscribe]) {
        guard let link else { return }
        link.set(wanted)
        recording?.begin(link.asked)
        recording?.take(.asked(link.asked), .read())
    }
    /// What the server is asked for: over events all channels have one rate. Nil of a recording.
    var asked: [ClientMessage.Subscribe]? { link?.asked }
    func reconnect(_ now: Moment) { link?.reconnect(now) }

    /// Moves what the socket is ready for, and does what it is time for.
    ///
    /// - Returns: true where the socket was ready.
    /// - Throws: where a recording cannot be read on.
    @discardableResult
    func attend(
        _ poller: Poller, _ socket: Int, _ now: Moment, _ onEvent: (LinkEvent, Moment) -> Void
    ) throws -> Bool {
        let (readable, writable) = (poller.isReadable(socket), poller.isWritable(socket))
        if readable || writable {
            link?.pump(readable: readable, writable: writable, now) { take($0, now, onEvent) }
        }
        link?.tick(now) { take($0, now, onEvent) }
        try tape?.play(now.instant, onEvent)
        recording?.write()
        return readable || writable
    }

    private func take(_ event: LinkEvent, _ now: Moment, _ onEvent: (LinkEvent, Moment) -> Void) {
        recording?.take(event, now)
        onEvent(event, now)
    }

    /// What went wrong with a recording, the first time that somebody asks.
    func takeComplaint() -> String? {
        if let complaint = tape?.complaint {
            tape?.complaint = nil
            return complaint
        }
        guard let fault = recording?.fault else { return nil }
        recording = nil
        return fault
    }

    func stop() {
        link?.stop()
        recording?.write()
    }

    /// Why there is no use in going on: nobody ever answered, or would not have us. Later breaks are waited out.
    var failure: Failure? {
        guard let link, case .broken(let reason, _) = link.state else { return nil }
        if link.isUnauthorized || link.wasRefused && !link.wasEverLive { return .refused(reason) }
        return link.wasEverLive ? nil : .noServer(reason)
    }
}

/// A capture's file, read as its player wants it.
private final class RecordedStream {
    private let path: String
    private var file: InputFile
    private let player: CapturePlayer
    private var room = [UInt8](repeating: 0, count: 64 << 10)

    init(_ path: String, _ speed: ReplaySpeed) throws(UsageError) {
        self.path = path
        do throws(SystemError) { file = try InputFile(path) } catch {
            throw UsageError("--replay \(path): \(error.reason)")
        }
        var milli: Int64?
        if case .thousandths(let value) = speed { milli = value }
        player = CapturePlayer(speedMilli: milli, Moment.read().instant)
    }

    /// What is wrong with its end.
    var complaint: String?
    var hasEnded: Bool { player.hasEnded }
    var next: Instant { player.next }

    func play(_ now: Instant, _ onEvent: (LinkEvent, Moment) -> Void) throws {
        for _ in 0..<16 where !player.hasEnded {
            if player.wantsBytes { try read() }
            do throws(CaptureError) { try player.play(now, atMost: 1_000, onEvent) } catch {
                throw UsageError("--replay \(path): \(error)")
            }
            if player.hasEnded, player.cutBytes > 0 {
                complaint = "\(path) ends inside of a record: \(player.cutBytes) bytes were of no use"
            }
            guard player.wantsBytes else { return }
        }
    }

    private func read() throws(UsageError) {
        do throws(SystemError) {
            let count = try room.withUnsafeMutableBufferPointer { room throws(SystemError) in
                guard let base = room.baseAddress else { return 0 }
                return try file.read(into: base, atMost: room.count)
            }
            room.withUnsafeBytes { player.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        } catch {
            throw UsageError("--replay \(path): \(error.reason)")
        }
    }
}

/// A capture in the making.
private final class StreamRecording {
    private let path: String
    private let descriptor: Int32
    private let link: LinkOptions
    /// Nil: what is watched is not known yet.
    private var writer: CaptureWriter?
    private var buffer = ByteBuffer()
    private(set) var fault: String?

    /// - Throws: where the file cannot be made. One that is there is not written over.
    init(_ path: String, _ link: LinkOptions) throws(UsageError) {
        self.path = path
        self.link = link
        descriptor = tf_create(path)
        guard descriptor >= 0 else {
            let reason = SystemError("open").reason
            throw UsageError("--record \(path): \(reason)")
        }
    }

    /// Its first line says what was watched when it began.
    func begin(_ wanted: [ClientMessage.Subscribe]) {
        guard writer == nil else { return }
        let now = Moment.read()
        let head = CaptureHead(link, started: now.wall, subscriptions: wanted)
        writer = CaptureWriter(head, now, into: &buffer)
    }

    func take(_ event: LinkEvent, _ now: Moment) {
        guard fault == nil else { return }
        writer?.record(event, now, into: &buffer)
    }

    func write() {
        guard fault == nil, !buffer.isEmpty else { return }
        if Console.write(buffer.readable, to: descriptor) {
            buffer.removeAll()
        } else {
            fault = "--record \(path): \(SystemError("write").reason); recording has ended"
        }
    }
}
