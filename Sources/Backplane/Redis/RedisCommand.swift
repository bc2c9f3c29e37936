// Commands as Redis reads them (RESP, "Sending commands to a Redis server"): a list of strings.
//
//     *2\r\n$7\r\nPUBLISH…
import Basics

enum RedisCommand {
    /// A command that is seldom: what is written for each tick is laid out where it is written.
    static func write(_ words: [some Collection<UInt8>], into buffer: inout ByteBuffer) {
        let limit = words.reduce(24) { $0 + $1.count + 32 }
        buffer.write(atMost: limit) { pen in
            pen.byte(UInt8(ascii: "*"))
            pen.unsigned(UInt64(words.count))
            pen.literal("\r\n")
            for word in words {
                pen.byte(UInt8(ascii: "$"))
                pen.unsigned(UInt64(word.count))
                pen.literal("\r\n")
                for byte in word { pen.byte(byte) }
                pen.literal("\r\n")
            }
        }
    }

    /// A string as a command has it, length and all.
    static func bulk(_ bytes: [UInt8]) -> [UInt8] {
        Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
    }
}

extension Pen {
    /// A string, length and all: at most 24 more than its bytes.
    @inline(__always)
    mutating func bulk(_ bytes: UnsafeRawBufferPointer) {
        byte(UInt8(ascii: "$"))
        unsigned(UInt64(bytes.count))
        literal("\r\n")
        self.bytes(bytes)
        literal("\r\n")
    }
}
