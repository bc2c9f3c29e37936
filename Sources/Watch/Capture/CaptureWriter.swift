// Link events as records of a capture: appended to a buffer, which whoever has the file writes out.
import Basics
import Dialects

public struct CaptureWriter {
    private let began: Instant
    private var last = Nanoseconds.zero

    /// Begins a capture with its first line.
    public init(_ head: CaptureHead, _ now: Moment, into buffer: inout ByteBuffer) {
        began = now.instant
        buffer.append(head.line)
    }

    /// Appends what came; messages are left out, for their bytes came before them.
    public mutating func record(_ event: LinkEvent, _ now: Moment, into buffer: inout ByteBuffer) {
        switch event {
        case .raw(let kind, let bytes): append(kind.rawValue, bytes, now, &buffer)
        case .state(let state): append(CaptureKind.state, CaptureWriter.text(of: state, now), now, &buffer)
        case .roundTrip(let span):
            append(CaptureKind.measure, "{\"round_trip_ns\":\(span.raw)}", now, &buffer)
        case .clockOffset(let span):
            append(CaptureKind.measure, "{\"clock_offset_ns\":\(span.raw)}", now, &buffer)
        case .asked(let wanted):
            let requests = wanted.map { ClientMessage(.subscribe($0)).json }
            append(CaptureKind.asked, requests.joined(separator: "\n"), now, &buffer)
        case .message, .unreadable: break
        }
    }

    private static func text(of state: LinkState, _ now: Moment) -> String {
        switch state {
        case .connecting: return "{\"state\":\"connecting\"}"
        case .live: return "{\"state\":\"live\"}"
        case .broken(let reason, let retry):
            let words = ControlMessage.quoted(reason)
            let left = retry == .never ? "null" : "\(max(0, (retry - now.instant).raw))"
            return "{\"state\":\"broken\",\"reason\":\(words),\"retry_ns\":\(left)}"
        }
    }

    private mutating func append(_ kind: UInt8, _ text: String, _ now: Moment, _ buffer: inout ByteBuffer) {
        var text = text
        text.withUTF8 { append(kind, UnsafeRawBufferPointer($0), now, &buffer) }
    }

    private mutating func append(
        _ kind: UInt8, _ bytes: UnsafeRawBufferPointer, _ now: Moment, _ buffer: inout ByteBuffer
    ) {
        last = max(last, now.instant - began)
        var header = CaptureFormat.mark + [kind, 0, 0, 0]
        withUnsafeBytes(of: UInt64(last.raw).littleEndian) { header += $0 }
        withUnsafeBytes(of: UInt32(bytes.count).littleEndian) { header += $0 }
        let sum = header.withUnsafeBytes {
            Checksum.crc32(UnsafeRawBufferPointer(rebasing: $0[CaptureFormat.checked]))
        }
        withUnsafeBytes(of: Checksum.crc32(bytes, after: sum).littleEndian) { header += $0 }
        header.withUnsafeBytes { buffer.append($0) }
        buffer.append(bytes)
    }
}
