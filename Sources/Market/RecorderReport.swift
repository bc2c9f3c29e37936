// What the recorder says about itself to whoever asks: for `/metrics`.

public struct RecorderReport: Hashable, Sendable {
    /// The folder that is recorded into.
    public var directory: String
    /// False while the disk does not take it, or the tape's state is not known.
    public var isRecording: Bool
    /// Ticks written.
    public var ticks: UInt64
    /// Bytes written, all records counted.
    public var bytes: UInt64
    public var batches: UInt64
    /// Snapshots of all symbols.
    public var snapshots: UInt64
    public var segments: UInt64
    /// Ticks that were not written, for whatever reason.
    public var lostTicks: UInt64
    /// Times that writing failed.
    public var stops: UInt64
    /// Times that the tape lapped the recorder.
    public var laps: UInt64

    public init(
        directory: String, isRecording: Bool, ticks: UInt64, bytes: UInt64, batches: UInt64,
        snapshots: UInt64, segments: UInt64, lostTicks: UInt64, stops: UInt64, laps: UInt64
    ) {
        self.directory = directory
        self.isRecording = isRecording
        self.ticks = ticks
        self.bytes = bytes
        self.batches = batches
        self.snapshots = snapshots
        self.segments = segments
        self.lostTicks = lostTicks
        self.stops = stops
        self.laps = laps
    }
}
