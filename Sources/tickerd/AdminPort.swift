// The admin port as it is configured: where it may be, and what it wants to be shown.
import Basics
import FanOut
import Wire

extension Server {
    /// Nil where no file is named.
    static func adminToken(_ configuration: Configuration) throws(UsageError) -> AdminToken? {
        guard let path = configuration.adminTokenFile else { return nil }
        guard let token = AdminToken(try Settings.bytes(ofFile: path, for: "admin-token-file")) else {
            throw UsageError(
                "--admin-token-file \(path): one line of \(AdminToken.bytesMin) to \(AdminToken.bytesMax) "
                    + "letters, digits and signs; openssl rand -hex 32 makes one")
        }
        return token
    }

    static func listenForAdmin(_ configuration: Configuration, _ token: AdminToken?) throws -> Listener? {
        guard let (host, port) = configuration.admin else { return nil }
        let listener = try Listener.bind(host: host, port: port)
        try checkAdmin(listener, token)
        try configuration.checkExposure(listener)
        return listener
    }

    /// A name may lead anywhere, so the address decides.
    private static func checkAdmin(_ listener: Listener, _ token: AdminToken?) throws(UsageError) {
        guard token != nil || listener.isLoopback else {
            throw UsageError(
                "--admin \(listener.address): not on loopback, so it wants --admin-token-file FILE")
        }
    }

    /// The token of a new configuration, for the port that is open.
    func checkedAdminToken(_ configuration: Configuration) throws(UsageError) -> AdminToken? {
        let token = try Server.adminToken(configuration)
        if let adminListener { try Server.checkAdmin(adminListener, token) }
        return token
    }
}
