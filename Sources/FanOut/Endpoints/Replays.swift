// `/v1/replay`: where the replay stands, for every reader; and what it is to do, for those who may.
//
//     GET   the state, and whether this client may move it
//     POST  {"action":"pause"}   asks for it: 202, and the state before it. Words as in `/admin/replay`.
//
// Invariants
//   - Nobody moves it unless the server was started with `--replay-control`. Where there are tokens,
//     only one with the claim `"replay":true` does; where there are none, this machine's own users.
//   - A page of another site does not, whatever its visitor may (cross-site request forgery): a command is
//     JSON, so a browser asks first (`OPTIONS`) and is told of GET only; and origin and host are checked.
//   - A loop waits for nobody: a command is left to ingest, which takes it between two of its turns.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    mutating func replay(_ request: HTTPRequest, _ index: Int, _ now: Moment) throws(HTTPFault)
        -> HTTPResponse
    {
        let grant = try authorize(request, now)
        guard let replay = options.replay else { throw HTTPFault(404, "nothing is replayed here") }
        guard request.method == "POST" else {
            return .json(200, replay.report().json(isMovable: mayMove(grant)) + "\n")
        }
        try checkMover(request, grant)
        let command = try ReplayCommand(request)
        if case .refused(let reason) = replay.leave(command) { throw HTTPFault(409, reason) }
        log(command, request, index, grant)
        return .json(202, replay.report().json(isMovable: true) + "\n")
    }

    private func mayMove(_ grant: Grant) -> Bool {
        options.takesReplayCommands && (grant.key == nil || grant.entitlements.movesReplay)
    }

    private func checkMover(_ request: HTTPRequest, _ grant: Grant) throws(HTTPFault) {
        guard options.takesReplayCommands else {
            throw HTTPFault(
                403, "the replay is moved at the admin port, or here with tickerd --replay-control")
        }
        guard origin(of: request) != .refused else {
            throw HTTPFault(403, "pages of this origin may not move the replay")
        }
        guard mayMove(grant) else {
            throw HTTPFault(403, "the token does not allow to move the replay; it wants \"replay\":true")
        }
        // A page that made its own name lead to this machine is of the same origin as what it asks (DNS rebinding).
        guard grant.key != nil || AdminAccess.isLoopback(host: request.headers["host"]) else {
            throw HTTPFault(403, "ask for localhost, or 127.0.0.1, or [::1]")
        }
    }

    private func log(_ command: ReplayCommand, _ request: HTTPRequest, _ index: Int, _ grant: Grant) {
        options.log.write(
            .info, "replay",
            [
                "action": "\(command.name)",
                "address": .text(connections.address(of: index).pointee.peer.description),
                "subject": .text(grant.subject ?? ""),
                "command": .text(String(decoding: request.body, as: UTF8.self)),
            ])
    }
}
