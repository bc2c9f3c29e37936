// Adding up what loops counted: nothing is forgotten, whatever fields come and go.
import Testing

@testable import FanOut

@Test("figures are words side by side, and a sum adds every one of them")
func figuresSum() {
    let words = MemoryLayout<Figures>.size / 8
    #expect(MemoryLayout<Figures>.size == words * 8 && MemoryLayout<Figures>.alignment == 8)
    var sum = Figures(), one = Figures()
    withUnsafeMutableBytes(of: &one) { bytes in
        for word in 0..<words {
            bytes.storeBytes(of: UInt64(word + 1), toByteOffset: word * 8, as: UInt64.self)
        }
    }
    for _ in 0..<3 { sum += one }
    withUnsafeBytes(of: sum) { bytes in
        #expect(bytes.bindMemory(to: UInt64.self).elementsEqual((1...words).map { UInt64(3 * $0) }))
    }
}

@Test("each reason to close has a place and a name of its own")
func closeReasons() {
    var counters = Counters()
    for reason in CloseReason.allCases {
        for _ in 0...reason.rawValue { counters.count(reason) }
    }
    #expect(
        CloseReason.allCases.map { counters.closed($0) }
            == CloseReason.allCases.map { UInt64($0.rawValue + 1) })
    #expect(Set(CloseReason.allCases.map(\.name)).count == CloseReason.allCases.count)
}

@Test("loops number things apart; a single loop numbers them 1, 2, 3")
func uniqueNumbers() {
    #expect((1...3).map { LoopPlace.alone.unique($0) } == [1, 2, 3])
    let board = Noticeboard(loops: 3)
    let numbers = (0..<3).flatMap { loop in
        (1...4).map { LoopPlace(index: loop, board: board).unique($0) }
    }
    #expect(numbers.sorted() == Array(1...12))
}
