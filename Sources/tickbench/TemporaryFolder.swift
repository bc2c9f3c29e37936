// A folder that goes away with its owner, whatever is in it.
import Basics
import CLinux

final class TemporaryFolder {
    let path: String

    init(in parent: String) throws(BenchError) {
        var name = Array("\(parent)/tickbench-XXXXXX".utf8CString)
        guard mkdtemp(&name) != nil else { throw BenchError("\(parent): \(SystemError("mkdtemp"))") }
        path = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    deinit { _ = succeeds(["rm", "-rf", path]) }
}
