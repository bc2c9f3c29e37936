// Bytes for tables: hex with blanks for frames, text with visible line ends for HTTP.
import Basics

/// `81 05 48 65` as bytes; `41*300` is a byte repeated.
func hex(_ text: String) -> [UInt8] {
    text.split(separator: " ").flatMap { word -> [UInt8] in
        let parts = word.split(separator: "*")
        let count = parts.count == 2 ? Int(parts[1])! : 1
        var bytes: [UInt8] = []
        var rest = parts[0]
        while !rest.isEmpty {
            bytes.append(UInt8(rest.prefix(2), radix: 16)!)
            rest = rest.dropFirst(2)
        }
        return Array(repeating: bytes, count: count).flatMap { $0 }
    }
}

extension Array where Element == UInt8 {
    func withRaw<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T { withUnsafeBytes { body($0) } }

    /// These bytes cut at random places.
    func cut(_ random: inout SeededGenerator) -> [[UInt8]] {
        var rest = self[...], pieces: [[UInt8]] = []
        while !rest.isEmpty {
            let count = 1 + random.below(random.oneIn(3) ? rest.count : Swift.min(rest.count, 4))
            pieces.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        return pieces
    }

    var text: String { String(decoding: self, as: UTF8.self) }
}

extension ByteBuffer {
    var bytes: [UInt8] { Array(readable) }
}

/// Bytes at a fixed address, gone when it goes: what points into them later is found out by ASan.
final class Memory {
    let bytes: UnsafeMutableRawBufferPointer
    init(_ content: [UInt8]) {
        bytes = .allocate(byteCount: content.count, alignment: 1)
        bytes.copyBytes(from: content)
    }
    deinit { bytes.deallocate() }
}
