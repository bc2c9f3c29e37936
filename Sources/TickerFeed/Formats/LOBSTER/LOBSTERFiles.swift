// The order book file that belongs to a message file: its first row is what rested before.
import Basics

extension FeedOptions {
    /// Puts the order book file's first row where the decoder finds it.
    ///
    /// - Parameter book: that file; nil takes the one beside the messages, where there is one:
    ///   `…_message_10.csv` has `…_orderbook_10.csv`.
    public mutating func readBook(_ book: String?) throws(FeedError) {
        guard let file = book ?? FeedOptions.bookBeside(path) else { return }
        let source: InputSource
        do throws(SystemError) { source = InputSource(try InputFile(file)) } catch {
            // Nobody asked for it by name, and it need not be there.
            if book == nil { return }
            throw .cannotOpen(file: file, error)
        }
        var bytes = InputBytes(path: file, source: source, chunkBytes: 4_096)
        while bytes.buffer.count < FeedOptions.rowBytesMax, !bytes.buffer.readable.contains(10) {
            if try bytes.fill() != .some { break }
        }
        bookRow = Array(bytes.buffer.readable.prefix(FeedOptions.rowBytesMax))
    }

    /// More than a row of 2,000 levels a side has.
    private static let rowBytesMax = 128 << 10

    static func bookBeside(_ path: String) -> String? {
        let words = path.split(separator: "/", omittingEmptySubsequences: false)
        let name = (words.last ?? "").split(separator: "message", omittingEmptySubsequences: false)
        guard name.count == 2 else { return nil }
        return (words.dropLast() + ["\(name[0])orderbook\(name[1])"]).joined(separator: "/")
    }
}
