"""The rules that every row must keep, over whole columns at a time.

What the provider writes (ids, times, billed tokens, status) condemns a row when it is impossible. What a
client can choose (temperature, max_tokens, n, top_p, the model's name) never does, or a client could hide its rows by
asking for nonsense: an impossible value there is unknown (a name is cut and cleaned), and counted.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import EXCHANGE

SCHEMA = arrow_schema(EXCHANGE)
LONGEST_ID = 512
"""Characters of an exchange_id or account_id."""
_EARLIEST = 1_420_070_400_000_000
"""2015-01-01: before it nobody sold calls to a language model."""
_AHEAD = 2 * 86_400_000_000
_INT32 = 2**31 - 1

_PROVIDED: tuple[tuple[str, float, float], ...] = (
    ("input_tokens", 0, _INT32), ("output_tokens", 0, _INT32), ("reasoning_tokens", 0, _INT32),
    ("status", 0, 999), ("asn", 0, 2**32 - 1), ("latency_ms", 0, 1e12), ("cost_usd", -1e9, 1e9),
)  # fmt: skip
_ASKED: tuple[tuple[str, float, float], ...] = (
    ("temperature", -1e6, 1e6), ("top_p", -1e6, 1e6), ("max_tokens", 0, _INT32), ("n", 0, 2**15 - 1),
)  # fmt: skip


def check(
    batch: pa.RecordBatch, dropped: Counter[str]
) -> tuple[pa.RecordBatch, dict[int, tuple[str, str]]]:
    """A batch in EXCHANGE columns without its impossible values, and its bad rows; `dropped` counts the former.

    Bad rows: row number in the batch to (field, reason), the first fault found. The batch still holds them.
    """
    bad: dict[int, tuple[str, str]] = {}
    for name in ("exchange_id", "account_id", "model"):
        column = batch.column(name)
        if column.null_count:
            _mark(bad, pc.is_null(column), name, "is missing")
        length = pc.utf8_length(column)
        most = pc.min_max(length).as_py()
        if most["min"] == 0:
            _mark(bad, pc.equal(length, 0), name, "is empty")
        if name == "model":
            batch = _plain_model(batch, (most["max"] or 0) > LONGEST_ID, dropped)
            continue
        if (most["max"] or 0) > LONGEST_ID:
            _mark(bad, pc.greater(length, LONGEST_ID), name, f"is longer than {LONGEST_ID} characters")
        if _holds_nul(column):
            _mark(bad, pc.match_substring(column, "\0"), name, "holds a NUL character")
    at = batch.column("started_at")
    if at.null_count:
        _mark(bad, pc.is_null(at), "started_at", "is missing")
    ticks = at.cast(pa.int64())
    latest = int(time.time() * 1e6) + _AHEAD
    bounds = pc.min_max(ticks).as_py()
    if bounds["min"] is not None and (bounds["min"] < _EARLIEST or bounds["max"] > latest):
        _mark(bad, pc.or_(pc.less(ticks, _EARLIEST), pc.greater(ticks, latest)), "started_at", "clock")
    for name, least, most_allowed in _PROVIDED:
        wrong = _outside(batch.column(name), least, most_allowed)
        if wrong is not None:
            _mark(bad, wrong, name, "is negative" if least == 0 and _all_negative(batch.column(name), wrong)
                  else "is out of range")  # fmt: skip
    for name, least, most_allowed in _ASKED:
        column = batch.column(name)
        wrong = _outside(column, least, most_allowed)
        if wrong is not None:
            dropped[name] += int(pc.sum(wrong).as_py())
            null = pa.scalar(None, column.type)
            batch = batch.set_column(batch.schema.get_field_index(name), name, pc.if_else(wrong, null, column))
    return batch, bad


def _plain_model(batch: pa.RecordBatch, long: bool, dropped: Counter[str]) -> pa.RecordBatch:
    column = batch.column("model")
    if not long and not _holds_nul(column):
        return batch
    plain = pc.replace_substring(pc.utf8_slice_codeunits(column, 0, LONGEST_ID), "\0", "\ufffd")
    dropped["model"] += int(pc.sum(pc.not_equal(plain, column)).as_py() or 0)
    return batch.set_column(batch.schema.get_field_index("model"), "model", plain)


def _outside(column: pa.Array, least: float, most: float) -> pa.Array | None:
    """Where a number lies outside its bounds (or is NaN); None where nothing does."""
    if column.null_count == len(column):
        return None
    if pa.types.is_floating(column.type):
        fine = pc.and_(pc.greater_equal(column, least), pc.less_equal(column, most))
    else:
        bounds = pc.min_max(column).as_py()
        if bounds["min"] >= least and bounds["max"] <= most:
            return None
        fine = pc.and_(pc.greater_equal(column, int(least)), pc.less_equal(column, int(most)))
    wrong = pc.fill_null(pc.invert(fine), False)
    return wrong if pc.any(wrong).as_py() else None


def _all_negative(column: pa.Array, wrong: pa.Array) -> bool:
    return bool(pc.all(pc.less(column.filter(wrong), 0)).as_py())


def _holds_nul(column: pa.Array) -> bool:
    data = column.buffers()[2]
    return data is not None and b"\0" in memoryview(data).tobytes()


def _mark(bad: dict[int, tuple[str, str]], wrong: Any, field: str, reason: str) -> None:
    for row in np.flatnonzero(np.asarray(wrong.fill_null(False).to_numpy(zero_copy_only=False))).tolist():
        bad.setdefault(int(row), (field, reason))
