// What an engine is connected to, and as whom.
import Basics
import Market
import Wire

public struct EngineOptions: Sendable {
    public var url: EngineURL
    /// What this feed is called in the engine: keys, channels and subjects begin with it. 1 to 32 letters,
    /// digits, `-` and `_`.
    public var name = "tickerfeed"
    /// The password, or the token; read for each connection, so that a renewed file needs no restart. Nil:
    /// there is none.
    public var secret: @Sendable () -> String? = { nil }
    /// Whom TLS believes; nil: the system's authorities.
    public var trust: TLSTrust?
    /// What names authorities to the user, for what is said of a certificate that is not trusted.
    public var authoritiesOption = "--ca"
    /// For waiting times before another attempt, which are random.
    public var seed: UInt64 = 1

    public init(_ url: EngineURL) { self.url = url }

    public static func isName(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count) && text.utf8.allSatisfy(SubjectToken.isPlain)
    }
}
