// Many subscribers on one thread that understand as little as they can: frames are counted by their
// headers, and one message in 61 is searched for the time it carries.
//
// Invariants
//   - A frame that a receive cuts waits in its connection's rest, so each is looked at whole.
//   - A failed or lost connection ends the measurement: fewer subscribers would be other work.
import Basics
import CLinux
import Market
import Wire

/// How to subscribe at a server, and which of its messages count.
struct Dialect {
    let path: String
    let subscription: String
    /// What a message that counts begins with.
    let prefix: String
}

struct Fleet: ~Copyable {
    private(set) var messages: UInt64 = 0
    private(set) var bytes: UInt64 = 0
    private(set) var receives: UInt64 = 0
    private(set) var subscribed = 0
    /// Age of sampled messages when they were read, in nanoseconds.
    private(set) var ages: [Int64] = []

    private struct Member {
        var descriptor: Int32
        var isOpen = false
        var restCount = 0
    }
    private var members: [Member] = []
    private let rests: UnsafeMutablePointer<UInt8>
    private let room: UnsafeMutablePointer<UInt8>
    private let epoll: Int32
    private let dialect: Dialect
    private let prefix: [UInt8]
    private var untilSample = Fleet.sampleEvery

    private static let restMax = 4_096
    private static let receiveMax = 65_536
    /// Prime, so that no place in a batch is preferred.
    private static let sampleEvery = 61

    /// Connects them all and sends their upgrades.
    init(_ count: Int, port: UInt16, _ dialect: Dialect) throws {
        self.dialect = dialect
        prefix = Array(dialect.prefix.utf8)
        rests = .allocate(capacity: count * Fleet.restMax)
        room = .allocate(capacity: Fleet.restMax + Fleet.receiveMax)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        for index in 0..<count {
            let descriptor = try Fleet.connect(port: port)
            members.append(Member(descriptor: descriptor))
            guard tf_epoll_add(epoll, descriptor, TF_EPOLLIN, UInt64(index)) == 0 else {
                throw SystemError("epoll_ctl")
            }
            try Fleet.send(
                descriptor,
                Array(
                    ("GET \(dialect.path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUpgrade: websocket\r\n"
                        + "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                        + "Sec-WebSocket-Version: 13\r\n\r\n").utf8))
        }
    }
    deinit {
        for member in members { close(member.descriptor) }
        close(epoll)
        rests.deallocate()
        room.deallocate()
    }

    /// Reads whatever comes until then.
    mutating func run(until end: Instant) throws {
        var events = [epoll_event](repeating: epoll_event(), count: 512)
        var now = Moment.read()
        while now.instant < end {
            let span = min((end - now.instant).raw, 10_000_000)
            let ready = Int(tf_epoll_wait(epoll, &events, 512, span))
            for index in 0..<max(0, ready) { try receive(Int(tf_event_tag(&events[index]))) }
            now = Moment.read()
        }
    }

    /// Forgets the ages seen so far.
    mutating func startSampling() { ages = [] }

    private mutating func receive(_ index: Int) throws {
        let rest = rests + index * Fleet.restMax, restCount = members[index].restCount
        room.update(from: rest, count: restCount)
        let count = recv(members[index].descriptor, room + restCount, Fleet.receiveMax, 0)
        guard count > 0 else {
            if count < 0, tf_errno() == EAGAIN || tf_errno() == EINTR { return }
            throw BenchError("the server closed a connection")
        }
        receives &+= 1
        bytes &+= UInt64(count)
        var all = UnsafeRawBufferPointer(start: room, count: restCount + count)
        if !members[index].isOpen { all = try open(index, all) }
        let left = members[index].isOpen ? walk(all) : all
        guard left.count <= Fleet.restMax else { throw BenchError("a frame is longer than \(Fleet.restMax)") }
        if let start = left.baseAddress {
            UnsafeMutableRawPointer(rest).copyMemory(from: start, byteCount: left.count)
        }
        members[index].restCount = left.count
    }

    /// Passes over the handshake's answer and subscribes.
    private mutating func open(
        _ index: Int, _ bytes: UnsafeRawBufferPointer
    ) throws -> UnsafeRawBufferPointer {
        let end = bytes.indices.dropLast(3).first { bytes[$0] == 13 && bytes[$0 + 2] == 13 }
        guard let end else { return bytes }
        guard bytes.starts(with: "HTTP/1.1 101".utf8) else {
            throw BenchError("the server refused the upgrade")
        }
        var frame = ByteBuffer()
        var text = dialect.subscription
        text.withUTF8 {
            WebSocketFrame.write(
                into: &frame, opcode: .text, payload: UnsafeRawBufferPointer($0), mask: 0)
        }
        try Fleet.send(members[index].descriptor, Array(frame.readable))
        members[index].isOpen = true
        subscribed += 1
        return UnsafeRawBufferPointer(rebasing: bytes[(end + 4)...])
    }

    /// Counts whole frames; returns what is behind them.
    @inline(__always)
    private mutating func walk(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var at = 0
        while bytes.count - at >= 4 {
            var length = Int(bytes[at + 1] & 0x7f), header = 2
            if length == 126 {
                length = Int(bytes[at + 2]) << 8 | Int(bytes[at + 3])
                header = 4
            }
            guard bytes.count - at >= header + length else { break }
            count(UnsafeRawBufferPointer(rebasing: bytes[(at + header)..<(at + header + length)]))
            at += header + length
        }
        return UnsafeRawBufferPointer(rebasing: bytes[at...])
    }

    @inline(__always)
    private mutating func count(_ payload: UnsafeRawBufferPointer) {
        // The first byte that tells data from the rest comes last in the prefix.
        guard payload.count > prefix.count, payload[prefix.count - 1] == prefix[prefix.count - 1] else {
            return
        }
        messages &+= 1
        untilSample -= 1
        if untilSample == 0 { sample(payload) }
    }

    private mutating func sample(_ payload: UnsafeRawBufferPointer) {
        untilSample = Fleet.sampleEvery
        let label = Array("\"ts\":".utf8)
        let start = payload.indices.dropLast(label.count)
            .first { payload[$0..<($0 + label.count)].elementsEqual(label) }
        guard let start else { return }
        let digits = payload[(start + label.count)...].prefix { $0 >= 0x30 && $0 <= 0x39 }
        let time = digits.reduce(Int64(0)) { $0 &* 10 &+ Int64($1 - 0x30) }
        ages.append(Moment.read().wall.raw - time)
    }

    /// Somebody listens there.
    static func answers(port: UInt16) -> Bool {
        guard let descriptor = try? connect(port: port) else { return false }
        close(descriptor)
        return true
    }

    static func connect(port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemError("socket") }
        var address = loopback(port: port)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                CLinux.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            let error = SystemError("connect")
            close(descriptor)
            throw error
        }
        tf_set_nonblocking(descriptor)
        return descriptor
    }

    private static func send(_ descriptor: Int32, _ bytes: [UInt8]) throws {
        guard CLinux.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw SystemError("send")
        }
    }
}

/// 127.0.0.1.
func loopback(port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}
