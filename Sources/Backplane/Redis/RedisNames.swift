// What keys and channels are called. Keys are a database's own, channels are everybody's: a database other
// than 0 is a part of its channels' names.
//
//     keys        tickerfeed:picture:AAPL   tickerfeed:events:AAPL   tickerfeed:symbols   tickerfeed:lease
//     channels    tickerfeed:ticks:AAPL     tickerfeed:heads         tickerfeed:ask
//     in 2        tickerfeed@2:ticks:AAPL   tickerfeed@2:heads       tickerfeed@2:ask
import Market

struct RedisNames {
    let heads: [UInt8]
    let ask: [UInt8]
    let symbols: [UInt8]
    let lease: [UInt8]
    /// What ticks' channels begin with.
    let ticks: [UInt8]
    private let picture: [UInt8]
    private let events: [UInt8]

    init(_ options: EngineOptions) {
        let key = options.name, database = options.url.database
        let channel = database == 0 ? key : "\(key)@\(database)"
        heads = Array("\(channel):heads".utf8)
        ask = Array("\(channel):ask".utf8)
        ticks = Array("\(channel):ticks:".utf8)
        symbols = Array("\(key):symbols".utf8)
        lease = Array("\(key):lease".utf8)
        picture = Array("\(key):picture:".utf8)
        events = Array("\(key):events:".utf8)
    }

    func picture(_ symbol: SymbolName) -> [UInt8] { picture + SubjectToken.text(symbol) }
    func events(_ symbol: SymbolName) -> [UInt8] { events + SubjectToken.text(symbol) }
    func ticks(_ symbol: SymbolName) -> [UInt8] { ticks + SubjectToken.text(symbol) }

    /// Whose ticks come by a channel; nil: it is another one.
    func symbol(_ channel: UnsafeRawBufferPointer) -> SymbolName? {
        guard channel.starts(with: ticks) else { return nil }
        return SubjectToken.symbol(UnsafeRawBufferPointer(rebasing: channel[ticks.count...]))
    }
}
