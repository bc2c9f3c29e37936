// Time, medians and the machine they are of.
//
// Times are CPU times: a machine that is shared stretches the wall's, and these much less.
import Basics
import CLinux

enum Measure {
    /// CPU nanoseconds of the calling thread.
    static func cpu() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// A small file's text, as /proc has them; nil where it is not to be had.
    static func text(of path: String) -> String? {
        do throws(SystemError) {
            let file = try InputFile(path)
            var buffer = ByteBuffer(capacity: 65_536)
            let count = try file.read(into: buffer.reserve(65_536), atMost: 65_536)
            buffer.commit(count, of: 65_536)
            return String(decoding: buffer.readable, as: UTF8.self)
        } catch {
            return nil
        }
    }

    static var cores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

    /// Cores, model, kernel, and how busy the machine was.
    static var machine: String {
        func line(_ path: String, _ prefix: String = "") -> String {
            let lines = (text(of: path) ?? "").split(separator: "\n")
            let found = lines.first { $0.hasPrefix(prefix) } ?? "?"
            return found.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? "?"
        }
        return "\(cores) cores, \(line("/proc/cpuinfo", "model name")), "
            + "Linux \(line("/proc/sys/kernel/osrelease")), load \(line("/proc/loadavg"))"
    }
}

/// Several measurements of one thing.
struct Spread {
    private let sorted: [Double]
    init(_ values: [Double]) { sorted = values.sorted() }

    var least: Double { sorted.first ?? 0 }
    var greatest: Double { sorted.last ?? 0 }
    var median: Double {
        guard !sorted.isEmpty else { return 0 }
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// The median with the least and the greatest behind it: `7.00 [6.83-7.64]`.
    func text(_ decimals: Int) -> String {
        "\(Spread.text(median, decimals)) [\(Spread.text(least, decimals))-\(Spread.text(greatest, decimals))]"
    }

    static func text(_ value: Double, _ decimals: Int) -> String {
        var scale = 1.0
        for _ in 0..<decimals { scale *= 10 }
        let units = Int64((value * scale).rounded())
        guard decimals > 0 else { return "\(units)" }
        let digits = String(units.magnitude)
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return (units < 0 ? "-" : "") + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }

    static func mebibytes(_ bytes: Int) -> String { text(Double(bytes) / 1_048_576, 1) }

    /// Thousandths in their shortest form: 10, 0.5.
    static func shortest(milli: Int64) -> String {
        let text = Spread.text(Double(milli) / 1_000, 3)
        let bare = text.reversed().drop { $0 == "0" }
        return String((bare.first == "." ? bare.dropFirst() : bare).reversed())
    }
}

extension UInt64 {
    var hex: String {
        let digits = String(self, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
