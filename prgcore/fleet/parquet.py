"""Parquet: what is kept of fleets. Law: the one file that loads pyarrow, and only when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from types import ModuleType
from typing import TYPE_CHECKING, Any

from prgcore.errors import BadInput, MissingExtra
from prgcore.explain.display import spell
from prgcore.form.spelling import Spelling
from prgcore.seats import NODES

if TYPE_CHECKING:
    from prgcore.fleet.fleet import Fleet
    from prgcore.fleet.table import Table

__all__ = ["arrays_written", "columns_of", "columns_written", "fleet_read", "fleet_written"]

FLEET = "prgcore-fleet/1"
"""The first words in the metadata of a fleet of codes."""


def _parquet() -> ModuleType:
    """The library.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise MissingExtra("Parquet", "parquet") from None
    return parquet  # type: ignore[no-any-return]


def columns_of(data: bytes) -> tuple[tuple[str, ...], Iterator[list[str]]]:
    """The names of the columns of a Parquet file, and its rows as texts; "" for a null.

    A column of records is one column for each of its fields, as `node1.state`.

    Raises:
        BadInput: it is not Parquet, or is cut off.
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    from pyarrow import ArrowException, Table

    try:
        file = parquet.ParquetFile(BytesIO(data))
        names = tuple(file.schema_arrow.empty_table().flatten().column_names)
    except (ArrowException, OSError, UnicodeDecodeError) as error:
        raise BadInput(f"it is not a Parquet file that can be read: {str(error).splitlines()[0]}") \
            from None

    def rows() -> Iterator[list[str]]:
        try:
            for batch in file.iter_batches(batch_size=10_000):
                whole = Table.from_batches([batch]).flatten()
                columns = [*map(_texts, whole.columns)]
                yield from map(list, zip(*columns, strict=True))
        except (ArrowException, OSError, UnicodeDecodeError) as error:
            raise BadInput(f"it ends early: {str(error).splitlines()[0]}") from None

    return names, rows()


def _texts(column: Any) -> list[str]:
    """The values of a column as texts; "" for a null, and replacement characters where one is damaged."""
    try:
        return ["" if value is None else str(value) for value in column.to_pylist()]
    except UnicodeDecodeError:
        from pyarrow import binary

        return ["" if value is None else bytes(value).decode(errors="replace")
                for value in column.cast(binary()).to_pylist()]


def columns_written(names: Sequence[str], rows: Iterable[Sequence[str | int | None]]) -> bytes:
    """A table as a Parquet file: each column of numbers or of texts.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    import pyarrow as pa

    columns = [*zip(*rows, strict=True)] or [() for _ in names]
    table = pa.table({
        name: pa.array(values, pa.string() if any(isinstance(v, str) for v in values)
                            else pa.int64())
        for name, values in zip(names, columns, strict=True)})
    out = BytesIO()
    parquet.write_table(table, out)
    return out.getvalue()


def arrays_written(columns: Mapping[str, Any]) -> bytes:
    """Arrays of numbers of one length as a Parquet file, each a column under its name.

    Raises:
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    import pyarrow as pa

    out = BytesIO()
    made = pa.table({name: pa.array(values) for name, values in columns.items()})
    parquet.write_table(made, out, compression="zstd")
    return out.getvalue()


def fleet_written(fleet: Fleet, names: Sequence[str] = ()) -> bytes:
    """A fleet as a Parquet file: a code for each pair, what it shows, its name.

    Columns: `name` (if there are names), `code`, and for each node of a machine with states
    `node1` and `node2` in words. The metadata hold the digest of the machine.

    Args:
        fleet: the pairs.
        names: a name for each pair, in order; or none.

    Raises:
        BadInput: there are names, and not one for each pair.
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    import numpy as np
    import pyarrow as pa

    table = fleet.table
    if names and len(names) != len(fleet):
        raise BadInput(f"{len(names):,} names for {len(fleet):,} pairs; expected one for each")
    columns: dict[str, Any] = {"name": pa.array(names, pa.string())} if names else {}
    columns["code"] = pa.array(fleet.codes)
    if table.displays:
        shown, spelling = fleet.shown, Spelling.of(table.model)
        for seat, node in enumerate(NODES):
            words = [spell(display[seat], spelling) for display in table.displays]
            once = {word: place for place, word in enumerate(dict.fromkeys(words))}
            place = np.array([once[word] for word in words], np.int16)
            columns[node] = pa.DictionaryArray.from_arrays(place.take(shown), pa.array(list(once)))
    about = {"prgcore": FLEET, "machine": table.model.name, "digest": table.digest,
             "pairs": str(len(table))}
    out = BytesIO()
    made = pa.table(columns).replace_schema_metadata(about)
    parquet.write_table(made, out, compression="zstd")
    return out.getvalue()


def fleet_read(table: Table, data: bytes) -> tuple[Fleet, tuple[str, ...]]:
    """A fleet of a Parquet file that `fleet_written` has made, and its names; none if it has none.

    Raises:
        BadInput: it is not such a file, or of another machine, or a code is outside the table.
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    from pyarrow import ArrowException

    try:
        made = parquet.read_table(BytesIO(data))
    except (ArrowException, OSError) as error:
        raise BadInput(f"it is not a Parquet file that can be read: {str(error).splitlines()[0]}") \
            from None
    about = {key.decode("utf-8", "replace"): value.decode("utf-8", "replace")
             for key, value in (made.schema.metadata or {}).items()}
    if about.get("prgcore") != FLEET or "code" not in made.column_names:
        raise BadInput("it is a Parquet file, but no fleet of codes: prgcore fleet simulate "
                       "--each -o writes one")
    if about.get("digest") != table.digest:
        raise BadInput(f"it is a fleet of another machine, {about.get('machine', '')!r:.40} with the "
                       f"digest {about.get('digest', '')[:12]}; this one has {table.digest[:12]}. "
                       "Give its --machine or --policy")
    column = made.column("code")
    if column.null_count:
        raise BadInput(f"{column.null_count:,} pairs have no code; expected one for each")
    names = made.column("name").to_pylist() if "name" in made.column_names else ()
    from prgcore.fleet.fleet import Fleet

    return Fleet(table, column.to_numpy()), tuple(names)
