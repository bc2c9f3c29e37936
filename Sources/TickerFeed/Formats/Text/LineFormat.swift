// What a format of lines has to know: what a line means. How lines are found, held and paced is
// `LineDecoder`'s.
import Basics
import Market

/// Why a line is passed over, or why nothing behind it can be read either.
struct LineFault: Error {
    /// Nil where the input ends here: nothing behind this line could be understood.
    let anomaly: Anomaly?
    let cause: StaticString

    static func malformed(_ cause: StaticString) -> LineFault {
        LineFault(anomaly: .malformedLine, cause: cause)
    }
    static func range(_ cause: StaticString) -> LineFault {
        LineFault(anomaly: .numberRange, cause: cause)
    }
    static func fatal(_ cause: StaticString) -> LineFault { LineFault(anomaly: nil, cause: cause) }
}

/// An event that was read and is to be played.
struct LineEvent {
    /// Nil where the line had none: it happens when it comes.
    let time: Timestamp?
    /// Of the first of its lines.
    let number: UInt64
}

protocol LineFormat {
    /// For log lines, as `FeedDecoder` has it.
    var description: String { get }
    var scale: FeedScale { get }
    var timeZero: Timestamp { get }
    var counts: [FeedCount] { get }
    /// Lines are numbered as rows: headers and blank lines have no number.
    static var numbersRows: Bool { get }
    /// The longest line, in bytes.
    static var lengthMax: Int { get }

    /// Reads a line that isn't blank. Only while no event waits (`next`); behind it one or two may.
    ///
    /// - Returns: false for a header, which is no line of the source's.
    mutating func take(_ line: RawSpan, number: UInt64) throws(LineFault) -> Bool
    /// Nothing that follows belongs to the event that is being read.
    mutating func close()
    /// The event that waits to be played.
    var next: LineEvent? { get }
    /// Plays the event that waits.
    mutating func play(received: Timestamp, into builder: inout BookBuilder)
}

extension LineFormat {
    static var numbersRows: Bool { false }
    static var lengthMax: Int { 64 << 10 }
}
