// What may be wrong with a journal, each in one line that names file and offset.
import Basics

public enum JournalError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The system would not.
    case system(file: String, SystemError)
    /// There is no segment in the folder.
    case nothing(folder: String)
    /// Bytes are not what they should be.
    case damaged(file: String, offset: UInt64, JournalFlaw)
    /// Segments have numbers up to 999999.
    case noNumberLeft(folder: String)

    public var description: String {
        switch self {
        case .system(let file, let error): "\(file): \(error)"
        case .nothing(let folder): "\(folder): has no journal: no file is called 000001.tfj or the like"
        case .damaged(let file, let offset, let flaw): "\(file): at offset \(offset): \(flaw)"
        case .noNumberLeft(let folder):
            "\(folder): has a segment \(JournalFormat.segmentsMax), the last there is"
        }
    }
}

/// Where a segment cannot be read on. What was before it is whole, and the next segment stands by itself.
public struct JournalBreak: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: Hashable, Sendable {
        /// The file ends inside a record, as one whose writer was killed.
        case cut
        /// Bytes were changed.
        case damaged(JournalFlaw)
    }

    public let kind: Kind
    public let file: String
    public let offset: UInt64
    /// From there to the file's end.
    public let bytes: UInt64

    public var description: String {
        switch kind {
        case .cut: "\(file): cut: the record at offset \(offset) is not whole, \(bytes) bytes of it are there"
        case .damaged(let flaw): "\(file): damaged at offset \(offset): \(flaw); \(bytes) bytes are left out"
        }
    }
}
