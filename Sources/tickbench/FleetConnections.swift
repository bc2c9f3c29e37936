// How a fleet comes to be, and what its members do besides reading: slow ones read little, churn
// replaces some, stalled ones are left alone after they have subscribed.
import Basics
import CLinux
import Wire

/// What is due by the clock and not by a socket.
struct Chores {
    fileprivate let slowMembers: [Int]
    fileprivate let healthyMembers: [Int]
    fileprivate var nextSlow = 0
    fileprivate var nextReplaced = 0
    fileprivate var done: Instant?
    /// Thousand-millionths of a read, and of a replacement, that are owed.
    fileprivate var slowOwed: Int64 = 0
    fileprivate var churnOwed: Int64 = 0

    /// A slow member reads so much once a second.
    static let slowBytes = 4_096

    init(_ plan: FleetPlan) {
        slowMembers = (0..<plan.connections).filter { plan.role(of: $0) == .slow }
        healthyMembers = (0..<plan.connections).filter { plan.role(of: $0) == .healthy }
    }
}

extension Fleet {
    /// Handshakes that may be on their way at once: a server's queue for them is 4,096.
    private static let upgradingMax = 1_024
    private static let patience = Nanoseconds.seconds(20)

    /// Connects all and waits for their handshakes.
    mutating func connect() throws {
        for index in members.indices {
            try connect(index)
            if index % 64 == 63 { try receive(waitingFor: .zero) }
            try wait("connect") { $0.upgrading <= Fleet.upgradingMax }
        }
        try wait("connect") { $0.upgrading == 0 }
    }

    /// Sends each member's request and waits until it was heard.
    mutating func subscribe() throws {
        isSubscribing = true
        for index in members.indices where members[index].phase == .open {
            try subscribe(index)
            if index % 64 == 63 { try receive(waitingFor: .zero) }
        }
        guard plan.dialect.kind == .native, plan.subscription(of: 0) != nil else { return }
        let wanted = plan.count(.healthy)
        try wait("subscribe") { $0.acknowledged >= wanted }
    }

    private mutating func wait(_ what: String, _ isDone: (borrowing Fleet) -> Bool) throws {
        let limit = Moment.read().instant + Fleet.patience
        while !isDone(self) {
            if Interrupt.isPending { throw Interrupted() }
            guard Moment.read().instant < limit else {
                throw BenchError(
                    "not all could \(what) in \(Fleet.patience.milliseconds / 1_000) s: "
                        + "\(opened) of \(members.count) connected, \(acknowledged) acknowledged")
            }
            try receive(waitingFor: .milliseconds(10))
            try doChores(Moment.read().instant)
        }
    }

    private mutating func connect(_ index: Int) throws {
        let source = plan.addresses > 1 ? index % plan.addresses : nil
        let descriptor = try plan.server.connect(from: source)
        members[index].descriptor = descriptor
        members[index].phase = .upgrading
        (members[index].restCount, members[index].skipCount) = (0, 0)
        upgrading += 1
        guard tf_epoll_add(epoll, descriptor, TF_EPOLLIN, UInt64(index)) == 0 else {
            throw BenchError("\(SystemError("epoll_ctl"))")
        }
        if let trust = plan.trust { streams[index] = try TLSStream(trust: trust, host: plan.server.host) }
        if plan.dialect.kind == .redis { return try opened(index) }
        try send(index, Array(upgrade.utf8))
    }

    /// With the key of RFC 6455 §1.3: a fleet trusts its server's handshake.
    private var upgrade: String {
        "GET \(plan.dialect.path) HTTP/1.1\r\nHost: \(plan.server.description)\r\n"
            + "Upgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            + (plan.dialect.subprotocol.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? "") + "\r\n"
    }

    /// Passes over the handshake's answer.
    mutating func open(_ index: Int, _ bytes: UnsafeRawBufferPointer) throws -> UnsafeRawBufferPointer {
        let end = bytes.indices.dropLast(3).first { bytes[$0] == 13 && bytes[$0 + 2] == 13 }
        guard let end else { return bytes }
        guard bytes.starts(with: "HTTP/1.1 101".utf8) else {
            let line = String(decoding: bytes.prefix { $0 != 13 }, as: UTF8.self)
            throw BenchError("the server refused the upgrade: \(line)")
        }
        try opened(index)
        return UnsafeRawBufferPointer(rebasing: bytes[(end + 4)...])
    }

    private mutating func opened(_ index: Int) throws {
        members[index].phase = .open
        opened += 1
        upgrading -= 1
        if let greeting = plan.dialect.greeting { try say(index, greeting) }
        if isSubscribing { try subscribe(index) }
    }

    private mutating func subscribe(_ index: Int) throws {
        members[index].phase = .subscribed
        guard let text = plan.subscription(of: index) else { return }
        try say(index, text)
        subscribed += 1
        // From here on the clock says when a slow one reads, and nothing when a stalled one does.
        if members[index].role != .healthy { _ = tf_epoll_remove(epoll, members[index].descriptor) }
    }

    /// Sends a text, framed where the server speaks WebSocket.
    mutating func say(_ index: Int, _ text: String) throws {
        let bytes = Array(text.utf8)
        if plan.dialect.kind == .redis { return try send(index, bytes) }
        try bytes.withUnsafeBytes { try send(index, frame: .text, $0) }
    }

    mutating func send(
        _ index: Int, frame opcode: WebSocketOpcode, _ payload: UnsafeRawBufferPointer
    ) throws {
        var frame = ByteBuffer()
        WebSocketFrame.write(into: &frame, opcode: opcode, payload: payload, mask: 0)
        try send(index, Array(frame.readable))
    }

    private mutating func send(_ index: Int, _ bytes: [UInt8]) throws {
        if !streams.isEmpty, let stream = streams[index] {
            var buffer = ByteBuffer()
            bytes.withUnsafeBytes { buffer.append($0) }
            try stream.write(buffer.readable)
            return try flush(index, stream)
        }
        try send(index, raw: bytes)
    }

    /// Sends what TLS has written.
    mutating func flush(_ index: Int, _ stream: TLSStream) throws {
        guard !stream.unsent.isEmpty else { return }
        let bytes = Array(stream.unsent)
        try send(index, raw: bytes)
        stream.sent(bytes.count)
    }

    private mutating func send(_ index: Int, raw bytes: [UInt8]) throws {
        let count = CLinux.send(members[index].descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        // Whoever was cut off hears of it from its next receive.
        if count < 0, tf_errno() != EAGAIN, plan.countsLosses { return }
        guard count == bytes.count else {
            throw BenchError("a request could not be sent: \(SystemError("send").reason)")
        }
    }

    // MARK: Chores

    mutating func doChores(_ now: Instant) throws {
        let passed = (now - (chores.done ?? now)).raw
        chores.done = now
        guard isSubscribing else { return }
        chores.slowOwed += passed * Int64(chores.slowMembers.count)
        chores.churnOwed += passed * Int64(chores.healthyMembers.isEmpty ? 0 : plan.churn)
        while chores.slowOwed >= 1_000_000_000 {
            chores.slowOwed -= 1_000_000_000
            try receive(chores.slowMembers[chores.nextSlow], atMost: Chores.slowBytes)
            chores.nextSlow = (chores.nextSlow + 1) % chores.slowMembers.count
        }
        while chores.churnOwed >= 1_000_000_000 {
            chores.churnOwed -= 1_000_000_000
            try replace(chores.healthyMembers[chores.nextReplaced])
            chores.nextReplaced = (chores.nextReplaced + 1) % chores.healthyMembers.count
        }
    }

    /// Leaves without a word and comes back with the same wishes.
    private mutating func replace(_ index: Int) throws {
        guard members[index].phase == .subscribed else { return }
        abandon(members[index].descriptor)
        members[index].descriptor = -1
        members[index].phase = .away
        replaced += 1
        try connect(index)
    }

    /// Members that the server has cut and that have not read so far yet.
    func cutUnread() -> Int {
        members.count { member in
            guard member.role != .healthy, member.descriptor >= 0 else { return false }
            var code: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return getsockopt(member.descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 && code != 0
        }
    }
}
