// A fan-out server in a program of one's own: the source of MadeUpPrices.swift writes ticks onto a tape, and a loop
// serves them to any number of WebSocket clients, each at its own rate.
//
//     FanOutServer [PORT]
import Basics
import FanOut
import Glibc
import Market
import TickerFeed
import Wire

@main
enum Serve {
    static func main() {
        do {
            try run(Array(CommandLine.arguments.dropFirst()))
        } catch {
            Console.write("FanOutServer: \(error)\n", to: Console.errors)
            exit(error is UsageError ? 2 : 1)
        }
    }

    static func run(_ words: [String]) throws {
        guard words.count < 2, let port = UInt16(words.first ?? "7400") else {
            throw UsageError("usage: FanOutServer [PORT]")
        }
        let listener = try Listener.bind(host: "127.0.0.1", port: port)
        let now = Moment.read(), tape = Tape(capacity: 1 << 16)
        // One for each loop. All of a tape's readers are made before its writer.
        let ends = [try LoopEnd(of: tape)]
        let ingest = IngestThread(
            feed: MadeUpPrices(start: now.wall), tape: Tape.Writer(tape), options: ReplayOptions(pace: .live),
            clock: .live, epoch: now.newEpoch)
        let options = ServerOptions(server: "FanOutServer", epoch: now.newEpoch, feedReport: ingest.report)
        let loops = try FanOutLoops(options: options, listener: listener, ends: ends)

        // Signals first, so that no thread that is started behind it is interrupted.
        let signals = try Signals()
        ingest.begin()
        let threads = [try ingest.start()] + (try loops.start())
        Console.write("serving ws://\(listener.address)/v1/stream, ^C ends\n")
        while signals.wait(loops.ending).isEmpty {}

        // Clients are told goodbye, and may take a second for it.
        loops.stop(drain: .seconds(1))
        ingest.stop()
        for thread in threads { thread.join() }
    }
}
