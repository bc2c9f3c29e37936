// The lease in JetStream: several claim it of a bucket as NATS 2.9 keeps one.
import Basics
import TestSupport
import Testing
import Wire

@testable import Backplane

/// A bucket with one key, of which experiments with nats-server 2.9.10 show: a key that has grown old is
/// expected at 0, whatever its number was; numbers go on.
private struct Bucket {
    var isThere = false
    var isOn = true
    var now = Instant.zero
    var span = Nanoseconds.zero
    var servers: Int64 = 1
    var replicas: Int64 = 0
    var last: UInt64 = 0
    var key: (value: String, number: UInt64, at: Instant)?

    private mutating func age() {
        if let at = key?.at, now - at >= span { key = nil }
    }

    private static func fault(_ code: Int, _ words: String) -> (Int, String) {
        (0, "{\"error\":{\"code\":400,\"err_code\":\(code),\"description\":\"\(words)\"}}")
    }

    mutating func answer(_ request: NATSRequest) throws -> (status: Int, body: String) {
        age()
        guard isOn else { return (503, "") }
        if request.subject.hasPrefix("$JS.API.STREAM.CREATE.") {
            let wanted = try JSONValue(parsing: request.body)
            let age = wanted["max_age"]?.integer ?? 0, count = wanted["num_replicas"]?.integer ?? 0
            guard count <= servers else {
                return Bucket.fault(10_074, "replicas > 1 not supported in non-clustered mode")
            }
            guard !isThere || (span.raw, replicas) == (age, count) else {
                return Bucket.fault(10_058, "stream name already in use with a different configuration")
            }
            (isThere, span, replicas) = (true, Nanoseconds(raw: age), count)
            return (0, "{\"did_create\":true}")
        }
        guard isThere else { return (503, "") }
        if request.subject.hasPrefix("$JS.API.STREAM.INFO.") {
            return (0, "{\"config\":{\"max_age\":\(span.raw),\"num_replicas\":\(replicas)}}")
        }
        if request.subject.hasPrefix("$JS.API.STREAM.UPDATE.") {
            let wanted = try JSONValue(parsing: request.body)
            #expect(wanted["num_replicas"]?.integer == replicas)
            span = Nanoseconds(raw: wanted["max_age"]?.integer ?? 0)
            return (0, "{}")
        }
        if request.subject.hasPrefix("$JS.API.STREAM.MSG.GET.") {
            guard let key else { return Bucket.fault(10_037, "no message found") }
            let data = Base64.encode(key.value.utf8)
            return (0, "{\"message\":{\"seq\":\(key.number),\"data\":\"\(data)\"}}")
        }
        let words = request.headers.split(whereSeparator: { " \r\n".contains($0) })
        let place = try #require(words.firstIndex(of: "Nats-Expected-Last-Subject-Sequence:"))
        guard UInt64(words[place + 1]) == key?.number ?? 0 else {
            return Bucket.fault(10_071, "wrong last sequence: \(key?.number ?? 0)")
        }
        last += 1
        key = (request.body, last, now)
        return (0, "{\"stream\":\"KV_tf-lease\", \"seq\":\(last)}")
    }

    /// A whole claim.
    mutating func settle(_ lease: inout NATSLease, _ outcome: NATSLease.Outcome) throws -> NATSLease.Outcome {
        var outcome = outcome
        while case .ask(let request) = outcome {
            let (status, body) = try answer(request)
            outcome = try #require(
                Array(body.utf8).withUnsafeBytes { lease.answer(status: status, $0) }, "\(request)")
        }
        return outcome
    }

    mutating func claim(_ lease: inout NATSLease, _ holder: String) throws -> NATSLease.Outcome {
        try settle(&lease, lease.claim(as: holder, for: .seconds(3)))
    }

    mutating func release(_ lease: inout NATSLease) throws {
        if let request = lease.release() { _ = try answer(request) }
    }
}

@Suite("The lease in JetStream")
struct NATSLeaseTests {
    private var bucket = Bucket()
    private var a = NATSLease("tf")
    private var b = NATSLease("tf")

    @Test("who comes first has it, keeps it, and loses it when it is not renewed")
    mutating func turns() throws {
        #expect(try bucket.claim(&a, "a") == .own)
        #expect(try bucket.claim(&b, "b") == .other)
        for _ in 0..<5 {
            bucket.now = bucket.now + .seconds(2)
            #expect(try bucket.claim(&a, "a") == .own)
            #expect(try bucket.claim(&b, "b") == .other)
        }
        bucket.now = bucket.now + .seconds(3)
        #expect(try bucket.claim(&b, "b") == .own)
        #expect(try bucket.claim(&a, "a") == .other)
    }

    @Test("a lease of one's own that grew old is taken anew")
    mutating func old() throws {
        #expect(try bucket.claim(&a, "a") == .own)
        bucket.now = bucket.now + .seconds(10)
        #expect(try bucket.claim(&a, "a") == .own)
    }

    @Test("what is given back is the next one's at once, and nobody else's lease is given back")
    mutating func released() throws {
        #expect(try bucket.claim(&a, "a") == .own)
        try bucket.release(&a)
        #expect(try bucket.claim(&b, "b") == .own)
        try bucket.release(&a)
        #expect(try bucket.claim(&a, "a") == .other)
        bucket.now = bucket.now + .seconds(3)
        #expect(try bucket.claim(&a, "a") == .own)
        try bucket.release(&b)
        #expect(try bucket.claim(&b, "b") == .other)
    }

    @Test("an answer that was lost with its connection does not cost the lease")
    mutating func lostAnswer() throws {
        #expect(try bucket.claim(&a, "a") == .own)
        guard case .ask(let request) = a.claim(as: "a", for: .seconds(3)) else {
            Issue.record("no request")
            return
        }
        _ = try bucket.answer(request)
        a.disconnected()
        #expect(try bucket.claim(&a, "a") == .own)
        #expect(try bucket.claim(&b, "b") == .other)
    }

    @Test("a server that has forgotten all makes the bucket anew, and old numbers are worth nothing in it")
    mutating func forgotten() throws {
        #expect(try bucket.claim(&a, "a") == .own)
        bucket = Bucket()
        a.disconnected()
        #expect(try bucket.claim(&b, "b") == .own)
        #expect(try bucket.claim(&a, "a") == .other)
        // Deleted while it is connected.
        bucket = Bucket()
        #expect(try bucket.claim(&b, "b") == .own)
    }

    @Test("a bucket that keeps keys longer is left as it is; one that keeps them too briefly is changed")
    mutating func otherBucket() throws {
        (bucket.isThere, bucket.span, bucket.replicas) = (true, .seconds(60), 1)
        #expect(try bucket.claim(&a, "a") == .own)
        #expect(bucket.span == .seconds(60))
        (bucket.span, bucket.key) = (.seconds(1), nil)
        #expect(try bucket.claim(&b, "b") == .own)
        #expect(bucket.span == .seconds(3))
    }

    @Test("the key is on three servers where there are three", arguments: [(1, 1), (2, 1), (3, 3), (5, 3)])
    func replicas(servers: Int64, replicas: Int64) throws {
        var bucket = Bucket(servers: servers), a = a, b = b
        #expect(try bucket.claim(&a, "a") == .own)
        #expect(bucket.replicas == replicas)
        #expect(try bucket.claim(&b, "b") == .other)
    }

    @Test("without JetStream there is nothing to hold")
    mutating func off() throws {
        bucket.isOn = false
        #expect(try bucket.claim(&a, "a") == .absent)
    }

    @Test("nobody has it while another does, whatever goes wrong", arguments: Seed.smoke)
    func exclusive(seed: Seed) throws {
        var random = seed.generator(), bucket = Bucket(),
            leases = ["a", "b", "c"].map { ($0, NATSLease("tf")) }
        // Until when each may publish, counted from before it asked.
        var until = [Instant](repeating: .zero, count: 3)
        for step in 0..<2_000 {
            bucket.now = bucket.now + .milliseconds(random.below(1_500))
            let who = random.below(3)
            if random.oneIn(20) { leases[who].1.disconnected() }
            if random.oneIn(20) {
                until[who] = .zero
                try bucket.release(&leases[who].1)
            }
            let asked = bucket.now
            switch try bucket.claim(&leases[who].1, leases[who].0) {
            case .own: until[who] = asked + .seconds(3)
            case .other: until[who] = .zero
            case let outcome: Issue.record("\(seed), step \(step): \(outcome)")
            }
            let holders = until.filter { $0 > bucket.now }.count
            try #require(holders <= 1, "\(seed), step \(step)")
        }
    }
}
