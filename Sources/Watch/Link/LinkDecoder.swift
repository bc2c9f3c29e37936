// A connection's bytes as messages: the one way from the wire, and from a capture, to the screen.
//
// Invariant: what cannot be read is told and left out; it never ends anything, and nothing crashes.
import Basics
import Dialects
import Wire

struct LinkDecoder {
    /// Numbers of symbols are a connection's own.
    private var symbols = SBEReader()
    private var events = EventStreamReader()
    /// Nothing that follows on this connection can be read.
    private(set) var isBroken = false
    /// Of a stream of events: where to go on.
    var lastEventID: String { events.lastEventID }
    /// Of a stream of events: when to come back after a break, where the server said it.
    var retry: Nanoseconds? { events.retry.map { .milliseconds($0) } }

    /// A connection's first bytes follow.
    mutating func begin() { self = LinkDecoder() }

    mutating func take(
        _ kind: RawKind, _ bytes: UnsafeRawBufferPointer, _ onEvent: (LinkEvent) -> Void
    ) {
        switch kind {
        case .text: text(bytes, onEvent)
        case .binary: binary(bytes, onEvent)
        case .events: events(bytes, onEvent)
        }
    }

    private func text(_ bytes: UnsafeRawBufferPointer, _ onEvent: (LinkEvent) -> Void) {
        do throws(ServerMessageError) {
            onEvent(.message(try ServerMessage(json: bytes)))
        } catch {
            onEvent(.unreadable(error.description))
        }
    }

    private mutating func events(_ bytes: UnsafeRawBufferPointer, _ onEvent: (LinkEvent) -> Void) {
        var offset = 0
        do throws(EventStreamFault) {
            while !isBroken, let event = try events.next(in: bytes, from: &offset) {
                event.data.withUnsafeBytes { text($0, onEvent) }
            }
        } catch {
            isBroken = true
            onEvent(.unreadable("a stream of events: \(error)"))
        }
    }

    private mutating func binary(_ bytes: UnsafeRawBufferPointer, _ onEvent: (LinkEvent) -> Void) {
        var offset = 0
        do throws(SBEError) {
            while let message = try symbols.next(in: bytes, from: &offset) { onEvent(.message(message)) }
        } catch {
            onEvent(.unreadable("a binary message: \(error)"))
        }
    }
}
