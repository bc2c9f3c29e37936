// Addresses and blocks of them are what they are written as; a forged header names nobody.
import Basics
import FanOut
import Wire

@Sendable func fuzzAddresses(_ bytes: UnsafeRawBufferPointer) {
    let text = String(decoding: bytes, as: UTF8.self)
    checkAddress(text)
    checkBlock(text)
    checkForwarded(text)
}

private func checkAddress(_ text: String) {
    guard let address = PeerAddress(text) else { return }
    demand(PeerAddress(address.description) == address, "\(text) became \(address)")
    let host = PeerAddress(high: address.high, low: address.low, port: 0)
    demand(PeerAddress(address.host) == host, "\(text) became \(address.host)")
}

private func checkBlock(_ text: String) {
    guard let block = AddressBlock(text) else { return }
    demand(AddressBlock(block.description) == block, "\(text) became \(block)")
    let base = text.prefix { $0 != "/" }
    guard let first = PeerAddress(base) else { return demand(false, "\(text) begins with no address") }
    demand(block.contains(first), "\(text) is without its first address")
}

/// Lines of the header, read by a server behind proxies.
private func checkForwarded(_ text: String) {
    var headers = HTTPHeaders()
    for line in text.split(separator: "\n").prefix(8) { headers.append("X-Forwarded-For", String(line)) }
    let proxies = ["10.0.0.0/8", "2001:db8::/32"].compactMap { AddressBlock($0) }
    let stranger = PeerAddress(v4: 0xc633_6407, port: 9), proxy = PeerAddress(v4: 0x0a00_0001, port: 9)
    let believed = ClientAddress(peer: stranger, headers, trusted: proxies).peer
    demand(believed == stranger, "a stranger is believed to be \(believed)")
    let named = ClientAddress(peer: proxy, headers, trusted: proxies).peer
    let hops = headers.elements("X-Forwarded-For").map { PeerAddress($0) }
    guard named != proxy || hops.last == .some(proxy) else { return }
    // From the right end on: proxies of ours, and then the one who is named.
    let place = hops.lastIndex { hop in hop.map { hop in !proxies.contains { $0.contains(hop) } } ?? true }
    let expected =
        place.flatMap { hops[$0] ?? ($0 + 1 < hops.count ? hops[$0 + 1] : proxy) } ?? hops.first ?? proxy
    demand(named == expected, "\(named) instead of \(String(describing: expected))")
}
