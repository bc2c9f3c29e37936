// Whether a server is to be sent clients: the same answer on its port and on the admin's.
import Market
import Wire

enum Readiness {
    static func response(_ report: FeedReport, symbols: Int, isDraining: Bool) -> HTTPResponse {
        if isDraining { return .text(503, "not ready: the server stops\n") }
        if let fault = report.fault { return .text(503, "not ready: \(fault)\n") }
        if symbols == 0 { return .text(503, "not ready: the feed has brought nothing yet\n") }
        return .text(200, "ready\n")
    }
}
