// A server in a process of its own, mostly on a core of its own, and what the kernel says it used.
//
// Invariants
//   - It is in a process group of its own, so ^C reaches this program only, which then ends it.
//   - Its words go nowhere, its complaints where ours go.
import Basics
import CLinux
import Glibc
import Journal

struct ServerProcess: ~Copyable {
    let usage: ProcessUsage
    let address: ServerAddress
    private let name: String
    private var process: pid_t { usage.process }

    /// Starts `words` on core 0, where there is more than one, and goes on on core 1.
    ///
    /// - Parameter isPinned: false: on any core, as one of several servers.
    init(_ words: [String], port: UInt16, isPinned: Bool = true) throws(BenchError) {
        address = .loopback(port)
        name = words[0].split(separator: "/").last.map(String.init) ?? words[0]
        // What answers there already would be measured instead.
        guard !address.answers else { throw BenchError("port \(port) is in use: choose another --port") }
        let isPinned = isPinned && Measure.cores > 1
        if isPinned { tf_pin_to_core(0) }
        defer { if isPinned { tf_pin_to_core(1) } }
        usage = ProcessUsage(try spawn(words, isServer: true))
    }
    deinit {
        kill(process, SIGTERM)
        waitpid(process, nil, 0)
    }

    /// Ends it without a word to anybody, as `kill -9` does.
    func killAtOnce() { kill(process, SIGKILL) }

    /// Waits until it listens.
    func waitForPort() throws {
        try wait(atMost: .seconds(5), else: "\(name) does not listen on port \(address.port)") {
            try checkAlive()
            return address.answers
        }
    }

    /// CPU nanoseconds so far of all its threads.
    func cpu() throws(BenchError) -> Int64 {
        try checkAlive()
        return try usage.cpu().total
    }

    /// A server that ended is why connections were lost.
    func checkAlive() throws(BenchError) {
        var state = siginfo_t()
        // Looks and leaves it to `deinit` to bury it.
        let code = waitid(P_PID, id_t(process), &state, WEXITED | WNOHANG | WNOWAIT)
        guard code == 0, state.si_signo == SIGCHLD else { return }
        let status = state._sifields._sigchld.si_status
        throw BenchError(
            state.si_code == ServerProcess.exited
                ? "\(name) ended by itself, with status \(status)" : "\(name) was killed by signal \(status)")
    }

    /// `CLD_EXITED`, which Glibc's module has as an enum of another type.
    private static let exited: Int32 = 1
}

/// What the kernel knows of a process. Its threads are told apart by their names.
struct ProcessUsage {
    let process: pid_t
    init(_ process: pid_t) { self.process = process }

    /// Nanoseconds on a core of the threads named `ingest` and of all others, which are loops.
    struct CPU {
        var loops: Int64 = 0
        var ingest: Int64 = 0
        /// Nanoseconds in which loops wanted a core and somebody else had it.
        var loopsWaited: Int64 = 0
        var total: Int64 { loops + ingest }
        static func - (a: Self, b: Self) -> Self {
            Self(
                loops: a.loops - b.loops, ingest: a.ingest - b.ingest,
                loopsWaited: a.loopsWaited - b.loopsWaited)
        }
    }

    func cpu() throws(BenchError) -> CPU {
        var sum = CPU()
        let threads = (try? DiskFolder("/proc/\(process)/task").names()) ?? []
        for thread in threads where !thread.hasPrefix(".") {
            let folder = "/proc/\(process)/task/\(thread)"
            // A thread may end between being listed and being read.
            guard let name = Measure.text(of: folder + "/comm") else { continue }
            // On a core, waiting for one, times that it got one.
            let words = (Measure.text(of: folder + "/schedstat") ?? "").split(separator: " ")
            guard words.count >= 2, let used = Int64(words[0]), let waited = Int64(words[1]) else { continue }
            if name.hasPrefix("ingest") {
                sum.ingest += used
            } else {
                sum.loops += used
                sum.loopsWaited += waited
            }
        }
        guard sum.total > 0 else { throw BenchError("process \(process) is not there, or not ours to see") }
        return sum
    }

    /// Bytes of memory that are its own or shared, nil where they are not to be seen.
    var resident: Int? {
        let lines = (Measure.text(of: "/proc/\(process)/smaps_rollup") ?? "").split(separator: "\n")
        let words = lines.first { $0.hasPrefix("Rss:") }?.split(separator: " ") ?? []
        return words.dropFirst().first.flatMap { Int($0) }.map { $0 * 1_024 }
    }
}

/// Starts a program with this one's environment; a server without our signals and our output.
func spawn(_ words: [String], isServer: Bool) throws(BenchError) -> pid_t {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var attributes = posix_spawnattr_t(), actions = posix_spawn_file_actions_t()
    posix_spawnattr_init(&attributes)
    posix_spawn_file_actions_init(&actions)
    defer {
        posix_spawnattr_destroy(&attributes)
        posix_spawn_file_actions_destroy(&actions)
    }
    var noSignals = sigset_t()
    sigemptyset(&noSignals)
    posix_spawnattr_setsigmask(&attributes, &noSignals)
    var flags = Int16(POSIX_SPAWN_SETSIGMASK)
    if isServer {
        flags |= Int16(POSIX_SPAWN_SETPGROUP)
        posix_spawn_file_actions_addopen(&actions, Console.output, "/dev/null", O_WRONLY, 0)
    }
    posix_spawnattr_setflags(&attributes, flags)
    var process = pid_t()
    let code = posix_spawnp(&process, words[0], &actions, &attributes, pointers, environ)
    guard code == 0 else {
        throw BenchError("\(words[0]): \(SystemError("posix_spawn", code: code).reason)")
    }
    return process
}

/// Runs a program to its end; false where it is not there or failed.
func succeeds(_ words: [String]) -> Bool {
    do throws(BenchError) {
        let process = try spawn(words, isServer: false)
        var status: Int32 = 0
        return waitpid(process, &status, 0) == process && status == 0
    } catch {
        return false
    }
}
