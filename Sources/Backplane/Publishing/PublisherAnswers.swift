// What nodes ask for: pictures where the engine stores none, and again what an engine has lost.
//
// Invariant: answered behind a flush, when all that the image knows was published.
import Basics
import Market

extension Publisher {
    /// Everything was published that the image knows: now it can be told.
    func answer(_ here: FlushPlace, _ life: Life) {
        guard telling == nil, !questions.isEmpty else { return }
        let asked = questions
        questions = []
        for question in asked {
            counts.answers += 1
            guard let symbol = question.symbol else {
                answerDirectory(question, life)
                continue
            }
            guard let index = directory[symbol], index < listed else {
                if !question.inbox.isEmpty { engine.answer(question, parts: []) }
                continue
            }
            if question.inbox.isEmpty {
                restore(index, symbol, here, life)
            } else {
                answer(question, index, here, life)
            }
        }
    }

    func answer(_ question: EngineQuestion, _ index: Int, _ here: FlushPlace, _ life: Life) {
        writeState(index, here, life)
        var parts = Publisher.split(state.bytes)
        state.removeAll()
        if !waiting[index].log.bytes.isEmpty { parts.append(waiting[index].log.bytes) }
        if !waiting[index].events.bytes.isEmpty { parts.append(waiting[index].events.bytes) }
        engine.answer(question, parts: parts)
    }

    func answerDirectory(_ question: EngineQuestion, _ life: Life) {
        for index in 0..<listed {
            if var tick = image.definitionTick(of: SymbolID(index)) {
                tick.flags = []
                ticks.append(tick)
            }
        }
        writeDirectory(ticks, first: 0, life)
        ticks.removeAll(keepingCapacity: true)
        if question.inbox.isEmpty {
            engine.storeDirectory(state.bytes, replaces: true)
        } else {
            engine.answer(question, parts: Publisher.split(state.bytes))
        }
        state.removeAll()
    }

    /// What the engine had stored is of no use, or gone. Its events may be what is wrong with it.
    func restore(_ index: Int, _ symbol: SymbolName, _ here: FlushPlace, _ life: Life) {
        counts.states += 1
        renewState(index, here, life)
        engine.publish(symbol, ticks: nil, picture: .replace(state.bytes, forgetsEvents: true), events: nil)
        state.removeAll()
    }

    /// A run's frames, one by one.
    static func split(_ run: UnsafeRawBufferPointer) -> [[UInt8]] {
        var parts: [[UInt8]] = [], at = 0
        while at + 4 <= run.count {
            let length = 4 + Int(UInt32(littleEndian: run.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            parts.append(Array(run[at..<min(at + length, run.count)]))
            at += length
        }
        return parts
    }
}
