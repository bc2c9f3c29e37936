// SIGHUP: the configuration is read again, and what can change without a restart changes.
//
// Invariants
//   - All or nothing: whatever is wrong with it leaves everything as it was, and is said in one line.
//   - Files that options name (certificates, keys, tokens) are read again though their names stay.
//   - Options that need a restart keep their old values until then; the log names them each time.
import Basics
import FanOut
import Wire

extension Configuration {
    /// Options that are applied to a server that runs.
    static let live: Set<String> = Set(limitOptions.options.map(\.name)).subtracting(["max-connections"])
        .union([
            "admin-token-file", "allow-origin", "drain", "log-format", "log-level", "stall-limit",
            "token-audience", "token-issuer", "token-key",
        ])
}

extension Server {
    func reload(_ served: Served) {
        do throws(ConfigurationFaults) {
            let new = try settings.read().arguments
            let effective = startArguments.taking(Configuration.live, from: new)
            let configuration = try Server.configuration(effective)
            let files = try readFiles(configuration)
            apply(configuration, files, served)
            tell(new, effective, configuration)
            (self.configuration, arguments) = (configuration, effective)
        } catch {
            log.write(
                .error, "reload_failed",
                [
                    "fault": .text(error.lines.first ?? "unknown"), "faults": LogValue(error.faults.count),
                    "note": "everything stays as it was",
                ])
        }
    }

    private static func configuration(_ arguments: Arguments) throws(ConfigurationFaults) -> Configuration {
        var faults: [UsageError] = []
        let configuration = Configuration(arguments, faults: &faults)
        guard faults.isEmpty else { throw ConfigurationFaults(faults: faults) }
        return configuration
    }

    /// What stands in files that options name.
    private struct Files {
        let adminToken: AdminToken?
    }

    /// Reads anew what may turn out wrong, before anything changes. The certificate comes last: it holds
    /// from then on.
    private func readFiles(_ configuration: Configuration) throws(ConfigurationFaults) -> Files {
        do throws(UsageError) {
            try checkStillGuarded(configuration)
            let files = Files(adminToken: try checkedAdminToken(configuration))
            do throws(TLSError) { try tls?.reload() } catch { throw UsageError(error.description) }
            return files
        } catch {
            throw ConfigurationFaults(faults: [error])
        }
    }

    /// A line that was lost from a file must not open what was closed.
    private func checkStillGuarded(_ new: Configuration) throws(UsageError) {
        guard configuration.verifier != nil, new.verifier == nil else { return }
        throw UsageError(
            "no --token-key is left, and everybody could read: a server that wants tokens is opened by a restart"
        )
    }

    private func apply(_ configuration: Configuration, _ files: Files, _ served: Served) {
        log.change(level: configuration.logLevel, format: configuration.logFormat)
        served.admin?.change(token: files.adminToken)
        served.loops.reload { options in
            options.limits = configuration.limits
            options.allowedOrigins = configuration.allowedOrigins
            options.trustedProxies = configuration.trustedProxies
            options.verifier = configuration.verifier
        }
    }

    /// At the start too.
    func tellTLSWarnings() {
        for warning in tls?.warnings ?? [] { log.write(.warning, "tls", ["note": .text(warning)]) }
    }

    private func tell(_ new: Arguments, _ effective: Arguments, _ configuration: Configuration) {
        let applied = effective.differences(from: arguments)
        let waiting = new.differences(from: startArguments).filter { !Configuration.live.contains($0) }
        log.write(
            .info, "reload",
            [
                "applied": .text(applied.joined(separator: ",")),
                "needs_restart": .text(waiting.joined(separator: ",")),
                "certificate": .text(tls?.certificate ?? "none"), "readers": configuration.readers,
            ])
        tellTLSWarnings()
    }
}
