// RESP3: the same tokens however they are cut, nothing kept but what has come, and lists that end.
import Backplane
import Basics

@Sendable func fuzzRESP(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let size = 1 + input.decide(256)
    let all = input.rest()
    var whole = RespReader(), cut = RespReader()
    var one: [String] = [], other: [String] = []
    let fault = read(all, &whole, &one)
    var otherFault: RespFault?, offset = 0
    while offset < all.count, otherFault == nil {
        let end = min(all.count, offset + size)
        otherFault = read(all.piece(offset..<end), &cut, &other)
        offset = end
        demand(cut.keptBytes <= end, "\(cut.keptBytes) bytes are kept of \(end)")
    }
    demand(one == other && fault == otherFault, "cut every \(size) bytes the replies are others")
    demand(fault != nil || whole.depth == cut.depth, "cut every \(size) bytes the lists are others")
}

private func read(
    _ bytes: borrowing Memory, _ reader: inout RespReader, _ tokens: inout [String]
) -> RespFault? {
    var offset = 0
    while true {
        let start = offset
        do throws(RespFault) {
            guard let token = try reader.next(bytes.bytes, from: &offset) else { break }
            tokens.append("\(reader.depth) \(text(token))")
        } catch {
            return error
        }
        demand(offset > start && offset <= bytes.count, "from \(start) to \(offset) of \(bytes.count)")
        demand(reader.depth <= RespReader.depthMax, "\(reader.depth) lists deep")
    }
    demand(offset == bytes.count, "\(bytes.count - offset) bytes are left")
    return nil
}

/// All of a token, so that the sanitizer sees each of its bytes read.
private func text(_ token: RespToken) -> String {
    switch token {
    case .line(let bytes): "line \(Array(bytes))"
    case .error(let bytes): "error \(Array(bytes))"
    case .bulk(let bytes): "bulk \(Array(bytes))"
    case .integer(let value): "integer \(value)"
    case .null: "null"
    case .list(let count): "list \(count)"
    case .push(let count): "push \(count)"
    }
}
