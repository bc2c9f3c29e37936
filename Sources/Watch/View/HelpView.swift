// Every key, from the table that the model obeys.

extension ScreenView {
    func drawHelp(on canvas: inout Canvas, _ area: Area) {
        guard !area.isEmpty else { return }
        drawTitle("keys", "any key goes back", on: &canvas, area)
        let rows = max(1, area.rows - 1)
        let width = 44
        for (number, binding) in KeyMap.bindings.enumerated() {
            let column = area.column + number / rows * width, row = area.row + 1 + number % rows
            guard column < area.column + area.columns, row < area.row + area.rows else { continue }
            canvas.draw(binding.label, column, row, .accent, width: 7)
            canvas.draw(
                binding.help, column + 8, row, .plain,
                width: min(width - 9, area.column + area.columns - column - 8))
        }
    }
}
