// `--verify`: every rule that a client can check, on all channels, against the server's own snapshots.
//
// Invariant: the first divergence ends it, in one line and with a status of its own.
import Basics
import CLinux
import Dialects
import Watch
import Wire

final class VerifyRun {
    private let setup: Setup
    private let signals: Signals
    private let stream: Stream
    private let wanted: [ClientMessage.Subscribe]
    private var verifier: Verifier
    private let deadline: Instant
    private var status: ExitStatus?
    /// Symbols that were heard of; snapshots are asked for in turn.
    private var symbols: [String] = []
    private var known: Set<String> = []
    private var turn = 0
    private var fetch: HTTPFetch?
    private var nextFetch = Instant.zero
    /// Snapshots that could not be had, and why the first one could not.
    private var missed = (count: 0, reason: "")

    private static let fetchEvery = Nanoseconds.milliseconds(250)
    private static let patience = Nanoseconds.seconds(5)

    init(_ setup: Setup, _ signals: Signals) throws {
        self.setup = setup
        self.signals = signals
        let options = setup.options, rate = setup.settings.rate
        let channels = options.channels ?? Channel.allCases
        wanted = channels.map {
            ClientMessage.Subscribe(
                channel: $0, symbols: setup.symbols, rate: rate, depth: $0 == .book ? options.depth : nil,
                checksum: $0 == .book, interval: .second, stamps: true)
        }
        stream = try Stream(setup)
        // A recording says itself what was asked for.
        verifier = Verifier(stream.isRecorded ? [] : wanted)
        deadline = options.span.map { Moment.read().instant + $0 } ?? .never
    }

    func run() throws -> ExitStatus {
        for fault in setup.faults { Tickwatch.complain(fault) }
        stream.set(wanted)
        if let asked = stream.asked { verifier = Verifier(asked) }
        while status == nil { try step() }
        stream.stop()
        Console.write(report + "\n")
        return status ?? .done
    }

    private func step() throws {
        var poller = Poller()
        let signal = poller.add(signals.descriptor)
        let socket = poller.add(stream.descriptor, writes: stream.wantsWrite)
        let page = poller.add(fetch?.client.descriptor ?? -1, writes: fetch?.client.wantsWrite ?? false)
        poller.wait(until: min(stream.next, deadline, stream.isRecorded ? .never : nextFetch))
        let now = Moment.read()
        if poller.isReadable(signal), !signals.read().isEmpty { return end(.interrupted) }
        try stream.attend(poller, socket, now) { take($0, $1) }
        if let words = stream.takeComplaint() { Tickwatch.complain(words) }
        compare(readable: poller.isReadable(page), writable: poller.isWritable(page), now.instant)
        if now.instant >= deadline || stream.hasEnded { end(.done) }
        if status == nil, let failure = stream.failure {
            let (status, words) = failure.told(setup.place)
            Tickwatch.complain(words)
            end(status)
        }
    }

    private func end(_ status: ExitStatus) { self.status = self.status ?? status }

    private func take(_ event: LinkEvent, _ now: Moment) {
        if let divergence = verifier.take(event) { diverged(divergence) }
        switch event {
        case .message(let message):
            if let symbol = message.version?.symbol, known.insert(symbol).inserted { symbols.append(symbol) }
            if case .ack(let ack) = message { refused(ack) }
        case .state(.broken(let reason, _)):
            if stream.failure == nil { Tickwatch.complain(reason) }
        default: break
        }
    }

    private func diverged(_ divergence: Divergence) {
        guard status == nil else { return }
        Tickwatch.complain("\(divergence)")
        end(.integrity)
    }

    private func refused(_ ack: AckMessage) {
        guard !ack.refused.isEmpty, ack.symbols.isEmpty, symbols.isEmpty else { return }
        Tickwatch.complain(
            "the server refused \(ack.refused.map { "\($0.symbol) (\($0.code))" }.joined(separator: ", "))")
        end(.noSymbol)
    }

    // MARK: Snapshots

    /// One symbol's snapshot after the other, while the stream goes on.
    private func compare(readable: Bool, writable: Bool, _ now: Instant) {
        guard let link = setup.link else { return }
        if let fetch {
            do throws(ClientError) {
                if let answer = try fetch.pump(readable: readable, writable: writable) { took(answer) }
            } catch {
                miss(error.description)
            }
            if now >= nextFetch + VerifyRun.patience { miss("no answer in time") }
            return
        }
        guard now >= nextFetch, !symbols.isEmpty else {
            if symbols.isEmpty { nextFetch = now + VerifyRun.fetchEvery }
            return
        }
        nextFetch = now + VerifyRun.fetchEvery
        let symbol = symbols[turn % symbols.count]
        turn += 1
        let path = "/v1/snapshot/\(VerifyRun.escaped(symbol))?depth=\(ClientMessage.Subscribe.depthMax)"
        let fetch = HTTPFetch(
            HTTPClient(url: link.address.page(path), headers: link.token?.headers ?? [], trust: link.trust))
        do throws(ClientError) {
            try fetch.connect()
            self.fetch = fetch
        } catch {
            miss(error.description)
        }
    }

    private func miss(_ reason: String) {
        fetch = nil
        missed = (missed.count + 1, missed.count == 0 ? reason : missed.reason)
    }

    private func took(_ answer: HTTPAnswer) {
        fetch = nil
        guard answer.head.status == 200 else { return miss(answer.refusal.description) }
        let depth = ClientMessage.Subscribe.depthMax
        let divergence = answer.body.withUnsafeBytes { verifier.check(snapshot: $0, depth: depth) }
        if let divergence { diverged(divergence) }
    }

    /// Percent-encoded as a path's segment (RFC 3986 §3.3).
    private static func escaped(_ symbol: String) -> String {
        symbol.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || [UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "~")].contains(byte)
            if isPlain { return String(UnicodeScalar(byte)) }
            let digits = String(byte, radix: 16, uppercase: true)
            return "%" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }

    private var report: String {
        let totals = verifier.totals
        return "\(totals.messages) messages, \(totals.books) books, \(totals.checksums) checksums, "
            + "\(totals.snapshotsCompared) snapshots compared"
            + (totals.snapshotsIncomparable > 0 ? " (\(totals.snapshotsIncomparable) not comparable)" : "")
            + (missed.count > 0 ? ", \(missed.count) not to be had (\(missed.reason))" : "")
            + ", \(totals.gaps) gaps declared"
            + (totals.epochs > 1 ? ", \(totals.epochs - 1) new lives of the feed: " : ": ")
            + (status == .integrity ? "DIVERGED" : "no divergence")
    }
}
