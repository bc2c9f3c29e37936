// What a URL's query subscribes to, in the same words as a `subscribe`.
//
//     channel=quote,trade & symbols=AAPL,MSFT & rate=10 & cursor=5f2c.90817
//
// Invariant: a query means exactly what its values would in JSON: it is put into it, and read from it.
import Basics
import Market

extension ClientMessage.Subscribe {
    /// Streams that one request may open side by side.
    static let channelsMax = 8

    /// A subscription for each channel that the query names.
    ///
    /// - Parameter query: decoded. `channel` and `symbols` are lists with commas; `cursor` or `resume`
    ///   goes on from there; `rate`, `depth`, `mode`, `interval`, `crc`, `stamps` and `on_slow` are as
    ///   in `subscribe`. Other names are left alone.
    /// - Throws: `ClientFault`, as for a message.
    public static func all(
        inQuery query: [(name: String, value: String)]
    ) throws(ClientFault) -> [ClientMessage.Subscribe] {
        let channels = list(of: "channel", in: query)
        guard channels.count <= channelsMax else {
            throw ClientFault(.badRequest, "at most \(channelsMax) channels a request")
        }
        let symbols = list(of: "symbols", in: query)
        let options = query.compactMap { option(named: $0.name, $0.value) }
        var subscriptions: [ClientMessage.Subscribe] = []
        // None named: reading it says what is missing.
        for channel in channels.isEmpty ? [""] : channels {
            var members = options
            if !channel.isEmpty { members.append("\"channel\":\(ControlMessage.quoted(channel))") }
            if !symbols.isEmpty {
                members.append("\"symbols\":[\(symbols.map(ControlMessage.quoted).joined(separator: ","))]")
            }
            subscriptions.append(try subscription("{\(members.joined(separator: ","))}"))
        }
        return subscriptions
    }

    private static func subscription(_ json: String) throws(ClientFault) -> ClientMessage.Subscribe {
        do {
            return try ClientMessage.Subscribe(JSONValue(parsing: json, depthMax: ClientMessage.depthMax))
        } catch let fault as ClientFault {
            throw fault
        } catch {
            throw ClientFault(.badRequest, "the query holds what is no text")
        }
    }

    private static func list(of name: String, in query: [(name: String, value: String)]) -> [String] {
        query.filter { $0.name == name }.flatMap { $0.value.split(separator: ",").map(String.init) }
    }

    private static func option(named name: String, _ value: String) -> String? {
        switch name {
        case "rate", "depth":
            let isNumber = (try? JSONValue(parsing: value, depthMax: 1))?.number != nil
            return "\"\(name)\":\(isNumber ? value : ControlMessage.quoted(value))"
        case "mode", "interval", "on_slow": return "\"\(name)\":\(ControlMessage.quoted(value))"
        case "crc", "stamps":
            let isFlag = value == "true" || value == "false"
            return "\"\(name)\":\(isFlag ? value : ControlMessage.quoted(value))"
        case "cursor", "resume": return "\"resume\":\(ControlMessage.quoted(value))"
        default: return nil
        }
    }
}
