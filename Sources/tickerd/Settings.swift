// Command line and configuration file together, read at the start and again at every SIGHUP.
import Basics

/// What is wrong with a configuration: a line for each fault.
struct ConfigurationFaults: Error {
    let faults: [UsageError]
    var lines: [String] { faults.map(\.description) }
}

struct Settings {
    /// The command line: it stays as it is.
    private let line: Arguments

    init(_ line: Arguments) { self.line = line }

    /// What command line and file say by now.
    func read() throws(ConfigurationFaults) -> (arguments: Arguments, configuration: Configuration) {
        var arguments = line, faults: [UsageError] = []
        if let path = line["config"] {
            do throws(UsageError) {
                let file = OptionFile(
                    try Settings.bytes(ofFile: path, for: "config"), name: path,
                    options: Configuration.options, excluding: Configuration.commandLineOnly)
                faults += file.faults
                arguments.add(file)
            } catch {
                faults.append(error)
            }
        }
        let configuration = Configuration(arguments, faults: &faults)
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
        return (arguments, configuration)
    }

    /// A small file that an option names: at most a byte more than a configuration file may have.
    static func bytes(ofFile path: String, for option: String) throws(UsageError) -> [UInt8] {
        do throws(SystemError) {
            return try InputFile.bytes(path, atMost: OptionFile.bytesMax + 1)
        } catch {
            throw UsageError("--\(option) \(path): \(error.reason)")
        }
    }
}
