// What carries messages to a client, and how each is framed there.

enum Transport: UInt8 {
    /// Answers to requests, and no messages yet.
    case http
    case webSocket
}
