// The door that libFuzzer comes in by, in builds of `script/fuzz` alone.
#if FUZZING
    import Basics
    import CLinux

    @_silgen_name("LLVMFuzzerRunDriver")
    private func runDriver(
        _ count: UnsafeMutablePointer<Int32>,
        _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
        _ one: @convention(c) (UnsafeRawPointer?, Int) -> Int32
    ) -> Int32

    enum LibFuzzer {
        private static let target: Target? =
            getenv(Tickfuzz.variable).flatMap { Target.named(String(cString: $0)) }

        /// Runs until the fuzzer's options say otherwise.
        static func run() -> Int32 {
            guard target != nil else {
                Console.write("tickfuzz: \(Tickfuzz.variable) names no target\n", to: Console.errors)
                return 2
            }
            var count = CommandLine.argc, arguments = CommandLine.unsafeArgv
            return runDriver(&count, &arguments) { start, count in
                LibFuzzer.target?.run(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
                return 0
            }
        }
    }
#endif
