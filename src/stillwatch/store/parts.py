"""Part files: written under another name, forced to disk, then renamed; so a part is whole or not there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import OutsideError
from stillwatch.store.adding_up import add_up

MOST_NAMES = 200
KINDS = ("exchanges", "fingerprints", "turns")
#: Column that names a row's earliest and latest time, and what a part is summed over.
SPAN = {
    "exchanges": ("started_at", "started_at"),
    "fingerprints": ("first_at", "last_at"),
    "turns": ("first_at", "last_at"),
}
SUMMED = {"fingerprints": "fingerprint", "turns": "turn"}
#: Columns of which nearly each value is another: a dictionary of them costs time, and the file grows by it.
_MANY_VALUED = frozenset(
    ("exchange_id", "started_at", "session", "prompt", "masked", "opening", "closing", "topic", "completion", "history",
     "latency_ms", "cost_usd")
)  # fmt: skip
_NEVER, _ALWAYS = -(1 << 63), (1 << 63) - 1


class Part(NamedTuple):
    """A registered part file; times in microseconds."""

    kind: str
    name: str
    rows: int
    bytes: int
    min_at: int | None
    max_at: int | None


def write_part(home: Path, kind: str, name: str, table: pa.Table, *, mode: int = 0o600) -> Part:
    """Writes `DIR/kind/name` and forces it and its folder to disk."""
    folder = home / kind
    target, temporary = folder / name, folder / f"{name}.writing"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with temporary.open("wb") as file:
            temporary.chmod(mode)
            pq.write_table(
                table, file, compression="zstd", compression_level=1, row_group_size=1 << 17,
                use_dictionary=_few_valued(kind, table),
            )  # fmt: skip
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
        sync_folder(folder)
    except OSError as error:
        raise OutsideError(str(target), f"cannot be written ({error.strerror})", "check disk and rights") from error
    first, last = SPAN.get(kind, ("", ""))
    low = high = None
    if first and table.num_rows:
        low = pc.min(table.column(first)).cast(pa.int64()).as_py()
        high = pc.max(table.column(last)).cast(pa.int64()).as_py()
    return Part(kind, name, table.num_rows, target.stat().st_size, low, high)


def _few_valued(kind: str, table: pa.Table) -> list[str] | bool:
    """The columns to write through a dictionary."""
    if kind in SUMMED:
        return False
    return [field.name for field in table.schema if field.name not in _MANY_VALUED and not pa.types.is_list(field.type)]


def summed(kind: str, table: pa.Table) -> pa.Table:
    """Fingerprints or turns with one row for each account and value."""
    value = SUMMED[kind]
    whole = {name: _numbers(table.column(name)) for name in ("account", value, "n")}
    first, last = _numbers(table.column("first_at"), _ALWAYS), _numbers(table.column("last_at"), _NEVER)
    rows, n, first, last = add_up(whole["account"], whole[value], whole["n"], first, last)
    undated = first > last
    mask = undated if undated.any() else None
    arrays = [whole["account"][rows], whole[value][rows], n, first, last]
    return pa.table(
        [
            pa.array(array, mask=mask if field.name in ("first_at", "last_at") else None).cast(field.type)
            for array, field in zip(arrays, table.schema, strict=True)
        ],
        schema=table.schema,
    )


def _numbers(column: pa.ChunkedArray, unknown: int = 0) -> Any:
    """A column's numbers (times as int64) without copying where it is in one piece and knows all."""
    pieces = [piece.view(pa.int64()) if pa.types.is_timestamp(piece.type) else piece for piece in column.chunks]
    known = [np.asarray(piece.fill_null(unknown) if piece.null_count else piece) for piece in pieces]
    if len(known) == 1:
        return known[0]
    empty = np.empty(0, np.int64 if pa.types.is_timestamp(column.type) else column.type.to_pandas_dtype())
    return np.concatenate(known) if known else empty


def read_part(home: Path, kind: str, name: str) -> pa.Table:
    """A part, whole."""
    try:
        return pq.read_table(home / kind / name, memory_map=False, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise OutsideError(str(home / kind / name), "a part cannot be read", "restore it from a backup") from error


def open_part(home: Path, kind: str, name: str) -> Any:
    """A part to read in pieces."""
    try:
        return pq.ParquetFile(home / kind / name)
    except (OSError, pa.ArrowException) as error:
        raise OutsideError(str(home / kind / name), "a part cannot be read", "restore it from a backup") from error


def add_names(total: Counter[str], more: Mapping[str, int]) -> None:
    """Adds counts of names that come from logs; beyond `MOST_NAMES` of them the rest count as `other`."""
    for name, count in more.items():
        total[name if name in total or len(total) < MOST_NAMES else "other"] += count


def sync_folder(folder: Path) -> None:
    """Forces a folder's names to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
