// What strangers may take: the limits that an operator would change. All there are is in `Limits`.
import Basics
import FanOut
import Wire

extension Configuration {
    /// An option that sets a number of `Limits`.
    private struct Count {
        let name: String
        let value: String
        let help: String
        let limit: WritableKeyPath<Limits, Int>
        let range: ClosedRange<Int>

        init(
            _ name: String, _ limit: WritableKeyPath<Limits, Int>, _ range: ClosedRange<Int>,
            value: String = "N", _ help: String
        ) {
            self.name = name
            self.value = value
            self.help = help
            self.limit = limit
            self.range = range
        }

        var option: Option {
            let standard = Limits()[keyPath: limit]
            return Option(name, value, "\(help) (default \(standard == 0 ? "no limit" : "\(standard)"))")
        }
    }

    /// An option that sets a time of `Limits`.
    private struct Deadline {
        let name: String
        let limit: WritableKeyPath<Limits, Nanoseconds>
        let help: String

        init(_ name: String, _ limit: WritableKeyPath<Limits, Nanoseconds>, _ help: String) {
            self.name = name
            self.limit = limit
            self.help = help
        }

        var option: Option {
            Option(name, "SECONDS", "\(help) (default \(Limits()[keyPath: limit].milliseconds / 1_000))")
        }
    }

    // A key path is not Sendable, but these are literals: computed, and only at the start.
    private static var counts: [Count] {
        [
            Count("max-connections", \.connections, 1...1_000_000, "connections in all"),
            Count(
                "max-per-address", \.connectionsPerAddress, 1...1_000_000,
                "connections of one address; IPv6 by its first 64 bits"),
            Count(
                "max-per-subject", \.connectionsPerSubject, 1...1_000_000, "streams of one token's subject"),
            Count(
                "max-handshakes", \.handshakesPerSecond, 1...1_000_000,
                "WebSocket handshakes and starts of streams a second"),
            Count(
                "max-handshakes-per-address", \.handshakesPerAddress, 1...1_000_000,
                "the same, of one address"),
            Count(
                "max-requests-per-address", \.requestsPerAddress, 1...1_000_000,
                "HTTP requests a second of one address"),
            Count(
                "max-memory", \.memoryBytes, 1_048_576...(1 << 50), value: "BYTES",
                "resident bytes above which nobody new is let in; K, M and G are understood"),
            Count("max-symbols", \.symbols, 1...65_536, "symbols of one connection"),
            Count(
                "max-operations", \.operationsPerSecond, 1...1_000_000,
                "operations of one connection a second"),
            Count(
                "max-input", \.inputBytesPerSecond, 1_024...(1 << 30), value: "BYTES",
                "bytes that one connection may send a second"),
            Count(
                "max-message", \.messageBytes, 256...(1 << 24), value: "BYTES", "bytes of one client message"),
            Count("max-fragments", \.fragments, 1...1_000_000, "frames that one client message may come in"),
            Count(
                "max-head", \.http.headBytesMax, 1_024...65_536, value: "BYTES", "bytes of a request's head"),
        ]
    }

    private static var deadlines: [Deadline] {
        [
            Deadline("request-deadline", \.requestDeadline, "time for a request to come whole"),
            Deadline("idle-deadline", \.idleDeadline, "time between an answer and the next request"),
            Deadline("auth-deadline", \.authDeadline, "time for a WebSocket to say who it is"),
            Deadline("message-deadline", \.messageDeadline, "time for a client message to come whole"),
            Deadline("ping-interval", \.ping, "silence after which a WebSocket is pinged"),
            Deadline("pong-deadline", \.pong, "time for a pinged WebSocket to say anything"),
            Deadline("heartbeat", \.heartbeat, "time between two heartbeats of a stream"),
        ]
    }

    static let limitOptions = Group(
        title: "Limits",
        options: counts.map(\.option) + deadlines.map(\.option) + [
            Option(
                "trusted-proxy", "CIDR",
                "a proxy whose X-Forwarded-For counts, as 10.0.0.0/8 or 2001:db8::/32; may repeat",
                mayRepeat: true)
        ])

    mutating func takeLimits(_ arguments: Arguments) throws(UsageError) {
        for count in Configuration.counts {
            guard let text = arguments[count.name] else { continue }
            guard let number = Configuration.number(text, suffixes: count.value == "BYTES"),
                count.range.contains(number)
            else {
                throw UsageError(
                    "--\(count.name) \(text): a whole number from \(count.range.lowerBound) "
                        + "to \(count.range.upperBound)")
            }
            limits[keyPath: count.limit] = number
        }
        for deadline in Configuration.deadlines {
            guard let text = arguments[deadline.name] else { continue }
            limits[keyPath: deadline.limit] = try Configuration.deadline(deadline.name, text)
        }
        for text in arguments.all("trusted-proxy") {
            guard let block = AddressBlock(text) else {
                throw UsageError(
                    "--trusted-proxy \(text): an address or a block, as 10.0.0.0/8 or 2001:db8::/32")
            }
            trustedProxies.append(block)
        }
    }

    /// From a tenth of a second to an hour: what is switched off is not a deadline.
    private static func deadline(_ name: String, _ text: String) throws(UsageError) -> Nanoseconds {
        let span = try seconds(name, text)
        guard .milliseconds(100) <= span, span <= .seconds(3_600) else {
            throw UsageError("--\(name) \(text): seconds, 0.1 to 3600")
        }
        return span
    }

    /// Nil for what is none. With suffixes, K, M and G stand for powers of 1,024.
    static func number(_ text: String, suffixes: Bool) -> Int? {
        let powers: [Character: Int] = ["K": 10, "M": 20, "G": 30]
        guard suffixes, let last = text.last, let power = powers[last] else {
            return text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? Int(text) : nil
        }
        guard let number = number(String(text.dropLast()), suffixes: false) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << power)
        return overflow ? nil : bytes
    }
}
