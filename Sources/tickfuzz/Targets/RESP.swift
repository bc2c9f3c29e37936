// RESP3: the same tokens however they are cut, nothing kept but what has come, and lists that end.
import Backplane
import Basics

@Sendable func fuzzRESP(_ bytes: UnsafeRawBufferPointer) {
    readInPieces(bytes) {
        RespReader()
    } _: { reader, bytes, offset throws(RespFault) in
        let start = offset
        guard let token = try reader.next(bytes, from: &offset) else { return nil }
        demand(offset > start, "a token of no bytes")
        demand(reader.depth <= RespReader.depthMax, "\(reader.depth) lists deep")
        return "\(reader.depth) \(text(token))"
    } kept: { reader, count in
        demand(reader.keptBytes <= count, "\(reader.keptBytes) bytes are kept of \(count)")
    } alike: { whole, cut, fault in
        demand(fault != nil || whole.depth == cut.depth, "cut the lists are others")
    }
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
