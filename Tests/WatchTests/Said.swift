// What servers say, as the text that they say it in: for tests of what is made of it.
import Basics
import Dialects
import Testing
import Watch

enum Said {
    static func message(_ json: String) -> ServerMessage {
        var json = json
        let message = json.withUTF8 { try? ServerMessage(json: UnsafeRawBufferPointer($0)) }
        guard let message else {
            Issue.record("not a message: \(json)")
            return .pong(id: nil, time: nil)
        }
        return message
    }

    /// A row out of messages.
    static func row(
        _ texts: String..., market: String? = nil, feed: String? = nil, age: Nanoseconds? = nil
    ) -> PipeRow {
        var row = PipeRow(symbol: "", market: market, feed: feed, age: age)
        for text in texts {
            switch message(text) {
            case .quote(let quote): (row.quote, row.symbol) = (quote, quote.version.symbol)
            case .stats(let stats): (row.stats, row.symbol) = (stats, stats.version.symbol)
            default: Issue.record("no part of a row: \(text)")
            }
        }
        return row
    }
}
