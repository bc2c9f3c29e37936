// Sockets by epoll: one thread, one turn at a time, a bounded amount of work in each.
//
//     turn:  wait ─ read on ─ events ─ failures ─ ids come free ─ arrivals ─ accept
//
// Invariants
//   - A socket is registered once, edge-triggered, for everything; no system call changes that
//     later. So whoever is told of an edge works until the kernel says "would block", or is
//     remembered in `unfinished` and goes on next turn, which then does not wait.
//   - One turn reads at most one buffer (64 KiB) from a socket, accepts at most 64 and takes over at
//     most 64 that another loop accepted: nobody keeps the others, or the caller's timers, waiting.
//   - Accepting comes last, after the ids of this turn's dead are free and its events are spent.
//   - A handler may call `send` and `close` at any point. No table is borrowed while it runs.
//   - `send` allocates nothing: it writes flags into a slot that exists. Only a failure is listed.
//   - A plain socket does not pay for TLS: `SecureReactor.swift` begins where a slot says so.
import Basics
import CLinux

public final class Reactor: Network {
    static let acceptsPerTurn = 64
    static let eventsPerTurn = 512
    /// One buffer for all sockets, and so the most that is read from one of them in a turn.
    static let receiveBytesMax = 64 * 1_024
    /// Unsent bytes the kernel may hold for a socket. What waits there has left conflation and
    /// only ages; much less than this and a socket with room would look blocked too often.
    static let notSentLowWater: Int32 = 16 * 1_024
    /// Out of descriptors, an edge-triggered listener says nothing more: ask again this late.
    static let acceptRetry = Nanoseconds.milliseconds(100)
    /// Refused connections that wait for their peer to have read why. Each holds a descriptor.
    static let refusedLingeringMax = 16

    public var counters: NetworkCounters { tally.pointee }
    public var openCount: Int { table.openCount }
    /// Closed by the loop, but not yet by the peer; at most a second each.
    public var lingeringCount: Int { lingering.count }

    private let epoll: Int32
    private let reception: Reception
    private let loop: Int
    private let desk: Desk
    private var listener: Listener?
    /// When to accept without being told to: at once after a full turn, later after an error.
    private var acceptAt = Instant.never
    private var spare = SpareDescriptor()

    let table: SocketTable
    /// Sessions of sockets that speak TLS; nil where none does.
    let secure: SecureSockets?
    /// Plain memory, as the table: every send counts.
    let tally: UnsafeMutablePointer<NetworkCounters>
    private var lingering = Lingering()
    private var unfinished: [SocketTag] = []
    private var carried: [SocketTag] = []
    private var failed: [SocketTag] = []
    let buffer: UnsafeMutableRawBufferPointer
    private let events: UnsafeMutablePointer<epoll_event>

    /// A loop that is alone.
    ///
    /// - Parameters:
    ///   - listener: accepts from it, and closes it in the end.
    ///   - bell: ends the wait of a turn when it rings; it is silenced here.
    public convenience init(
        listener: Listener?, bell: Doorbell?, connectionsMax: Int, tls: TLSContext? = nil
    ) throws(SystemError) {
        let reception = Reception(connectionsMax: connectionsMax, bells: [bell])
        try self.init(listener: listener, reception: reception, loop: 0, tls: tls)
    }

    /// One of a server's loops.
    ///
    /// - Parameters:
    ///   - listener: for the one loop that accepts for all of them.
    ///   - reception: the same for all of them.
    ///   - loop: which of them this is, from 0.
    ///   - tls: what every socket is to speak TLS with; nil: none does.
    public init(
        listener: Listener?, reception: Reception, loop: Int, tls: TLSContext? = nil
    ) throws(SystemError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        table = SocketTable(maximum: reception.share)
        secure = tls.map { SecureSockets($0, maximum: reception.share) }
        tally = .allocate(capacity: 1)
        tally.initialize(to: NetworkCounters())
        buffer = .allocate(byteCount: Reactor.receiveBytesMax, alignment: 64)
        events = .allocate(capacity: Reactor.eventsPerTurn)
        self.reception = reception
        self.loop = loop
        desk = reception.desk(of: loop)
        self.listener = listener
        guard epoll >= 0 else { throw SystemError("epoll_create1") }
        if let listener {
            try watch(listener.descriptor, .listener, TF_EPOLLIN | TF_EPOLLET)
            spare.takeBack()
        }
        if let bell = desk.bell { try watch(bell.descriptor, .bell, TF_EPOLLIN | TF_EPOLLET) }
    }

    deinit {
        stopListening()
        for descriptor in table.drain() { closeDescriptor(descriptor) }
        lingering.finishAll()
        if epoll >= 0 { closeDescriptor(epoll) }
        buffer.deallocate()
        events.deallocate()
        tally.deallocate()
    }

    /// Takes nobody in from now on and gives the port back. Open sockets live on.
    public func stopListening() {
        listener?.close()  // which takes it out of epoll as well
        listener = nil
        acceptAt = .never
        for arrival in desk.close() { closeDescriptor(arrival.descriptor) }
    }

    private func watch(_ descriptor: Int32, _ tag: SocketTag, _ mask: UInt32) throws(SystemError) {
        guard tf_epoll_add(epoll, descriptor, mask, tag.raw) == 0 else { throw SystemError("epoll_ctl") }
    }
}

// MARK: What a loop asks

extension Reactor {
    public func send(_ socket: SocketID, _ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard table.isOpen(socket), !table[socket].hasFailed else { return .closed }
        guard !table[socket].isSecure else { return sendSecurely(socket, bytes) }
        let taken = sendBytes(table[socket].descriptor, bytes)
        guard taken == bytes.count else { return fellShort(socket, taken) }
        tally.pointee.bytesOut &+= UInt64(taken)
        return .sent(taken)
    }

    private func fellShort(_ socket: SocketID, _ taken: Int) -> SendOutcome {
        if taken < 0 {
            let code = tf_errno()
            guard code == EAGAIN || code == EINTR else { return fail(socket) }
        }
        // A short send leaves the kernel owing an edge, as EAGAIN does (tcp_sendmsg, SOCK_NOSPACE).
        table[socket].isBlocked = true
        tally.pointee.bytesOut &+= UInt64(max(0, taken))
        return .sent(max(0, taken))
    }

    /// Epoll may have told of the error before, and would not tell again: `closed` is on us.
    func fail(_ socket: SocketID) -> SendOutcome {
        table[socket].hasFailed = true
        failed.append(table.tag(of: socket))
        return .closed
    }

    public func close(_ socket: SocketID, abort: Bool) {
        guard table.isOpen(socket) else { return }
        guard !abort, !table[socket].hasFailed else {
            let descriptor = retire(socket)
            if abort { resetOnClose(descriptor) }
            return closeDescriptor(descriptor)
        }
        if table[socket].isSecure { sayGoodbye(socket) }
        linger(socket)
    }

    /// Lets go of a socket so that its last words arrive.
    func linger(_ socket: SocketID) {
        let tag = table.tag(of: socket)
        lingering.add(tag, retire(socket), now: Moment.read().instant)
        // What came before the close is no edge any more. Next turn throws it away.
        unfinished.append(tag)
    }

    private func retire(_ socket: SocketID) -> Int32 {
        if table[socket].isSecure { secure?.remove(socket) }
        return table.retire(socket)
    }
}

// MARK: The turn

extension Reactor {
    /// Waits for events until `deadline`, tells `handler` of one batch of them, and returns.
    ///
    /// May return earlier, and with nothing told: for the bell, a signal, or work of its own.
    public func turn(until deadline: Instant, handler: any SocketHandler) {
        let ready = wait(until: deadline)
        secure?.beginTurn()
        readOn(handler)
        for index in 0..<ready {
            dispatch(SocketTag(raw: tf_event_tag(events + index)), tf_event_mask(events + index), handler)
        }
        reportFailures(handler)
        let now = Moment.read().instant
        lingering.expire(now: now)
        desk.leave(table.recycle())
        if desk.hasArrivals { takeOver(handler) }
        if acceptAt <= now { acceptSome(now: now, handler) }
    }

    private func wait(until deadline: Instant) -> Int {
        let isBusy = !unfinished.isEmpty || !failed.isEmpty || desk.hasArrivals
        let wake = isBusy ? .zero : min(deadline, acceptAt, lingering.nextDeadline)
        let span = wake == .never ? -1 : max(0, wake.raw - Moment.read().instant.raw)
        return max(0, Int(tf_epoll_wait(epoll, events, Int32(Reactor.eventsPerTurn), span)))
    }

    private func dispatch(_ tag: SocketTag, _ mask: UInt32, _ handler: any SocketHandler) {
        switch tag {
        case .bell: desk.bell?.silence()
        case .listener: acceptAt = listener == nil ? .never : .zero
        default:
            let hangUp = mask & (TF_EPOLLRDHUP | TF_EPOLLHUP | TF_EPOLLERR) != 0
            if hangUp, let socket = table.live(tag) { table[socket].isHungUp = true }
            if hangUp || mask & TF_EPOLLIN != 0 { readable(tag, handler) }
            if mask & TF_EPOLLOUT != 0 { unblock(tag, handler) }
        }
    }

    private func unblock(_ tag: SocketTag, _ handler: any SocketHandler) {
        guard let socket = table.live(tag) else { return }
        if table[socket].isSecure {
            guard sendBacklog(socket, handler) else { return }
        }
        tellWritable(socket, handler)
    }

    func tellWritable(_ socket: SocketID, _ handler: any SocketHandler) {
        guard table[socket].isBlocked else { return }
        table[socket].isBlocked = false
        handler.writable(socket)
    }

    /// Sockets that had more to say than fitted into their share of the last turn.
    private func readOn(_ handler: any SocketHandler) {
        guard !unfinished.isEmpty else { return }
        swap(&unfinished, &carried)
        for index in carried.indices {
            let tag = carried[index]
            if let socket = table.live(tag) { table[socket].isUnfinished = false }
            readable(tag, handler)
        }
        carried.removeAll(keepingCapacity: true)
    }

    private func readable(_ tag: SocketTag, _ handler: any SocketHandler) {
        guard let socket = table.live(tag) else { return throwAway(tag) }
        guard !table[socket].isUnfinished else { return }
        if table[socket].isSecure, secure?.mayRead(socket) == false { return remember(socket) }
        let count = receiveBytes(table[socket].descriptor, into: buffer)
        guard count > 0 else {
            if count == 0 || tf_errno() != EAGAIN { lose(socket, handler) }
            return
        }
        tally.pointee.bytesIn &+= UInt64(count)
        // Less than a buffer means drained: what comes later is a new edge. A hang-up is not.
        if count == buffer.count || table[socket].isHungUp { remember(socket) }
        let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
        guard !table[socket].isSecure else { return receivedSecurely(socket, bytes, handler) }
        handler.received(socket, bytes)
    }

    private func remember(_ socket: SocketID) {
        table[socket].isUnfinished = true
        unfinished.append(table.tag(of: socket))
    }

    func lose(_ socket: SocketID, _ handler: any SocketHandler) {
        closeDescriptor(retire(socket))
        handler.closed(socket)
    }

    /// Reads a socket that only lingers; its end, or an error, is what it lingered for.
    private func throwAway(_ tag: SocketTag) {
        guard let descriptor = lingering[tag] else { return }
        let count = receiveBytes(descriptor, into: buffer)
        if count == 0 || (count < 0 && tf_errno() != EAGAIN) { return lingering.finish(tag) }
        if count > 0 { unfinished.append(tag) }
    }

    private func reportFailures(_ handler: any SocketHandler) {
        while let tag = failed.popLast() {
            if let socket = table.live(tag) { lose(socket, handler) }
        }
    }
}

// MARK: Accepting

extension Reactor {
    private func acceptSome(now: Instant, _ handler: any SocketHandler) {
        acceptAt = .zero
        for _ in 0..<Reactor.acceptsPerTurn {
            guard let listener else { return }
            let (descriptor, peer) = acceptSocket(listener.descriptor)
            guard descriptor >= 0 else {
                var code = tf_errno()
                if code == EMFILE || code == ENFILE { code = refuseByTheSpare(listener) }
                if code == 0 { continue }
                acceptAt = retry(after: code, now: now)
                return
            }
            let arrival = Arrival(descriptor: descriptor, peer: peer)
            switch reception.place(arrival, acceptedBy: loop) {
            case .here: open(arrival, handler)
            case .handedOver: break
            case .full:
                tally.pointee.refused += 1
                refuse(descriptor, now: now)
            }
        }
    }

    /// Says why, and lets the words arrive (`Lingering`), for as many as there are descriptors to spare.
    private func refuse(_ descriptor: Int32, now: Instant) {
        sayFull(descriptor)
        let tag = SocketTag.refused(tally.pointee.refused)
        guard secure == nil, lingering.count < Reactor.refusedLingeringMax,
            tf_epoll_add(epoll, descriptor, TF_EPOLLIN | TF_EPOLLRDHUP | TF_EPOLLET, tag.raw) == 0
        else { return closeDescriptor(descriptor) }
        lingering.add(tag, descriptor, now: now)
        unfinished.append(tag)
    }

    /// Out of descriptors: takes one connection off the queue with the spare one, and says why.
    ///
    /// - Returns: 0, or why none could be had: there was none, or no descriptor even so.
    private func refuseByTheSpare(_ listener: Listener) -> Int32 {
        spare.lend()
        defer { spare.takeBack() }
        let (descriptor, _) = acceptSocket(listener.descriptor)
        guard descriptor >= 0 else { return tf_errno() }
        tally.pointee.refusedDescriptors += 1
        sayFull(descriptor)
        closeDescriptor(descriptor)
        return 0
    }

    /// A peer that speaks TLS would not understand it, and a handshake is more than it is worth.
    private func sayFull(_ descriptor: Int32) {
        guard secure == nil else { return }
        _ = reception.refusal.withUnsafeBytes { sendBytes(descriptor, $0) }
    }

    /// Opens what another loop accepted for this one.
    private func takeOver(_ handler: any SocketHandler) {
        for arrival in desk.take(atMost: Reactor.acceptsPerTurn) { open(arrival, handler) }
    }

    /// When to accept again after an error (accept(2), "Error handling").
    private func retry(after code: Int32, now: Instant) -> Instant {
        switch code {
        case EAGAIN: return .never  // all accepted, the next one is an edge
        case EINTR: return .zero
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            tally.pointee.acceptErrors += 1
            return now + Reactor.acceptRetry
        default:  // this connection failed on its way, the one behind it need not
            tally.pointee.acceptErrors += 1
            return now + .milliseconds(1)
        }
    }

    private func open(_ arrival: Arrival, _ handler: any SocketHandler) {
        let descriptor = arrival.descriptor
        disableNagle(descriptor)
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NOTSENT_LOWAT, Reactor.notSentLowWater)
        // The desk keeps a place until its id is free: there is room.
        let socket = table.open(descriptor)
        let all = TF_EPOLLIN | TF_EPOLLOUT | TF_EPOLLRDHUP | TF_EPOLLET
        guard makeSecure(socket), tf_epoll_add(epoll, descriptor, all, table.tag(of: socket).raw) == 0 else {
            tally.pointee.acceptErrors += 1
            return closeDescriptor(retire(socket))
        }
        tally.pointee.accepted += 1
        handler.opened(socket, peer: arrival.peer)
    }
}
