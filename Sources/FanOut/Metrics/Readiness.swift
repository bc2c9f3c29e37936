// Whether a server is to be sent clients: the same answer on its port and on the admin's.
//
// One symbol that is suspect is its subscribers' business, and they are told. Where there is none left to
// be trusted, clients are better off elsewhere. A quiet feed is ready.
import Market
import Wire

enum Readiness {
    /// - Parameter doubtful: symbols whose feed is stale or suspect.
    static func response(
        _ report: FeedReport, symbols: Int, doubtful: Int, isDraining: Bool
    ) -> HTTPResponse {
        if isDraining { return .text(503, "not ready: the server stops\n") }
        if let fault = report.fault { return .text(503, "not ready: \(fault)\n") }
        if symbols == 0 { return .text(503, "not ready: the feed has brought nothing yet\n") }
        if doubtful >= symbols {
            return .text(503, "not ready: the feed of every symbol is stale or suspect\n")
        }
        return .text(200, "ready\n")
    }
}
