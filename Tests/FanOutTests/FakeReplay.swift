// A replay for tests of what is asked of one.
import Basics
import Market
import Synchronization

/// A replay that does nothing but remember, and can be told to refuse.
final class FakeReplay: ReplayControl {
    private let commands = Mutex<[ReplayCommand]>([])
    private let refusal: String?
    init(refusing refusal: String? = nil) { self.refusal = refusal }

    var taken: [ReplayCommand] { commands.withLock { $0 } }
    func take(_ command: ReplayCommand) -> ReplayAnswer {
        commands.withLock { $0.append(command) }
        return refusal.map { .refused($0) } ?? .accepted
    }
    func leave(_ command: ReplayCommand) -> ReplayAnswer { take(command) }
    func report() -> ReplayReport {
        ReplayReport(
            state: taken.isEmpty ? .playing : .paused, time: Timestamp(raw: 7), speed: .thousandths(2_500),
            epoch: 31, from: Timestamp(raw: 1), isSeekable: true, position: 12)
    }
}
