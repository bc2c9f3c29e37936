// --check-config: everything that a start would look at, without serving.
import Basics
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
            return Server.filesFaults(configuration).map { arguments.located($0).description }
        } catch {
            return error.lines
        }
    }
}

extension Server {
    /// What is wrong with the files that a configuration names. Opens and closes them; binds no port,
    /// for the server that is to be reconfigured has it.
    static func filesFaults(_ configuration: Configuration) -> [UsageError] {
        var faults: [UsageError] = []
        do { _ = try open(configuration) } catch { faults.append(UsageError("--feed: \(error)")) }
        do throws(UsageError) { _ = try adminToken(configuration) } catch { faults.append(error) }
        do { _ = try configuration.loadTLS() } catch { faults.append(UsageError(error.description)) }
        return faults
    }
}
