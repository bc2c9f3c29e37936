// `tickbench load`: a fleet against a running tickerd, or one that it starts itself.
//
//     core 0: tickerd --bench with a uniform market      core 1: this process
import Basics
import CLinux

struct LoadBenchmark: Benchmark {
    private let options: LoadOptions

    init(_ arguments: Arguments) throws(UsageError) { options = try LoadOptions(arguments) }

    func run() throws {
        tf_ignore_broken_pipes()
        Interrupt.hold()
        var progress = Progress()
        Console.write("\(Measure.machine)\n\(heading)\n\n")
        let result = try options.measure(&progress)
        Console.write(result.text)
        guard result.isPartial else { return }
        Console.write("interrupted after \(result.span.milliseconds / 1_000) s of measuring\n")
        throw Interrupted()
    }

    private var heading: String {
        let rate = options.rateMilli.map { Spread.shortest(milli: $0) } ?? "max"
        let speech = options.speaks ?? .native
        let asked = speech == .native ? "\(options.channel) at rate \(rate)" : "in \(speech.rawValue)"
        let source =
            switch options.server {
            case .own(let rate): "source \(rate) updates a second"
            case .other(let address, _): "server \(address.description)"
            }
        return
            "\(options.connections) x \(options.perConnection) of \(options.universe) symbols "
            + "(\(options.pick.rawValue)), \(asked), \(source)"
    }
}

extension LoadOptions {
    /// Starts the server where it has to, and measures.
    func measure(_ progress: inout Progress) throws -> LoadResult {
        switch server {
        case .own(let source):
            // Before the server starts: what it inherits it can use too.
            try raiseDescriptorLimit(to: connections + 32)
            let server = try ServerProcess(try serverWords(source), port: port)
            try server.waitForPort()
            do {
                return try measure(at: server.address, server.usage, &progress)
            } catch let error as BenchError {
                try server.checkAlive()
                throw error
            }
        case .other(let address, let process):
            return try measure(at: address, process.map(ProcessUsage.init), &progress)
        }
    }

    private func measure(
        at address: ServerAddress, _ usage: ProcessUsage?, _ progress: inout Progress
    ) throws -> LoadResult {
        var plan = plan(at: address)
        plan.trust = try trust()
        let run = LoadRun(plan: plan, warmUp: warmUp, window: window, usage: usage)
        var result = try run.measure(&progress)
        result.expected = expected
        return result
    }
}
