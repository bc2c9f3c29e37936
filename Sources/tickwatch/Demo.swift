// A simulated market in this process: what `--demo` watches, through the same server and socket as any.
import Basics
import FanOut
import Market
import TickerFeed
import Wire

/// Ingest and one loop on threads of their own, on a port of loopback that the system chooses.
final class Demo {
    let port: UInt16

    /// - Throws: an unknown scenario, or what the system says against it.
    init(scenario name: String?, now: Moment) throws {
        let scenario = try Demo.scenario(name)
        let listener = try Listener.bind(host: "127.0.0.1", port: 0)
        port = listener.address.port
        let tape = Tape(capacity: 1 << 16), epoch = now.newEpoch
        let end = try LoopEnd(of: tape)
        // As late as can be: the market's first event is now.
        let feed = scenario.makeFeed(seed: UInt64(bitPattern: now.wall.raw), start: Moment.read().wall)
        let ingest = IngestThread(
            feed: feed, tape: Tape.Writer(tape),
            options: ReplayOptions(pace: scenario.isUniform ? .live : .recorded(.recorded)),
            clock: .simulated,
            epoch: epoch)
        var options = ServerOptions(server: "demo", epoch: epoch, feedReport: ingest.report)
        options.limits.symbols = max(options.limits.symbols, scenario.symbolCount)
        let loops = try FanOutLoops(options: options, listener: listener, ends: [end])
        ingest.begin()
        try ingest.start()
        try loops.start()
    }

    /// One by its name, or of a file.
    private static func scenario(_ name: String?) throws -> Scenario {
        guard let name else { return .default }
        var faults: [UsageError] = []
        let scenario: Scenario
        if name.hasSuffix(".scenario") {
            do throws(SystemError) {
                let text = try InputFile.bytes(name, atMost: OptionFile.bytesMax + 1)
                scenario = Scenario(text, name: name, settings: [], faults: &faults)
            } catch {
                throw UsageError("--scenario \(name): \(error.reason)")
            }
        } else {
            scenario = Scenario(name, settings: [], faults: &faults)
        }
        if let fault = faults.first { throw fault }
        return scenario
    }
}
