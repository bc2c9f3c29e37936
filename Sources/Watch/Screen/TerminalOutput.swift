// At most one frame on its way to the terminal: a slow one drops frames, never data.
//
//     offered   A──B──C──D──E        the terminal takes A slowly; B and C find it busy and are dropped,
//     sent      A·······AD·DE        D is compared with A, which is what it has been sent
//
// Invariants
//   - While bytes of a frame are left no other is made: what waits is bounded by one screen.
//   - The newest screen is compared with what was sent, never with what was dropped.
//   - No I/O in here: the caller writes and says how much of it went.
import Basics

public struct TerminalOutput: ~Copyable {
    public enum Verdict: Hashable, Sendable {
        /// The terminal has not taken the frame before: this one is dropped.
        case busy
        /// The terminal shows this already, or will with what is on its way.
        case nothingNew
        case made
    }

    /// Frames that were made, and frames that a slow terminal never saw.
    public private(set) var framesMade: UInt64 = 0, framesDropped: UInt64 = 0
    private var painter: Painter
    private var bytes = ByteBuffer()
    /// What the terminal shows once all bytes have gone; nil: nobody knows.
    private var sent: Canvas?
    private var mustRing = false

    public init(_ theme: Theme) { painter = Painter(theme) }

    public var theme: Theme {
        get { painter.theme }
        set {
            guard newValue != painter.theme else { return }
            painter = Painter(newValue)
            sent = nil
        }
    }

    /// What is to be written. Valid until the next change.
    public var unsent: UnsafeRawBufferPointer { bytes.readable }
    public var isBusy: Bool { !bytes.isEmpty }

    /// Makes the frame that brings the terminal to this screen, unless it is busy.
    ///
    /// Whatever it answers, what is `unsent` is to be written: a sound may be all there is.
    public mutating func offer(_ canvas: Canvas) -> Verdict {
        guard bytes.isEmpty else {
            framesDropped += 1
            return .busy
        }
        if mustRing { bytes.write(atMost: 1) { $0.byte(0x07) } }
        mustRing = false
        let isNew = painter.paint(from: sent, to: canvas, into: &bytes)
        guard isNew else { return .nothingNew }
        sent = canvas
        framesMade += 1
        return .made
    }

    /// So many of the unsent bytes have gone.
    public mutating func wrote(_ count: Int) { bytes.consume(count) }

    /// A sound, with the next frame that is offered while the terminal is not busy; one for many.
    public mutating func ring() { mustRing = true }

    /// The next frame draws all of it: somebody asked for it, or wrote over it, or the size has changed,
    /// be it there and back.
    public mutating func repaint() {
        sent = nil
        painter.forget()
    }

    /// Forgets what is on its way too: the terminal was left, and is entered anew.
    public mutating func reset() {
        bytes.removeAll()
        repaint()
    }
}
