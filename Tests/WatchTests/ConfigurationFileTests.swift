// Where the configuration is, how it is replaced, and when it is read anew.
import Basics
import Foundation
import TestSupport
import Testing
import Watch

@Test("the file is where the XDG specification has it, and relative paths are ignored")
func configurationPlace() {
    #expect(
        UserFiles.configuration(environment: ["XDG_CONFIG_HOME": "/x", "HOME": "/h"]) == "/x/tickwatch/config"
    )
    #expect(UserFiles.configuration(environment: ["HOME": "/h"]) == "/h/.config/tickwatch/config")
    #expect(
        UserFiles.configuration(environment: ["XDG_CONFIG_HOME": "x", "HOME": "/h"])
            == "/h/.config/tickwatch/config")
    #expect(UserFiles.configuration(environment: ["XDG_CONFIG_HOME": ""]) == nil)
}

@Test("a file is made with its folders, replaced whole, and keeps its permissions and its link")
func configurationReplaced() throws {
    let manager = FileManager.default
    let folder = manager.temporaryDirectory.appending(path: "tickwatch-\(UUID().uuidString)")
    defer { try? manager.removeItem(at: folder) }
    let path = folder.appending(path: "a/b/config").path
    #expect(try UserFiles.read(path) == nil)
    try UserFiles.write("rate = 5\n", to: path)
    #expect(try UserFiles.read(path) == Array("rate = 5\n".utf8))
    let before = try #require(FileStamp.of(path))
    try manager.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
    let link = folder.appending(path: "link").path
    try manager.createSymbolicLink(atPath: link, withDestinationPath: path)
    try UserFiles.write("rate = 6\n", to: link)
    #expect(try UserFiles.read(path) == Array("rate = 6\n".utf8))
    #expect(try manager.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o640)
    #expect(try manager.destinationOfSymbolicLink(atPath: link) == path)
    #expect(FileStamp.of(path) != before, "replaced by another file")
    #expect(try manager.contentsOfDirectory(atPath: folder.appending(path: "a/b").path) == ["config"])
    #expect(throws: SystemError.self) { try UserFiles.write("", to: "/proc/none/config") }
}

@Test("a file is read anew when it has become another one, and not when it was taken away or is ours")
func configurationWatched() {
    let first = FileStamp(modified: Timestamp(raw: 1), size: 10, inode: 5)
    var watch = FileWatch(first, now: .zero)
    #expect(
        !watch.isDue(.zero) && watch.isDue(.zero + FileWatch.interval)
            && watch.wakes == .zero + FileWatch.interval)
    let replaced = FileStamp(modified: Timestamp(raw: 1), size: 10, inode: 6)
    let looks = [first, nil, first, replaced, replaced].map { watch.hasChanged($0, now: .zero) }
    #expect(looks == [false, false, false, true, false])
    let ours = FileStamp(modified: Timestamp(raw: 2), size: 12, inode: 7)
    watch.wrote(ours)
    let isOursNews = watch.hasChanged(ours, now: .zero)
    var none = FileWatch(nil, now: .zero)
    let isNew = none.hasChanged(first, now: .zero)
    #expect(!isOursNews && isNew)
}
