// Who is let in, asked in this order: when a connection opens, with each request, when a request becomes a
// stream, and when a token says whose stream it is. `Turnstile` counts; here it is said to the client.
import Basics
import Dialects
import Wire

extension Shard {
    /// What a new connection counts as; nil where it was told to come back later, and closed.
    mutating func admit(_ socket: SocketID, _ peer: PeerAddress, _ now: Moment) -> Pass? {
        var pass = Pass()
        do throws(Refused) {
            try place.turnstile.checkMemory(limits, now.instant)
            // A proxy of ours has many clients: whom it speaks for is counted with their streams.
            if !options.trustedProxies.contains(where: { $0.contains(peer) }) {
                try place.turnstile.enter(ClientAddress(peer: peer), &pass, limits)
            }
            return pass
        } catch {
            let answer = dressed(HTTPResponse(fault(error)), origin: nil, now).closing
            _ = answer.withUnsafeBytes { network.send(socket, $0) }
            network.close(socket, abort: false)
            return nil
        }
    }

    /// Counts a request against the rate of whoever asks.
    mutating func admit(_ request: HTTPRequest, _ index: Int, _ now: Moment) throws(HTTPFault) {
        do throws(Refused) {
            try place.turnstile.takeRequest(client(request, index), limits, now.instant)
        } catch {
            throw fault(error)
        }
    }

    /// Counts a handshake, or the start of any other stream, before anything costly is done for it.
    mutating func admitStream(_ request: HTTPRequest, _ index: Int, _ now: Moment) throws(HTTPFault) {
        let client = client(request, index)
        do throws(Refused) {
            try place.turnstile.checkMemory(limits, now.instant)
            try place.turnstile.takeHandshake(client, limits, now.instant)
            try place.turnstile.enter(client, &connections.address(of: index).pointee.pass, limits)
        } catch {
            throw fault(error)
        }
    }

    /// Counts a connection for the subject of the token that it speaks for, where there is one.
    mutating func admit(subject: String?, _ index: Int) throws(HTTPFault) {
        guard let subject else { return }
        do throws(Refused) {
            try place.turnstile.enter(
                subject: subject, &connections.address(of: index).pointee.pass, limits)
        } catch {
            throw fault(error)
        }
    }

    /// The same for a token that came with a message.
    ///
    /// - Returns: false where that was one too many, and 1013 closes.
    mutating func admitOrClose(subject: String?, _ index: Int, _ now: Moment) -> Bool {
        do throws(HTTPFault) {
            try admit(subject: subject, index)
            return true
        } catch {
            startClosing(index, .overloaded, code: CloseCode.tryAgainLater, reason: error.reason, now)
            return false
        }
    }

    /// Counts what a WebSocket sent.
    ///
    /// - Returns: false where that was too much, and 4429 closes.
    mutating func admit(bytes: Int, _ index: Int, _ now: Moment) -> Bool {
        let connection = connections.address(of: index)
        let perSecond = limits.inputBytesPerSecond
        guard perSecond > 0, !connection.pointee.isEcho else { return true }
        // Room for what one read brings, and for a few of the longest messages.
        let rate = BucketRate(perSecond: perSecond, burst: max(perSecond, limits.messageBytes, 65_536) * 4)
        guard connection.pointee.input.take(bytes, of: rate, now.instant) != nil else { return true }
        counters.refuse(.inputBytes)
        startClosing(
            index, .inputRate, code: CloseCode.tooManyOperations,
            reason: "more than \(perSecond) bytes a second", now)
        return false
    }

    /// Whose request it is: the peer's, or a client's that a trusted proxy speaks for.
    func client(_ request: HTTPRequest, _ index: Int) -> ClientAddress {
        ClientAddress(
            peer: connections.address(of: index).pointee.peer, request.headers,
            trusted: options.trustedProxies)
    }

    private mutating func fault(_ refused: Refused) -> HTTPFault {
        counters.refuse(refused.limit)
        return refused.fault(limits)
    }

    /// Counts requests that break a limit of size.
    mutating func count(_ fault: HTTPFault) {
        switch fault.status {
        case 411, 413: counters.refuse(.body)
        case 414, 431: counters.refuse(.head)
        default: break
        }
    }
}
