// `{"op":"auth","token":"…"}`: who a WebSocket speaks for, said in band, once or again and again.
//
// Invariants
//   - A connection speaks for one subject as long as it lives.
//   - What a newer token does not allow ends with the older one: a subscription that could not be made
//     with the new one is dropped, and the answer says how many were.
//   - Only so many tokens are tried.
import Basics
import Dialects
import Market
import Wire

extension Shard {
    /// What the connection may read.
    ///
    /// - Throws: `unauthenticated` where it has not said who it is.
    func granted(_ index: Int) throws(ClientFault) -> Grant {
        guard let grant = connections.address(of: index).pointee.grant else {
            throw ClientFault(
                .unauthenticated, "a token is needed first: {\"op\":\"auth\",\"token\":\"…\"}")
        }
        return grant
    }

    mutating func authenticate(
        _ text: String?, _ id: MessageID?, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        guard options.verifier != nil else {
            var ack = ControlMessage("ack")
            ack.add(id)
            return answer(index, ack.end())
        }
        let grant: Grant
        do throws(TokenFault) {
            grant = try admit(text ?? "", now)
        } catch {
            return try refuse(error, id, index, now)
        }
        let connection = connections.address(of: index)
        if let old = connection.pointee.grant, old.subject != grant.subject {
            throw ClientFault(.forbidden, "this connection speaks for another subject; open one of its own")
        }
        connection.pointee.authFailures = 0
        guard admitOrClose(subject: grant.subject, index, now) else { return }
        hand(grant, to: connection, now)
        let classes = connection.pointee.subscriptions.classes
        let dropped = slots(of: index) { !allows(grant, $0, classes) }
        end(dropped, of: index, patterns: { !Shard.allows(grant, $0) })
        acknowledge(grant, dropped: dropped.count, id, index)
    }

    /// The connection keeps what it had; the last failure closes it.
    private mutating func refuse(
        _ reason: TokenFault, _ id: MessageID?, _ index: Int, _ now: Moment
    ) throws(ClientFault) {
        let connection = connections.address(of: index)
        let fault = ClientFault(.unauthenticated, "\(reason.text)", id: id)
        connection.pointee.authFailures += 1
        guard connection.pointee.authFailures >= limits.authFailuresMax else { throw fault }
        answer(index, fault.json)
        startClosing(
            index, .unauthenticated, code: CloseCode.policyViolation, reason: "no token was right", now)
    }

    private func acknowledge(_ grant: Grant, dropped: Int, _ id: MessageID?, _ index: Int) {
        var ack = ControlMessage("ack")
        ack.add(id)
        if let subject = grant.subject { ack.add("subject", subject) }
        ack.add("expires", grant.expires.raw)
        ack.add("symbols", grant.entitlements.symbols)
        ack.add("channels", grant.entitlements.channelNames)
        ack.add("max_rate", grant.entitlements.rateMax)
        ack.add("max_depth", Int64(grant.entitlements.depthMax))
        if dropped > 0 { ack.add("dropped", Int64(dropped)) }
        answer(index, ack.end())
    }

    // MARK: What of a connection's subscriptions a grant allows

    private func allows(_ grant: Grant, _ slot: Slot, _ classes: RateClasses) -> Bool {
        grant.entitlements.allows(view.directory[slot.symbol].name)
            && Shard.allows(grant, slot.kind.channel, classes[slot.rateClass].rate, slot.depth)
    }

    private static func allows(_ grant: Grant, _ pattern: Pattern) -> Bool {
        let template = pattern.template
        return grant.entitlements.touches(prefix: pattern.prefix)
            && allows(grant, template.kind.channel, template.rate, template.depth)
    }

    private static func allows(_ grant: Grant, _ channel: Channel, _ rate: Rate, _ depth: UInt8) -> Bool {
        grant.entitlements.allows(channel) && grant.entitlements.allows(rate)
            && Int(depth) <= grant.entitlements.depthMax
    }
}
