// The last line: what is typed, what happened, which keys there are.
import Basics

extension ScreenView {
    func drawFooter(on canvas: inout Canvas) {
        let row = canvas.rows - 1
        if let input = model.input {
            let prompt = input.purpose == .filter ? "filter: " : "add symbols: "
            let column = canvas.draw(prompt, 0, row, .accent)
            // The end of a long line is what is typed at.
            let shown = String(input.text.suffix(max(0, canvas.columns - column - 1)))
            let end = canvas.draw(shown, column, row, .strong)
            canvas.draw("_", end, row, .accent)
            return
        }
        var right = canvas.columns
        for word in standing where right - word.count - 2 > 0 {
            right -= word.count
            canvas.draw(word, right, row, .warning)
            right -= 2
        }
        if let note = model.note {
            canvas.draw(
                glyphs.fit(note.text, max(0, right - 1)), 0, row, note.isFault ? .alarm : .accent,
                width: max(0, right - 1))
            return
        }
        var column = 0
        for binding in KeyMap.bindings.reversed() {
            guard let word = binding.short, column + binding.label.count + word.count + 3 <= right else {
                continue
            }
            column = canvas.draw(binding.label, column, row, .accent)
            column = canvas.draw(" \(word)  ", column, row, .dim)
        }
    }

    /// What is chosen and not seen otherwise, the weightiest first.
    private var standing: [String] {
        var words: [String] = []
        if let frozen = model.frozen { words.append("frozen for \(Numbers.age(now.instant - frozen.at))") }
        if !model.filter.isEmpty, model.input == nil { words.append("filter \(model.filter)") }
        if let group = model.group { words.append("group \(group)") }
        let listed = model.listed.count, all = model.shownInstruments.count
        if listed != all {
            words.append("\(listed) of \(all)")
        } else if model.page == .watchlist, listed > layout.listRows {
            words.append("\(all) symbols")
        }
        return words
    }
}
