// Many subscribers on one thread that understand as little as they can: frames are counted by their
// headers, and of some messages the times are read. An open loop: nobody asks, everybody is sent.
//
// Invariants
//   - A frame that a receive cuts waits in its member's rest, so each is looked at whole. One that
//     is longer than a rest is passed over, and counts by its beginning.
//   - A healthy member that is lost ends the measurement, unless the plan is to count those: fewer
//     subscribers would be other work. Slow and stalled ones may be closed; that is counted.
//   - What slow members read is told apart from all the rest.
import Basics
import CLinux
import Wire

/// What was read by members of one kind.
struct Tally {
    var messages: UInt64 = 0
    var bytes: UInt64 = 0
    var receives: UInt64 = 0
}

struct Fleet: ~Copyable {
    struct Member {
        var descriptor: Int32 = -1
        var role = Role.healthy
        var phase = Phase.away
        var isStamped = false
        var restCount = 0
        /// Bytes still to come of a frame: of one that is passed over, or that lines are in.
        var skipCount = 0

        /// `away`: not connected yet, or closed by the server.
        enum Phase { case away, upgrading, open, subscribed }
    }

    let plan: FleetPlan
    var members: [Member]
    var healthy = Tally()
    var slow = Tally()
    /// Members whose handshake was answered, once each time it was.
    var opened = 0
    /// Handshakes sent and not answered.
    var upgrading = 0
    var subscribed = 0
    /// Subscriptions that the server acknowledged.
    var acknowledged = 0
    var gaps: UInt64 = 0
    var replaced = 0
    /// Members that the server closed.
    var closedByServer = 0
    var isSubscribing = false

    /// From the event to its being read, of sampled messages that are no snapshots.
    var ages = Histogram()
    var slowAges = Histogram()
    /// Event to ingest, ingest to socket, socket to being read, where `stamps` were asked for.
    var hops = HopAges()

    let epoll: Int32
    private let rests: UnsafeMutablePointer<UInt8>
    private let room: UnsafeMutablePointer<UInt8>
    /// With TLS: each member's end of it, and room for what comes before it is decrypted.
    var streams: [TLSStream?]
    private let ciphertext: UnsafeMutableRawBufferPointer
    var untilSample = 61
    /// One message in so many is sampled: a prime, so that no place in a batch is preferred.
    private var sampleEvery = 61
    private var events = [epoll_event](repeating: epoll_event(), count: 512)
    var chores: Chores

    static let restMax = 4_096
    static let receiveMax = 65_536
    /// What a TLS record may have been cut of in an earlier receive, with room to spare.
    private static let recordMax = 32_768

    init(_ plan: FleetPlan) throws(BenchError) {
        self.plan = plan
        members = (0..<plan.connections).map {
            Member(role: plan.role(of: $0), isStamped: plan.isStamped($0))
        }
        chores = Chores(plan)
        rests = .allocate(capacity: max(1, plan.connections) * Fleet.restMax)
        room = .allocate(capacity: Fleet.restMax + Fleet.receiveMax + Fleet.recordMax)
        streams = plan.trust == nil ? [] : Array(repeating: nil, count: plan.connections)
        ciphertext = .allocate(byteCount: Fleet.receiveMax, alignment: 64)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw BenchError("\(SystemError("epoll_create1"))") }
    }
    deinit {
        for member in members where member.descriptor >= 0 { abandon(member.descriptor) }
        close(epoll)
        rests.deallocate()
        room.deallocate()
        ciphertext.deallocate()
    }

    /// Forgets what was measured so far.
    ///
    /// - Parameter rate: messages a second as they came until now; of few all are sampled.
    mutating func startMeasuring(rate: Double) {
        sampleEvery = rate < 50_000 ? 1 : rate < 500_000 ? 7 : 61
        untilSample = sampleEvery
        (healthy, slow, gaps, replaced) = (Tally(), Tally(), 0, 0)
        ages.removeAll()
        slowAges.removeAll()
        hops.removeAll()
    }

    /// Reads whatever comes until then, or until ^C.
    mutating func run(until end: Instant) throws {
        var now = Moment.read().instant
        while now < end, !Interrupt.isPending {
            // Chores are due every few milliseconds, and so is a look at the signals.
            let turnEnd = min(end, now + .milliseconds(10))
            while now < turnEnd {
                try receive(waitingFor: turnEnd - now)
                now = Moment.read().instant
            }
            try doChores(now)
        }
    }

    /// Reads for so long, or is interrupted.
    mutating func run(for span: Nanoseconds) throws {
        try run(until: Moment.read().instant + span)
        if Interrupt.isPending { throw Interrupted() }
    }

    /// Reads what is there, or waits for it.
    mutating func receive(waitingFor span: Nanoseconds) throws {
        let ready = Int(tf_epoll_wait(epoll, &events, 512, span.raw))
        for event in 0..<max(0, ready) {
            try receive(Int(tf_event_tag(&events[event])), atMost: Fleet.receiveMax)
        }
    }

    /// One receive of one member.
    mutating func receive(_ index: Int, atMost limit: Int) throws {
        let rest = rests + index * Fleet.restMax, restCount = members[index].restCount
        guard members[index].phase != .away else { return }
        room.update(from: rest, count: restCount)
        guard let count = try take(index, to: room + restCount, atMost: limit) else { return }
        let isSlow = members[index].role == .slow
        isSlow ? slow.read(count) : healthy.read(count)
        var all = UnsafeRawBufferPointer(start: room, count: restCount + count)
        if members[index].phase == .upgrading { all = try open(index, all) }
        if members[index].phase == .upgrading {
        } else if let announcer = plan.dialect.announcer {
            all = try walkLines(index, all, announcer)
        } else {
            all = try walk(index, all)
        }
        keep(all, index)
    }

    /// Bytes that came, nil where none did, or the member is lost.
    private mutating func take(_ index: Int, to room: UnsafeMutablePointer<UInt8>, atMost limit: Int) throws
        -> Int?
    {
        let isSecure = !streams.isEmpty
        let count = recv(
            members[index].descriptor, isSecure ? ciphertext.baseAddress : UnsafeMutableRawPointer(room),
            limit, 0)
        guard count > 0 else {
            if count < 0, tf_errno() == EAGAIN || tf_errno() == EINTR { return nil }
            try lost(index)
            return nil
        }
        guard isSecure, let stream = streams[index] else { return count }
        let plain = UnsafeMutableRawBufferPointer(start: room, count: Fleet.receiveMax + Fleet.recordMax)
        let taken = try stream.receive(UnsafeRawBufferPointer(rebasing: ciphertext[..<count]), into: plain)
        try flush(index, stream)
        return taken.count
    }

    /// What a member needs of a frame that was cut: its bytes, or how many to pass over.
    private mutating func keep(_ left: UnsafeRawBufferPointer, _ index: Int) {
        guard left.count <= Fleet.restMax, let start = left.baseAddress else {
            members[index].restCount = 0
            return
        }
        UnsafeMutableRawPointer(rests + index * Fleet.restMax).copyMemory(
            from: start, byteCount: left.count)
        members[index].restCount = left.count
    }

    mutating func lost(_ index: Int) throws {
        let member = members[index]
        guard member.role == .slow || (plan.countsLosses && member.phase == .subscribed) else {
            throw BenchError(
                member.phase == .upgrading
                    ? "the server closed a connection before its handshake: has it room for so many?"
                    : "the server closed a connection of a healthy subscriber")
        }
        closedByServer += 1
        close(member.descriptor)
        members[index].descriptor = -1
        members[index].phase = .away
    }

    // MARK: Frames

    /// Counts whole frames; returns the part of one that is behind them.
    @inline(__always)
    private mutating func walk(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws -> UnsafeRawBufferPointer {
        var at = skip(index, bytes.count)
        var messages = 0
        let isProbe = members[index].isStamped && plan.stamped < 100
        while let frame = Fleet.frame(bytes, at) {
            let payload = UnsafeRawBufferPointer(rebasing: bytes[frame.payload])
            let count = plan.dialect.format.messages(head: bytes[at], payload)
            messages += count
            untilSample -= count
            if count == 0 {
                try control(index, bytes[at], payload)
            } else if untilSample <= 0 {
                sample(index, payload)
            }
            if isProbe { sampleHops(payload) }
            at = frame.payload.upperBound
            if frame.missing > 0 { members[index].skipCount = frame.missing }
        }
        if members[index].role == .slow { slow.count(messages) } else { healthy.count(messages) }
        return UnsafeRawBufferPointer(rebasing: bytes[at...])
    }

    /// The frame that begins there: where its payload is, and how much of it is still to come.
    ///
    /// Nil where more has to come first. Of a frame too long to be kept the beginning is enough.
    @inline(__always)
    private static func frame(
        _ bytes: UnsafeRawBufferPointer, _ at: Int
    ) -> (payload: Range<Int>, missing: Int)? {
        guard let (length, header) = header(bytes, at) else { return nil }
        let start = at + header, rest = bytes.count - start
        guard rest >= length || (header + length > restMax && rest >= 64) else { return nil }
        return (start..<(start + min(rest, length)), max(0, length - rest))
    }

    /// How many of these bytes belong to a frame that is passed over.
    private mutating func skip(_ index: Int, _ count: Int) -> Int {
        let skipped = min(count, members[index].skipCount)
        members[index].skipCount -= skipped
        return skipped
    }

    /// Of the frame that begins there: how long its payload is, and its header.
    @inline(__always)
    static func header(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> (length: Int, header: Int)? {
        guard bytes.count - at >= 2 else { return nil }
        let length = Int(bytes[at + 1] & 0x7f)
        return length < 126 ? (length, 2) : longHeader(bytes, at)
    }

    /// RFC 6455 §5.2: 126 is followed by two bytes of length, 127 by eight.
    private static func longHeader(
        _ bytes: UnsafeRawBufferPointer, _ at: Int
    ) -> (length: Int, header: Int)? {
        let isLongest = bytes[at + 1] & 0x7f == 127, header = isLongest ? 10 : 4
        guard bytes.count - at >= header else { return nil }
        return ((at + 2..<at + header).reduce(0) { $0 << 8 | Int(bytes[$1]) }, header)
    }

    /// Anything but data: what a server says about the connection.
    private mutating func control(
        _ index: Int, _ head: UInt8, _ payload: UnsafeRawBufferPointer
    ) throws {
        if head == 0x88 { return try closed(index, payload) }
        if head == 0x89 { return try send(index, frame: .pong, payload) }
        // Engine.IO's own ping and pong.
        if plan.dialect.kind == .socketio, payload.elementsEqual("2".utf8) { return try say(index, "3") }
        // Text, whatever data is written in.
        guard plan.dialect.kind == .native, head == 0x81, payload.count > 10 else { return }
        switch (payload[9], payload[10]) {
        case (UInt8(ascii: "a"), _): try acknowledge(index, payload)
        case (UInt8(ascii: "e"), UInt8(ascii: "r")):
            throw BenchError("the server answered \(String(decoding: payload, as: UTF8.self))")
        case (UInt8(ascii: "g"), UInt8(ascii: "a")): gaps += 1
        // Behind an `epoch` come snapshots, and those have no age: nothing is to be forgotten here.
        default: break
        }
    }

    private mutating func acknowledge(_ index: Int, _ payload: UnsafeRawBufferPointer) throws {
        if members[index].role == .healthy { acknowledged += 1 }
        let text = String(decoding: payload, as: UTF8.self)
        // The first that was refused says enough.
        guard let refused = text.split(separator: "\"refused\":[").dropFirst().first else { return }
        throw BenchError("the server refused \(refused.prefix { $0 != "}" })}: does it have so many symbols?")
    }

    private mutating func closed(_ index: Int, _ payload: UnsafeRawBufferPointer) throws {
        if plan.countsLosses { return try lost(index) }
        guard members[index].role == .healthy, payload.count >= 2 else { return }
        let code = Int(payload[0]) << 8 | Int(payload[1])
        let reason = String(decoding: payload.dropFirst(2), as: UTF8.self)
        throw BenchError("the server closed a healthy subscriber: \(code) \(reason)")
    }

    // MARK: Samples

    mutating func sample(_ index: Int, _ payload: UnsafeRawBufferPointer) {
        untilSample += sampleEvery
        guard let times = plan.dialect.format.times(payload), !times.isSnapshot else { return }
        let now = Moment.read().wall.raw
        if members[index].role == .slow {
            slowAges.record(now - times.event)
        } else {
            ages.record(now - times.event)
            if plan.stamped == 100 { record(times, now) }
        }
    }

    /// Where only some are stamped, each of their messages counts.
    private mutating func sampleHops(_ payload: UnsafeRawBufferPointer) {
        guard let times = plan.dialect.format.times(payload), !times.isSnapshot else { return }
        record(times, Moment.read().wall.raw)
    }

    private mutating func record(_ times: MessageTimes, _ now: Int64) {
        guard let received = times.received, let sent = times.sent else { return }
        hops.arrival.record(received - times.event)
        hops.waiting.record(sent - received)
        hops.reading.record(now - sent)
    }
}

struct HopAges: ~Copyable {
    var arrival = Histogram()
    var waiting = Histogram()
    var reading = Histogram()

    mutating func removeAll() {
        arrival.removeAll()
        waiting.removeAll()
        reading.removeAll()
    }
}

extension Tally {
    @inline(__always)
    mutating func read(_ count: Int) {
        bytes &+= UInt64(count)
        receives &+= 1
    }
    @inline(__always)
    mutating func count(_ messages: Int) { self.messages &+= UInt64(messages) }
}
