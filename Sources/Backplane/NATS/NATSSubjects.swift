// What things are called in NATS: subjects, and heads of commands that are written once and kept.
//
//     NAME.ticks.SYM     a symbol's ticks            NAME.picture.SYM   asks its owner for its picture
//     NAME.heads         where the publisher is      NAME.symbols       asks for all symbols there are
import Basics
import Market

struct NATSSubjects {
    let heads, pictures, symbols: [UInt8]
    private let ticksPrefix, picturePrefix: [UInt8]

    init(_ name: String) {
        heads = Array("\(name).heads".utf8)
        symbols = Array("\(name).symbols".utf8)
        pictures = Array("\(name).picture.*".utf8)
        ticksPrefix = Array("\(name).ticks.".utf8)
        picturePrefix = Array("\(name).picture.".utf8)
    }

    func ticks(_ symbol: SymbolName) -> [UInt8] { ticksPrefix + SubjectToken.text(symbol) }
    func picture(_ symbol: SymbolName) -> [UInt8] { picturePrefix + SubjectToken.text(symbol) }

    /// A place for answers of this process alone: nobody else's may come there, so that it is no seed's.
    static func inbox() -> String {
        var random = SystemRandomNumberGenerator()
        return "_INBOX." + String(random.next(), radix: 36) + String(random.next(), radix: 36)
    }
}
