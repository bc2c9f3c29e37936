// WebSocket messages out of bytes as they come, in either role (RFC 6455 §5, RFC 7692 §6).
//
//     input ──┬─ a whole message: unmasked where it lies, `payload` points into the input
//             └─ a piece of one: unmasked, checked, appended to the reader's own buffer
//     a compressed message is inflated when it is whole, into memory that all readers share
//
// Invariants
//   - The result does not depend on how the bytes are cut: each rule is checked at the byte that
//     breaks it, in the order of the bytes.
//   - A length on the wire sizes nothing. The buffer grows with bytes that are there, and a message
//     above `messageMax` is refused at its header, before any of it is kept.
//   - Between messages the reader owns no memory.
//   - After a fault or a close frame nothing more is read (§5.5.1, §7.1.7).
import Basics

/// What arrived. Its body is `WebSocketReader.payload`.
public enum WebSocketEvent: Hashable, Sendable {
    case text, binary, ping, pong
    /// `code` is nil for an empty close frame; the payload is the reason.
    case close(code: UInt16?)
}

/// Bytes that are not WebSocket, and the code to close with.
public struct WebSocketFault: Error, Hashable, Sendable {
    public let code: UInt16
    public let reason: String
    public init(_ code: UInt16, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

public struct WebSocketReader: ~Copyable {
    public enum Role: Sendable {
        /// What comes must be masked.
        case server
        /// What comes must not be.
        case client
    }

    private enum Stage { case header, payload, over }

    /// Body of the last event, until the next call of `next`.
    public private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)

    private let role: Role
    private let messageMax: Int
    /// Frames that a message may come in.
    public var fragmentsMax = Int.max
    /// Of the message that is coming.
    private var fragments = 0
    private var stage = Stage.header

    /// The header so far, where the input ended inside one.
    private var stash = InlineArray<14, UInt8>(repeating: 0)
    private var stashCount = 0

    /// The frame whose payload is being read, and how much of it was.
    private var frame = WebSocketFrameHeader()
    private var taken = 0

    /// The message that fragments add up to; nil between messages.
    private var message: WebSocketOpcode?
    private var isCompressed = false
    private var pieces = ByteBuffer()
    private var utf8 = UTF8Validator()
    private var control = ByteBuffer()
    /// What `payload` points into, and is given back with the next call.
    private var lendsPieces = false
    private var lendsControl = false
    private var lendsInflated = false
    private var allowsDeflate = false

    public init(role: Role, messageMax: Int) {
        self.role = role
        self.messageMax = messageMax
    }

    /// Memory the reader owns: none between messages, and compressed bytes alone of a compressed one.
    public var bufferedBytes: Int { pieces.capacity + control.capacity }

    /// A message has begun that is not whole.
    public var isMidway: Bool { stage == .payload || stashCount > 0 || message != nil }

    /// Reads on from `input[offset...]` to the next event, and moves `offset` behind it.
    ///
    /// Payloads are unmasked in place, so bytes already consumed are not what they were.
    ///
    /// - Parameter inflater: where `permessage-deflate` was agreed on, the same one in each call.
    /// - Returns: nil when the input is used up.
    public mutating func next(
        _ input: UnsafeMutableRawBufferPointer, from offset: inout Int, inflater: Inflater? = nil
    ) throws(WebSocketFault) -> WebSocketEvent? {
        takeBack(inflater)
        allowsDeflate = inflater != nil
        do throws(WebSocketFault) {
            while stage != .over, offset < input.count {
                if stage == .header, try !readHeader(input, &offset) { return nil }
                if let event = try readPayload(input, &offset, inflater) { return event }
            }
        } catch {
            stage = .over
            throw error
        }
        offset = input.count
        return nil
    }

    private mutating func takeBack(_ inflater: Inflater?) {
        payload = UnsafeRawBufferPointer(start: nil, count: 0)
        if lendsPieces { pieces.release() }
        if lendsControl { control.release() }
        if lendsInflated { inflater?.giveBack() }
        (lendsPieces, lendsControl, lendsInflated) = (false, false, false)
    }

    // MARK: Headers

    /// - Returns: false when the input ended first.
    private mutating func readHeader(
        _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
    ) throws(WebSocketFault) -> Bool {
        guard stashCount == 0 else { return try readOnHeader(input, &offset) }
        let rest = UnsafeRawBufferPointer(rebasing: input[offset...])
        if let header = try WebSocketFrameHeader.parse(rest, context) {
            offset += header.size
            begin(header)
            return true
        }
        for byte in rest { put(byte) }
        offset = input.count
        return false
    }

    /// Adds to a header that an earlier input began.
    private mutating func readOnHeader(
        _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int
    ) throws(WebSocketFault) -> Bool {
        while offset < input.count {
            put(input[offset])
            offset += 1
            if let header = try parseStash() {
                stashCount = 0
                begin(header)
                return true
            }
        }
        return false
    }

    private mutating func put(_ byte: UInt8) {
        stash[stashCount] = byte
        stashCount += 1
    }

    private func parseStash() throws(WebSocketFault) -> WebSocketFrameHeader? {
        var copy = stash, header: WebSocketFrameHeader?
        let count = stashCount, context = context
        var fault: WebSocketFault?
        withUnsafeBytes(of: &copy) { bytes in
            do throws(WebSocketFault) {
                header = try WebSocketFrameHeader.parse(
                    UnsafeRawBufferPointer(rebasing: bytes[..<count]), context)
            } catch {
                fault = error
            }
        }
        if let fault { throw fault }
        return header
    }

    private var context: WebSocketFrameHeader.Context {
        .init(
            isServer: role == .server, isInMessage: message != nil, allowsDeflate: allowsDeflate,
            room: messageMax - pieces.count)
    }

    private mutating func begin(_ header: WebSocketFrameHeader) {
        frame = header
        taken = 0
        stage = .payload
        guard header.opcode == .text || header.opcode == .binary else { return }
        message = header.opcode
        isCompressed = header.isCompressed
    }

    // MARK: Payloads

    private mutating func readPayload(
        _ input: UnsafeMutableRawBufferPointer, _ offset: inout Int, _ inflater: Inflater?
    ) throws(WebSocketFault) -> WebSocketEvent? {
        let count = min(frame.length - taken, input.count - offset)
        let chunk = UnsafeMutableRawBufferPointer(rebasing: input[offset..<offset + count])
        if role == .server { WebSocketFrame.apply(mask: frame.mask, to: chunk, from: taken) }
        offset += count
        taken += count
        let isLast = taken == frame.length
        if isLast { try endFrame() }
        return frame.opcode.isControl
            ? try readControl(UnsafeRawBufferPointer(chunk), isLast: isLast)
            : try readData(UnsafeRawBufferPointer(chunk), isLast: isLast, inflater)
    }

    /// Empty fragments cost a peer next to nothing, and each of them a look here.
    private mutating func endFrame() throws(WebSocketFault) {
        stage = .header
        guard !frame.opcode.isControl else { return }
        fragments = frame.fin ? 0 : fragments + 1
        guard fragments < fragmentsMax else {
            throw WebSocketFault(
                CloseCode.policyViolation, "a message of more than \(fragmentsMax) fragments")
        }
    }

    private mutating func readData(
        _ chunk: UnsafeRawBufferPointer, isLast: Bool, _ inflater: Inflater?
    ) throws(WebSocketFault) -> WebSocketEvent? {
        let isText = message == .text, endsMessage = isLast && frame.fin
        if isText, !isCompressed, !utf8.feed(chunk) { throw .notUTF8 }
        let isWhole = endsMessage && pieces.isEmpty
        if !isWhole { pieces.append(chunk) }
        guard endsMessage else { return nil }
        guard utf8.isComplete else { throw .notUTF8 }
        payload = isWhole ? chunk : pieces.readable
        lendsPieces = !isWhole
        if isCompressed { try inflate(isText, inflater) }
        message = nil
        return isText ? .text : .binary
    }

    /// Puts the message itself in the place of its compressed bytes.
    private mutating func inflate(_ isText: Bool, _ inflater: Inflater?) throws(WebSocketFault) {
        guard let inflater else { throw .violation("compressed without an agreement") }
        payload = try inflater.inflate(payload, limit: messageMax, isText: isText)
        lendsInflated = true
    }

    private mutating func readControl(
        _ chunk: UnsafeRawBufferPointer, isLast: Bool
    ) throws(WebSocketFault) -> WebSocketEvent? {
        let isWhole = isLast && control.isEmpty
        if !isWhole { control.append(chunk) }
        guard isLast else { return nil }
        payload = isWhole ? chunk : control.readable
        lendsControl = !isWhole
        switch frame.opcode {
        case .ping: return .ping
        case .pong: return .pong
        default: return .close(code: try readClose())
        }
    }

    /// Splits the payload into code and reason (§5.5.1).
    private mutating func readClose() throws(WebSocketFault) -> UInt16? {
        stage = .over
        guard payload.count >= 2 else { return nil }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard CloseCode.isValidOnWire(code) else { throw .violation("close code \(code)") }
        payload = UnsafeRawBufferPointer(rebasing: payload[2...])
        guard UTF8Validator.isValid(payload) else { throw .notUTF8 }
        return code
    }
}

extension WebSocketFault {
    static var notUTF8: WebSocketFault { .init(CloseCode.invalidText, "text is not UTF-8") }
    static func violation(_ reason: String) -> WebSocketFault { .init(CloseCode.protocolError, reason) }
}
