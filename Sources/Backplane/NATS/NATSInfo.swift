// What a NATS server says of itself, at the begin of a connection and when it changes.
import Basics
import Wire

struct NATSInfo {
    /// Payload and headers of a message, in bytes.
    let payloadMax: Int
    let requiresTLS: Bool
    let offersTLS: Bool
    /// It shuts down, and asks its clients to go elsewhere.
    let isLameDuck: Bool
    /// The cluster's servers, `host:port`; empty: it names none.
    let servers: [String]

    static let payloadDefault = 1 << 20

    init?(_ bytes: UnsafeRawBufferPointer) {
        guard let json = try? JSONValue(parsing: bytes, depthMax: 8), case .object = json else { return nil }
        let payload = json["max_payload"]?.integer ?? Int64(NATSInfo.payloadDefault)
        payloadMax = Int(min(max(payload, 1_024), Int64(NATSReader.messageMax)))
        requiresTLS = json["tls_required"]?.bool ?? false
        offersTLS = requiresTLS || json["tls_available"]?.bool ?? false
        isLameDuck = json["ldm"]?.bool ?? false
        servers = json["connect_urls"]?.array?.compactMap(\.string) ?? []
    }
}
