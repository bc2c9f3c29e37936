// What ingest and fan-out nodes want of whatever carries ticks between them.
//
//     ingest node   Publisher ── PublishingEngine ──▶  engine  ──▶ FollowingEngine ── Follower   fan-out node
//
// Invariants
//   - An engine is confined to one thread and never waits: its owner polls `descriptor`, and calls `turn`.
//   - Nothing is asked of an engine but what is said here. It may lose, repeat, and reorder between
//     channels; who publishes and who follows put right what that does (docs/BACKPLANE.md).
//   - After `disconnected` nothing asked before is answered any more; after `connected` all of it is asked
//     anew by the owner. An engine reconnects by itself, and tells each failure once.
//   - Bytes in an event are the engine's, and there only until its handler returns.
import Basics
import Market

public protocol Engine: AnyObject {
    /// Where it leads, for people, without secrets: `redis://alice@10.0.0.5:6379/0`.
    var description: String { get }
    /// For poll(2), along with `wantsWrite`; -1: there is nothing to wait for but time.
    var descriptor: Int32 { get }
    var wantsWrite: Bool { get }
    var isConnected: Bool { get }
    /// Bytes that wait for the socket.
    var pendingBytes: Int { get }
    /// Bytes read and written so far, over all connections.
    var traffic: EngineTraffic { get }

    /// Connects, reads and writes what can be done now, and tells what came. What was asked for since the
    /// last turn goes out with it.
    ///
    /// - Returns: when to call again at the latest, whatever the socket says; `now` where there is more.
    func turn(now: Moment, _ tell: (EngineEvent) -> Void) -> Instant

    /// Closes the connection in order, as far as that goes without waiting.
    func close()
}

/// A fan-out node's end.
public protocol FollowingEngine: Engine {
    /// The publisher's heads come without being asked for once connected, and so does `connected` only
    /// when they do. Ticks of these symbols, too, from here on.
    func follow(_ symbols: [SymbolName])
    func unfollow(_ symbols: [SymbolName])
    /// Asks for the symbol's picture, as it is at some time after all calls before this one took effect:
    /// then come `picture`s up to a last one, or `noPicture`. One question a symbol at a time.
    func fetch(_ symbol: SymbolName)
    /// Asks for all symbols there are: `directory`s up to a last one, or `noDirectory`.
    func fetchDirectory()
    /// What is stored of a symbol, or of the directory where that is nil, is of no use: its publisher is to
    /// store it anew. May do nothing where the publisher answers by itself.
    func complain(of symbol: SymbolName?)
}

/// An ingest node's end.
public protocol PublishingEngine: Engine {
    /// The engine keeps pictures and directory itself. Else `asked` comes, and the publisher answers.
    var storesPictures: Bool { get }

    /// Takes the lease of this feed, or keeps it, for so long from when the engine hears of it: `lease`
    /// tells. To be called again well before that is over, whether it was got or not. `holder` is 1 to 64
    /// letters, digits, `-`, `.`, another for each process.
    func claim(as holder: String, for span: Nanoseconds)
    /// Gives the lease back, so that nobody has to wait for its end.
    func release()

    /// A symbol's ticks, and what they make of its stored picture, at once or not at all.
    ///
    /// - Parameters:
    ///   - ticks: to those who follow the symbol; nil: only what is stored changes.
    ///   - picture: what changes of what is stored. Left out where the engine stores nothing.
    ///   - events: to be found by who comes later, among the last of the symbol; nil: none.
    func publish(
        _ symbol: SymbolName, ticks: UnsafeRawBufferPointer?, picture: PictureChange,
        events: UnsafeRawBufferPointer?)
    /// Where the publisher stands, to everybody.
    func publishHeads(_ heads: UnsafeRawBufferPointer)
    /// - Parameter replaces: in place of what is stored, else behind it.
    func storeDirectory(_ bytes: UnsafeRawBufferPointer, replaces: Bool)
    /// Answers what was `asked`. In parts up to a last one; none where `parts` is empty: there is nothing.
    func answer(_ question: EngineQuestion, parts: [[UInt8]])

    /// Behind everything published so far: `passed` tells that the engine has taken it.
    func mark(_ number: UInt64)
}

public enum PictureChange {
    case none
    case append(UnsafeRawBufferPointer)
    /// In place of what was stored. Events stay, unless they are of another life.
    case replace(UnsafeRawBufferPointer, forgetsEvents: Bool)
}

/// Who asked for something; opaque to the publisher.
public struct EngineQuestion {
    /// Nil: for the directory.
    public let symbol: SymbolName?
    /// Where the answer goes; empty: nobody waits for one, what is stored is to be stored anew.
    public let inbox: [UInt8]

    public init(symbol: SymbolName?, inbox: [UInt8]) {
        self.symbol = symbol
        self.inbox = inbox
    }
}

public enum EngineEvent {
    case connected
    /// Why, in one line without secrets. Also for an attempt that came to nothing.
    case disconnected(String)

    // To who follows.
    case heads(UnsafeRawBufferPointer)
    case ticks(SymbolName, UnsafeRawBufferPointer)
    /// A part of what was fetched: what is stored, then the events, oldest first. `isLast` goes with the last.
    case picture(SymbolName, UnsafeRawBufferPointer, isLast: Bool)
    /// There is none, or nobody who knows.
    case noPicture(SymbolName)
    case directory(UnsafeRawBufferPointer, isLast: Bool)
    case noDirectory

    // To who publishes.
    /// The lease is one's own for the span that was asked for, counted from when it was asked for.
    case lease(isOwn: Bool)
    case asked(EngineQuestion)
    case passed(UInt64)
    /// The engine did not take something: why, in one line.
    case refused(String)
}

public struct EngineTraffic: Hashable, Sendable {
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var messagesIn: UInt64 = 0
    /// Connections that were made.
    public var connections: UInt64 = 0

    public init() {}
}
