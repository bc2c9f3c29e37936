// The token that the server wants: from a file or the environment, never from an argument, which
// everybody on the machine can read.
//
// Invariant: read anew for each connection, so that whoever renews the file needs no restart.
import Basics
import CLinux

public struct TokenSource {
    private let file: String?
    private static let bytesMax = 8_192

    /// - Throws: where a file is named that cannot be read now.
    public init(file: String?) throws(UsageError) {
        self.file = file
        _ = try read()
    }

    /// The token as it is now; nil where there is none.
    public var token: String? {
        guard let token = try? read(), !token.isEmpty else { return nil }
        return token
    }

    /// What goes with a handshake or a request: nothing where there is no token.
    public var headers: [(String, String)] { TokenSource.headers(token) }

    static func headers(_ token: String?) -> [(String, String)] {
        token.map { [("Authorization", "Bearer \($0)")] } ?? []
    }

    private func read() throws(UsageError) -> String {
        guard let file else {
            return TokenSource.trimmed(getenv("TICKERFEED_TOKEN").map { String(cString: $0) } ?? "")
        }
        do throws(SystemError) {
            let bytes = try InputFile.bytes(file, atMost: TokenSource.bytesMax)
            return TokenSource.trimmed(String(decoding: bytes, as: UTF8.self))
        } catch {
            throw UsageError("--token-file \(file): \(error.reason)")
        }
    }

    private static func trimmed(_ text: String) -> String { text.filter { !$0.isWhitespace } }
}
