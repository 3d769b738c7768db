"""Parquet: what is kept of fleets. Law: the one file that loads pyarrow, and only when it is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from types import ModuleType

from prgcore.errors import BadInput, MissingExtra

__all__ = ["columns_of", "columns_written"]


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

    Raises:
        BadInput: it is not Parquet, or is cut off.
        MissingExtra: pyarrow is not installed.
    """
    parquet = _parquet()
    from pyarrow import ArrowException

    try:
        file = parquet.ParquetFile(BytesIO(data))
        names = tuple(file.schema_arrow.names)
    except (ArrowException, OSError) as error:
        raise BadInput(f"it is not a Parquet file that can be read: {str(error).splitlines()[0]}") \
            from None

    def rows() -> Iterator[list[str]]:
        try:
            for batch in file.iter_batches(batch_size=10_000):
                columns = [["" if value is None else str(value) for value in column.to_pylist()]
                           for column in batch.columns]
                yield from map(list, zip(*columns, strict=True))
        except (ArrowException, OSError) as error:
            raise BadInput(f"it ends early: {str(error).splitlines()[0]}") from None

    return names, rows()


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
