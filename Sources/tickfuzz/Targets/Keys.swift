// Keys: no bytes of a terminal grow their reader, and where they are cut makes no difference.
import Basics
import Watch

@Sendable func fuzzKeys(_ bytes: UnsafeRawBufferPointer) {
    let start = Instant.zero, end = start + .seconds(5)
    var whole = KeyReader()
    let expected = whole.take(bytes, start) + whole.flush(end)
    demand(whole.due == nil, "something waits for ever")
    demand(expected.count <= bytes.count, "\(expected.count) keys of \(bytes.count) bytes")
    for key in expected { checkKey(key) }
    // Cut by what the bytes themselves say, and byte by byte.
    for step in [1, 1 + Int(bytes.first ?? 0) % 7] {
        var reader = KeyReader(), keys: [Key] = [], rest = bytes[...]
        while !rest.isEmpty {
            keys += reader.take(rest.prefix(step), start)
            rest = rest.dropFirst(step)
        }
        keys += reader.flush(end)
        demand(keys == expected, "in pieces of \(step): \(keys) instead of \(expected)")
    }
}

/// What is typed is no control; what is pasted has a limit, and drawn it moves nothing.
private func checkKey(_ key: Key) {
    switch key {
    case .character(let scalar), .alternate(let scalar):
        demand(scalar.value >= 0x20 && !(0x7F..<0xA0).contains(scalar.value), "U+\(scalar.value) was typed")
    case .paste(let text):
        // Each byte may be one that is no text, of which three stand for it.
        demand(text.utf8.count <= 3 * KeyReader.pasteBytesMax, "\(text.utf8.count) bytes are pasted")
        checkDrawn(text)
    default: break
    }
}

private func checkDrawn(_ text: String) {
    var canvas = Canvas(columns: 40, rows: 1)
    canvas.draw(text, 0, 0)
    for (column, cell) in canvas.cells.enumerated() {
        let isHalf = cell.scalar == 0 && column > 0
        let width = Unicode.Scalar(cell.scalar).map { CharacterWidth.of($0) } ?? 0
        demand(isHalf || width > 0, "U+\(cell.scalar) is drawn at \(column)")
        guard width == 2 else { continue }
        demand(column + 1 < 40 && canvas[column + 1, 0].scalar == 0, "half a character at \(column)")
    }
}
