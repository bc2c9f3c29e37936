// The newest report of whoever publishes or follows, for other threads.
import Market
import Synchronization

public final class ReportBoard: Sendable {
    private let newest: Mutex<BackplaneReport>

    init(_ report: BackplaneReport) { newest = Mutex(report) }

    public var report: BackplaneReport { newest.withLock { $0 } }
    func post(_ report: BackplaneReport) { newest.withLock { $0 = report } }
}
