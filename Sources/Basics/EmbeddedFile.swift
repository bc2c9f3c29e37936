// Files of the repository that every binary holds: the dashboard, the binary schema, scenarios.
import CFiles

public struct EmbeddedFile: Sendable {
    /// Its place there: `pages/index.html`, `schema.xml`, `scenarios/burst`.
    public let name: String
    public let bytes: [UInt8]

    public static let all: [EmbeddedFile] = (0..<tf_file_count()).compactMap { index in
        tf_file_at(index).map { file in
            EmbeddedFile(
                name: String(cString: file.pointee.name),
                bytes: Array(UnsafeBufferPointer(start: file.pointee.bytes, count: file.pointee.count)))
        }
    }

    /// Those of a folder, by their names in it.
    public static func all(in folder: String) -> [EmbeddedFile] {
        all.filter { $0.name.hasPrefix(folder + "/") }.map {
            EmbeddedFile(name: String($0.name.dropFirst(folder.count + 1)), bytes: $0.bytes)
        }
    }
}
