// The system calls on sockets that this room makes, under names that methods called `send` and
// `close` do not hide, and with the flags that are never left out.
import CLinux

/// Never a signal for a peer that has gone, never a wait.
private let sendFlags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
private let receiveFlags = Int32(MSG_DONTWAIT)

@inline(__always)
func sendBytes(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    send(descriptor, bytes.baseAddress, bytes.count, sendFlags)
}

func receiveBytes(_ descriptor: Int32, into room: UnsafeMutableRawBufferPointer) -> Int {
    recv(descriptor, room.baseAddress, room.count, receiveFlags)
}

func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

/// Says to the peer that nothing more is sent; reading goes on.
func shutDownSending(_ descriptor: Int32) { _ = shutdown(descriptor, Int32(SHUT_WR)) }

/// Makes the next `closeDescriptor` a reset: pending bytes are dropped, no TIME_WAIT stays behind.
func resetOnClose(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
}

@discardableResult
func setOption(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) -> Bool {
    var value = value
    return setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
}

/// The error that a non-blocking connect ended with, 0 for none.
func pendingError(_ descriptor: Int32) -> Int32 {
    var code: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size) == 0 ? code : tf_errno()
}

/// A non-blocking stream socket that children do not inherit, or -1.
func newStreamSocket(family: Int32) -> Int32 {
    socket(family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
}

func acceptSocket(_ listener: Int32) -> (descriptor: Int32, peer: PeerAddress) {
    var address = SocketAddress()
    let descriptor = address.withMutablePointer { pointer, length in
        accept4(listener, pointer, length, Int32(SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue))
    }
    return (descriptor, address.peer)
}

/// Small writes leave at once: a quote waiting for an acknowledgement (Nagle) is an old quote.
func disableNagle(_ descriptor: Int32) {
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
}
