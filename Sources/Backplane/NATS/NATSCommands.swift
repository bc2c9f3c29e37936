// What is said to a NATS server, written where it waits for the socket.
//
// A message costs its bytes and a few digits: the words in front of its length are written once and kept.
import Basics

extension ByteBuffer {
    private static let digitsMax = 20

    /// - Parameter head: `PUB subject ` or `PUB subject reply `.
    mutating func publish(_ head: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer) {
        write(atMost: head.count + payload.count + ByteBuffer.digitsMax + 4) { pen in
            pen.bytes(head)
            pen.unsigned(UInt64(payload.count))
            pen.literal("\r\n")
            pen.bytes(payload)
            pen.literal("\r\n")
        }
    }

    /// - Parameters:
    ///   - reply: empty: no answer is wanted.
    ///   - headers: whole, from `NATS/1.0` to the empty line; empty: none.
    mutating func publish(
        _ subject: some Collection<UInt8>, reply: some Collection<UInt8> = [], headers: String = "",
        _ payload: UnsafeRawBufferPointer
    ) {
        var head = headers.isEmpty ? "PUB " : "HPUB "
        head += String(decoding: subject, as: UTF8.self) + " "
        if !reply.isEmpty { head += String(decoding: reply, as: UTF8.self) + " " }
        if !headers.isEmpty { head += "\(headers.utf8.count) " }
        append("\(head)\(headers.utf8.count + payload.count)\r\n\(headers)")
        append(payload)
        append("\r\n")
    }

    mutating func subscribe(_ subject: UnsafeRawBufferPointer, sid: UInt64) {
        write(atMost: subject.count + ByteBuffer.digitsMax + 8) { pen in
            pen.literal("SUB ")
            pen.bytes(subject)
            pen.byte(0x20)
            pen.unsigned(sid)
            pen.literal("\r\n")
        }
    }

    mutating func unsubscribe(sid: UInt64) {
        write(atMost: ByteBuffer.digitsMax + 8) { pen in
            pen.literal("UNSUB ")
            pen.unsigned(sid)
            pen.literal("\r\n")
        }
    }

    /// - Parameter secret: the user's password, or a token where there is no user.
    mutating func connect(user: String?, secret: String?, isSecure: Bool) {
        var members = [("lang", "swift"), ("version", Release.number), ("name", "tickerfeed")]
        if let user {
            members += [("user", user), ("pass", secret ?? "")]
        } else if let secret {
            members.append(("auth_token", secret))
        }
        let sizes = members.reduce(0) { $0 + 6 * ($1.0.utf8.count + $1.1.utf8.count) + 8 }
        write(atMost: 512 + sizes) { pen in
            pen.literal("CONNECT {\"verbose\":false,\"pedantic\":false,\"protocol\":1,\"headers\":true")
            pen.literal(",\"no_responders\":true,\"echo\":false,\"tls_required\":")
            pen.text("\(isSecure)")
            for (name, value) in members {
                pen.byte(UInt8(ascii: ","))
                pen.quoted(name)
                pen.byte(UInt8(ascii: ":"))
                pen.quoted(value)
            }
            pen.literal("}\r\n")
        }
    }
}
