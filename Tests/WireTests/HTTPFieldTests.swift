// Fields of answers that have a grammar of their own: dates and entity tags.
import Basics
import Testing

@testable import Wire

@Test(
    "dates, leap days and the ends of years",
    arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-1, "Thu, 01 Jan 1970 00:00:00 GMT"),
    ])
func dates(seconds: Int, text: String) {
    #expect(HTTPDate.text(.zero + .seconds(seconds)) == text)
}

@Test(
    "which versions a client says it has (RFC 9110 §13.1.2)",
    arguments: [
        (#""a""#, true), (#"W/"a""#, true), ("*", true), (#""b", "a""#, true), (#""b","a","c""#, true),
        (#" ,, "b" ,  W/"a" "#, true), (#""b""#, false), (#""a,b""#, false), (#""x,", "a""#, true),
        (#""b, "a""#, false), ("a", false), ("", false), (#"w/"a""#, false), (#""*""#, false), (",,,", false),
        (#""aa""#, false), (#"""#, false),
    ])
func noneMatch(field: String, isNamed: Bool) {
    #expect(EntityTag.isNamed(#""a""#, in: ["If-None-Match": field]) == isNamed)
    #expect(EntityTag.isNamed(#""a""#, in: ["If-None-Match": #""z""#, "if-none-match": field]) == isNamed)
}
