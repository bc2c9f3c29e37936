// What the server's admin port tells of its connections (`/debug/conns`), as far as a screen has room.
import Basics

public struct ServerView: Hashable, Sendable {
    public struct Row: Hashable, Sendable {
        public var session = "", address = "", transport = "", encoding = ""
        public var isBlocked = false
        public var lagMilliseconds: Int64 = 0
        public var bufferedBytes: Int64 = 0
        public var subscriptions: Int64 = 0
        public var messages: Int64 = 0
        public var merged: Int64 = 0
        public var ageMilliseconds: Int64 = 0
    }
    public internal(set) var rows: [Row] = []
    public internal(set) var total: Int64 = 0
    /// Why there is nothing to show.
    public var fault: String?
    var due = Instant.zero

    public init() {}

    /// Text of `/debug/conns`.
    public init(json: UnsafeRawBufferPointer) {
        guard let value = try? JSONValue(parsing: json, depthMax: 8), let list = value["conns"]?.array else {
            fault = "the admin port's answer was not understood"
            return
        }
        total = value["total"]?.integer ?? Int64(list.count)
        rows = list.map { entry in
            var row = Row()
            row.session = entry["session"]?.string ?? ""
            row.address = entry["address"]?.string ?? ""
            row.transport = entry["transport"]?.string ?? ""
            row.encoding = entry["encoding"]?.string ?? ""
            row.isBlocked = entry["blocked"]?.bool ?? false
            row.lagMilliseconds = entry["lag_ms"]?.integer ?? 0
            row.bufferedBytes = entry["buffered_bytes"]?.integer ?? 0
            row.subscriptions = entry["subscriptions"]?.integer ?? 0
            row.messages = entry["messages"]?.integer ?? 0
            row.merged = entry["merged"]?.integer ?? 0
            row.ageMilliseconds = entry["age_ms"]?.integer ?? 0
            return row
        }
    }

    public init(fault: String) { self.fault = fault }
}
