"""JSON lines into batches: one typed decode a row; a row that resists is taken apart for its reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from stillwatch.ingest.checks import SCHEMA
from stillwatch.ingest.columns import batch_of
from stillwatch.ingest.defects import Defect, RowFault, digest
from stillwatch.ingest.dialects import Dialect
from stillwatch.ingest.mending import DEEPEST, read_json
from stillwatch.ingest.values import CHOSEN, read_fields, to_time
from stillwatch.records.tables import EXCHANGE

_KINDS: dict[str, Any] = {
    "string": str | None, "timestamp": str | None, "int64": int | None, "float64": float | None,
    "bool": bool | None, "list<string>": list[str] | None,
}  # fmt: skip
_NONE = msgspec.Raw(b"null")
_Row: Any = msgspec.defstruct(
    "Row",
    [(c.name, msgspec.Raw, _NONE) if c.name == "messages" else (c.name, _KINDS[c.type], None) for c in EXCHANGE],
    gc=False,
)
_decode_row = msgspec.json.Decoder(_Row).decode
_decode_keys = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_any = msgspec.json.Decoder().decode
_FAULTS = (msgspec.DecodeError, msgspec.ValidationError, RecursionError, UnicodeDecodeError, ValueError)
_INT64 = 2**63
_NAME = re.compile(r"[A-Za-z_][\w.-]{0,59}", re.ASCII)
MOST_NAMES = 200
_REQUIRED = frozenset(("exchange_id", "started_at", "account_id"))


def decode(line: bytes, dropped: Counter[str] | None = None) -> dict[str, Any]:
    """A JSON object; raises RowFault that says in which way it is none.

    What a client can write to make a row unreadable is mended first; `dropped` counts fields that lost something.
    """
    try:
        row, deep = read_json(line)
    except RecursionError:
        raise RowFault("is nested too deeply") from None
    except UnicodeDecodeError:
        raise RowFault("is not UTF-8") from None
    except (msgspec.DecodeError, ValueError) as error:
        raise error if isinstance(error, RowFault) else _unreadable(error) from None
    if not isinstance(row, dict):
        raise RowFault("is not a JSON object")
    if deep:
        cut = [name for name, value in row.items() if _reaches(value, DEEPEST - 1)]
        if not _REQUIRED.isdisjoint(cut):
            raise RowFault("is nested too deeply")
        if dropped is not None:
            dropped.update(name if name in SCHEMA.names else "other" for name in cut)
    return row


def _unreadable(error: Exception) -> RowFault:
    return RowFault("is not UTF-8" if "UTF-8" in str(error) else "is not JSON")


def _reaches(value: Any, depth: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    held = value.values() if isinstance(value, dict) else value
    return depth <= 1 or any(_reaches(item, depth - 1) for item in held)


def to_batch(
    lines: list[bytes], numbers: list[int], dialect: Dialect, unknown: Counter[str], dropped: Counter[str]
) -> tuple[pa.RecordBatch, list[int], list[Defect]]:
    """The rows that could be read, the index in `lines` that each came from, and the others' defects."""
    if dialect.to_exchange is None:
        return _contract_rows(lines, numbers, dialect.known, unknown, dropped)
    rows: list[dict[str, Any]] = []
    places: list[int] = []
    defects: list[Defect] = []
    for place, line in enumerate(lines):
        try:
            rows.append(_converted(decode(line, dropped), dialect, unknown, dropped))
            places.append(place)
        except RowFault as fault:
            defects.append(Defect(numbers[place], fault.reason, fault.field, digest(line)))
    return batch_of(rows), places, defects


def convert_rows(
    rows: Sequence[Mapping[str, Any] | RowFault], first: int, dialect: Dialect, unknown: Counter[str],
    dropped: Counter[str],
) -> tuple[pa.RecordBatch, list[int], list[Defect]]:  # fmt: skip
    """The same for rows that are decoded already (Parquet in another dialect)."""
    out: list[dict[str, Any]] = []
    places: list[int] = []
    defects: list[Defect] = []
    for place, row in enumerate(rows):
        try:
            if isinstance(row, RowFault):
                raise row
            out.append(_converted(row, dialect, unknown, dropped))
            places.append(place)
        except RowFault as fault:
            defects.append(Defect(first + place, fault.reason, fault.field, None))
    return batch_of(out), places, defects


def _converted(
    row: Mapping[str, Any], dialect: Dialect, unknown: Counter[str], dropped: Counter[str]
) -> dict[str, Any]:
    assert dialect.to_exchange is not None
    if dialect.known:
        count_unknown(unknown, (name for name in row if name not in dialect.known))
    try:
        return read_fields(dialect.to_exchange(row), lenient=CHOSEN, dropped=dropped)
    except RecursionError:
        raise RowFault("is nested too deeply") from None
    except OverflowError:
        raise RowFault("is out of range") from None


def _contract_rows(
    lines: list[bytes], numbers: list[int], known: frozenset[str], unknown: Counter[str], dropped: Counter[str]
) -> tuple[pa.RecordBatch, list[int], list[Defect]]:
    rows: list[Any] = []
    places: list[int] = []
    defects: list[Defect] = []
    for place, line in enumerate(lines):
        try:
            row = _decode_row(line)
            extra = _decode_keys(line).keys() - known
        except _FAULTS:
            try:
                whole = decode(line, dropped)
                row = _Row(**_loose(read_fields(whole, lenient=CHOSEN, dropped=dropped)))
                extra = whole.keys() - known
            except RowFault as fault:
                defects.append(Defect(numbers[place], fault.reason, fault.field, digest(line)))
                continue
        if extra:
            count_unknown(unknown, extra)
        rows.append(row)
        places.append(place)
    columns: list[pa.Array] = []
    bad: dict[int, tuple[str, str]] = {}
    for field in SCHEMA:
        columns.append(_column(field, [getattr(row, field.name) for row in rows], bad, dropped))
    batch = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    if bad:
        for index, (name, reason) in sorted(bad.items()):
            defects.append(Defect(numbers[places[index]], reason, name, digest(lines[places[index]])))
        keep = [index for index in range(len(rows)) if index not in bad]
        batch = batch.take(pa.array(keep, pa.int64()))
        places = [places[index] for index in keep]
    return batch, places, defects


def _loose(row: dict[str, Any]) -> dict[str, Any]:
    """Fields that were read value by value, in the shapes that the typed row has."""
    if "messages" in row:
        row["messages"] = msgspec.Raw(row["messages"].encode("utf-8"))
    return row


def _column(
    field: pa.Field, values: list[Any], bad: dict[int, tuple[str, str]], dropped: Counter[str]
) -> pa.Array:
    if field.name == "messages":
        return _messages(values, bad, dropped)
    if field.name == "started_at":
        return _times(field, values, bad)
    try:
        return pa.array(values, type=field.type)
    except (OverflowError, pa.ArrowInvalid):
        clipped = [None if v is None else max(-_INT64, min(_INT64 - 1, v)) for v in values]
        return pa.array(clipped, type=field.type)


def _messages(values: list[Any], bad: dict[int, tuple[str, str]], dropped: Counter[str]) -> pa.Array:
    texts: list[bytes | None] = []
    for raw in values:
        text = bytes(raw)
        if text == b"null":
            texts.append(None)
        elif text[:1] == b"[":
            texts.append(text)
        else:
            texts.append(_unquoted(text) if text[:2] == b'"[' else None)
            if texts[-1] is None:
                dropped["messages"] += 1
    column = pa.array(texts, type=pa.binary())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        for index, held in enumerate(texts):
            try:
                (held or b"").decode("utf-8")
            except UnicodeDecodeError:
                texts[index] = None
                bad.setdefault(index, ("messages", "is not UTF-8"))
        return pa.array(texts, type=pa.binary()).cast(pa.string())


def _unquoted(text: bytes) -> bytes | None:
    try:
        return str(_decode_any(text)).encode("utf-8")
    except _FAULTS:
        return None


def _times(field: pa.Field, values: list[Any], bad: dict[int, tuple[str, str]]) -> pa.Array:
    try:
        return pa.array(values, type=pa.string()).cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        ticks: list[int | None] = []
        for index, value in enumerate(values):
            try:
                ticks.append(None if value is None else int(value) if isinstance(value, int) else to_time(value))
            except RowFault as fault:
                ticks.append(None)
                bad.setdefault(index, (field.name, fault.reason))
        return pa.array(ticks, type=field.type)


def count_unknown(unknown: Counter[str], names: Iterable[Any], by: int = 1) -> None:
    """Counts fields that are not read. Names come from a log: what is no plain name may be a customer's data, and
    without a limit a log could fill the memory with them."""
    for name in names:
        plain = isinstance(name, str) and _NAME.fullmatch(name) is not None
        unknown[name if plain and (name in unknown or len(unknown) < MOST_NAMES) else "other"] += by
