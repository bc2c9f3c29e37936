// What a loop compresses with: a deflater for each window that its connections agreed on.
//
// Made when the first message needs it, 256 KiB for the usual window, and kept.
import Basics
import Wire

struct Deflaters {
    private var made: [Deflater?] = Array(repeating: nil, count: Deflater.windowBits.count)

    /// - Parameter bits: as agreed on in the handshake.
    subscript(bits bits: UInt8) -> Deflater {
        mutating get {
            let index = Int(bits) - Deflater.windowBits.lowerBound
            if let deflater = made[index] { return deflater }
            let deflater = Deflater(windowBits: Int(bits))
            made[index] = deflater
            return deflater
        }
    }
}
