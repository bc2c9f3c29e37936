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
        var writer = Writer(settings: settings, known: known.settings)
        for (line, meaning) in zip(lines, known.meanings) { writer.take(line, meaning) }
        let ending = old.contains("\r\n") ? "\r\n" : "\n"
        let new = writer.finished()
        guard new.count <= linesMax else { return nil }
        let text = new.joined(separator: ending)
        guard text.utf8.count <= bytesMax else { return nil }
        return text.isEmpty || text.hasSuffix("\n") ? text : text + ending
    }

    private struct Writer {
        let settings: Settings
        let known: Settings
        var lines: [String] = []
        var keys: Set<Key> = []
        var groups: Set<String> = []
        var alerts: Set<AlertRule> = []
        /// Behind the last line of their kind.
        var groupsEnd: Int?
        var alertsEnd: Int?

        init(settings: Settings, known: Settings) {
            self.settings = settings
            self.known = known
        }

        mutating func take(_ line: Substring, _ meaning: Meaning) {
            switch meaning {
            case .other, .again(.key), .again(.other), .again(.again): lines.append(String(line))
            // Left there it would come to life with the first one's end.
            case .again(.group(let name)):
                if settings.groups.contains(where: { $0.name == name }) { lines.append(String(line)) }
            case .again(.alert(let rule)): if settings.alerts.contains(rule) { lines.append(String(line)) }
            case .key(let key):
                keys.insert(key)
                let isSame = key.text(settings) == key.text(known)
                lines.append(
                    isSame ? String(line) : Writer.replaced(line, "\(key.rawValue) = \(key.text(settings))"))
            case .group(let name):
                guard let group = settings.groups.first(where: { $0.name == name }) else { return }
                groups.insert(name)
                let isSame = known.groups.contains(group)
                lines.append(isSame ? String(line) : Writer.replaced(line, Writer.text(group)))
                groupsEnd = lines.count
            case .alert(let rule):
                guard settings.alerts.contains(rule) else { return }
                alerts.insert(rule)
                lines.append(String(line))
                alertsEnd = lines.count
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
            while lines.last?.isEmpty == true { lines.removeLast() }
            let standard = Settings()
            var new: [String] = []
            for key in Key.allCases where !keys.contains(key) && key.text(settings) != key.text(standard) {
                new.append("\(key.rawValue) = \(key.text(settings))")
            }
            let newGroups = settings.groups.filter { groups.insert($0.name).inserted }.map(Writer.text)
            let newAlerts = settings.alerts.filter { alerts.insert($0).inserted }.map { "alert \($0.text)" }
            lines += new
            // From the back, so that the place in front stays what it is.
            let parts: [(place: Int, new: [String])] = [
                (groupsEnd ?? lines.count, newGroups), (alertsEnd ?? lines.count, newAlerts),
            ]
            let isOrdered = parts[0].place <= parts[1].place
            for part in isOrdered ? parts.reversed() : parts {
                lines.insert(contentsOf: part.new, at: part.place)
            }
            return lines
        }
    }
}
