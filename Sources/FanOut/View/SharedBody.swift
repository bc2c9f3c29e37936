// Where an encoded message lies that many subscribers share: encoded once, copied often.
//
// Bodies live in a ring of bytes that is written over as it turns. A reference that fell out of the
// ring is simply encoded again, so nothing is ever freed, counted or searched for.
import Basics
import Dialects
import Market

/// How data messages are written to a connection.
enum Encoding: UInt8, CaseIterable { case json, sbe }

/// A reference into a `BodyArena`. The default refers to nothing.
struct SharedBody {
    /// The version of the state that is written there; 0: nothing.
    var version: UInt64 = 0
    fileprivate var position: UInt64 = 0
    fileprivate var count: UInt32 = 0
}

/// One state's bodies, by encoding.
struct Bodies {
    private var json = SharedBody()
    private var sbe = SharedBody()

    @inline(__always)
    subscript(encoding: Encoding) -> SharedBody {
        get { encoding == .json ? json : sbe }
        set { if encoding == .json { json = newValue } else { sbe = newValue } }
    }
}

struct BodyArena: ~Copyable {
    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private var head: UInt64 = 0
    /// Bodies encoded so far.
    private(set) var encodes: UInt64 = 0

    /// - Parameter capacity: bytes, a power of two.
    init(capacity: Int) {
        precondition(capacity & (capacity - 1) == 0)
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }
    deinit { base.deallocate() }

    /// Every reference there is finds nothing any more: the ring turns once, and costs nothing.
    mutating func forgetAll() { head += UInt64(2 * capacity) }

    /// The bytes, or nil when they were of another version or are gone.
    @inline(__always)
    func bytes(of body: SharedBody, version: UInt64) -> UnsafeRawBufferPointer? {
        guard body.version == version, body.version != 0,
            head - body.position <= UInt64(capacity)
        else { return nil }
        let start = base + Int(truncatingIfNeeded: body.position & UInt64(capacity - 1))
        return UnsafeRawBufferPointer(start: start, count: Int(body.count))
    }

    /// The bytes of that version: what is there, or what `write` makes of it now.
    @inline(__always)
    mutating func bytes(
        _ bodies: inout Bodies, _ encoding: Encoding, version: UInt64, _ write: (inout Pen) -> Void
    ) -> UnsafeRawBufferPointer {
        if let bytes = bytes(of: bodies[encoding], version: version) { return bytes }
        bodies[encoding] = encode(version: version, atMost: NativeJSON.bodyMax, write)
        return bytes(of: bodies[encoding], version: version).unsafelyUnwrapped
    }

    /// Writes at most `limit` bytes and says where. Other bodies stay readable until the ring turns.
    @inline(__always)
    mutating func encode(version: UInt64, atMost limit: Int, _ write: (inout Pen) -> Void) -> SharedBody {
        let offset = Int(truncatingIfNeeded: head & UInt64(capacity - 1))
        // A body lies in one piece: what is too short at the ring's end stays empty.
        if capacity - offset < limit + Pen.slack { head += UInt64(capacity - offset) }
        let start = base + Int(truncatingIfNeeded: head & UInt64(capacity - 1))
        var pen = Pen(at: start)
        write(&pen)
        let count = pen.at - start
        precondition(count <= limit, "a body was longer than promised")
        let body = SharedBody(version: version, position: head, count: UInt32(count))
        head += UInt64(count + Pen.slack)  // the pen may have scribbled on what lay there
        if count > 0 { encodes += 1 }
        return body
    }
}
