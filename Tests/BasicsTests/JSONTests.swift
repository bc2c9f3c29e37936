// JSON: what is a value, what is not, and where the fault is said to be.
import Basics
import TestSupport
import Testing

@Test("values keep their digits and their order")
func values() throws {
    let value = try JSONValue(
        parsing: #" {"a":[1,-0.50,1e3],"b":"x\u00e9\n\ud83d\ude00","c":null,"a":true} "#)
    #expect(value["a"] == .bool(true))  // the last of equal names
    #expect(value["b"]?.string == "xé\n😀")
    #expect(value["c"] == .null)
    #expect(value["d"] == nil)
    #expect(try JSONValue(parsing: "-0.50").decimal(2) == -50)
    #expect(try JSONValue(parsing: "0.001").decimal(2) == nil)  // nothing is rounded
    #expect(try JSONValue(parsing: "1e3").decimal(2) == nil)
}

@Test(
    "what is not JSON is refused, with its place",
    arguments: [
        ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("01", 1), ("1.", 2), (".5", 0), ("+1", 0),
        ("NaN", 0), ("tru", 0), ("\"a", 2), ("\"\\x\"", 3), ("\"\\ud800\"", 7), ("\"\u{01}\"", 2),
        ("{'a':1}", 1), ("1 2", 2), ("[1}", 2), ("{\"a\" 1}", 5), ("\"\\u12g4\"", 5),
    ])
func refused(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text) }
    #expect(error?.offset == offset)
}

@Test("nesting has a limit, and 100,000 brackets are only an error")
func nesting() throws {
    _ = try JSONValue(
        parsing: String(repeating: "[", count: 8) + String(repeating: "]", count: 8), depthMax: 8)
    for depth in [9, 100_000] {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let error = #expect(throws: JSONError.self) { try JSONValue(parsing: text, depthMax: 8) }
        #expect(error?.reason == "nested too deep" && error?.offset == 8)
    }
}

@Test("bad UTF-8 in a string is refused")
func badUTF8() {
    for bytes: [UInt8] in [[0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]] {
        bytes.withUnsafeBytes { raw in
            _ = #expect(throws: JSONError.self) { try JSONValue(parsing: raw, depthMax: 8) }
        }
    }
}

@Test("no bytes crash the parser", arguments: Seed.smoke)
func randomBytes(seed: Seed) {
    var random = seed.generator()
    let alphabet = Array(#"{}[]",:\u0123456789truefalsn-+.eE "#.utf8) + [0, 0x80, 0xff]
    for _ in 0..<5_000 {
        let bytes = (0..<random.below(40)).map { _ in alphabet[random.below(alphabet.count)] }
        bytes.withUnsafeBytes { raw in _ = try? JSONValue(parsing: raw, depthMax: 4) }
    }
}
