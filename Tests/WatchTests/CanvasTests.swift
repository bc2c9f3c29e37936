// A screen in memory.
import Testing
import Watch

@Test("what does not fit is cut off at the edges, whatever the size")
func canvasEdges() {
    var canvas = Canvas(columns: 5, rows: 1)
    #expect(canvas.draw("AAPL 231.45", 0, 0) == 5)
    canvas.draw("below", 0, 1)
    #expect(canvas.text(row: 0) == "AAPL")
    var nothing = Canvas(columns: 0, rows: 0)
    #expect(nothing.draw("AAPL", 0, 0) == 0)
}
