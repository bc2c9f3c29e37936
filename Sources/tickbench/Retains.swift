// How often this process retains an object: the runtime's own hooks, for `tickbench count`.
//
// While they are on, nothing but objects may be retained: for the reference inside of a small string,
// which is none, the runtime calls them too, with an address that is none. So they are on for a
// stretch of the engine's work alone, and a crash there would be a finding.
import CSwiftRuntime

enum Retains {
    nonisolated(unsafe) private static var count: UInt64 = 0
    nonisolated(unsafe) private static var retain: tf_retain_hook?
    nonisolated(unsafe) private static var retainMany: tf_retain_n_hook?

    /// Puts the hooks in place. Once.
    static func install() {
        retain = tf_swap_retain { object in
            Retains.count &+= 1
            return Retains.retain.unsafelyUnwrapped(object)
        }
        retainMany = tf_swap_retain_n { object, times in
            Retains.count &+= UInt64(times)
            return Retains.retainMany.unsafelyUnwrapped(object, times)
        }
    }

    /// Retains while `body` runs, on the only thread.
    static func counted(_ body: () -> Void) -> UInt64 {
        let before = count
        tf_enable_hooks(true)
        body()
        tf_enable_hooks(false)
        return count - before
    }
}
