// A named thread that runs one function and can be joined. The data path has no other concurrency.
import CLinux

/// A thread of the system. It runs whether or not this is kept.
public final class Thread: @unchecked Sendable {
    private var handle = pthread_t()

    /// - Throws: `SystemError` when the system has no more threads to give.
    public init(_ name: String, _ body: @escaping @Sendable () -> Void) throws(SystemError) {
        let box = Unmanaged.passRetained(Body(run: body))
        let code = pthread_create(&handle, nil, threadMain, box.toOpaque())
        guard code == 0 else {
            box.release()
            throw SystemError("pthread_create", code: code)
        }
        pthread_setname_np(handle, String(name.prefix(15)))
    }

    /// Waits until its function has returned. Once at most.
    public func join() { pthread_join(handle, nil) }

    /// The calling thread sleeps; a signal may wake it early.
    public static func sleep(_ span: Nanoseconds) {
        guard span > .zero else { return }
        var time = timespec(
            tv_sec: Int(span.raw / 1_000_000_000), tv_nsec: Int(span.raw % 1_000_000_000))
        nanosleep(&time, nil)
    }
}

private final class Body {
    let run: @Sendable () -> Void
    init(run: @escaping @Sendable () -> Void) { self.run = run }
}

// A nonisolated function: a closure made inside an `@main` type would be checked for its actor.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
    return nil
}
