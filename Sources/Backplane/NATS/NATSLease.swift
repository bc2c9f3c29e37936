// Who may publish: the holder of one key in a bucket of JetStream, which forgets it when it is not renewed.
//
//     stream KV_NAME-lease: subject $KV.NAME-lease.owner, one message, kept for the lease's span, in the
//     memory of three servers, or of one where there are less (ADR-8)
//
//     claim ─ create the stream ─ write the key where it stands at the number known ─ done: one's own
//                                    │ it stands elsewhere
//                                    read it ─ another's: it is theirs
//                                            ─ gone, empty or one's own: write at its number
//
// Invariants
//   - The server alone decides: a key is written only where it stands at the number it is expected at, and
//     its age counts from when the server wrote it, which is later than when it was asked for.
//   - Who gets no answer is told nothing: a lease that is not known to be kept ends by its span.
//   - A key without a value is free: that is how one is given back, and how people delete it.
//
// A key that has grown old is expected at number 0, as one that never was: so NATS 2.9 has it.
import Basics
import Wire

struct NATSRequest: Equatable {
    let subject: String
    /// From `NATS/1.0` to the empty line, or empty.
    var headers = ""
    let body: String
}

struct NATSLease {
    enum Outcome: Equatable {
        case ask(NATSRequest)
        case own
        case other
        /// There is no JetStream, and so nothing to hold.
        case absent
        /// Why it cannot be had.
        case refused(String)
    }

    private enum Step { case idle, creating, describing, updating, writing, reading }

    /// When to ask again what is not answered: a cluster that elects a leader has dropped it.
    static let patience = Nanoseconds.seconds(1)
    /// Requests of one claim. More mean that another's key is on its way to all servers.
    private static let requestsMax = 12

    private let bucket: String
    private var step = Step.idle
    private var requests = 0
    private var holder = ""
    private var span = Nanoseconds.zero
    /// The stream is there, on this connection, and keeps the key for so long.
    private var streamSpan = Nanoseconds.zero
    /// Where the key stands, as far as is known; 0: nowhere.
    private var sequence: UInt64 = 0
    private var isOwn = false
    /// On how many servers the key is kept: on three where there are as many, so that one may fail.
    private var replicas = NATSLease.replicasMax
    private static let replicasMax = 3

    init(_ name: String) { bucket = "\(name)-lease" }

    private var stream: String { "KV_\(bucket)" }
    private var key: String { "$KV.\(bucket).owner" }

    /// Another connection: what was asked is not answered, and a server without a disk has forgotten all.
    mutating func disconnected() {
        step = .idle
        forgetStream()
    }

    /// Another stream counts anew: its numbers are not those that are known.
    private mutating func forgetStream() {
        (streamSpan, sequence, replicas) = (.zero, 0, NATSLease.replicasMax)
    }

    mutating func claim(as holder: String, for span: Nanoseconds) -> Outcome {
        (self.holder, self.span, requests) = (holder, span, 0)
        return streamSpan == span ? write() : create()
    }

    /// Asks once more what has not been answered.
    mutating func again() -> Outcome { claim(as: holder, for: span) }

    /// Nil where there is nothing to give back.
    mutating func release() -> NATSRequest? {
        step = .idle
        guard isOwn, sequence > 0 else { return nil }
        isOwn = false
        return NATSRequest(subject: key, headers: headers(["KV-Operation: DEL"]), body: "")
    }

    // MARK: Asking

    private mutating func ask(_ step: Step, _ request: NATSRequest) -> Outcome {
        requests += 1
        guard requests <= NATSLease.requestsMax else {
            return other()
        }
        self.step = step
        return .ask(request)
    }

    private var configuration: String {
        let window = min(span, .seconds(120)).raw
        return """
            {"name":"\(stream)","subjects":["$KV.\(bucket).>"],"retention":"limits","storage":"memory",\
            "max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_msg_size":-1,"max_msgs_per_subject":1,\
            "max_age":\(span.raw),"duplicate_window":\(window),"discard":"new","num_replicas":\(replicas),\
            "allow_rollup_hdrs":true,"deny_delete":true,"allow_direct":true}
            """
    }

    private mutating func create() -> Outcome {
        ask(.creating, NATSRequest(subject: "$JS.API.STREAM.CREATE.\(stream)", body: configuration))
    }

    private mutating func write() -> Outcome {
        ask(.writing, NATSRequest(subject: key, headers: headers([]), body: holder))
    }

    private mutating func read() -> Outcome {
        let body = "{\"last_by_subj\":\"\(key)\"}"
        return ask(.reading, NATSRequest(subject: "$JS.API.STREAM.MSG.GET.\(stream)", body: body))
    }

    private func headers(_ more: [String]) -> String {
        let lines = ["NATS/1.0", "Nats-Expected-Last-Subject-Sequence: \(sequence)"] + more
        return lines.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    // MARK: Answers

    /// - Returns: nil for what was not asked.
    mutating func answer(status: Int, _ body: UnsafeRawBufferPointer) -> Outcome? {
        guard step != .idle else { return nil }
        if status == 503 { return nobody() }
        guard let json = try? JSONValue(parsing: body, depthMax: 16) else {
            return refused("JetStream answers what is no JSON")
        }
        let fault = json["error"].map { JetStreamFault($0) }
        switch step {
        case .idle: return nil
        case .creating: return created(fault)
        case .describing: return described(json, fault)
        case .updating: return updated(fault)
        case .writing: return written(json, fault)
        case .reading: return found(json, fault)
        }
    }

    /// Nobody listens where the request went.
    private mutating func nobody() -> Outcome {
        // A stream that has gone takes its subjects with it.
        guard step == .writing else { return absent() }
        forgetStream()
        return create()
    }

    private mutating func absent() -> Outcome {
        step = .idle
        return .absent
    }

    private mutating func other() -> Outcome {
        (step, isOwn, sequence) = (.idle, false, 0)
        return .other
    }

    private mutating func refused(_ line: String) -> Outcome {
        step = .idle
        isOwn = false
        return .refused(line)
    }

    private mutating func created(_ fault: JetStreamFault?) -> Outcome {
        guard let fault else { return begin() }
        if fault.meansAbsent { return absent() }
        guard fault.code == JetStreamFault.streamDiffers else {
            guard replicas > 1 else { return refused(fault.line) }
            replicas = 1
            return create()
        }
        return ask(.describing, NATSRequest(subject: "$JS.API.STREAM.INFO.\(stream)", body: ""))
    }

    /// A bucket of somebody else's making will do, on three servers say, if it keeps the key long enough.
    private mutating func described(_ json: JSONValue, _ fault: JetStreamFault?) -> Outcome {
        if let fault { return refused(fault.line) }
        let age = json["config"]?["max_age"]?.integer ?? 0
        guard age >= span.raw else {
            replicas = Int(json["config"]?["num_replicas"]?.integer ?? 1)
            return ask(
                .updating, NATSRequest(subject: "$JS.API.STREAM.UPDATE.\(stream)", body: configuration))
        }
        return begin()
    }

    private mutating func updated(_ fault: JetStreamFault?) -> Outcome {
        if let fault { return refused(fault.line) }
        return begin()
    }

    private mutating func begin() -> Outcome {
        streamSpan = span
        return write()
    }

    private mutating func written(_ json: JSONValue, _ fault: JetStreamFault?) -> Outcome {
        if let fault {
            return fault.code == JetStreamFault.wrongSequence ? read() : refused(fault.line)
        }
        guard let number = json["seq"]?.integer, number > 0 else {
            return refused("JetStream answers without a number")
        }
        step = .idle
        sequence = UInt64(number)
        isOwn = true
        return .own
    }

    private mutating func found(_ json: JSONValue, _ fault: JetStreamFault?) -> Outcome {
        if let fault {
            guard fault.code == JetStreamFault.noMessage else { return refused(fault.line) }
            sequence = 0
            return write()
        }
        guard let message = json["message"], let number = message["seq"]?.integer, number > 0 else {
            return refused("JetStream answers without a number")
        }
        let value = message["data"]?.string ?? ""
        guard value.isEmpty || value == Base64.encode(holder.utf8) else { return other() }
        sequence = UInt64(number)
        return write()
    }
}

/// What JetStream says went wrong (nats-server, server/errors.json).
private struct JetStreamFault {
    static let noMessage: Int64 = 10_037
    static let streamDiffers: Int64 = 10_058
    static let wrongSequence: Int64 = 10_071
    private static let notEnabled: Set<Int64> = [10_039, 10_076]

    let code: Int64
    let line: String

    init(_ error: JSONValue) {
        code = error["err_code"]?.integer ?? 0
        let words = error["description"]?.string ?? "no reason"
        line = "JetStream says \(Array(words.utf8).withUnsafeBytes { $0.line })"
    }

    var meansAbsent: Bool { JetStreamFault.notEnabled.contains(code) }
}
