// For whom a connection speaks, and what that one may read.
import Basics
import Dialects
import Market
import Wire

/// Made when a token was believed; never changed. A connection without one may read nothing.
final class Grant: Sendable {
    let entitlements: Entitlements
    /// `sub`; nil where the token has none, and where there are no tokens.
    let subject: String?
    /// When it ends.
    let expires: Timestamp
    /// What the token was signed with; nil: nobody needs a token.
    let key: TokenKey?

    /// What everybody has of a server without tokens.
    static let everybody = Grant(.everything, subject: nil, expires: Timestamp(raw: .max), key: nil)

    private init(_ entitlements: Entitlements, subject: String?, expires: Timestamp, key: TokenKey?) {
        self.entitlements = entitlements
        self.subject = subject
        self.expires = expires
        self.key = key
    }

    /// - Throws: `badClaims` where the claims about symbols and the like are malformed.
    convenience init(_ token: Token) throws(TokenFault) {
        do {
            self.init(
                try Entitlements(token.claims), subject: token.subject, expires: token.expires,
                key: token.key)
        } catch {
            throw .badClaims
        }
    }
}

// MARK: What a request asks for, against what is allowed

extension Grant {
    /// - Throws: `forbidden` for a channel that is not allowed.
    func check(_ channel: Channel) throws(ClientFault) {
        guard entitlements.allows(channel) else {
            throw ClientFault(.forbidden, "the token does not allow the channel \(channel.name)")
        }
    }

    /// The rate to serve: as asked, or else the standard or the greatest allowed.
    ///
    /// - Throws: `forbidden` where more was asked for than is allowed: nobody is slowed down silently.
    func rate(asked: Rate?) throws(ClientFault) -> Rate {
        guard let asked else {
            return entitlements.allows(.standard) ? .standard : entitlements.rateMax
        }
        guard entitlements.allows(asked) else {
            throw ClientFault(.forbidden, "the token allows at most \(rateText) updates a second")
        }
        return asked
    }

    /// Whether a list of names and patterns has one that is allowed.
    func allowsAny(of symbols: [String]) -> Bool {
        symbols.contains { text in
            if let prefix = Pattern.prefix(of: text) { return entitlements.touches(prefix: prefix) }
            return SymbolName(text).map(entitlements.allows) ?? true
        }
    }

    private var rateText: String {
        switch entitlements.rateMax {
        case .max: "all"
        case .perThousandSeconds(let most): FixedPoint.text(Int64(most), decimals: 3)
        }
    }

    /// Levels a side, as `rate(asked:)`.
    func depth(asked: Int?) throws(ClientFault) -> Int {
        guard let asked else { return min(ClientMessage.Subscribe.depthStandard, entitlements.depthMax) }
        guard asked <= entitlements.depthMax else {
            throw ClientFault(.forbidden, "the token allows a depth of at most \(entitlements.depthMax)")
        }
        return asked
    }
}
