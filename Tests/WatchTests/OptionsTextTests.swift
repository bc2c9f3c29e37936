// Help, manual and completions: each has every option, and fits where it is shown.
import Basics
import Testing
import Watch

/// Every option by the help's own account.
private let names = WatchOptions.help.split(separator: "\n").compactMap { line -> String? in
    line.firstMatch(of: /^  (?:-\w, )?--([a-z-]+)/).map { String($0.1) }
}

@Test("the help has every option and every status, in at most a hundred columns of plain text")
func optionsHelp() {
    #expect(names.count == 38 && Set(names).count == names.count)
    for line in WatchOptions.help.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
    for status in ExitStatus.allCases { #expect(WatchOptions.help.contains("  \(status.rawValue)  ")) }
}

@Test("every option of the help is understood")
func optionsHelpIsTrue() {
    for name in names {
        // Refused for what it lacks, if anything, and never for being unknown.
        let line = ["--\(name)"]
        let text: String
        do {
            _ = try WatchOptions.parse(arguments: line, environment: [:])
            text = ""
        } catch {
            text = "\(error)"
        }
        #expect(!text.contains("unknown option"), "\(name)")
    }
}

@Test("the manual is ASCII troff with every option and status")
func optionsManual() {
    let manual = WatchOptions.manual
    #expect(manual.utf8.allSatisfy { $0 == 0x0a || 0x20..<0x7f ~= $0 })
    for name in names {
        #expect(
            manual.contains("\\-\\-" + name.split(separator: "-").joined(separator: "\\-") + "\\fR"),
            "\(name)")
    }
    for status in ExitStatus.allCases { #expect(manual.contains("\\fB\(status.rawValue)\\fR")) }
    for line in manual.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        #expect(!line.isEmpty && line.last != " ", "an empty line or a blank at the end is a fault to mandoc")
        #expect(!line.hasPrefix("'"))
    }
}

@Test("each shell is offered every option", arguments: WatchOptions.Shell.allCases)
func optionsCompletions(shell: WatchOptions.Shell) {
    let text = WatchOptions.completions(shell, scenarios: ["default", "burst"])
    for name in names { #expect(text.contains(shell == .fish ? "-l \(name) " : "--\(name)"), "\(name)") }
    #expect(text.contains("blue-orange") && text.contains("default burst") && text.hasSuffix("\n"))
}
