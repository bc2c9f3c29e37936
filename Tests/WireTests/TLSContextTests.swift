import Basics
import Glibc
import TestSupport
import Testing

@testable import Wire

/// A folder of copies, gone with it.
private final class Folder {
    let path: String
    init() throws {
        var template = Array("/tmp/tls-tests-XXXXXX".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }
    deinit {
        for name in ["cert", "key"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    func copy(_ source: String, to name: String, mode: mode_t = 0o600) throws {
        let file = try InputFile(source)
        var room = [UInt8](repeating: 0, count: 10_000)
        let count = try file.read(into: &room, atMost: room.count)
        write(String(decoding: room[..<count], as: UTF8.self), to: name, mode: mode)
    }

    func write(_ text: String, to name: String, mode: mode_t = 0o600) {
        unlink("\(path)/\(name)")
        let descriptor = creat("\(path)/\(name)", mode)
        #expect(Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count)
        close(descriptor)
        chmod("\(path)/\(name)", mode)
    }
}

@Suite struct TLSContextTests {
    @Test(
        "faulty files are named, with what is wrong",
        arguments: [
            ("none.pem", "server.key", "cannot read", "none.pem: No such file or directory"),
            ("server.pem", "none.key", "cannot read", "none.key: No such file or directory"),
            ("server.key", "server.key", "server.key has no certificate in PEM form", "BEGIN CERTIFICATE"),
            ("make", "server.key", "make has no certificate in PEM form", ""),
            ("server.pem", "server.pem", "server.pem has no private key in PEM form", "password"),
            ("server.pem", "renewed.key", "renewed.key is not the key of the certificate in", "server.pem"),
            ("", "server.key", "cannot read", "directory"),
        ])
    func faults(certificate: String, key: String, one: String, other: String) {
        let error = #expect(throws: TLSError.self) {
            try TLSContext(certificate: Certificates.path(certificate), key: Certificates.path(key))
        }
        let text = error?.description ?? ""
        #expect(text.contains(one) && text.contains(other) && !text.contains("\n"), "\(text)")
    }

    @Test("what is odd is warned of and used")
    func warnings() throws {
        let folder = try Folder()
        try folder.copy(Certificates.path("expired.pem"), to: "cert")
        try folder.copy(Certificates.path("expired.key"), to: "key", mode: 0o644)
        let context = try TLSContext(certificate: "\(folder.path)/cert", key: "\(folder.path)/key")
        #expect(context.certificate == "CN = expired.test, until Jan  1 00:00:00 2021 GMT")
        #expect(context.warnings.count == 2)
        #expect(context.warnings.first?.contains("expired on Jan  1 00:00:00 2021 GMT") == true)
        #expect(context.warnings.last?.contains("chmod 600") == true)
        chmod("\(folder.path)/key", 0o600)
        try context.reload()
        #expect(context.warnings.count == 1)
    }

    @Test("a reload is for new connections; a faulty one changes nothing")
    func reload() throws {
        let folder = try Folder()
        try folder.copy(Certificates.path("server.pem"), to: "cert")
        try folder.copy(Certificates.path("server.key"), to: "key")
        let context = try TLSContext(certificate: "\(folder.path)/cert", key: "\(folder.path)/key")
        let server = try TestServer(tls: context)
        server.onReceived = { server, socket, _ in server.send(socket, "heard") }
        let (old, _) = try server.securePeer()
        #expect(old.stream.peerName == "CN = server.test")

        try folder.copy(Certificates.path("renewed.pem"), to: "cert")
        #expect(throws: TLSError.self) { try context.reload() }  // the key is still the other's
        #expect(try server.securePeer().peer.stream.peerName == "CN = server.test")
        folder.write("nonsense", to: "key")
        #expect(throws: TLSError.self) { try context.reload() }
        #expect(try server.securePeer().peer.stream.peerName == "CN = server.test")

        try folder.copy(Certificates.path("renewed.key"), to: "key")
        try context.reload()
        #expect(try server.securePeer().peer.stream.peerName == "CN = renewed.test")
        try old.send("still here?")
        try server.turn(until: {
            old.pump()
            return old.text == "heard"
        })
    }
}

@Suite struct TLSTrustTests {
    /// What a client makes of a server.
    private func verdict(_ certificate: String, trust: TLSTrust, host: String) throws -> String {
        let server = try TestServer(tls: Certificates.context(certificate))
        let peer = try TLSPeer(server, trust: trust, host: host)
        try peer.send("secret")
        try server.turn(until: {
            peer.pump()
            return peer.error != nil || server.received[SocketID(0)]?.text == "secret"
        })
        // The one who was not believed got no word of ours.
        #expect(peer.error == nil || server.count("received") == 0)
        return peer.error?.description ?? "believed"
    }

    @Test(
        "only who is signed for, by whom we trust, today and for this name, is believed",
        arguments: [
            ("server", "127.0.0.1", "believed"), ("server", "localhost", "believed"),
            ("server", "::1", "believed"),
            (
                "server", "127.0.0.2",
                "the server's certificate is not for 127.0.0.2: connect by a name that it has"
            ),
            (
                "server", "server.test",
                "the server's certificate is not for server.test: connect by a name that it has"
            ),
            (
                "elsewhere", "localhost",
                "the server's certificate is not for localhost: connect by a name that it has"
            ),
            ("expired", "localhost", "the certificate of localhost has expired: its owner has to renew it"),
            (
                "stranger", "localhost",
                "the certificate of localhost is not trusted (self-signed certificate): name its authority's "
                    + "PEM file with --ca"
            ),
        ])
    func verdicts(certificate: String, host: String, verdict wanted: String) throws {
        #expect(try verdict(certificate, trust: Certificates.trust(), host: host) == wanted)
    }

    @Test("the system does not know the tests' authority; who asks nobody believes all")
    func others() throws {
        let text = try verdict("server", trust: TLSTrust.system(), host: "localhost")
        #expect(text.contains("is not trusted"))
        #expect(try verdict("stranger", trust: TLSTrust.nobodyChecked(), host: "x") == "believed")
    }

    @Test("a file that has nobody to trust")
    func noAuthority() {
        let error = #expect(throws: TLSError.self) { try TLSTrust.file(Certificates.path("server.key")) }
        #expect(error?.description.contains("server.key has no certificates to trust") == true)
        #expect(throws: TLSError.self) { try TLSTrust.file("/nowhere.pem") }
    }
}
