// What a journal wants of a file system. `DiskFolder` is the real one; tests have one that fails when told.

import Basics

/// The folder that holds a journal's files, named without their folder.
public protocol JournalFolder: AnyObject, Sendable {
    /// For messages.
    var path: String { get }

    /// Names of all files, in any order, at most `JournalFormat.filesMax`.
    func names() throws(SystemError) -> [String]
    func open(_ name: String) throws(SystemError) -> any JournalInput
    /// A new file; one that is there already is a fault.
    func create(_ name: String) throws(SystemError) -> any JournalOutput
    /// Cuts a file off.
    func truncate(_ name: String, to count: UInt64) throws(SystemError)
    func remove(_ name: String) throws(SystemError)
    /// Keeps others from recording here until the process ends.
    func lock() throws(SystemError)
}

/// A file that is read at any place, and may grow meanwhile.
public protocol JournalInput: AnyObject {
    /// Reads at most as much as there is room; less, or 0, at the file's end.
    func read(at offset: UInt64, into room: UnsafeMutableRawBufferPointer) throws(SystemError) -> Int
    func size() throws(SystemError) -> UInt64
}

/// A file that is written at its end. Closed with its last owner.
public protocol JournalOutput: AnyObject {
    /// Writes some of `bytes`, at least one of them.
    func write(_ bytes: UnsafeRawBufferPointer) throws(SystemError) -> Int
    /// Cuts off what is behind the first `count` bytes, and goes on there.
    func truncate(to count: UInt64) throws(SystemError)
    /// Waits until the disk has it (fdatasync(2)).
    func synchronize() throws(SystemError)
}
