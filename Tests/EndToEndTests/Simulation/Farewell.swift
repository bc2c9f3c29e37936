// The end of a run where the server goes first: everybody is told when to come back, one after the other.
import Basics
import Dialects
import Market

@testable import FanOut

/// Steps of the world that go on while the server drains.
struct Farewell {
    let began: Instant
    let span: Nanoseconds
    /// What a client may be late by.
    let slack: Nanoseconds

    /// How a stream or a poll has ended by now.
    func check(_ player: Player) {
        let subscriber = player.subscriber
        guard subscriber.transport != .poll else {
            // Between two polls nobody is there to be told.
            guard let status = subscriber.fallback.refusal else { return }
            if status != 503 || subscriber.fallback.retryAfter.flatMap({ Int($0) }) == nil {
                subscriber.fault(
                    "is sent away with \(status), \(subscriber.fallback.retryAfter ?? "for ever")")
            }
            return
        }
        if player.kind == .mute, subscriber.closeCode == 1008 { return }
        guard let goodbye = subscriber.goodbye, goodbye.code == "drain", let after = goodbye.after else {
            return subscriber.fault("was not told goodbye: \(subscriber.goodbye as Any)")
        }
        if subscriber.isConnected { subscriber.fault("is still connected") }
        if subscriber.transport == .webSocket, subscriber.closeCode != 1012 {
            subscriber.fault("is sent away with \(subscriber.closeCode ?? 0)")
        }
        if after < .milliseconds(100) || after > .milliseconds(1_200) {
            subscriber.fault("is to come back after \(after.milliseconds) ms")
        }
        if goodbye.at < began || goodbye.at - began > span + slack {
            subscriber.fault("was told \((goodbye.at - began).milliseconds) ms into \(span.milliseconds)")
        }
    }

    /// Requests are answered, and nobody starts a stream.
    static func visit(_ around: Surroundings, loop: Int, step: () -> Void) {
        for (path, status) in [
            ("/livez", 200), ("/readyz", 503), ("/v1/events?channel=quote&symbols=*", 503),
        ] {
            let visitor = Subscriber("a visitor of \(path)", around, isBinary: false, seed: 1)
            visitor.loop = loop
            visitor.connect(over: .http)
            visitor.fallback.asked = [.init(channel: .quote, symbols: ["*"])]
            visitor.write(raw: Array("GET \(path) HTTP/1.1\r\nHost: sim\r\n\r\n".utf8))
            for _ in 0..<30 {
                step()
                visitor.read(.max)
            }
            if visitor.fallback.refusal != status {
                visitor.fault("is answered \(visitor.fallback.refusal ?? 0) while the server drains")
            }
            if path.contains("events"), visitor.fallback.retryAfter == nil {
                visitor.fault("may come back when?")
            }
            visitor.disconnect(.close)
        }
    }
}
