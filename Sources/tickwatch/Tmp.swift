import Basics
import Watch
final class PipeRun { init(_ s: Setup, _ g: SignalReader) throws {}; func run() throws -> ExitStatus { .done } }
final class VerifyRun { init(_ s: Setup, _ g: SignalReader) throws {}; func run() throws -> ExitStatus { .done } }
