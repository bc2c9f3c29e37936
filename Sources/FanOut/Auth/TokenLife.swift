// How long a connection may go on: until a token is there, until its end, until it is withdrawn.
//
//     upgrade ─ 5 s without a token → 1008
//     token ─────────────── 60 s before its end: `expiring` ─ its end → 4401
//
// Invariants
//   - A connection waits for one of these at a time, on the place it has on the wheel anyway.
//   - The end is by the wall's clock, as the token says it: one that was set meanwhile is read again.
import Basics
import Dialects
import Wire

extension Shard {
    /// Gives the connection what it may read; nil: nothing until it says who it is.
    func hand(_ grant: Grant?, to connection: UnsafeMutablePointer<Connection>, _ now: Moment) {
        connection.pointee.grant = grant
        connection.pointee.isExpiring = false
        connection.pointee.tokenDue =
            grant.map { noticeDue($0, now) } ?? now.instant + limits.authDeadline
    }

    /// For a connection that goes back to requests, each with a token of its own.
    func takeBack(from connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.grant = nil
        connection.pointee.tokenDue = .never
    }

    private func noticeDue(_ grant: Grant, _ now: Moment) -> Instant {
        guard grant.key != nil else { return .never }
        return now.instant + max(.zero, grant.expires - now.wall - limits.expiryNotice)
    }

    /// What has come due of a connection's token.
    ///
    /// - Returns: false where that was the connection's end.
    mutating func attendToken(_ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        guard now.instant >= connection.pointee.tokenDue else { return true }
        guard let grant = connection.pointee.grant else {
            let reason = "no token within \(limits.authDeadline.milliseconds) ms"
            endForToken(index, .unauthenticated, code: CloseCode.policyViolation, reason, now)
            return false
        }
        guard now.wall < grant.expires else {
            endForToken(index, .tokenExpired, code: CloseCode.tokenExpired, "the token has expired", now)
            return false
        }
        let left = grant.expires - now.wall
        if left > limits.expiryNotice {
            connection.pointee.tokenDue = noticeDue(grant, now)
        } else {
            connection.pointee.tokenDue = now.instant + left
            // A poll brings its next request with its next token.
            let wantsNotice = !connection.pointee.isExpiring && connection.pointee.transport != .poll
            if wantsNotice { announceExpiry(of: grant, index) }
        }
        return true
    }

    private func announceExpiry(of grant: Grant, _ index: Int) {
        connections.address(of: index).pointee.isExpiring = true
        var message = ControlMessage("expiring")
        message.add("expires", grant.expires.raw)
        answer(index, message.end())
    }

    private mutating func endForToken(
        _ index: Int, _ reason: CloseReason, code: UInt16, _ text: String, _ now: Moment
    ) {
        guard connections.address(of: index).pointee.transport != .poll else {
            let response = HTTPResponse(Shard.challenge(text, error: nil))
            return endPoll(
                index, response, keepAlive: connections.address(of: index).pointee.keepsAlive, now)
        }
        startClosing(index, reason, code: code, reason: text, now)
    }

    /// After the options were read anew: closes with 4403 whoever holds a token that would not be
    /// taken any more, its times aside, and whoever has none and needs one now.
    ///
    /// - Parameter old: what tokens were checked with until now.
    mutating func withdrawGrants(takenBy old: TokenVerifier?, _ now: Moment) {
        guard old != nil || options.verifier != nil else { return }
        for index in 0..<limits.connections where connections.contains(index) {
            let connection = connections.address(of: index)
            guard connection.pointee.phase == .streaming else { continue }
            guard let verifier = options.verifier else {
                hand(.everybody, to: connection, now)
                schedule(index)
                continue
            }
            guard let grant = connection.pointee.grant else { continue }
            if let old, let key = grant.key, verifier.trusts(key, as: old) { continue }
            endForToken(
                index, .entitlementWithdrawn, code: CloseCode.entitlementWithdrawn, "entitlement withdrawn",
                now)
        }
    }
}
