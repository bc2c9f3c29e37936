// Configuration files: every line is an option that there is, or a fault with its number.
import Basics

private let options = [
    Option("listen", "ADDRESS", ""), Option("allow-origin", "ORIGIN", "", mayRepeat: true),
    Option("bench", nil, ""), Option("max-memory", "BYTES", ""), Option("config", "FILE", ""),
]

@Sendable func fuzzOptionFile(_ bytes: UnsafeRawBufferPointer) {
    let file = OptionFile(Array(bytes), name: "f", options: options, excluding: ["config"])
    for fault in file.faults { demand(fault.description.hasPrefix("f:"), "\(fault) has no place") }
    guard file.faults.isEmpty, var arguments = try? Arguments(["--bench"], options: options) else { return }
    arguments.add(file)
    demand(!arguments.has("config"), "the file names a file")
    for option in options where arguments.has(option.name) {
        let values = arguments.all(option.name)
        demand(option.mayRepeat || values.count == 1, "\(option.name) has \(values.count) values")
        demand(option.value == nil || !values.contains(""), "\(option.name) has no value")
        demand(!values.contains { $0.utf8.contains { $0 < 0x20 && $0 != 0x09 } }, "a control character")
        let fault = arguments.located(UsageError("--\(option.name) is wrong"))
        demand(option.name == "bench" || fault.description.hasPrefix("f:"), "\(fault) has no place")
    }
}
