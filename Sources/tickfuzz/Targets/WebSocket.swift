// Frames: what is read does not depend on how the bytes were cut, and costs no more than they are.
import Basics
import Wire

private struct Setting {
    let role: WebSocketReader.Role
    let deflates: Bool
    let messageMax: Int
}

/// What came, and how it ended.
private struct Transcript: Equatable {
    var events: [WebSocketEvent] = []
    var payloads: [[UInt8]] = []
    var fault: WebSocketFault?
}

@Sendable func fuzzWebSocket(_ bytes: UnsafeRawBufferPointer) {
    var input = Input(bytes)
    let seed = UInt64(input.decide(256)), choice = input.decide(16)
    let setting = Setting(
        role: choice & 1 == 0 ? .server : .client, deflates: choice & 2 != 0,
        messageMax: [125, 1_024, 65_536, 7][choice >> 2])
    let frames = input.rest()
    let whole = read(frames, setting) { $0 }
    let single = read(frames, setting) { _ in 1 }
    demand(single == whole, "a byte at a time: \(single) instead of \(whole)")
    var random = SeededGenerator(seed: seed)
    let cut = read(frames, setting) { 1 + random.below($0) }
    demand(cut == whole, "cut anywhere: \(cut) instead of \(whole)")
    checkReturn(whole, setting)
}

/// - Parameter size: of the next piece, of so many bytes that are left.
private func read(_ frames: borrowing Memory, _ setting: Setting, _ size: (Int) -> Int) -> Transcript {
    var reader = WebSocketReader(role: setting.role, messageMax: setting.messageMax)
    let inflater = setting.deflates ? Inflater() : nil
    var transcript = Transcript(), start = 0, isOver = false
    while start < frames.count {
        let end = start + size(frames.count - start)
        let piece = frames.piece(start..<end)
        if isOver {
            var offset = 0
            let more = try? reader.next(piece.mutable, from: &offset, inflater: inflater)
            demand(more == nil, "something is read behind the end")
        } else {
            isOver = !read(piece, &reader, inflater, setting, into: &transcript)
        }
        let held = reader.bufferedBytes, room = setting.messageMax + WebSocketFrame.controlBytesMax
        demand(held <= 2 * (room + 128), "\(held) bytes are held of a message of \(setting.messageMax)")
        demand(held <= 2 * (end + 128), "\(held) bytes are held of \(end)")
        start = end
    }
    extendLifetime(inflater)  // payloads may point into it
    return transcript
}

/// - Returns: false where nothing may follow.
private func read(
    _ piece: borrowing Memory, _ reader: inout WebSocketReader, _ inflater: Inflater?, _ setting: Setting,
    into transcript: inout Transcript
) -> Bool {
    var offset = 0
    do throws(WebSocketFault) {
        while let event = try reader.next(piece.mutable, from: &offset, inflater: inflater) {
            demand(offset <= piece.count, "the offset left the input")
            let payload = Array(reader.payload)
            transcript.events.append(event)
            transcript.payloads.append(payload)
            check(event, payload, setting)
            if case .close = event { return false }
        }
        demand(offset == piece.count, "input is left behind")
        return true
    } catch {
        demand(CloseCode.isValidOnWire(error.code), "a fault of code \(error.code)")
        transcript.fault = error
        return false
    }
}

private func check(_ event: WebSocketEvent, _ payload: [UInt8], _ setting: Setting) {
    switch event {
    case .text:
        demand(String(validating: payload, as: UTF8.self) != nil, "text that is not UTF-8")
        demand(payload.count <= setting.messageMax, "a message of \(payload.count) bytes")
    case .binary: demand(payload.count <= setting.messageMax, "a message of \(payload.count) bytes")
    case .ping, .pong: demand(payload.count <= WebSocketFrame.controlBytesMax, "a long ping")
    case .close(let code):
        demand(code.map(CloseCode.isValidOnWire) ?? payload.isEmpty, "close code \(code ?? 0)")
        demand(String(validating: payload, as: UTF8.self) != nil, "a reason that is not UTF-8")
    }
}

/// Written again, what was read is read by the other end.
private func checkReturn(_ transcript: Transcript, _ setting: Setting) {
    let mask: UInt32? = setting.role == .client ? 0x1234_5678 : nil
    var buffer = ByteBuffer()
    for (event, payload) in zip(transcript.events, transcript.payloads) {
        let opcode: WebSocketOpcode =
            switch event {
            case .text: .text
            case .binary: .binary
            case .ping: .ping
            case .pong: .pong
            case .close: .close
            }
        if case .close(let code) = event {
            let reason = String(decoding: payload, as: UTF8.self)
            WebSocketFrame.writeClose(into: &buffer, code: code, reason: reason, mask: mask)
        } else {
            payload.withUnsafeBytes {
                WebSocketFrame.write(into: &buffer, opcode: opcode, payload: $0, mask: mask)
            }
        }
    }
    let other = Setting(
        role: setting.role == .client ? .server : .client, deflates: false, messageMax: setting.messageMax)
    var returned = read(Memory(buffer.readable), other) { $0 }
    returned.fault = transcript.fault
    demand(returned == transcript, "it comes back as \(returned) instead of \(transcript)")
}
