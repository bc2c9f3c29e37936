import Testing

@testable import Wire

@Test(
    "addresses out of text, and nothing else",
    arguments: [
        ("192.0.2.1", "192.0.2.1:0"), ("192.0.2.1:80", "192.0.2.1:80"), ("2001:db8::1", "[2001:db8::1]:0"),
        ("[2001:db8::1]:443", "[2001:db8::1]:443"), ("[::1]", "[::1]:0"),
        ("::ffff:192.0.2.1", "192.0.2.1:0"), ("0.0.0.0", "0.0.0.0:0"),
        ("", nil), ("localhost", nil), ("192.0.2", nil), ("192.0.2.256", nil), ("192.0.2.01", nil),
        ("0x7f.0.0.1", nil), ("2130706433", nil), ("192.0.2.1:", nil), ("192.0.2.1:x", nil),
        ("192.0.2.1:70000", nil), ("192.0.2.1:+1", nil), ("[::1", nil), ("[192.0.2.1]:80", nil),
        ("::1]", nil), ("fe80::1%eth0", nil), ("1:2", nil), ("192.0.2.1 ", nil), ("192.0.2.1\u{0}", nil),
        ("[::1]x", nil), (":::", nil), (String(repeating: "1", count: 5_000), nil), ("unknown", nil),
        ("_hidden", nil),
    ] as [(String, String?)])
func addressText(text: String, expected: String?) {
    #expect(PeerAddress(text)?.description == expected)
}

@Test(
    "blocks, what is in them and what is just outside",
    arguments: [
        ("10.0.0.0/8", ["10.0.0.0", "10.255.255.255"], ["9.255.255.255", "11.0.0.0", "::1", "a00::"]),
        ("192.0.2.7", ["192.0.2.7"], ["192.0.2.6", "192.0.2.8"]),
        ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "2001:db8::"]),
        ("192.0.2.0/25", ["192.0.2.127"], ["192.0.2.128"]),
        ("2001:db8::/32", ["2001:db8::", "2001:db8:ffff::1"], ["2001:db9::", "192.0.2.1"]),
        ("2001:db8::/65", ["2001:db8::7fff:0:0:0"], ["2001:db8::8000:0:0:0"]),
        ("::/0", ["::1", "2001:db8::", "192.0.2.1"], []),
        ("::1", ["::1"], ["::2"]),
    ])
func blocks(text: String, inside: [String], outside: [String]) throws {
    let block = try #require(AddressBlock(text))
    for address in inside { #expect(block.contains(try #require(PeerAddress(address))), "\(address)") }
    for address in outside { #expect(!block.contains(try #require(PeerAddress(address))), "\(address)") }
    #expect(block == AddressBlock(block.description))
}

@Test(
    "what is no block",
    arguments: [
        "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0.1/8",
        "10.0.0.0:80/8", "10.0.0.0:0/8", "[::1]", "::1/129", "2001:db8::1/64", "proxy.example", "10/8",
        "10.0.0.0/99999999999999999999", "10.0.0.0/ 8",
    ])
func noBlock(text: String) {
    #expect(AddressBlock(text) == nil)
}
