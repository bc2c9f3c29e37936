import Basics
import TestSupport
import Testing

@testable import Wire

/// `at` is the first octet that no text could continue with; nil where there is none.
@Test(
    "the first bad octet",
    arguments: [
        (octets: "", at: nil, complete: true),
        (octets: "00 7f", at: nil, complete: true),
        (octets: "c2 80", at: nil, complete: true),  // U+0080, the first of two octets
        (octets: "df bf", at: nil, complete: true),
        (octets: "e0 a0 80", at: nil, complete: true),  // U+0800
        (octets: "ed 9f bf", at: nil, complete: true),  // U+D7FF, before the surrogates
        (octets: "ee 80 80", at: nil, complete: true),  // U+E000, after them
        (octets: "ef bf bf", at: nil, complete: true),
        (octets: "f0 90 80 80", at: nil, complete: true),  // U+10000
        (octets: "f4 8f bf bf", at: nil, complete: true),  // U+10FFFF, the last
        (octets: "c2", at: nil, complete: false),
        (octets: "e2 82", at: nil, complete: false),
        (octets: "f0 9f 92", at: nil, complete: false),
        (octets: "80", at: 0, complete: false),  // a continuation of nothing
        (octets: "c0 80", at: 0, complete: false),  // overlong NUL
        (octets: "c1 bf", at: 0, complete: false),
        (octets: "e0 9f bf", at: 1, complete: false),  // overlong
        (octets: "ed a0 80", at: 1, complete: false),  // the first surrogate
        (octets: "f0 8f bf bf", at: 1, complete: false),  // overlong
        (octets: "f4 90 80 80", at: 1, complete: false),  // U+110000
        (octets: "f5 80 80 80", at: 0, complete: false),
        (octets: "ff", at: 0, complete: false),
        (octets: "c2 41", at: 1, complete: false),  // cut off by ASCII
        (octets: "e2 82 e2", at: 2, complete: false),
        (octets: "41*16 80", at: 16, complete: false),  // behind the fast path
        (octets: "41*9 c2 80 41*9 ff", at: 20, complete: false),
    ] as [(octets: String, at: Int?, complete: Bool)])
func utf8Table(octets: String, at: Int?, complete: Bool) {
    let bytes = hex(octets)
    var validator = UTF8Validator(), firstBad: Int?
    for index in bytes.indices where firstBad == nil {
        if !bytes[index...index].withUnsafeBytes({ validator.feed($0) }) { firstBad = index }
    }
    #expect(firstBad == at)
    if at == nil { #expect(validator.isComplete == complete) }
    #expect(bytes.withRaw(UTF8Validator.isValid) == (at == nil && complete))
}

@Test("agrees with the standard library", arguments: Seed.smoke)
func utf8Model(seed: Seed) {
    var random = seed.generator()
    // Few octets, the edges of the table, so that valid sequences are not rare.
    let edges = hex("41 7f 80 8f 90 9f a0 bf c1 c2 df e0 e1 ed ee ef f0 f1 f4 f5")
    for step in 0..<4_000 {
        let bytes = (0..<random.below(12)).map { _ in edges[random.below(edges.count)] }
        let expected = String(validating: bytes, as: UTF8.self) != nil
        var validator = UTF8Validator()
        let piecewise =
            bytes.isEmpty ? true : bytes.cut(&random).allSatisfy { $0.withRaw { validator.feed($0) } }
        #expect((piecewise && validator.isComplete) == expected, "\(seed), step \(step): \(bytes)")
    }
}
