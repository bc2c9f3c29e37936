// A server in a process of its own, on a core of its own, and what the kernel says it used.
import Basics
import CLinux
import Glibc

struct ServerProcess: ~Copyable {
    private let process: pid_t
    let port: UInt16

    /// Starts `words` on core 0, where there is more than one, and goes on on core 1.
    init(_ words: [String], port: UInt16) throws(BenchError) {
        self.port = port
        let isPinned = Measure.cores > 1
        if isPinned { tf_pin_to_core(0) }
        defer { if isPinned { tf_pin_to_core(1) } }
        process = try spawn(words)
    }
    deinit {
        kill(process, SIGTERM)
        waitpid(process, nil, 0)
    }

    /// CPU nanoseconds so far, user and system. The server has one thread.
    func cpu() throws(BenchError) -> Int64 {
        let text = Measure.text(of: "/proc/\(process)/schedstat") ?? ""
        guard let word = text.split(separator: " ").first, let used = Int64(word), used > 0 else {
            throw BenchError("/proc/\(process)/schedstat: says nothing; did the server end?")
        }
        return used
    }
}

/// Starts a program with this one's environment and output.
func spawn(_ words: [String]) throws(BenchError) -> pid_t {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    var process = pid_t()
    let code = posix_spawnp(&process, words[0], nil, nil, pointers, environ)
    guard code == 0 else {
        throw BenchError("\(words[0]): \(SystemError("posix_spawn", code: code).reason)")
    }
    return process
}

/// Runs a program to its end; false where it is not there or failed.
func succeeds(_ words: [String]) -> Bool {
    do throws(BenchError) {
        let process = try spawn(words)
        var status: Int32 = 0
        return waitpid(process, &status, 0) == process && status == 0
    } catch {
        return false
    }
}
