// Asks the server's admin port for its connections, and never waits for it.
import Basics
import Watch
import Wire

final class AdminReader {
    private let admin: WatchOptions.Admin?
    private let token: TokenSource?
    private let trust: TLSTrust?
    private var fetch: HTTPFetch?
    private var began = Instant.zero
    private static let advice =
        "the server's admin port tells: --admin http://127.0.0.1:7401 (a demo has none)"
    private static let patience = Nanoseconds.seconds(3)

    init(_ admin: WatchOptions.Admin?, trust: TLSTrust?) throws(UsageError) {
        self.admin = admin
        self.trust = trust
        token = try admin.map { admin throws(UsageError) in try TokenSource(file: admin.tokenFile) }
    }

    var descriptor: Int32 { fetch?.client.descriptor ?? -1 }
    var wantsWrite: Bool { fetch?.client.wantsWrite ?? false }
    var next: Instant { fetch == nil ? .never : began + AdminReader.patience }

    /// Asks, unless an answer is awaited. Returns what can be said at once.
    func ask(_ now: Instant) -> ServerView? {
        guard let admin else { return ServerView(fault: AdminReader.advice) }
        guard fetch == nil else { return nil }
        let url = WebSocketURL(
            host: admin.url.host, port: admin.url.port, path: "/debug/conns?limit=100",
            isSecure: admin.url.isSecure)
        let fetch = HTTPFetch(
            HTTPClient(url: url, headers: admin.tokenFile == nil ? [] : token?.headers ?? [], trust: trust))
        do throws(ClientError) {
            try fetch.connect()
            (self.fetch, began) = (fetch, now)
        } catch {
            return ServerView(fault: error.description)
        }
        return nil
    }

    func pump(readable: Bool, writable: Bool, _ now: Instant) -> ServerView? {
        guard let fetch else { return nil }
        do throws(ClientError) {
            guard let answer = try fetch.pump(readable: readable, writable: writable) else {
                guard now - began >= AdminReader.patience else { return nil }
                self.fetch = nil
                return ServerView(fault: "the admin port does not answer")
            }
            self.fetch = nil
            guard answer.head.status == 200 else { return ServerView(fault: answer.refusal.description) }
            return answer.body.withUnsafeBytes { ServerView(json: $0) }
        } catch {
            self.fetch = nil
            return ServerView(fault: error.description)
        }
    }
}
