"""Completion: what may follow the words of a line, for bash, zsh and fish.

Law: only shells that ask for it load this. A shell asks with `_PRGCORE_COMPLETE`, and hands over
the line as its script below says.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from prgcore.cli.commands import Command, Exit, Group, Option, UsageError
from prgcore.cli.help import short

__all__ = ["ASKED", "answer", "install", "show"]

ASKED = "_PRGCORE_COMPLETE"
_LINE = "_PRGCORE_COMPLETE_LINE"
_ROOM = 60

SCRIPTS = {
    "bash": """\
_prgcore_completion() {
    local IFS=$'\\n'
    COMPREPLY=( $( env COMP_WORDS="${COMP_WORDS[*]}" \\
                   COMP_CWORD=$COMP_CWORD \\
                   _PRGCORE_COMPLETE=complete_bash $1 ) )
    return 0
}

complete -o default -F _prgcore_completion prgcore
""",
    "zsh": """\
#compdef prgcore

_prgcore_completion() {
  local -a found
  found=("${(@f)$(env _PRGCORE_COMPLETE_LINE="${words[1,$CURRENT]}" \\
                      _PRGCORE_COMPLETE=complete_zsh prgcore)}")
  if [[ -n "$found" ]]; then _describe 'prgcore' found; else _files; fi
}

compdef _prgcore_completion prgcore
""",
    "fish": """\
complete --command prgcore --arguments \
"(env _PRGCORE_COMPLETE=complete_fish _PRGCORE_COMPLETE_LINE=(commandline -cp) prgcore)"
""",
}
"""What a shell runs to ask."""
PLACES = {
    "bash": (".bash_completions/prgcore.sh", ".bashrc",
             "source ~/.bash_completions/prgcore.sh"),
    "zsh": (".zfunc/_prgcore", ".zshrc", "fpath+=~/.zfunc; autoload -Uz compinit; compinit"),
    "fish": (".config/fish/completions/prgcore.fish", "", ""),
}
"""Under the home directory: the script, the file that the shell reads, and the line it needs."""


def answer(root: Group, asked: str) -> str:
    """What may follow, a word a line; for `source_SHELL` the script that asks.

    Raises:
        UsageError: nobody asks so.
    """
    what, _, shell = asked.partition("_")
    if what not in ("complete", "source") or shell not in SCRIPTS:
        raise UsageError(f"{ASKED}={asked[:40]}: expected complete_SHELL or source_SHELL, with one "
                         f"of {', '.join(SCRIPTS)}", root.name)
    if what == "source":
        return SCRIPTS[shell]
    if shell == "bash":
        words, at = _split(os.environ.get("COMP_WORDS", "")), os.environ.get("COMP_CWORD", "0")
        before = words[1:int(at)]
        begun = words[int(at)] if int(at) < len(words) else ""
    else:
        line = os.environ.get(_LINE, "")
        before = _split(line)[1:]
        begun = before.pop() if before and not line.endswith(" ") else ""
    found = _following(root, before, begun)
    if shell == "bash":
        return "".join(f"{word}\n" for word, _ in found)
    if shell == "zsh":
        return "".join(f"{_escaped(word)}{':' * bool(says)}{says}\n" for word, says in found)
    return "".join(f"{word}\t{says}\n" for word, says in found)


def _escaped(word: str) -> str:
    """For zsh, where a colon parts a word from its sentence."""
    return word.replace(":", "\\:")


def _split(line: str) -> list[str]:
    """The words of a line that may end inside quotes."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:
        words.append(lexer.token)
    return words


def _following(command: Command, words: list[str], begun: str) -> Iterator[tuple[str, str]]:
    """What may stand in the place of a word that has begun, with a sentence for each."""
    while isinstance(command, Group):
        try:
            _, rest = command.read(words, "", stops=True)
        except UsageError:
            rest = []
        if not rest or rest[0] not in command.names:
            break
        command, words = command.find(rest[0]), rest[1:]
    name, equals, value = begun.partition("=")
    if equals and name.startswith("-"):
        words, begun = [*words, name], value
    if begun.startswith("-") and "--" not in words:
        for option in (p.says for p in command.parameters if isinstance(p.says, Option)):
            repeated = set(words) & set(option.names)
            yield from ((n, option.help) for n in (*option.names, *option.off)
                        if n.startswith(begun) and not (repeated and option.act))
        return
    last = command.option(words[-1]) if words and words[-1].startswith("-") else None
    if last is not None and not last.flag and isinstance(last.says, Option):
        if last.says.autocompletion is not None:
            yield from ((value, "") for value in last.says.autocompletion(begun))
    elif isinstance(command, Group):
        yield from ((n, short(command.find(n), _ROOM)) for n in command.names
                    if n.startswith(begun))


def show() -> None:
    """Print the script of this shell.

    Raises:
        UsageError: the shell is none of those that are known.
    """
    sys.stdout.write(SCRIPTS[_shell()])


def install() -> None:
    """Write the script of this shell to where the shell reads it.

    Raises:
        UsageError: as `show`.
    """
    shell = _shell()
    place, read, line = PLACES[shell]
    file = Path.home() / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(SCRIPTS[shell], encoding="utf-8")
    if read:
        settings = Path.home() / read
        text = settings.read_text(encoding="utf-8") if settings.is_file() else ""
        if line not in text:
            settings.write_text(f"{text.rstrip()}\n{line}\n".lstrip(), encoding="utf-8")
    sys.stdout.write(f"{shell} completion installed in {file}\n"
                     "Completion will take effect once you restart the terminal\n")
    raise Exit


def _shell() -> str:
    """The shell of the user, as SHELL names it."""
    shell = Path(os.environ.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise UsageError(f"the shell {shell!r} is not known; SHELL names one of "
                         f"{', '.join(SCRIPTS)}", "prgcore")
    return shell
