// Whose request this is: the peer's, or that of whoever a proxy of ours speaks for.
//
//     X-Forwarded-For: whatever the client wrote, 203.0.113.9, 10.0.0.7      peer 10.0.0.1
//                                                 └ the client  └ a proxy of ours
//
// Every proxy appends the address it was asked by. So the list is read from its right end, as far as those
// who wrote it are trusted; what stands further left is anybody's invention.
import Basics
import Wire

package struct ClientAddress: Hashable {
    package let peer: PeerAddress
    /// What limits count it by; nil where they do not apply.
    let key: LimitKey?

    /// A connection of which nothing is known but where it comes from.
    init(peer: PeerAddress) {
        self.peer = peer
        key = peer.isLoopback ? nil : ClientAddress.key(peer)
    }

    private init(forwarded: PeerAddress) {
        peer = forwarded
        key = ClientAddress.key(forwarded)
    }

    /// - Parameter trusted: proxies whose word counts. Anybody else's `X-Forwarded-For` does not.
    package init(peer: PeerAddress, _ headers: HTTPHeaders, trusted: [AddressBlock]) {
        let isTrusted = { (address: PeerAddress) in trusted.contains { $0.contains(address) } }
        let hops = trusted.isEmpty ? [] : headers.elements("X-Forwarded-For")
        guard !hops.isEmpty, isTrusted(peer) else {
            self.init(peer: peer)
            return
        }
        var nearest = peer
        for hop in hops.reversed() {
            // What a trusted proxy does not understand itself, it should not have passed on: it answers for it.
            guard isTrusted(nearest), let address = PeerAddress(hop) else { break }
            nearest = address
        }
        self.init(forwarded: nearest)
    }

    private static func key(_ address: PeerAddress) -> LimitKey {
        address.isV4 ? .v4(UInt32(truncatingIfNeeded: address.low)) : .v6(address.high)
    }
}
