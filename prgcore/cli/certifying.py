"""`recheck`: a certificate checked again, from the machine alone. Also `prove --certificate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from prgcore.cli import inputs, output
from prgcore.cli.commands import Argument, Exit, Group, Option, examples
from prgcore.errors import BadInput
from prgcore.words import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prgcore.machine import Machine
    from prgcore.prove.report import Report
    from prgcore.prove.work import Work

    Tell = Callable[[str, int, int], None] | None


def register(app: Group) -> None:
    """Add this command."""
    app.command(epilog=examples(
        "prgcore prove --certificate prg.proof.json", "prgcore recheck prg.proof.json",
        "prgcore recheck mine.proof.json --machine mine/machine.json",
    ))(recheck)


def recheck(
    file: Annotated[str, Argument(metavar="FILE", help="A certificate, or - for standard input.")],
    *,
    need: Annotated[list[str] | None, Option(
        "--need", metavar="ID", help="A promise that must be checked. Repeatable.")] = None,
    machine: inputs.MachineFile = None, as_json: inputs.Json = False,
) -> None:
    """Check a certificate of `prgcore prove` again, without a solver.

    The questions are made again from the machine: the built-in one, under the
    policies that the certificate names, or --machine. Each promise that is checked
    is shown in the words of the machine. Verdicts without a proof are listed.

    Exit codes: 0 checked; 1 refused, with the reason, or nothing is checked, or the
    certificate says that a promise failed; 2 unreadable.
    """
    if file == machine == "-":
        raise BadInput("standard input cannot be both the certificate and the machine")
    data = inputs.read_bytes(file)
    said = inputs.parse_json(inputs.decode(data, "the certificate"), "the certificate")
    asked = inputs.load_machine(machine, None) if machine is not None else _named(said)
    from prgcore import recheck as checker
    from prgcore.wire.machine_file import dumps

    try:
        found = checker.check(data, checker.Machine(dumps(asked.model).encode()), *need or ())
    except checker.Refused as error:
        _answer({"ok": False, "refused": str(error)}, [f"refused: {error}"], as_json=as_json)
        raise Exit(1) from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise BadInput(f"{quoted(file)} is not a certificate that can be read: "
                       f"{type(error).__name__} {error}") from None
    ok = bool(found["checked"] and not found["failed"])
    says = {name[5:]: said for name, said in found.items() if name.startswith("says ")}
    rest = {name: said for name, said in found.items() if not name.startswith("says ")}
    _answer({"ok": ok, **rest, "says": says},
            [f"{name}: {'; '.join(values) or 'nothing'}" for name, values in found.items()],
            as_json=as_json)
    if not ok:
        raise Exit(1)


def _answer(answer: dict[str, Any], text: Iterable[str], *, as_json: bool) -> None:
    if as_json:
        output.write_json({key.replace(" ", "_"): value for key, value in answer.items()})
    else:
        lines = (output.wrapped(part, longest=100_000) for part in text)
        output.write("\n".join(line for some in lines for line in some))


def _named(said: Any) -> Machine:
    """The built-in machine under the policies of a certificate.

    Raises:
        BadInput: the certificate is about another machine, or names no policies.
    """
    from prgcore.machine import NAME, prg

    name, policy = (said.get(k) for k in ("name", "policy")) if isinstance(said, dict) else (0, 0)
    if name != NAME:
        raise BadInput(f"the certificate is not about the built-in machine, but about "
                       f"{str(name)[:80]!r}; name its file with --machine FILE")
    if not isinstance(policy, dict):
        raise BadInput("the certificate names no policies; name a machine with --machine FILE")
    return prg(**{str(k): str(v) for k, v in policy.items()})


# --------------------------------------------------------------- prove --certificate


def fit(file: Path | None, others: dict[str, object]) -> None:
    """Check, before anything is proved, that a certificate can be made.

    Raises:
        BadInput: an option goes with no certificate, which is about a whole machine.
        MissingExtra: the solver is not installed.
    """
    if file is not None:
        inputs.refuse_beside("--certificate", others)
        from prgcore.prove import certificate  # noqa: F401 - what is missing is said at once


def places(
    file: Path | None, machines: tuple[Machine, ...], others: tuple[Path | None, ...], *,
    several: bool,
) -> list[Path | None]:
    """The file for the certificate of each machine; several are in a folder that `file` names.

    Raises:
        BadInput: one of them cannot be written, or is a report too.
    """
    if file is None:
        return [None] * len(machines)
    found = [file / ("-".join(c for _, c in m.model.policy) + ".proof.json") if several else file
             for m in machines]
    if several:
        try:
            file.mkdir(exist_ok=True)
        except (OSError, ValueError) as error:
            raise BadInput(f"cannot make the folder {quoted(str(file))} for a certificate of each "
                           f"policy: {getattr(error, 'strerror', None) or error}") from None
    for one in found:
        if one == Path("-"):
            raise BadInput("a certificate is a file, and - is none; name one with --certificate FILE")
        output.writable(one)
        if one.resolve() in {other.resolve() for other in others if other is not None}:
            raise BadInput(f"a report and a certificate would be written to {quoted(str(one))}; "
                           "expected a file for each")
    return [*found]


def write(file: Path | None, report: Report, work: Work, tell: Tell) -> None:
    """Write the certificate of a report, if one is asked for."""
    if file is not None:
        from prgcore.prove.certificate import certify

        output.write_file(file, certify(report, work, tell))
