// `--completions`: what shells need to complete options, made of the table of options.
import Basics

extension WatchOptions {
    /// - Parameter scenarios: names that `--scenario` may have.
    public static func completions(_ shell: Shell, scenarios: [String] = []) -> String {
        let all = groups.flatMap(\.options)
            .map { option in
                let isScenario = option.option.name == "scenario" && !scenarios.isEmpty
                return isScenario
                    ? Completion(option, offer: .words(scenarios)) : Completion(option, offer: option.offer)
            }
        switch shell {
        case .bash: return Completion.bash(all)
        case .zsh: return Completion.zsh(all)
        case .fish: return Completion.fish(all)
        }
    }
}

private struct Completion {
    let option: Option
    let offer: WatchOption.Offer

    init(_ option: WatchOption, offer: WatchOption.Offer) {
        self.option = option.option
        self.offer = offer
    }

    private var flags: [String] { (option.short.map { ["-\($0)"] } ?? []) + ["--\(option.name)"] }

    private static func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    // bash: `=` breaks words there, so that `--rate=max` comes as three of them.

    static func bash(_ options: [Completion]) -> String {
        let cases = options.compactMap(\.bashCase).joined()
        let flags = options.flatMap(\.flags).joined(separator: " ")
        return """
            # bash completion for tickwatch: tickwatch --completions bash > ~/.local/share/bash-completion/completions/tickwatch
            _tickwatch() {
                local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} head
                if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi
                COMPREPLY=()
                case $prev in
            \(cases)    esac
                if [[ $cur == @* ]]; then
                    mapfile -t COMPREPLY < <(compgen -f -P @ -- "${cur#@}")
                    compopt -o filenames
                elif [[ $cur == -* ]]; then
                    mapfile -t COMPREPLY < <(compgen -W '\(flags)' -- "$cur")
                fi
            }
            complete -F _tickwatch tickwatch

            """
    }

    private var bashCase: String? {
        guard option.value != nil else { return nil }
        let body: String
        switch offer {
        case .nothing: body = "return"
        case .file: body = "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); compopt -o filenames; return"
        case .words(let words):
            body =
                "mapfile -t COMPREPLY < <(compgen -W '\(words.joined(separator: " "))' -- \"$cur\"); return"
        case .list(let words):
            body =
                "head=; [[ $cur == *,* ]] && head=${cur%,*},; mapfile -t COMPREPLY < <(compgen -P \"$head\" -W '\(words.joined(separator: " "))' -- \"${cur##*,}\"); compopt -o nospace; return"
        }
        return "        \(flags.joined(separator: "|"))) \(body) ;;\n"
    }

    static func zsh(_ options: [Completion]) -> String {
        let specs = options.map { "    \($0.zshSpec) \\\n" }.joined()
        return """
            #compdef tickwatch
            # zsh completion for tickwatch: put it into a folder of $fpath as _tickwatch
            _tickwatch_symbols() {
                if compset -P '@'; then _files; else _message 'symbol, @file or -'; fi
            }
            _tickwatch() {
                _arguments -s -S \\
            \(specs)        '*:symbol:_tickwatch_symbols'
            }
            if [ "$funcstack[1]" = "_tickwatch" ]; then _tickwatch "$@"; else compdef _tickwatch tickwatch; fi

            """
    }

    private var zshSpec: String {
        let help = Completion.zshEscaped(option.help)
        guard let value = option.value else {
            let all = flags.map { Completion.quoted("\(excluded)\($0)[\(help)]") }
            return all.joined(separator: " ")
        }
        let action: String
        switch offer {
        case .nothing: action = ""
        case .file: action = "_files"
        case .words(let words): action = "(\(words.map(Completion.zshEscaped).joined(separator: " ")))"
        case .list(let words): action = "_values -s , \(option.name) \(words.joined(separator: " "))"
        }
        let tail = "[\(help)]:\(Completion.zshEscaped(value)):\(action)"
        return flags.map { flag in
            Completion.quoted("\(excluded)\(flag)\(flag.hasPrefix("--") ? "=" : "+")\(tail)")
        }
        .joined(separator: " ")
    }

    /// What is not offered any more once this option stands there.
    private var excluded: String { option.mayRepeat ? "*" : "(\(flags.joined(separator: " ")))" }

    private static func zshEscaped(_ text: String) -> String {
        var result = ""
        for character in text {
            if "[]:\\".contains(character) { result.append("\\") }
            result.append(character)
        }
        return result
    }

    static func fish(_ options: [Completion]) -> String {
        "# fish completion for tickwatch: tickwatch --completions fish > ~/.config/fish/completions/tickwatch.fish\n"
            + "complete -c tickwatch -f\n"
            + "complete -c tickwatch -n 'string match -q -- \"@*\" (commandline -ct)' -a '@(__fish_complete_path (string sub -s 2 -- (commandline -ct)) | string replace -r \"\\t.*\" \"\")'\n"
            + options.map { $0.fishLine + "\n" }.joined()
    }

    private var fishLine: String {
        var line = "complete -c tickwatch" + (option.short.map { " -s \($0)" } ?? "") + " -l \(option.name)"
        if option.value != nil {
            switch offer {
            case .nothing: line += " -x"
            case .file: line += " -r -F"
            case .words(let words): line += " -x -a \(Completion.quoted(words.joined(separator: " ")))"
            case .list(let words):
                line += " -x -a \(Completion.quoted("(__fish_append , \(words.joined(separator: " ")))"))"
            }
        }
        return line + " -d \(Completion.fishQuoted(option.help))"
    }

    private static func fishQuoted(_ text: String) -> String {
        var result = "'"
        for character in text {
            if character == "'" || character == "\\" { result.append("\\") }
            result.append(character)
        }
        return result + "'"
    }
}
