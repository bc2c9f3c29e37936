// The layout is what the schema says.
import Testing

@testable import Dialects

@Test("the schema's numbers are the encoder's")
func schemaNumbers() throws {
    let schema = String(decoding: NativeSBE.schema, as: UTF8.self)
    #expect(schema.contains("id=\"\(SBE.schemaID)\" version=\"\(SBE.version)\""))
    var found = 0
    for match in schema.matches(of: /<sbe:message name="(\w+)" id="(\d+)" blockLength="(\d+)"/) {
        let template = try #require(UInt16(match.2).flatMap(SBETemplate.init(rawValue:)))
        #expect("\(template)".lowercased() == match.1.lowercased())
        #expect(Int(match.3) == template.blockLength)
        found += 1
    }
    #expect(found == 9)
}
