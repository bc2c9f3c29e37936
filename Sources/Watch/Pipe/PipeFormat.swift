// Rows and messages as lines: text for people, objects of JSON, values with commas.
//
// Invariants
//   - A line ends with `\n` and has no other; no escape code is in it, whatever the server said.
//   - Numbers are exact, in their shortest form. What is not known is null in JSON, empty in CSV.
//   - Names and order of members and columns do not change; new ones come at the end.
import Basics
import Dialects
import Market

public struct PipeFormat: Hashable, Sendable {
    public var output: WatchOptions.Output
    /// Nil: rows.
    public var channels: [Channel]?

    public init(_ output: WatchOptions.Output, channels: [Channel]? = nil) {
        self.output = output
        self.channels = channels
    }

    /// What comes before all lines; nil where nothing does.
    public var header: [UInt8]? {
        guard output == .csv else { return nil }
        return Array((CSVLine.columns(channels).joined(separator: ",") + "\n").utf8)
    }

    /// All that is known of a symbol.
    public func line(_ row: PipeRow) -> [UInt8] {
        switch output {
        case .text: TextLine.row(row)
        case .json: JSONLine.row(row)
        case .csv: CSVLine.row(row)
        }
    }

    /// A message, where its channel was asked for; `gap`s of it and `epoch`s too, but not in CSV, which has
    /// no room for them. Nil for any other. A book is several lines of CSV, one a level.
    public func line(_ message: ServerMessage) -> [UInt8]? {
        guard isAsked(message) else { return nil }
        let line: PipeLine? =
            switch output {
            case .text: TextLine.message(message)
            case .json: JSONLine.message(message)
            case .csv: CSVLine.message(message, tellsType: channels.map { $0.count > 1 } ?? true)
            }
        return line.flatMap { $0.bytes.isEmpty ? nil : $0.bytes }
    }

    func hasLine(_ item: PipeItem) -> Bool {
        guard case .message(let message) = item else { return true }
        return isAsked(message) && (output != .csv || message.channel != nil)
    }

    private func isAsked(_ message: ServerMessage) -> Bool {
        guard let channels else { return false }
        switch message {
        case .epoch: return true
        case .gap(let gap): return channels.contains { "\($0.name)" == gap.channel }
        default: return message.channel.map(channels.contains) ?? false
        }
    }
}
