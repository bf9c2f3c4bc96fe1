"""Rows or foreign Arrow columns become a batch in the contract's columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.ingest.checks import SCHEMA
from stillwatch.ingest.defects import RowFault
from stillwatch.ingest.values import CHOSEN, READ_VALUE, Unreadable

#: Texts that a client writes or brings about: one byte that is no UTF-8 must hide neither them nor their row.
_WRITTEN = frozenset(("prompt", "system", "completion", "model", "user_agent", "end_user_id", "session_id"))
_TIME = pa.timestamp("us", tz="UTC")


def batch_of(rows: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Rows of values that `values.read_fields` has read, as a batch in EXCHANGE columns."""
    columns = [pa.array([row.get(f.name) for row in rows], type=f.type) for f in SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def adopt(batch: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[int, tuple[str, str]], Counter[str]]:
    """A Parquet batch whose columns bear contract names, in EXCHANGE columns, the rows that did not fit, and what
    of a client's choosing was set unknown.

    Columns are cast whole; only one that holds a value of a wrong kind is read value by value.
    """
    bad: dict[int, tuple[str, str]] = {}
    dropped: Counter[str] = Counter()
    columns: list[pa.Array] = []
    for field in SCHEMA:
        place = batch.schema.get_field_index(field.name)
        if place < 0:
            columns.append(pa.nulls(len(batch), field.type))
            continue
        column = batch.column(place)
        try:
            columns.append(_cast(column, field))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            columns.append(_one_by_one(column, field, bad, dropped))
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA), bad, dropped


def plain_rows(batch: pa.RecordBatch) -> list[dict[str, Any] | RowFault]:
    """The rows of a Parquet batch as Python values; a text that is no UTF-8 is mended, what has no value is a fault."""
    try:
        return list(batch.to_pylist())
    except (ValueError, OverflowError):
        return [_plain_row(batch, place) for place in range(len(batch))]


def _plain_row(batch: pa.RecordBatch, place: int) -> dict[str, Any] | RowFault:
    row: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            row[name] = column[place].as_py()
        except UnicodeDecodeError:
            row[name] = _mended(column[place])
            if row[name] is None:
                return RowFault("is not UTF-8", name)
        except (ValueError, OverflowError):
            row[name] = Unreadable()
    return row


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_null(kind):
        return pa.nulls(len(column), field.type)
    if field.name == "started_at":
        if pa.types.is_timestamp(kind):
            if kind.tz is None:
                column = column.cast(pa.timestamp(kind.unit)).cast(pa.timestamp("us"), safe=kind.unit != "ns")
                return column.cast(_TIME)
            return column.cast(_TIME, safe=kind.unit != "ns")
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return column.cast(pa.string()).cast(_TIME)
        raise pa.ArrowTypeError("a time is wanted")
    if field.name == "messages" and not _is_text(kind):
        raise pa.ArrowTypeError("messages in another shape")
    if pa.types.is_string(field.type):
        if not _is_text(kind) and not pa.types.is_integer(kind):
            raise pa.ArrowTypeError("a string is wanted")
        out = column.cast(pa.string())
        out.validate(full=True)
        if field.name == "messages" and not pc.all(pc.match_substring_regex(out, r"^\s*\[")).as_py():
            if out.null_count == len(out):
                return out
            raise pa.ArrowTypeError("not a list everywhere")
        return out
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if pa.types.is_integer(field.type) or pa.types.is_floating(field.type):
        if not numeric:
            raise pa.ArrowTypeError("a number is wanted")
        if pa.types.is_floating(kind):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
        return column.cast(field.type)
    if pa.types.is_boolean(field.type) and not pa.types.is_boolean(kind):
        raise pa.ArrowTypeError("true or false is wanted")
    out = column.cast(field.type)
    out.validate(full=True)
    return out


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _one_by_one(
    column: pa.Array, field: pa.Field, bad: dict[int, tuple[str, str]], dropped: Counter[str]
) -> pa.Array:
    read = READ_VALUE[field.name]
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values: list[Any] = []
    for row in range(len(column)):
        try:
            value = column[row].as_py()
            values.append(None if value is None else read(value))
        except (ValueError, OverflowError) as fault:
            mended = _mended(column[row]) if isinstance(fault, UnicodeDecodeError) else None
            values.append(mended if field.name in _WRITTEN else None)
            if field.name in CHOSEN or (mended is not None and field.name in _WRITTEN):
                dropped[field.name] += 1
            else:
                bad.setdefault(row, (field.name, _reason(fault)))
    return pa.array(values, type=field.type)


def _mended(text: Any) -> str | None:
    """A text that is no UTF-8, with U+FFFD for what is not."""
    return bytes(text.as_buffer()).decode("utf-8", "replace") if _is_text(text.type) else None


def _reason(fault: Exception) -> str:
    if isinstance(fault, RowFault):
        return fault.reason
    return "is not UTF-8" if isinstance(fault, UnicodeDecodeError) else "cannot be read"
