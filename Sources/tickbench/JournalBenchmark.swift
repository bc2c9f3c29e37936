// What recording costs, and playing back, and how long it takes to be anywhere in a journal of a gigabyte.
//
// Ticks are a simulated market's, written to a temporary folder through the kernel's cache and read from it.
// Making them is not timed. Seeks are by the wall's clock: whoever waits for one waits for the disk, too.
import Basics
import CLinux
import Journal
import Market
import TickerFeed

struct JournalBenchmark: Benchmark {
    private static let seeks = 100
    private let runs: Int
    private let megabytes: Int
    private let parent: String

    init(_ arguments: Arguments) throws(UsageError) {
        runs = try arguments.number("runs", 3, 1...100)
        megabytes = try arguments.number("megabytes", 1_074, 1...1_000_000)
        parent = arguments["dir"] ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }

    func run() throws {
        Console.write("\(Measure.machine)\n")
        Console.write("\(megabytes) MB a run, median of \(runs) runs [least-greatest], CPU time\n\n")
        Console.write("| journal | ticks | M ticks/s | ns a tick | checksum |\n")
        Console.write("| --- | ---: | ---: | ---: | --- |\n")
        var written: [Outcome] = [], read: [Outcome] = [], played: [Outcome] = []
        var last: TemporaryFolder?
        for _ in 0..<runs {
            last = nil
            let folder = try TemporaryFolder(in: parent)
            written.append(try write(folder))
            read.append(try self.read(folder))
            played.append(try play(folder))
            last = folder
        }
        for (name, outcomes) in [("written", written), ("read", read), ("played to ticks", played)] {
            let perTick = Spread(outcomes.map(\.perTick)), rate = Spread(outcomes.map { 1_000 / $0.perTick })
            let sums = Set(outcomes.map(\.checksum))
            guard sums.count == 1, let first = outcomes.first else {
                throw BenchError("\(name): runs differ")
            }
            Console.write(
                "| \(name) | \(first.ticks) | \(rate.text(1)) | \(perTick.text(1)) | \(first.checksum.hex) |\n"
            )
        }
        guard written[0].checksum == read[0].checksum else {
            throw BenchError("what was read is something else")
        }
        if let last { try seek(last) }
    }

    private struct Outcome {
        var ticks = 0
        var nanoseconds: Int64 = 0
        var checksum: UInt64 = 0
        var perTick: Double { Double(nanoseconds) / Double(max(1, ticks)) }

        mutating func take(_ batch: UnsafeBufferPointer<Tick>) {
            ticks += batch.count
            for tick in batch {
                checksum =
                    (checksum &+ tick.head &+ tick.sequence ^ UInt64(bitPattern: tick.price.e9))
                    &* 0x9e37_79b9
                    &+ tick.aux
            }
        }
    }

    // MARK: Front to back

    private func write(_ folder: TemporaryFolder) throws -> Outcome {
        var faults: [UsageError] = []
        let scenario = Scenario("default", settings: ["rate=100000"], faults: &faults)
        let feed = Simulator(scenario, seed: 1, start: Timestamp(raw: 1_700_000_000_000_000_000))
        let tape = Tape(capacity: 1 << 16), reader = tape.makeReader()
        var builder = BookBuilder(Tape.Writer(tape)), outcome = Outcome()
        let buffer = UnsafeMutableBufferPointer<Tick>.allocate(capacity: JournalWriter.batchTicks)
        defer { buffer.deallocate() }
        let now = Moment.read().wall
        let writer = try JournalWriter(
            DiskFolder(folder.path), JournalWriter.Options(source: feed.description, clock: .simulated),
            now: now)
        try writer.resume(now: now)
        while writer.counts.bytes < UInt64(megabytes) * 1_000_000 {
            _ = feed.play(upTo: Timestamp(raw: .max), limit: 4_096, received: now, into: &builder)
            builder.publish()
            while case .ticks(let count) = reader.read(into: buffer) {
                let batch = UnsafeBufferPointer(rebasing: buffer[..<count])
                outcome.take(batch)
                let start = Measure.cpu()
                try writer.write(batch, now: now)
                outcome.nanoseconds += Measure.cpu() - start
            }
        }
        try writer.close(now: now)
        return outcome
    }

    private func read(_ folder: TemporaryFolder) throws -> Outcome {
        let reader = try JournalReader(DiskFolder(folder.path))
        var outcome = Outcome()
        let start = Measure.cpu()
        while true {
            switch try reader.next() {
            case .ticks(let batch, _): outcome.take(batch)
            case .broken(let found): throw BenchError("\(found)")
            case .segment, .snapshot, .lost: break
            case .notYet, .end:
                outcome.nanoseconds = Measure.cpu() - start
                return outcome
            }
        }
    }

    /// As the server does: books follow, and all goes onto a tape.
    private func play(_ folder: TemporaryFolder) throws -> Outcome {
        let feed = try JournalFeed(folder.path)
        var builder = BookBuilder(Tape.Writer(Tape(capacity: 1 << 16))), outcome = Outcome()
        let start = Measure.cpu()
        while true {
            let step = feed.play(upTo: Timestamp(raw: .max), limit: 4_096, received: .zero, into: &builder)
            builder.publish()
            switch step.next {
            case .due, .now, .waits: continue
            case .failed(let error): throw BenchError("\(error)")
            case .end:
                outcome.nanoseconds = Measure.cpu() - start
                outcome.ticks = Int(builder.tickCount)
                outcome.checksum = builder.tickCount
                return outcome
            }
        }
    }

    // MARK: Anywhere

    private func seek(_ folder: TemporaryFolder) throws {
        let reader = try JournalReader(DiskFolder(folder.path))
        let ends = try folder.times()
        Console.write("\n| seek | segments | median ms | worst ms | checksum |\n")
        Console.write("| --- | ---: | ---: | ---: | --- |\n")
        for (name, isCold) in [("from the kernel's cache", false), ("from the disk", true)] {
            var random = SeededGenerator(seed: 1), times: [Double] = [], checksum: UInt64 = 0
            var image = MarketImage()
            for _ in 0..<JournalBenchmark.seeks {
                let span = ends.upperBound.raw - ends.lowerBound.raw
                let time = Timestamp(
                    raw: ends.lowerBound.raw + span / 1_000_000 * Int64(random.below(1_000_000)))
                if isCold { try folder.dropFromCache() }
                let start = Moment.read().instant
                guard try reader.seek(to: time, image: &image), case .ticks(let batch, _) = try reader.next(),
                    let first = batch.first
                else { throw BenchError("nothing at \(time.utc)") }
                times.append(Double((Moment.read().instant - start).raw) / 1_000_000)
                checksum = checksum &* 31 &+ first.sequence &+ UInt64(bitPattern: first.eventTime.raw)
            }
            let spread = Spread(times), segments = try JournalPlace(path: folder.path).segments().count
            Console.write(
                "| \(name) | \(segments) | \(Spread.text(spread.median, 2)) | "
                    + "\(Spread.text(spread.greatest, 2)) | \(checksum.hex) |\n")
        }
    }
}

extension TemporaryFolder {
    private var names: [String] { ((try? DiskFolder(path).names()) ?? []).filter { !$0.hasPrefix(".") } }

    /// First and last event time.
    fileprivate func times() throws -> Range<Timestamp> {
        let place = try JournalPlace(path: path), names = try place.segments()
        let first = try SegmentSurvey(names[0], in: place.folder)
        let last = try SegmentSurvey(names[names.count - 1], in: place.folder)
        guard let start = first.first, let end = last.reached, start < end else {
            throw BenchError("no ticks")
        }
        return start..<end
    }

    /// What was written is on the disk then, and nowhere else.
    fileprivate func dropFromCache() throws(BenchError) {
        for name in names {
            let descriptor = tf_open_to_read("\(path)/\(name)")
            guard descriptor >= 0 else { throw BenchError("\(path)/\(name): \(SystemError("open"))") }
            defer { close(descriptor) }
            fdatasync(descriptor)
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
        }
    }
}
