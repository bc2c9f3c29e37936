// What the system says of this process, for `/metrics`.
import CLinux
import Glibc

public struct ProcessReport: Hashable, Sendable {
    public var residentBytes: Int64
    public var openDescriptors: Int
    public var descriptorsMax: Int64
    public var cpu: Nanoseconds
    public var started: Timestamp

    public init(
        residentBytes: Int64, openDescriptors: Int, descriptorsMax: Int64, cpu: Nanoseconds,
        started: Timestamp
    ) {
        self.residentBytes = residentBytes
        self.openDescriptors = openDescriptors
        self.descriptorsMax = descriptorsMax
        self.cpu = cpu
        self.started = started
    }

    /// Some system calls, one for every few hundred descriptors. What the system does not tell is 0.
    public static func read(started: Timestamp) -> ProcessReport {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        var limit = rlimit()
        tf_get_descriptor_limit(&limit)
        return ProcessReport(
            residentBytes: Int64(ResidentMemory().bytes() ?? 0), openDescriptors: descriptors(),
            descriptorsMax: Int64(clamping: limit.rlim_cur),
            cpu: Nanoseconds(raw: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)),
            started: started)
    }

    private static func descriptors() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return max(0, count - 3)  // `.`, `..`, and the folder itself
    }
}
