"""Configurations as text: JSON, TOML, and the JSON Schema of both.

Law: pure; text in, values out. One small function writes TOML, not a library: a configuration
has only texts, numbers and flags, and TOML spells these as JSON does.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from prgcore.errors import BadInput, unknown_name
from prgcore.model import Parameter
from prgcore.product.configuration.deployment import Deployment
from prgcore.product.configuration.reading import LAYOUT
from prgcore.product.configuration.rules import read
from prgcore.tables.facts import ConfigurationField
from prgcore.tables.parameters import PARAMETERS
from prgcore.wire.jsontext import parse_json
from prgcore.wire.tomltext import DEEPEST, parse_toml
from prgcore.words import counted

__all__ = ["DEEPEST", "FORMATS", "LARGEST", "built", "dump", "load", "parse", "schema"]

FORMATS = ("json", "toml")
LARGEST = 250_000
"""The most characters of a configuration, some eight hundred nodes; a longer one is refused."""


def parse(text: str, format: str) -> Any:  # noqa: A002, the word of the command line
    """The JSON value of a text; it need not be a deployment.

    Raises:
        BadInput: there is no such format; the text is not of it, is too long or too deep, or
            repeats a key.
    """
    if format not in FORMATS:
        raise BadInput(unknown_name("format", format, FORMATS))
    if len(text) > LARGEST:
        raise BadInput(f"the configuration has {len(text):,} characters, and at most {LARGEST:,} "
                       "are read; divide it by cluster")
    return parse_json(text, "the configuration") if format == "json" else parse_toml(
        text, "the configuration")


def load(text: str, format: str) -> Deployment:  # noqa: A002
    """The deployment that a text describes. It may still break rules: see `check`.

    Raises:
        BadInput: the text is not of this format, or does not have the form of a deployment.
    """
    return built(parse(text, format))


def built(value: object) -> Deployment:
    """The deployment in a JSON value. It may still break rules: see `check`.

    Raises:
        BadInput: the value does not have the form of a deployment.
    """
    reading = read(value)
    if reading.deployment is None:
        wrong = [f for f in reading.findings if f.rule.startswith("form_")]
        more = f" (and {counted(len(wrong) - 1, 'more finding')})" if len(wrong) > 1 else ""
        raise BadInput(f"{wrong[0].field}: {wrong[0].says}{more}")
    return reading.deployment


def dump(deployment: Deployment, format: str) -> str:  # noqa: A002
    """The deployment as text that `load` reads back.

    Raises:
        BadInput: no such format.
    """
    if format not in FORMATS:
        raise BadInput(unknown_name("format", format, FORMATS))
    value = deployment.to_json()
    if format == "json":
        return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    return "\n".join(_toml(value)) + "\n"


def _toml(value: dict[str, Any]) -> Iterable[str]:
    """The lines of the TOML: tables, then lists of tables, one line for each field."""
    blank = False
    for name, item in value.items():
        if not isinstance(item, list | dict):
            blank = True
            yield f"{name} = {_spelt(item)}"
            continue
        for table in item if isinstance(item, list) else [item]:
            if blank:
                yield ""
            blank = True
            yield f"[[{name}]]" if isinstance(item, list) else f"[{name}]"
            for key, field in table.items():
                yield f"{key} = {_spelt(field)}"


def _spelt(value: Any) -> str:
    """A text, number, flag or list of texts, as in JSON except for one character."""
    if isinstance(value, list):
        one_line = f"[{', '.join(map(_spelt, value))}]"
        if len(one_line) < 60:
            return one_line
        return "[\n" + "".join(f"  {_spelt(item)},\n" for item in value) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# --------------------------------------------------------------------------- schema


def schema() -> dict[str, Any]:
    """The JSON Schema of a configuration: every rule about a single value, as `dump` writes it.

    `read` understands more spellings of the same value: `90 s`, `(2) Setup Completed`.

    The file `configuration.schema.json` of this package has the same text; a test compares them.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A deployment of presence redundancy groups",
        **_record("deployment"),
    }


def _record(of: str) -> dict[str, Any]:
    layout = LAYOUT[of].values()
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [f.name for f in layout if f.needed],
        "properties": {f.name: {"description": f.says, **_field(f)} for f in layout},
    }


def _field(about: ConfigurationField) -> dict[str, Any]:
    kind, _, of = about.kind.partition(" ")
    if kind == "one":
        return _record(of)
    if kind == "parameters":
        return {
            "type": "object",
            "additionalProperties": False,
            "properties": {p.name: _parameter(p) for p in PARAMETERS},
        }
    if kind == "choice":
        return {"enum": list(about.choices), "default": about.choices[0]}
    types = {"flag": "boolean", "replication": "integer", "number": "number", "text": "string"}
    least, most = {
        "text": ("minLength", "maxLength"), "texts": ("minItems", "maxItems"),
        "many": ("minItems", "maxItems"), "services": ("minItems", "maxItems"),
    }.get(kind, ("minimum", "maximum"))
    items = {"texts": {"type": "string"}, "services": {"type": "string"}, "many": _record(of) if of else {}}
    return {
        "type": types.get(kind, "array"),
        **({"items": items[kind]} if kind in items else {}),
        **({least: about.least} if about.least is not None else {}),
        **({most: about.most} if about.most is not None else {}),
        **({"not": {"pattern": about.never}} if about.never else {}),
    }


def _parameter(about: Parameter) -> dict[str, Any]:
    says = {"description": about.says, "default": about.default}
    if isinstance(about.default, bool):
        return {**says, "type": "boolean"}
    kind = "integer" if about.unit == "port" else "number"
    return {**says, "type": kind, "minimum": about.least, "maximum": about.most}
