// What a link tells its owner, live or played from a file.
import Basics
import Dialects

/// How bytes came: as a capture keeps them.
public enum RawKind: UInt8, Hashable, Sendable {
    /// A WebSocket's text message.
    case text = 1
    /// A WebSocket's binary message.
    case binary = 2
    /// A piece of a stream of server-sent events, cut anywhere.
    case events = 3
}

public enum LinkEvent {
    case state(LinkState)
    /// Bytes as the server sent them, before the messages that they hold. Valid during the call only.
    case raw(RawKind, UnsafeRawBufferPointer)
    case message(ServerMessage)
    /// Something broke the protocol: counted and shown, not worth the connection.
    case unreadable(String)
    /// From a ping to its pong.
    case roundTrip(Nanoseconds)
    /// What the server's clock shows more than ours.
    case clockOffset(Nanoseconds)
    /// What the server is asked for from now on: of recordings. Who has a link told it so.
    case asked([ClientMessage.Subscribe])
}
