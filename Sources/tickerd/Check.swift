// --check-config: everything that a start would look at, without serving.
import Basics
import FanOut
import TickerFeed
import Wire

enum Check {
    /// Says what is wrong, a line each on standard error.
    ///
    /// - Returns: the exit status: 0 where a start would work, 2 where not.
    static func run(_ line: Arguments) -> Int32 {
        let lines = faults(line)
        for fault in lines { Tickerd.complain(fault) }
        guard lines.isEmpty else { return 2 }
        Console.write("configuration is fine\n")
        return 0
    }

    private static func faults(_ line: Arguments) -> [String] {
        do throws(ConfigurationFaults) {
            let (arguments, configuration) = try Settings(line).read()
            return Server.placesFaults(configuration).map { arguments.located($0).description }
        } catch {
            return error.lines
        }
    }
}

extension Server {
    /// What is wrong with the files and addresses that a configuration names. Opens and closes them, and
    /// free ports of the addresses: the server that is to be reconfigured has its own.
    static func placesFaults(_ configuration: Configuration) -> [UsageError] {
        var faults: [UsageError] = []
        do { _ = try open(configuration) } catch { faults.append(UsageError("--feed: \(error)")) }
        var token: AdminToken?
        do throws(UsageError) { token = try adminToken(configuration) } catch { faults.append(error) }
        do { _ = try configuration.loadTLS() } catch { faults.append(UsageError(error.description)) }
        if let fault = configuration.recording?.fault { faults.append(fault) }
        guard faults.isEmpty else { return faults }
        var elsewhere = configuration
        elsewhere.port = 0
        elsewhere.admin?.port = 0
        do {
            try listen(elsewhere).close()
            try listenForAdmin(elsewhere, token)?.close()
        } catch { faults.append(UsageError("\(error)")) }
        return faults
    }
}
