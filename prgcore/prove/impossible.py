"""Theorems about any rules at all: a file in SMT-LIB 2, in which the rules are unknown functions.

    (declare-const a Bool)
    (assert (=> a ...))                  ; a line of the theorem, and what it demands
    (check-sat-assuming (a b c))         ; the theorem: not all of them, so the answer is unsat
    (echo "a: what is given up")
    (check-sat-assuming (b c))           ; without a: the answer is sat
    (get-value (...))                    ; what the rules then do

Law: the first question is the theorem, and its answer must be *unsat*. Each further question leaves
out one line, and its answer must be *sat*: a line that is not needed makes the theorem *vacuous*. A
file that does not ask about each line is refused. Other solvers read the same file, so the file has
no command that only Z3 knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import z3
from attrs import frozen

from prgcore.errors import BadInput, unknown_name
from prgcore.prove.work import Judgement, Obligation, Work
from prgcore.vocabulary import Method, Verdict
from prgcore.words import listed

__all__ = ["MODEL", "SUFFIX", "read_smt2"]

SUFFIX = ".smt2"
MODEL = "D"
"""The model of what such a theorem says: nodes that decide by what reached them."""

RLIMIT = 20_000_000
_DEEPEST = 200
_TOKEN = re.compile(r';[^\n]*|"(?:[^"]|"")*"|\|[^|]*\||[()]|[^\s()";|]+')
_ASKS = "check-sat-assuming"
_STATES = (
    "set-logic", "declare-sort", "define-sort", "declare-const", "declare-fun",
    "declare-datatypes", "define-fun", "assert",
)
"""The commands that Z3 is given; the rest of `_KNOWN` is read here."""
_KNOWN = (*_STATES, "set-option", "set-info", "echo", _ASKS, "get-value")

_Term: TypeAlias = "str | tuple[_Term, ...]"


@frozen
class _Question:
    """A question: the lines that it assumes, what it says of itself, and which values it wants."""

    lines: tuple[str, ...]
    says: str = ""
    values: tuple[str, ...] = ()


@frozen
class _Theorem:
    """A theorem: what Z3 is given first, then the questions about it."""

    says: str
    source: str
    given: str
    theorem: _Question
    without: dict[str, _Question]


def read_smt2(text: str, name: str, place: str) -> Obligation:
    """The theorem of a file, as an obligation.

    Args:
        name: its id.
        place: the name of the file in errors.

    Raises:
        BadInput: it is not such a file.
    """
    try:
        found = _theorem(list(_commands(text)))
    except ValueError as error:
        raise BadInput(f"{place}: {error}") from None
    return Obligation(name, found.says, partial(_judge, found), (), MODEL)


# ----------------------------------------------------------------------------- reading


def _commands(text: str) -> Iterator[_Term]:
    """The commands of a text, as nested tuples of tokens."""
    open_: list[list[_Term]] = [[]]
    for mark in _TOKEN.findall(text):
        if mark == "(":
            open_.append([])
            if len(open_) > _DEEPEST:
                raise ValueError(f"more than {_DEEPEST} parentheses are open at once")
        elif mark == ")":
            closed = tuple(open_.pop())
            if not open_:
                raise ValueError("a parenthesis is closed that none opens")
            open_[-1].append(closed)
        elif not mark.startswith(";"):
            open_[-1].append(mark)
    if len(open_) > 1:
        raise ValueError("a parenthesis is not closed")
    yield from open_[0]


def _theorem(commands: Sequence[_Term]) -> _Theorem:  # noqa: C901 - one case a command
    given, questions, about, echo = [], [], {":says": "", ":source": ""}, ""
    for command in commands:
        match command:
            case ("set-info", str(key), str(value)):
                about[key] = _string(value)
            case ("echo", str(value)):
                echo = _string(value)
            case ("check-sat-assuming", tuple(lines)) if all(isinstance(i, str) for i in lines):
                questions.append(_Question(tuple(map(_text, lines)), echo))
                echo = ""
            case ("get-value", tuple(terms)) if questions:
                last = questions.pop()
                questions.append(_Question(last.lines, last.says, tuple(map(_text, terms))))
            case ("set-option", ":produce-models", _):  # others name files, or change what Z3 finds
                pass
            case (str(word), *_) if word in _STATES and not questions:
                given.append(_text(command))
            case (str(word), *_) if word not in _KNOWN:
                raise ValueError(unknown_name("command", word, _KNOWN))
            case _:
                raise ValueError(f"not expected here: {_text(command)[:60]}")
    if not questions or not questions[0].lines:
        raise ValueError(f"no question: write ({_ASKS} (...)) with the lines of the theorem")
    if not about[":says"].isprintable() or not about[":says"]:
        raise ValueError('no sentence: write (set-info :says "...") with what the theorem says')
    return _Theorem(about[":says"], about[":source"], "\n".join(given), questions[0],
                    _without(questions))


def _without(questions: Sequence[_Question]) -> dict[str, _Question]:
    """The questions after the first, by the line of the first that each leaves out."""
    theorem, *others = questions
    without: dict[str, _Question] = {}
    for other in others:
        left = [line for line in theorem.lines if line not in other.lines]
        if len(left) != 1 or len(other.lines) != len(theorem.lines) - 1:
            raise ValueError(f"({_ASKS} ({' '.join(other.lines)[:60]})): every question after the "
                             "first leaves out one of its lines, and adds none")
        without[left[0]] = other
    if untried := [line for line in theorem.lines if line not in without]:
        raise ValueError(f"no question leaves out {listed(untried, 'or')}, so nothing shows that the "
                         "theorem needs it")
    return without


def _text(term: _Term) -> str:
    return term if isinstance(term, str) else f"({' '.join(map(_text, term))})"


def _string(token: str) -> str:
    return token[1:-1].replace('""', '"') if token.startswith('"') else token


# ----------------------------------------------------------------------------- judging


def _judge(theorem: _Theorem, work: Work) -> Judgement:  # noqa: ARG001 - it is about every machine
    ask = _Z3(theorem.given)
    answer, values = ask.question(theorem.theorem)
    if answer != "unsat":
        found = [f"{term} is {str(value).lower()}" for term, value in values.items()]
        return _failed(answer, "sat", Verdict.REFUTED, "the theorem",
                       "there are rules with all of it" + f": {listed(found, 'and')}" * bool(found))
    ways = []
    for line, question in theorem.without.items():
        answer, values = ask.question(question)
        if answer != "sat":
            return _failed(answer, "unsat", Verdict.VACUOUS, f"without {line}",
                           f"without {line} it is impossible too, so the theorem does not need it")
        ways.append({"without": line, "says": question.says.removeprefix(f"{line}: "),
                     "values": values})
    return Judgement(Verdict.PROVED, Method.INDUCTION, {
        "lines": list(theorem.theorem.lines), "sources": theorem.source, "ways out": ways})


def _failed(answer: str, wrong: str, verdict: Verdict, about: str, says: str) -> Judgement:
    if answer == wrong:
        return Judgement(verdict, Method.INDUCTION, {"says": says})
    return Judgement(Verdict.UNKNOWN, Method.INDUCTION, {"says": f"{about}: Z3 says {answer[:200]}"})


class _Z3:
    """Z3 as a reader of commands. Whatever it says is told; only a clean answer counts as one."""

    def __init__(self, given: str) -> None:
        self._context = z3.Context()
        self.wrong = self._say(f"(set-option :rlimit {RLIMIT})\n{given}")

    def question(self, question: _Question) -> tuple[str, dict[str, Any]]:
        """The answer to a question; if it is sat, the values that are wanted.

        Of several values Z3 may choose any. Each is true if it can be, after those before it.
        """
        assumed = " ".join(question.lines)
        answer = self.wrong or self._say(f"(push 1)\n({_ASKS} ({assumed}))")
        values: dict[str, Any] = {}
        for term in question.values if answer == "sat" else ():
            able = self._say(f"(push 1)\n(assert {term})\n({_ASKS} ({assumed}))")
            if able not in ("sat", "unsat"):
                return able, {}
            values[term] = able == "sat"
            self._say("(pop 1)\n" + f"(assert {term if values[term] else f'(not {term})'})")
        self._say("(pop 1)")
        return answer, values

    def _say(self, commands: str) -> str:
        try:
            said: str = z3.Z3_eval_smtlib2_string(self._context.ref(), commands)
        except z3.Z3Exception as error:
            said = str(error)
        return " ".join(said.split())
