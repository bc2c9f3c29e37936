// A journal as people name it: its folder, or one of the segments in it.
import Basics

public struct JournalPlace: Sendable {
    public let folder: any JournalFolder
    /// The one segment that is meant; nil: all of the folder.
    public let only: String?

    public init(_ folder: any JournalFolder, only: String? = nil) {
        self.folder = folder
        self.only = only
    }

    /// - Throws: where there is no such folder, or no such file in it.
    public init(path: String) throws(JournalError) {
        let isFolder = DiskFolder.exists(path)
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let above = parts.count == 1 ? "." : parts.dropLast().joined(separator: "/")
        do throws(SystemError) {
            let folder = try DiskFolder(isFolder ? path : above.isEmpty ? "/" : above)
            if !isFolder, let name = parts.last { _ = try folder.open(String(name)) }
            self.init(folder, only: isFolder ? nil : parts.last.map(String.init))
        } catch {
            throw .system(file: path, error)
        }
    }

    /// Names of the segments, in order.
    public func segments() throws(JournalError) -> [String] {
        let names = try JournalReader.segments(in: folder, only: only)
        guard !names.isEmpty else { throw .nothing(folder: folder.path) }
        return names
    }

    public func reader(_ options: JournalReader.Options = .init()) throws(JournalError) -> JournalReader {
        try JournalReader(folder, only: only, options: options)
    }
}
