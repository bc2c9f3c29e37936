// Bytes that are owned, grow on demand and are written with a pen.

/// A growable run of bytes with a read position in front. Never shrinks by itself: `release()`.
public struct ByteBuffer: ~Copyable {
    @usableFromInline var base: UnsafeMutablePointer<UInt8>?
    public private(set) var capacity = 0
    @usableFromInline var start = 0
    @usableFromInline var end = 0

    public init() {}
    public init(capacity: Int) { grow(to: capacity) }
    deinit { base?.deallocate() }

    @inlinable public var count: Int { end - start }
    @inlinable public var isEmpty: Bool { start == end }

    /// What is readable. Valid until the next change.
    @inlinable public var readable: UnsafeRawBufferPointer {
        guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: base + start, count: count)
    }

    /// What is readable, as memory that may be changed in place (unmasking does).
    public var mutable: UnsafeMutableRawBufferPointer {
        guard let base else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return UnsafeMutableRawBufferPointer(start: base + start, count: count)
    }

    // What is written a frame at a time is inlined: as a call, with a closure, it cost 5 ns.

    /// Writes at most `limit` bytes behind what is there.
    @inlinable @inline(__always)
    public mutating func write(atMost limit: Int, _ body: (inout Pen) -> Void) {
        let room = reserve(limit + Pen.slack)
        var pen = Pen(at: room)
        body(&pen)
        commit(pen.at - room, of: limit)
    }

    /// Room for `limit` more bytes behind what is there; `commit` says how many came to be used.
    @inlinable @inline(__always)
    public mutating func reserve(_ limit: Int) -> UnsafeMutablePointer<UInt8> {
        if capacity - end < limit { makeRoom(for: limit) }
        return base.unsafelyUnwrapped + end
    }

    @inlinable @inline(__always)
    public mutating func commit(_ written: Int, of limit: Int) {
        precondition(written >= 0 && written <= limit, "a pen wrote past its promise")
        end += written
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        UnsafeMutableRawPointer(reserve(bytes.count)).copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    public mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { append(UnsafeRawBufferPointer($0)) }
    }

    /// Puts bytes `offset` behind the read position, moving what follows.
    public mutating func insert(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        precondition(offset >= 0 && offset <= count)
        guard let source = bytes.baseAddress, bytes.count > 0 else { return }
        _ = reserve(bytes.count)
        let gap = UnsafeMutableRawPointer(base.unsafelyUnwrapped + start + offset)
        (gap + bytes.count).copyMemory(from: gap, byteCount: count - offset)
        gap.copyMemory(from: source, byteCount: bytes.count)
        end += bytes.count
    }

    /// Drops `n` bytes from the front.
    public mutating func consume(_ n: Int) {
        precondition(n >= 0 && n <= count)
        start += n
        if start == end { removeAll() }
    }

    /// Drops what is behind the first `n` bytes.
    public mutating func truncate(to n: Int) {
        precondition(n >= 0 && n <= count)
        end = start + n
    }

    /// Forgets the content, keeps the memory.
    @inlinable public mutating func removeAll() {
        start = 0
        end = 0
    }

    /// Forgets the content and gives the memory back: an idle connection owns none.
    public mutating func release() {
        base?.deallocate()
        base = nil
        capacity = 0
        removeAll()
    }

    @usableFromInline mutating func makeRoom(for limit: Int) {
        if start > 0, capacity - count >= limit, let base {
            UnsafeMutableRawPointer(base).copyMemory(from: base + start, byteCount: count)
            end = count
            start = 0
        } else {
            grow(to: max(64, capacity * 2, count + limit))
        }
    }

    private mutating func grow(to size: Int) {
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: size)
        if let base {
            larger.update(from: base + start, count: count)
            base.deallocate()
        }
        end = count
        start = 0
        base = larger
        capacity = size
    }
}
