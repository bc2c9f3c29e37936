// What the admin port shows: health, metrics, connections, and why somebody is not sent something.
import Basics
import Dialects
import Market
import Wire

struct AdminPages: Sendable {
    /// How long a loop has to answer before it is called busy.
    static let patience = Nanoseconds.seconds(1)
    static let rowsStandard = 50
    static let rowsMax = 1_000

    let loops: FanOutLoops
    let options: ServerOptions
    /// Of the thread that answers.
    let bell: Doorbell

    func response(to request: HTTPRequest, from peer: PeerAddress) throws(HTTPFault) -> HTTPResponse {
        if request.path == "/admin/replay" {
            return try ReplayPage(options: options).response(to: request, from: peer)
        }
        guard request.method == "GET" || request.method == "HEAD" else {
            throw HTTPFault(405, "only GET and HEAD here", headers: ["Allow": "GET, HEAD"])
        }
        switch request.path {
        case "/": return .text(200, AdminPages.greeting)
        case "/livez": return liveness()
        case "/readyz": return readiness()
        case "/metrics": return MetricsPage.response(figures, loops.turnstile, options)
        case "/debug/conns": return try connections(request)
        case "/debug/explain": return try explanation(request)
        default: throw HTTPFault(404, "nothing here; GET / lists what there is")
        }
    }

    private static let greeting = """
        tickerd's admin port.

          GET /livez                                every loop answers
          GET /readyz                               to be sent clients
          GET /metrics                              OpenMetrics
          GET /debug/conns?limit=50                 connections, the slowest readers first
          GET /debug/explain?conn=3f&symbol=AAPL    what a session asked for and has, and why not more
          GET /admin/replay                         where the replay stands
          POST /admin/replay                        pause, resume, step, seek, speed: {"action":"pause"}

        """

    private func readiness() -> HTTPResponse {
        let figures = figures
        let symbols = figures.map(\.symbols).max() ?? 0
        let doubtful = figures.map(\.doubtful).min() ?? 0
        return Readiness.response(
            options.feedReport(), symbols: Int(symbols), doubtful: Int(doubtful),
            isDraining: loops.areStopping)
    }

    /// A loop without followers leaves ticks on the tape while it sleeps: it is asked to look. Of one that does
    /// not answer it is what it pinned last.
    private var figures: [Figures] {
        let answers = ask { shard, now in
            shard.catchUp(now.instant)
            return shard.figures
        }
        return zip(answers, loops.board.read()).map { $0 ?? $1 }
    }

    private func liveness() -> HTTPResponse {
        let busy = busyLoops(ask { _, _ in true })
        guard busy.isEmpty else {
            let names = busy.map(String.init).joined(separator: ", ")
            return .text(503, "loop \(names): no answer in \(AdminPages.patience.milliseconds) ms\n")
        }
        return .text(200, "alive\n")
    }

    private func ask<Answer: Sendable>(
        _ question: @escaping @Sendable (inout Shard, Moment) -> Answer
    ) -> [Answer?] {
        loops.ask(0..<loops.count, patience: AdminPages.patience, bell: bell, question)
    }

    private func busyLoops<Answer>(_ answers: [Answer?]) -> [Int] {
        answers.indices.filter { answers[$0] == nil }
    }

    // MARK: Connections

    private func connections(_ request: HTTPRequest) throws(HTTPFault) -> HTTPResponse {
        let limit = try rows(request)
        let answers = ask { shard, now in
            (shard.connectionCount, shard.connectionReports(limit: limit, now.instant))
        }
        let known = answers.compactMap { $0 }
        let rows = known.flatMap(\.1).sorted { a, b in
            (a.lag, a.buffered, a.merged) > (b.lag, b.buffered, b.merged)
        }
        var page = ControlMessage("conns")
        page.add("total", Int64(known.map(\.0).reduce(0, +)))
        page.add("busy_loops", json: "\(busyLoops(answers))")
        page.add("conns", json: "[\(rows.prefix(limit).map { "\n" + $0.json }.joined(separator: ","))]")
        return .json(200, page.end() + "\n")
    }

    private func rows(_ request: HTTPRequest) throws(HTTPFault) -> Int {
        guard let text = request.parameter("limit") else { return AdminPages.rowsStandard }
        guard let limit = Int(text), 1...AdminPages.rowsMax ~= limit else {
            throw HTTPFault(400, "limit is a number from 1 to \(AdminPages.rowsMax)")
        }
        return limit
    }

    // MARK: One symbol of one of them

    private func explanation(_ request: HTTPRequest) throws(HTTPFault) -> HTTPResponse {
        guard let text = request.parameter("conn"), let session = UInt64(text, radix: 16), session > 0 else {
            throw HTTPFault(400, "conn is a session, as welcome and /debug/conns name it")
        }
        guard let symbol = request.parameter("symbol") else {
            throw HTTPFault(400, "symbol is missing: /debug/explain?conn=\(text)&symbol=AAPL")
        }
        // Sessions are numbered by turns: the number says which loop it is of.
        let loop = Int((session - 1) % UInt64(loops.count))
        let answers = loops.ask(loop..<loop + 1, patience: AdminPages.patience, bell: bell) { shard, now in
            shard.explain(session: session, symbol: symbol, now.instant)
        }
        guard let answer = answers[0] else {
            throw HTTPFault(503, "loop \(loop): no answer in \(AdminPages.patience.milliseconds) ms")
        }
        return try page(answer, symbol)
    }

    private func page(_ answer: Explanation, _ symbol: String) throws(HTTPFault) -> HTTPResponse {
        switch answer {
        case .noSuchConnection: throw HTTPFault(404, "no such session, or not any more")
        case .noSuchSymbol: throw HTTPFault(404, "no such symbol")
        case .streams(let connection, let streams, let isForbidden):
            var page = ControlMessage("explain")
            page.add("symbol", symbol)
            page.add("conn", json: connection.json)
            page.add("streams", json: "[\(streams.map(\.json).joined(separator: ","))]")
            if streams.isEmpty { page.add("why", isForbidden ? "forbidden" : "not_subscribed") }
            return .json(200, page.end() + "\n")
        }
    }
}
