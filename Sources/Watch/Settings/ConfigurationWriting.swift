// Settings put back into a file that somebody wrote by hand: comments, faults, unknown lines and order
// stay, and so does the comment behind a value that changes.
import Basics

extension Configuration {
    /// - Parameter old: the file as it is; empty where there is none.
    /// - Returns: the file as it should be; nil where the old one or this one is larger than what is read.
    public static func written(_ settings: Settings, over old: String) -> String? {
        guard old.utf8.count <= bytesMax else { return nil }
        let lines = lines(old), known = Configuration(parsing: old)
        guard lines.count <= linesMax else { return nil }
        var writer = Writer(
            settings: settings, known: known.settings, end: old.contains("\r\n") ? "\r\n" : "\n")
        for (line, meaning) in zip(lines, known.meanings) { writer.take(line.text, line.end, meaning) }
        let new = writer.finished()
        guard new.count <= linesMax else { return nil }
        let text = new.joined()
        return text.utf8.count <= bytesMax ? text : nil
    }

    private struct Writer {
        let settings: Settings
        let known: Settings
        /// What ends a line that had no end.
        let end: String
        /// With their ends.
        var lines: [String] = []
        var keys: Set<Key> = []
        var groups: Set<String> = []
        var alerts: Set<AlertRule> = []
        /// Behind the last line of their kind.
        var groupsEnd: Int?
        var alertsEnd: Int?

        init(settings: Settings, known: Settings, end: String) {
            self.end = end
            self.settings = settings
            self.known = known
        }

        mutating func take(_ line: Substring, _ end: Substring, _ meaning: Meaning) {
            guard isKept(meaning) else { return }
            lines.append((changed(line, meaning) ?? String(line)) + end)
            switch meaning {
            case .key(let key): keys.insert(key)
            case .group(let name):
                groups.insert(name)
                groupsEnd = lines.count
            case .alert(let rule):
                alerts.insert(rule)
                alertsEnd = lines.count
            case .other, .again: break
            }
        }

        /// What is gone goes, and a second one of it too: left there it would come to life.
        private func isKept(_ meaning: Meaning) -> Bool {
            switch meaning {
            case .group(let name): settings.groups.contains { $0.name == name }
            case .alert(let rule): settings.alerts.contains(rule)
            case .again(let first): isKept(first)
            case .key, .other: true
            }
        }

        /// Nil: the line says already what it should.
        private func changed(_ line: Substring, _ meaning: Meaning) -> String? {
            switch meaning {
            case .key(let key):
                let text = key.text(settings)
                return text == key.text(known) ? nil : Writer.replaced(line, "\(key.rawValue) = \(text)")
            case .group(let name):
                guard let group = settings.groups.first(where: { $0.name == name }) else { return nil }
                return known.groups.contains(group) ? nil : Writer.replaced(line, Writer.text(group))
            case .alert, .other, .again: return nil
            }
        }

        /// Another statement in place of the one in a line; its indentation and comment stay.
        private static func replaced(_ line: Substring, _ statement: String) -> String {
            let old = Configuration.statement(line)
            return line[..<old.startIndex] + statement + line[old.endIndex...]
        }

        private static func text(_ group: Settings.Group) -> String {
            group.symbols.isEmpty
                ? "group \(group.name) =" : "group \(group.name) = \(group.symbols.joined(separator: ", "))"
        }

        /// With what had no line yet.
        mutating func finished() -> [String] {
            if lines.last?.isEmpty == true { lines.removeLast() }
            let standard = Settings()
            var new: [String] = []
            for key in Key.allCases where !keys.contains(key) && key.text(settings) != key.text(standard) {
                new.append("\(key.rawValue) = \(key.text(settings))")
            }
            let newGroups = settings.groups.filter { groups.insert($0.name).inserted }.map(Writer.text)
            let newAlerts = settings.alerts.filter { alerts.insert($0).inserted }.map { "alert \($0.text)" }
            if let last = lines.last, !(last.hasSuffix("\n") || last.hasSuffix("\r\n")),
                !(new.isEmpty && newGroups.isEmpty && newAlerts.isEmpty)
            {
                lines[lines.count - 1] = last + (last.hasSuffix("\r") ? "\n" : end)
            }
            lines += new.map { $0 + end }
            // From the back, so that the place in front stays what it is.
            let parts: [(place: Int, new: [String])] = [
                (groupsEnd ?? lines.count, newGroups), (alertsEnd ?? lines.count, newAlerts),
            ]
            let isOrdered = parts[0].place <= parts[1].place
            for part in isOrdered ? parts.reversed() : parts {
                lines.insert(contentsOf: part.new.map { $0 + end }, at: part.place)
            }
            return lines
        }
    }
}
