// `/admin/replay`: where the replay stands, and what is asked of it.
//
//     GET                                                       the state
//     POST {"action":"seek","to":"2020-01-30T09:30:00Z"}        does it, and tells the state
//
// Invariants
//   - A command that is not understood as a whole does nothing: 400, and what is wrong with it.
//   - One that cannot be done says why: 409. Each that was done leaves a line in the log.
import Basics
import Dialects
import Market
import Wire

struct ReplayPage {
    let options: ServerOptions

    func response(to request: HTTPRequest, from peer: PeerAddress) throws(HTTPFault) -> HTTPResponse {
        guard ["GET", "HEAD", "POST"].contains(request.method) else {
            throw HTTPFault(405, "only GET, HEAD and POST here", headers: ["Allow": "GET, HEAD, POST"])
        }
        guard let replay = options.replay else { throw HTTPFault(404, "nothing is replayed here") }
        if request.method == "POST" {
            let command = try ReplayCommand(request)
            if case .refused(let reason) = replay.take(command) { throw HTTPFault(409, reason) }
            log(command, request, peer)
        } else if !request.body.isEmpty {
            throw HTTPFault(400, "a command is sent with POST")
        }
        return .json(200, replay.report().json() + "\n")
    }

    /// As it was asked for, by whom.
    private func log(_ command: ReplayCommand, _ request: HTTPRequest, _ peer: PeerAddress) {
        options.log.write(
            .info, "replay",
            [
                "action": "\(command.name)", "address": .text(peer.description),
                "command": .text(String(decoding: request.body, as: UTF8.self)),
            ])
    }
}

extension ReplayCommand {
    /// - Throws: 415 for what is not JSON, 400 for what is no command.
    init(_ request: HTTPRequest) throws(HTTPFault) {
        let type = request.headers["Content-Type"]?.prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/json" else {
            throw HTTPFault(415, "a command is JSON: Content-Type: application/json")
        }
        let parsed: JSONValue
        do {
            parsed = try JSONValue(parsing: String(decoding: request.body, as: UTF8.self), depthMax: 2)
        } catch {
            throw HTTPFault(400, "not JSON: \(error.reason) at byte \(error.offset)")
        }
        try self.init(parsed)
    }

    private init(_ value: JSONValue) throws(HTTPFault) {
        guard case .object(let members) = value else {
            throw HTTPFault(400, "a command is an object: {\"action\":\"pause\"}")
        }
        guard value.isObjectOfUniqueNames else { throw HTTPFault(400, "a field is there twice") }
        let action = value["action"]?.string
        guard let action, let field = ReplayCommand.fields[action] else {
            throw HTTPFault(400, "action is pause, resume, step, seek or speed")
        }
        for member in members where member.name != "action" && member.name != field {
            throw HTTPFault(400, "\(member.name.prefix(40)) is no field of \(action)")
        }
        switch action {
        case "pause": self = .pause
        case "resume": self = .resume
        case "step": self = .step(count: try ReplayCommand.count(value["count"]))
        case "seek": self = .seek(try ReplayTarget(value["to"]))
        default: self = .speed(try ReplaySpeed(value["speed"]))
        }
    }

    /// The one field that an action has besides; none where it is empty.
    private static let fields = ["pause": "", "resume": "", "step": "count", "seek": "to", "speed": "speed"]

    private static func count(_ value: JSONValue?) throws(HTTPFault) -> Int {
        guard let value else { return 1 }
        guard let count = value.integer, (1...Int64(stepMax)).contains(count) else {
            throw HTTPFault(400, "count is a number of events, 1 to \(stepMax)")
        }
        return Int(count)
    }
}

extension ReplayTarget {
    fileprivate init(_ value: JSONValue?) throws(HTTPFault) {
        if let raw = value?.integer {
            self = .time(Timestamp(raw: raw))
        } else if let text = value?.string, text.hasPrefix("+") || text.hasPrefix("-"),
            let span = Nanoseconds(text: text)
        {
            self = .offset(span)
        } else if let text = value?.string, let time = Timestamp(rfc3339: text) {
            self = .time(time)
        } else {
            throw HTTPFault(
                400,
                "to is a time as 2020-01-30T09:30:00Z, or in nanoseconds since 1970, or a span as +30s or -5m"
            )
        }
    }
}

extension ReplaySpeed {
    fileprivate init(_ value: JSONValue?) throws(HTTPFault) {
        if value?.string == "max" {
            self = .max
        } else if let thousandths = value?.decimal(3), ReplaySpeed.thousandthsAllowed.contains(thousandths) {
            self = .thousandths(thousandths)
        } else {
            throw HTTPFault(
                400, "speed is a number from 0.001 to 1000000 with at most 3 decimals, or \"max\"")
        }
    }

    fileprivate var json: String {
        switch self {
        case .max: "\"max\""
        case .thousandths(let n): FixedPoint.text(n, decimals: 3)
        }
    }
}

extension ReplayReport {
    /// - Parameter isMovable: whether whoever asks may move it; nil where that goes without saying.
    func json(isMovable: Bool? = nil) -> String {
        func text(_ time: Timestamp?) -> String { time.map { "\($0.raw)" } ?? "null" }
        var page = ControlMessage("replay")
        page.add("state", "\(state.name)")
        page.add("time", json: text(time))
        page.add("speed", json: speed.json)
        page.add("epoch", String(epoch, radix: 16))
        page.add("from", json: text(from))
        page.add("to", json: text(to))
        page.add("seekable", json: "\(isSeekable)")
        page.add("position", unsigned: position)
        if let isMovable { page.add("control", json: "\(isMovable)") }
        return page.end()
    }
}
