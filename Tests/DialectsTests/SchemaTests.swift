// The schema that is served is the file that is read, and the layout is what it says.
import Foundation
import Testing

@testable import Dialects

private func schemaFile() throws -> String {
    let place = "../../Sources/Dialects/NativeSBE/tickerfeed.sbe.xml"
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: place)
    return try #require(String(bytes: Data(contentsOf: file), encoding: .utf8))
}

@Test("the schema that is served is the file in the repository, byte for byte")
func schemaIsTheFile() throws {
    let file = try schemaFile()
    #expect(Array(NativeSBE.schema.utf8) == Array(file.utf8))
}

@Test("the schema's numbers are the encoder's")
func schemaNumbers() throws {
    let schema = NativeSBE.schema
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
