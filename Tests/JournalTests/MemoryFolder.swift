// A folder in memory, which fails when a test says so.
import Basics
import CLinux
import Synchronization

@testable import Journal

final class MemoryFolder: JournalFolder {
    let path = "memory"

    struct State: Sendable {
        var files: [String: [UInt8]] = [:]
        /// Calls that change something, so far.
        var calls = 0
        /// Bytes that all files together may have.
        var capacity = Int.max
        /// From this call on nothing works; nil: everything does.
        var failsFrom: Int?
        var code = ENOSPC
        /// Truncating and removing fail, too.
        var isStubborn = false
        /// Longest write that is taken at once.
        var writeMax = Int.max
        /// Behind so many bytes of segments the process was killed: nothing changes any more.
        var killedAfter = Int.max
        var written = 0
        var synced = 0
    }
    private let state: Mutex<State>

    init(_ files: [String: [UInt8]] = [:]) { state = Mutex(State(files: files)) }

    func change<R: Sendable>(_ body: @Sendable (inout State) -> R) -> R { state.withLock { body(&$0) } }
    var files: [String: [UInt8]] {
        get { state.withLock { $0.files } }
        set { state.withLock { $0.files = newValue } }
    }

    func names() throws(SystemError) -> [String] { Array(files.keys) }
    func lock() throws(SystemError) {}

    func open(_ name: String) throws(SystemError) -> any JournalInput {
        guard files[name] != nil else { throw SystemError("open", code: ENOENT) }
        return MemoryFile(self, name)
    }

    func create(_ name: String) throws(SystemError) -> any JournalOutput {
        guard files[name] == nil else { throw SystemError("open", code: EEXIST) }
        try call()
        state.withLock { if $0.written < $0.killedAfter { $0.files[name] = [] } }
        return MemoryFile(self, name)
    }

    func truncate(_ name: String, to count: UInt64) throws(SystemError) {
        try mend()
        state.withLock {
            guard $0.written < $0.killedAfter else { return }
            $0.files[name] = Array(($0.files[name] ?? []).prefix(Int(count)))
        }
    }

    func remove(_ name: String) throws(SystemError) {
        try mend()
        state.withLock { if $0.written < $0.killedAfter { $0.files[name] = nil } }
    }

    private func mend() throws(SystemError) {
        if state.withLock({ $0.isStubborn }) { throw SystemError("truncate", code: EIO) }
    }

    private func call() throws(SystemError) {
        let code = state.withLock { state -> Int32? in
            state.calls += 1
            return state.failsFrom.map { state.calls > $0 } == true ? state.code : nil
        }
        if let code { throw SystemError("write", code: code) }
    }

    fileprivate func append(_ bytes: UnsafeRawBufferPointer, to name: String) throws(SystemError) -> Int {
        let all = Array(bytes)
        var full = false
        let taken = state.withLock { state -> Int in
            state.calls += 1
            let used = state.files.values.reduce(0) { $0 + $1.count }
            var count = min(all.count, state.writeMax, state.capacity - used)
            if let from = state.failsFrom, state.calls > from { count = 0 }
            guard count > 0 else {
                full = true
                return 0
            }
            let isSegment = name.hasSuffix(JournalFormat.segmentSuffix)
            let kept = isSegment ? min(count, max(0, state.killedAfter - state.written)) : count
            if isSegment || state.written < state.killedAfter {
                state.files[name, default: []] += all[..<kept]
            }
            if isSegment { state.written += count }
            return count
        }
        if full { throw SystemError("write", code: state.withLock { $0.code }) }
        return taken
    }

    fileprivate func bytes(_ name: String) -> [UInt8] { state.withLock { $0.files[name] ?? [] } }
    fileprivate func noteSync() { state.withLock { $0.synced += 1 } }
}

private final class MemoryFile: JournalInput, JournalOutput {
    private let folder: MemoryFolder
    private let name: String

    init(_ folder: MemoryFolder, _ name: String) {
        self.folder = folder
        self.name = name
    }

    func read(at offset: UInt64, into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int {
        let bytes = folder.bytes(name)
        guard offset < UInt64(bytes.count) else { return 0 }
        let piece = bytes[Int(offset)...].prefix(room.count)
        room.copyBytes(from: piece)
        return piece.count
    }

    func size() throws(SystemError) -> UInt64 { UInt64(folder.bytes(name).count) }
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int {
        try folder.append(bytes, to: name)
    }
    func truncate(to count: UInt64) throws(SystemError) { try folder.truncate(name, to: count) }
    func synchronize() throws(SystemError) { folder.noteSync() }
}
