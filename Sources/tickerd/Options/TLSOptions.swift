// TLS, and what happens without it.
import Basics
import Wire

extension Configuration {
    /// A certificate with its chain, and its key, both PEM.
    struct TLSFiles: Equatable {
        let certificate: String
        let key: String
    }

    static let tlsOptions = Group(
        title: "TLS",
        options: [
            Option(
                "tls-cert", "FILE",
                "the certificate, and behind it what signed it, as PEM: serve wss and https"),
            Option("tls-key", "FILE", "its key, as PEM without a password"),
            Option("insecure", nil, "serve unencrypted on an address that others reach"),
        ])

    mutating func takeTLS(_ arguments: Arguments) throws(UsageError) {
        isInsecure = arguments.has("insecure")
        switch (arguments["tls-cert"], arguments["tls-key"]) {
        case (let certificate?, let key?): tls = TLSFiles(certificate: certificate, key: key)
        case (nil, nil): break
        case (_?, nil): throw UsageError("--tls-cert wants its key: --tls-key FILE")
        case (nil, _?): throw UsageError("--tls-key wants its certificate: --tls-cert FILE")
        }
        if isInsecure, tls != nil {
            throw UsageError("--insecure means without TLS: not with --tls-cert")
        }
    }

    /// - Throws: `TLSError` naming the file that is at fault.
    func loadTLS() throws(TLSError) -> TLSContext? {
        guard let tls else { return nil }
        return try TLSContext(certificate: tls.certificate, key: tls.key)
    }

    /// Serving strangers in the clear is a choice somebody has to have made.
    func checkExposure(_ listener: Listener) throws(UsageError) {
        guard !listener.isLoopback, tls == nil, !isInsecure else { return }
        throw UsageError(
            "others can reach \(listener.address.host), and would read unencrypted: give --tls-cert and --tls-key, "
                + "or --insecure where that is meant, behind a proxy that ends TLS, say")
    }
}
