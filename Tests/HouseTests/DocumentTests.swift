// What a stranger meets first: no path of somebody's own machine, and a README that says how to start.
import Foundation
import Testing

/// A path that exists on one machine only, or leads out of the repository to a folder of test data.
func isForeign(_ line: Substring) -> Bool {
    line.contains(/(?:^|[^\w.~$}\/-])\/(?:work|root|home\/\w+)(?:\/|\b)/) || line.contains(/\.\.\/shared\b/)
}

@Test("no file names a path of one machine")
func paths() throws {
    // Words that any such path has, to leave out of the search by pattern what is large and innocent.
    let signs = ["work", "root", "home/", "./shared"].map { Data($0.utf8) }
    for path in House.files where path != ".ci/run" {
        let bytes = try Data(contentsOf: House.root.appending(path: path))
        guard signs.contains(where: { bytes.range(of: $0) != nil }) else { continue }
        for line in try House.lines(path) where isForeign(line.text) {
            House.complain(
                path, line.number, "names a path of one machine. Take it from the command line or #filePath.")
        }
    }
}

@Test(
    "a path of one machine is told from any other",
    arguments: [
        ("cd /" + "work/main", true), ("\"/" + "root\"", true), ("(/" + "home/ann/x)", true),
        ("TICKERFEED_DATA=../" + "shared/data", true),
        ("docs/workbook", false), ("https://example.org/root/x", false), ("~/work", false),
        ("the tree's /rooted", false), ("a shared/frame", false),
    ] as [(Substring, Bool)])
func foreignPath(line: Substring, foreign: Bool) {
    #expect(isForeign(line) == foreign)
}

@Test("the README says how to start and how to test", .enabled(if: House.exists("README.md")))
func readme() throws {
    let text = try House.text("README.md") ?? ""
    for command in ["script/serve", "script/test"] {
        #expect(text.contains(command), "README.md:1: name \(command), it is what a reader types first")
    }
}
