// Who is let in: buckets, counts, and whose address counts.
import Basics
import TestSupport
import Testing
import Wire

@testable import FanOut

private func at(_ milliseconds: Int) -> Instant { Instant(raw: 1_000_000_000) + .milliseconds(milliseconds) }

private func address(_ text: String) throws -> ClientAddress {
    ClientAddress(peer: try #require(PeerAddress(text)))
}

@Test(
    "a bucket gives its burst at once, then its rate",
    arguments: [
        // A character is 100 ms. Asked every time: + it was there, - it was not.
        (rate: 10, burst: 2, seen: "++++++"),  // never faster than it fills
        (rate: 5, burst: 1, seen: "+-+-+-"),
        (rate: 5, burst: 3, seen: "+++++-+-+-+-"),  // the burst, and what came meanwhile
        (rate: 3, burst: 1, seen: "+---+---+---+"),  // nothing is rounded in favour of who asks
        (rate: 1, burst: 1, seen: "+---------+---------+"),
    ])
func bucketTimeline(rate: Int, burst: Int, seen: String) {
    let rate = BucketRate(perSecond: rate, burst: burst)
    var bucket = TokenBucket()
    let given = seen.indices.enumerated().map { step, _ in
        bucket.take(of: rate, at(step * 100)) == nil ? "+" : "-"
    }
    #expect(given.joined() == seen)
}

@Test("a bucket says how long to wait, and is right; what was refused costs nothing")
func bucketWait() throws {
    let rate = BucketRate(perSecond: 3)
    var bucket = TokenBucket()
    for _ in 0..<3 { #expect(bucket.take(of: rate, at(0)) == nil) }
    let found = bucket.take(of: rate, at(0))
    let wait = try #require(found)
    #expect(wait.milliseconds == 333)
    #expect(bucket.take(of: rate, at(0) + wait + Nanoseconds(raw: -1)) != nil)
    #expect(bucket.take(of: rate, at(0) + wait) == nil)
    // A bucket of bytes takes them together or not at all; no count overflows it.
    #expect(bucket.take(.max, of: rate, at(0)) != nil)
    #expect(TokenBucket().wait(for: 4, of: rate, at(0)) != nil)
}

@Test("never more than the burst and the rate in any span", arguments: Seed.smoke)
func bucketBound(seed: Seed) {
    var random = seed.generator()
    let rate = BucketRate(perSecond: 1 + random.below(50), burst: 1 + random.below(20))
    var bucket = TokenBucket(), now = at(0), taken: [Instant] = []
    for _ in 0..<300 {
        now = now + .microseconds(random.below(100_000))
        if bucket.take(of: rate, now) == nil { taken.append(now) }
    }
    for first in taken.indices {
        for last in first..<taken.count {
            let span = (taken[last] - taken[first]).raw
            let most = Int64(rate.burst) + span * Int64(rate.perSecond) / 1_000_000_000
            #expect(Int64(last - first + 1) <= most + 1, "\(seed)")
        }
    }
}

@Suite struct LimitTableTests {
    @Test("the one heard of longest ago makes room, never one that has connections")
    func eviction() {
        var table = LimitTable(capacity: 3)
        for key in 1...3 { _ = table.change(.v4(UInt32(key))) { $0.connections = key == 1 ? 1 : 0 } }
        _ = table.change(.v4(2)) { _ in }  // heard of again
        _ = table.change(.v4(4)) { _ in }
        #expect([1, 2, 3, 4].map { table.contains(.v4($0)) } == [true, true, false, true])
        for key in [2, 4] { _ = table.change(.v4(UInt32(key))) { $0.connections += 1 } }
        #expect(table.change(.v4(5)) { _ in } == nil)
        #expect(table.count == 3)
        _ = table.change(.v4(1)) { $0.connections -= 1 }
        #expect(table.change(.subject("s")) { _ in } != nil)
        #expect(!table.contains(.v4(1)) && table.count == 3)
    }

    @Test("it never outgrows its capacity and agrees with a dictionary", arguments: Seed.smoke)
    func model(seed: Seed) {
        var random = seed.generator()
        var table = LimitTable(capacity: 20), counts: [LimitKey: Int] = [:]
        for step in 0..<2_000 {
            let key = LimitKey.v6(UInt64(random.below(60)))
            let leaves = counts[key] != nil && random.oneIn(2)
            let now = table.change(key) { entry in
                entry.connections += leaves ? -1 : 1
                return entry.connections
            }
            if let now { counts[key] = now == 0 ? nil : now } else { #expect(counts.count == 20) }
            #expect(table.count <= 20)
            #expect(counts.keys.allSatisfy(table.contains), "\(seed), step \(step)")
            #expect(now == nil || now == (counts[key] ?? 0))
        }
    }
}

@Suite struct TurnstileTests {
    @Test("an address has so many connections, and gets them back")
    func connections() throws {
        var limits = Limits()
        limits.connectionsPerAddress = 2
        let turnstile = Turnstile()
        var passes = [Pass(), Pass(), Pass()]
        let one = try address("192.0.2.1"),
            refused = Refused(limit: .addressConnections, wait: limits.retryAfter)
        for at in 0..<2 { try turnstile.enter(one, &passes[at], limits) }
        #expect(throws: refused) { try turnstile.enter(one, &passes[2], limits) }
        try turnstile.enter(address("192.0.2.2"), &passes[2], limits)
        // Who is counted is not counted again.
        try turnstile.enter(one, &passes[0], limits)
        turnstile.leave(passes[0])
        var next = Pass()
        try turnstile.enter(one, &next, limits)
        var last = Pass()
        #expect(throws: refused) { try turnstile.enter(one, &last, limits) }
    }

    @Test(
        "who shares a limit, and who has none",
        arguments: [
            ("192.0.2.1:1", "192.0.2.1:2", true), ("192.0.2.1", "192.0.2.2", false),
            ("2001:db8::1", "2001:db8::ffff:1", true), ("2001:db8::1", "2001:db8:0:1::1", false),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
        ])
    func keys(one: String, other: String, isShared: Bool) throws {
        #expect((try address(one).key == address(other).key) == isShared)
        #expect(try address(one).key != nil)
        for loopback in ["127.0.0.1", "127.9.9.9", "::1"] { #expect(try address(loopback).key == nil) }
    }

    @Test("a subject has so many streams; changing it gives the old one back")
    func subjects() throws {
        var limits = Limits()
        limits.connectionsPerSubject = 1
        let turnstile = Turnstile()
        var one = Pass(), other = Pass()
        try turnstile.enter(subject: "ann", &one, limits)
        try turnstile.enter(subject: "ann", &one, limits)  // a token renewed
        let refused = Refused(limit: .subjectConnections, wait: limits.retryAfter)
        #expect(throws: refused) { try turnstile.enter(subject: "ann", &other, limits) }
        try turnstile.enter(subject: "bob", &one, limits)
        try turnstile.enter(subject: "ann", &other, limits)
        #expect(refused.fault(limits).status == 429)
        #expect(refused.fault(limits).headers["Retry-After"] == "5")
    }

    @Test("handshakes: of one address 429, of all 503, and a refused one costs the address nothing")
    func handshakes() throws {
        var limits = Limits()
        limits.handshakesPerAddress = 2
        limits.handshakesPerSecond = 6
        let turnstile = Turnstile()
        let one = try address("192.0.2.1"), other = try address("192.0.2.2")
        func take(_ address: ClientAddress, _ now: Int) -> Int {
            do throws(Refused) {
                try turnstile.takeHandshake(address, limits, at(now))
                return 0
            } catch {
                return error.fault(limits).status
            }
        }
        #expect(
            [take(one, 0), take(one, 0), take(one, 0), take(other, 0), take(other, 0)] == [0, 0, 429, 0, 503])
        #expect([take(other, 334), take(other, 334), take(one, 400)] == [0, 503, 503])
        #expect([take(try address("127.0.0.1"), 800), take(one, 800)] == [0, 503])
    }

    @Test("requests are counted by address; loopback's are not")
    func requests() throws {
        var limits = Limits()
        limits.requestsPerAddress = 5
        let turnstile = Turnstile()
        for _ in 0..<5 { try turnstile.takeRequest(address("192.0.2.1"), limits, at(0)) }
        let refused = Refused(limit: .addressRequests, wait: .milliseconds(200))
        #expect(throws: refused) { try turnstile.takeRequest(address("192.0.2.1"), limits, at(0)) }
        for _ in 0..<100 { try turnstile.takeRequest(address("127.0.0.1"), limits, at(0)) }
        try turnstile.takeRequest(address("192.0.2.1"), limits, at(200))
    }

    @Test("past the limit of memory nobody is let in, until it is 5 % below")
    func memory() {
        var watch = MemoryWatch()
        let sizes = [90, 101, 99, 96, 95, 99, 100, 101]
        let tight = sizes.enumerated().map { step, size in
            watch.isTight(10_000, at(step * 100)) { size * 100 }
        }
        #expect(tight == [false, true, true, true, false, false, false, true])
        // Looked at now and then only; without a limit never tight.
        #expect(watch.isTight(10_000, at(750)) { 0 })
        #expect(!watch.isTight(0, at(900)) { 1 << 40 })
        #expect(watch.bytes == 1 << 40)
    }
}

@Test(
    "whose request it is: the list is read from its right end, as far as its writers are trusted",
    arguments: [
        // Nobody is trusted but 10/8 and ::1.
        ("203.0.113.5", "198.51.100.1", "203.0.113.5"),  // a stranger's word
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  // forged by the client
        ("10.0.0.1", "198.51.100.1, 10.0.0.7, 10.0.0.8", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"), ("10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", "2001:db8::1"), ("::1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "127.0.0.1", "127.0.0.1"),  // said by a proxy: it counts
        ("10.0.0.1", "10.0.0.2, 10.0.0.3", "10.0.0.2"),
        ("10.0.0.1", "198.51.100.1, garbage", "10.0.0.1"), ("10.0.0.1", "garbage", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1, unknown, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", ",,, ,", "10.0.0.1"), ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1;10.0.0.2", "10.0.0.1"), ("10.0.0.1", "localhost", "10.0.0.1"),
        ("10.0.0.1", String(repeating: "1,", count: 4_000), "10.0.0.1"),
    ])
func forwarded(peer: String, field: String, client: String) throws {
    let trusted = try ["10.0.0.0/8", "::1"].map { try #require(AddressBlock($0)) }
    let peer = try #require(PeerAddress(peer))
    let found = ClientAddress(peer: peer, ["X-Forwarded-For": field], trusted: trusted)
    #expect(found.peer.host == client)
    #expect(found.key != nil)
    #expect(ClientAddress(peer: peer, ["X-Forwarded-For": field], trusted: []).peer == peer)
    // Several lines are one list.
    let lines = ClientAddress(
        peer: peer, ["X-Forwarded-For": "9.9.9.9", "x-forwarded-for": field], trusted: trusted)
    if PeerAddress(client) != peer, found.peer.host != "10.0.0.2" { #expect(lines.peer == found.peer) }
}
