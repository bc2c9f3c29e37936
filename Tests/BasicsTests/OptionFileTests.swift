// Configuration files: what they may say, what wins, and how each fault is named.
import Basics
import Testing

private let options = [
    Option("speed", "N", "how fast"), Option("set", "NAME=VALUE", "a setting", mayRepeat: true),
    Option("loop", nil, "again"), Option("config", "FILE", "this"),
]

private func file(_ text: String) -> OptionFile {
    OptionFile(Array(text.utf8), name: "x.conf", options: options, excluding: ["config"])
}

private func arguments(_ line: [String], _ text: String) throws -> Arguments {
    var arguments = try Arguments(line, options: options)
    let file = file(text)
    #expect(file.faults.isEmpty, "\(file.faults)")
    arguments.add(file)
    return arguments
}

@Test(
    "a line and what it says",
    arguments: [
        ("speed = 2", "2"), ("speed=2", "2"), ("\t speed\t =  2 \t", "2"), ("speed = 2 # fast", "2"),
        ("speed = 2 #", "2"), ("speed = a#b", "a#b"), ("speed = a = b", "a = b"), ("# speed = 2", nil),
        ("  # speed = 2", nil), ("", nil), ("speed = 2\r\n# end\r\n", "2"), ("speed = grün", "grün"),
    ])
func lines(text: String, value: String?) throws {
    #expect(try arguments([], text)["speed"] == value)
}

@Test("repeated names, switches, and the command line above all")
func precedence() throws {
    let text = "set = a=1\nset = b=2\nspeed = 3\nloop\n"
    let alone = try arguments([], text)
    #expect(alone.all("set") == ["a=1", "b=2"] && alone["speed"] == "3" && alone.has("loop"))
    let both = try arguments(["--set", "c=3", "--speed", "4"], text)
    #expect(both.all("set") == ["c=3"] && both["speed"] == "4" && both.has("loop"))
    #expect(both.differences(from: alone) == ["set", "speed"])
    #expect(alone.taking(["set"], from: both).differences(from: both) == ["speed"])
}

@Test(
    "a fault names file and line, and says what to do",
    arguments: [
        ("\nsped = 2", "x.conf:2: unknown option sped; --help lists them"),
        ("speed", "x.conf:1: speed wants a value: speed = N"),
        ("speed =  # later", "x.conf:1: speed wants a value: speed = N"),
        ("loop = yes", "x.conf:1: loop takes no value: write it alone"),
        ("--speed = 2", "x.conf:1: write speed, without the dashes"),
        ("speed = 1\nspeed = 1", "x.conf:2: speed stands in line 1 already; remove one of them"),
        ("config = y", "x.conf:1: config belongs on the command line"),
        ("speed = \u{1b}[2J", "x.conf:1: has a control character; remove it"),
        ("= 2", "x.conf:1: unknown option ; --help lists them"),
    ])
func faults(text: String, fault: String) {
    #expect(file(text).faults.map(\.description) == [fault])
}

@Test("all faults of a file are found")
func allFaults() { #expect(file("a\nb\nspeed = 1\nc").faults.count == 3) }

@Test("a file may have 64 KiB of UTF-8")
func sizes() {
    let whole = String(repeating: "#", count: OptionFile.bytesMax)
    #expect(file(whole).faults.isEmpty)
    #expect(file(whole + "#").faults.map(\.description).first?.hasPrefix("x.conf: has more than") == true)
    let binary = OptionFile([0x73, 0xff, 0xfe], name: "x.conf", options: options, excluding: [])
    #expect(binary.faults.count == 1)
}

@Test("what turns out wrong later is placed where it was said")
func placed() throws {
    let mixed = try arguments(["--loop"], "speed = 0\nset = a=1\nset = b=2\n")
    let places = [
        ("--speed 0: too slow", "x.conf:1: --speed 0: too slow"),
        ("--set b=2: no", "x.conf:3: --set b=2: no"),
        ("--loop goes not", "--loop goes not"), ("it rains", "it rains"),
    ]
    for (fault, placed) in places { #expect(mixed.located(UsageError(fault)).description == placed) }
}
