// The bytes of an input: read a chunk at a time from a file, a pipe or memory, gzip taken off.
//
// Invariants
//   - Nothing here waits: a pipe that has nothing says so.
//   - Memory is bounded by what a decoder leaves unread and a chunk.
import Basics

struct InputBytes: ~Copyable {
    enum Fill { case some, waits, end }

    let path: String
    private(set) var source: InputSource
    /// What is unread, decompressed.
    var buffer = ByteBuffer()
    /// Bytes in front of `buffer`, decompressed.
    private(set) var offset = 0
    /// Bytes read, as they are in the file.
    private(set) var bytesRead = 0
    /// Nothing follows what is in `buffer`.
    private(set) var isAtEnd = false

    private let chunkBytes: Int
    private var packed = ByteBuffer()
    private var gunzip: Gunzip?
    /// Found behind bytes that are good, and told when those are read.
    private var fault: FeedError?
    private var isMarkKnown = false

    init(path: String, source: consuming InputSource, chunkBytes: Int) {
        self.path = path
        self.source = source
        self.chunkBytes = chunkBytes
    }

    mutating func consume(_ count: Int) {
        buffer.consume(count)
        offset += count
    }

    /// Puts more behind what is unread.
    mutating func fill() throws(FeedError) -> Fill {
        guard !isAtEnd else { return .end }
        if let fault { throw fault }
        if !isMarkKnown {
            let found = try findMark()
            if found != .some { return found }
        }
        return gunzip == nil ? try read(plain: true) : try inflate()
    }

    mutating func rewind() -> Bool {
        guard source.rewind() else { return false }
        buffer.removeAll()
        packed.removeAll()
        gunzip = nil
        fault = nil
        (offset, bytesRead, isAtEnd, isMarkKnown) = (0, 0, false, false)
        return true
    }

    /// The first bytes tell whether it is compressed. They are read even if chunks are smaller.
    private mutating func findMark() throws(FeedError) -> Fill {
        while packed.count < 2 {
            switch try read(plain: false) {
            case .some: continue
            case .waits: return .waits
            case .end:
                isMarkKnown = true
                buffer.append(packed.readable)
                packed.removeAll()
                isAtEnd = buffer.isEmpty
                return isAtEnd ? .end : .some
            }
        }
        isMarkKnown = true
        if Gunzip.isMark(packed.readable) {
            gunzip = Gunzip()
        } else {
            buffer.append(packed.readable)
            packed.removeAll()
        }
        return .some
    }

    private mutating func read(plain: Bool) throws(FeedError) -> Fill {
        if source.wouldWait { return .waits }
        do throws(SystemError) {
            let count =
                plain
                ? try source.read(into: &buffer, atMost: chunkBytes)
                : try source.read(into: &packed, atMost: chunkBytes)
            bytesRead += count
            if count == 0, plain { isAtEnd = true }
            return count > 0 ? .some : .end
        } catch {
            throw .cannotRead(file: path, error)
        }
    }

    private mutating func inflate() throws(FeedError) -> Fill {
        let before = buffer.count
        while buffer.count == before {
            if packed.isEmpty || packed.count < 2 && gunzip?.isInMember == false {
                switch try read(plain: false) {
                case .some: break
                case .waits: return .waits
                case .end: return try endOfGzip()
                }
            }
            switch gunzip?.inflate(&packed, into: &buffer, atMost: max(chunkBytes, 1)) {
            case .broken(let reason):
                fault = broken(reason)
                if buffer.count == before { throw broken(reason) }
            case .more, .memberEnd, nil: break
            }
        }
        return .some
    }

    private mutating func endOfGzip() throws(FeedError) -> Fill {
        guard gunzip?.isInMember == false, packed.isEmpty else { throw broken("the file ends inside of it") }
        isAtEnd = true
        return .end
    }

    private func broken(_ reason: String) -> FeedError {
        .broken(
            file: path,
            FeedFault(
                offset: offset + buffer.count,
                reason: "gzip, compressed offset \(bytesRead - packed.count): \(reason)"))
    }
}

/// Where an input's bytes come from: a file or pipe, or memory.
struct InputSource: ~Copyable {
    private let file: InputFile?
    private var memory = InputMemory([])

    init(_ file: consuming InputFile) { self.file = consume file }
    init(_ memory: InputMemory) {
        file = nil
        self.memory = memory
    }

    mutating func read(into buffer: inout ByteBuffer, atMost limit: Int) throws(SystemError) -> Int {
        switch file {
        case .some(let file):
            let count = try file.read(into: buffer.reserve(limit), atMost: limit)
            buffer.commit(count, of: limit)
            return count
        case .none: return memory.read(into: &buffer, atMost: limit)
        }
    }

    var wouldWait: Bool {
        switch file {
        case .some(let file): file.wouldWait
        case .none: false
        }
    }

    /// Nil for what has no known end.
    var size: Int? {
        switch file {
        case .some(let file): file.size
        case .none: memory.bytes.count
        }
    }

    mutating func rewind() -> Bool {
        memory.position = 0
        switch file {
        case .some(let file): return file.rewind()
        case .none: return true
        }
    }

    func wait(atMost span: Nanoseconds) {
        switch file {
        case .some(let file): file.wait(atMost: span)
        case .none: Thread.sleep(span)
        }
    }
}

/// Bytes at hand, given out in pieces as a pipe might.
public struct InputMemory {
    let bytes: [UInt8]
    var position = 0
    /// Draws the length of each piece, up to `longest`; nil gives what is asked for.
    private var random: SeededGenerator?
    private let longest: Int

    /// - Parameter random: with it, no piece has more than `longest` bytes.
    public init(_ bytes: [UInt8], cutBy random: SeededGenerator? = nil, longest: Int = .max) {
        self.bytes = bytes
        self.random = random
        self.longest = longest
    }

    mutating func read(into buffer: inout ByteBuffer, atMost limit: Int) -> Int {
        var count = min(limit, bytes.count - position)
        if count > 0, var random {
            count = min(count, 1 + random.below(longest))
            self.random = random
        }
        bytes.withUnsafeBytes { all in
            buffer.append(UnsafeRawBufferPointer(rebasing: all[position..<position + count]))
        }
        position += count
        return count
    }
}
