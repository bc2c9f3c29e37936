// Is this ITCH at all? Asked once of a file's first bytes, so that a wrong file gets one clear
// line instead of a million rejected messages.
import Basics

enum ITCHRecognition {
    /// Passes what begins like ITCH, and what is too short to say.
    static func check(_ bytes: UnsafeRawBufferPointer, file: String) throws(FeedError) {
        if let container = container(bytes) {
            throw .notITCH(file: file, offset: 0, found: container)
        }
        guard bytes.count >= 3 else { return }
        let length = Int(bytes[0]) << 8 | Int(bytes[1]), type = bytes[2]
        // A length of 0 is the end marker: odd as a beginning, but ITCH.
        guard length != 0, ITCHMessage.length(ofType: type) != length else { return }
        let found = text(bytes) ?? "a message of \(length) bytes and type \(quoted(type))"
        throw .notITCH(file: file, offset: 0, found: found)
    }

    /// What the first bytes are the mark of, with what to do about it.
    private static func container(_ bytes: UnsafeRawBufferPointer) -> String? {
        let marks: [([UInt8], String)] = [
            ([0x1f, 0x8b], "gzip: decompress first"),
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd: decompress first"),
            ([0x50, 0x4b, 0x03, 0x04], "zip: decompress first"),
            ([0xd4, 0xc3, 0xb2, 0xa1], "pcap, a packet capture"),
            ([0xa1, 0xb2, 0xc3, 0xd4], "pcap, a packet capture"),
            ([0x4d, 0x3c, 0xb2, 0xa1], "pcap, a packet capture"),
            ([0xa1, 0xb2, 0x3c, 0x4d], "pcap, a packet capture"),
            ([0x0a, 0x0d, 0x0d, 0x0a], "pcapng, a packet capture"),
            (Array("DBN".utf8), "Databento DBN"),
        ]
        return marks.first { bytes.starts(with: $0.0) }?.1
    }

    private static func text(_ bytes: UnsafeRawBufferPointer) -> String? {
        let start = bytes.prefix(16)
        guard start.allSatisfy({ $0 >= 0x20 && $0 < 0x7f || $0 == 9 || $0 == 10 || $0 == 13 })
        else { return nil }
        let line = start.prefix { $0 >= 0x20 }
        return "text: \"\(String(decoding: line, as: UTF8.self))\""
    }

    private static func quoted(_ byte: UInt8) -> String {
        byte > 0x20 && byte < 0x7f
            ? "'\(Character(UnicodeScalar(byte)))'" : "0x" + String(byte, radix: 16)
    }
}
