// Every key, from the table that the model obeys.

extension ScreenView {
    func drawHelp(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        drawTitle("keys", "any key goes back", on: &canvas, area)
        let rows = area.rows - 1, end = area.column + area.columns
        guard rows > 0 else { return }
        var column = area.column, left = KeyMap.bindings[...]
        while !left.isEmpty, column < end {
            let shown = left.prefix(rows)
            left = left.dropFirst(rows)
            for (number, binding) in shown.enumerated() {
                let row = area.row + 1 + number
                canvas.draw(binding.label, column, row, .accent, width: min(7, end - column))
                canvas.draw(binding.help, column + 8, row, .plain, width: max(0, end - column - 8))
            }
            // As wide as its longest text: two columns have room for all on 80.
            column += 9 + (shown.map(\.help.count).max() ?? 0)
        }
    }
}
