// Which format an input is, by its first bytes: asked once, so that a wrong file gets one clear line
// instead of a million rejected messages.
//
// Invariants
//   - How an input is cut changes nothing: formats are shown its beginning in the same steps, the
//     shortest first, and the first step that one of them knows decides.
import Basics

enum Recognition {
    /// The most that formats are shown, in bytes and in lines of text.
    private static let headBytes = 4_096
    private static let headLines = 4
    /// The least: as much as tells binary formats apart.
    private static let markBytes = 16

    /// - Parameter isAll: the input has no more than these bytes.
    /// - Returns: nil as long as too little is there to say.
    static func format(of bytes: RawSpan, isAll: Bool, path: String) throws(FeedError) -> FeedFormat? {
        guard isAll || bytes.byteCount >= markBytes else { return nil }
        let known = bytes.extracting(first: headBytes)
        if let found = container(known.extracting(first: markBytes)) {
            throw .unrecognised(file: path, found: found)
        }
        var end = 0, lines = 0
        while lines < headLines {
            guard let next = step(behind: end, of: known, isAll: isAll) else { return nil }
            (end, lines) = (next, lines + 1)
            let head = known.extracting(first: end)
            for format in Formats.all where format.recognise(head, path) { return format }
            if end == known.byteCount, isAll || end == headBytes { break }
            if end > 0, !isText(known.u8(at: 0)) { break }
        }
        throw .unrecognised(
            file: path, found: "\(beginning(known)); known are \(Formats.names), gzip around any")
    }

    /// Where the next step ends: with the next line, of binary data with its mark. Nil where that has
    /// not come yet.
    private static func step(behind end: Int, of bytes: RawSpan, isAll: Bool) -> Int? {
        var end = max(end, min(markBytes, bytes.byteCount) - 1)
        guard bytes.byteCount > 0, isText(bytes.u8(at: 0)) else { return min(markBytes, bytes.byteCount) }
        while end < bytes.byteCount {
            end += 1
            if bytes.u8(at: end - 1) == 10 { return end }
        }
        return isAll || end == headBytes ? end : nil
    }

    /// What is known, and not read here, with what to do about it.
    private static func container(_ head: RawSpan) -> String? {
        let marks: [([UInt8], String)] = [
            ([0x28, 0xb5, 0x2f, 0xfd], "zstd: decompress first: zstd -dc FILE | tickerd --feed -"),
            ([0x50, 0x4b, 0x03, 0x04], "zip: decompress first: unzip -p FILE | tickerd --feed -"),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz: decompress first: xz -dc FILE | tickerd --feed -"),
            ([0x42, 0x5a, 0x68], "bzip2: decompress first: bzip2 -dc FILE | tickerd --feed -"),
            (Array("DBN".utf8), "Databento DBN"),
        ]
        return marks.first { mark in
            head.byteCount >= mark.0.count
                && mark.0.indices.allSatisfy { head.u8(at: $0) == mark.0[$0] }
        }?.1
    }

    private static func beginning(_ head: RawSpan) -> String {
        guard head.byteCount > 0 else { return "an empty file" }
        let start = (0..<min(16, head.byteCount)).map { head.u8(at: $0) }
        let line = start.prefix { $0 >= 0x20 }
        if start.allSatisfy(isText) { return "it begins with \"\(String(decoding: line, as: UTF8.self))\"" }
        return "it begins with the bytes " + start.map(hexadecimal).joined(separator: " ")
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    private static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7f || byte == 9 || byte == 10 || byte == 13
    }
}
