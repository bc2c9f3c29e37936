// `tickfuzz TARGET FILE...`: gives inputs to a parser and demands what must hold for any bytes.
//
// The same program twice. Built as ever it replays files, so that what a fuzzer once found is a test
// from then on. Built by `script/fuzz` it is libFuzzer's, which makes the files up.
import Basics
import CLinux

@main
struct Tickfuzz {
    /// Where a build for libFuzzer is told its target: its command line is the fuzzer's.
    static let variable = "TICKFUZZ_TARGET"
    static let bytesMax = 1 << 20

    static let help = """
        tickfuzz TARGET FILE...    gives each file to a target, and ends with status 0 when all held

        Targets:
        \(Target.all.map(\.line).joined())
        script/fuzz TARGET [SECONDS] looks for inputs that do not.

        """

    static func main() {
        #if FUZZING
            exit(LibFuzzer.run())
        #else
            do throws(UsageError) {
                try replay(Array(CommandLine.arguments.dropFirst()))
            } catch {
                Console.write("tickfuzz: \(error)\n", to: Console.errors)
                exit(2)
            }
        #endif
    }

    private static func replay(_ arguments: [String]) throws(UsageError) {
        guard let name = arguments.first, name != "--help" else {
            Console.write(help)
            return
        }
        guard let target = Target.named(name) else {
            throw UsageError("no target \(name); tickfuzz --help lists them")
        }
        for path in arguments.dropFirst() {
            let bytes = try read(path)
            // Said before: what fails, fails by a trap.
            Console.write("\(name) \(path)\n")
            bytes.withUnsafeBytes { target.run($0) }
        }
    }

    private static func read(_ path: String) throws(UsageError) -> [UInt8] {
        do throws(SystemError) {
            let file = try InputFile(path)
            var bytes = [UInt8](repeating: 0, count: bytesMax), count = 0
            while count < bytesMax {
                let start = count
                let more = try bytes.withUnsafeMutableBufferPointer { (room) throws(SystemError) in
                    guard let base = room.baseAddress else { return 0 }
                    return try file.read(into: base + start, atMost: bytesMax - start)
                }
                guard more > 0 else { break }
                count += more
            }
            return Array(bytes.prefix(count))
        } catch {
            throw UsageError("\(path): \(error)")
        }
    }
}
