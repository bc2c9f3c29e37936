// Connections that end for a cause have a line in the log; nothing that a stranger said is in it.
import Basics
import Synchronization
import Testing

@testable import FanOut

@Test("a stalled reader's end is told, with who it was; who just leaves is not worth a line")
func endsAreLogged() {
    let lines = Mutex<[String]>([])
    let log = Log(clock: { Moment(instant: .zero, wall: .zero) }) { line in
        lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
        return true
    }
    var limits = Limits()
    limits.stall = .seconds(1)
    limits.closeDeadline = .milliseconds(10)
    let engine = Engine(limits: limits, log: log)
    engine.define("AAPL")
    for index in 0..<2 {
        engine.connect(index)
        engine.say(index, #"{"op":"subscribe","channel":"quote","symbols":["AAPL"],"rate":"max"}"#)
    }
    engine.network.room[0] = 2
    engine.quote(0, bid: 100)
    engine.run(milliseconds: 1_200)
    engine.close(1)
    let seen = lines.withLock { $0 }
    #expect(seen.count == 1, "\(seen)")
    let expected = "info closed reason=stalled address=127.0.0.1:1 session=1 transport=websocket"
    #expect(seen.first?.contains(expected) == true, "\(seen)")
}
