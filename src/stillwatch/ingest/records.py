"""Accounts and model releases: small files in JSON Lines, CSV or Parquet, read whole."""

from __future__ import annotations

import csv
import difflib
import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.arrow_types import arrow_schema
from stillwatch.errors import UsageError
from stillwatch.ingest.columns import plain_rows
from stillwatch.ingest.defects import RowFault
from stillwatch.ingest.json_rows import count_unknown, decode
from stillwatch.ingest.lines import read_blocks
from stillwatch.ingest.sources import file_source
from stillwatch.ingest.values import READ_RECORD, read_fields
from stillwatch.records.tables import ACCOUNT, RELEASE, Column


class Records(NamedTuple):
    """A table in a contract's layout; `given`: for each of its rows the fields that the file speaks of, an emptied one
    too. Of `read` rows `quarantined` were left out for `reasons`; `set_unknown`: fields that could not be read."""

    table: pa.Table
    given: list[frozenset[str]]
    read: int
    quarantined: int
    reasons: dict[str, int]
    set_unknown: dict[str, int]
    unknown: dict[str, int]


def read_accounts(path: Path) -> Records:
    """Contract section 2. Of two rows of an account the last wins, field by field; a row without account_id is left
    out and counted, another field that cannot be read is unknown and counted."""
    return _read(path, ACCOUNT, ("account_id",), "--accounts")


def read_releases(path: Path) -> Records:
    """Contract section 3. The last row of a model wins."""
    return _read(path, RELEASE, ("model", "released_at"), "--releases")


def _read(path: Path, layout: Sequence[Column], required: tuple[str, ...], option: str) -> Records:
    names = [column.name for column in layout]
    unknown: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    set_unknown: Counter[str] = Counter()
    latest: dict[str, dict[str, Any]] = {}
    speaks: dict[str, frozenset[str]] = {}
    optional = frozenset(names).difference(required)
    count = 0
    for row in _rows(path):
        count += 1
        if isinstance(row, RowFault):
            reasons[f"{row.field}: {row.reason}" if row.field else row.reason] += 1
            continue
        count_unknown(unknown, (name for name in row if name not in names))
        given = {name for name in row if name in names}
        lost: Counter[str] = Counter()
        try:
            record = read_fields({name: row[name] for name in given}, READ_RECORD, lenient=optional, dropped=lost)
            lacking = [name for name in required if not record.get(name)]
            if lacking:
                raise RowFault("is missing", lacking[0])
            if len(record[required[0]]) > 512 or "\0" in record[required[0]]:
                raise RowFault("is no id", required[0])
        except RowFault as fault:
            reasons[f"{fault.field}: {fault.reason}"] += 1
            continue
        set_unknown += lost
        id, given = record[required[0]], given.difference(lost)
        latest[id] = {**{k: v for k, v in latest.pop(id, {}).items() if k not in given}, **record}
        speaks[id] = speaks.get(id, frozenset()) | given
    if count and not latest:
        close = [f"{u[:40]!r}" for name in required for u in difflib.get_close_matches(name, unknown, 1, 0.6)]
        worst = ", ".join(f"{k} ({v})" for k, v in reasons.most_common(2))
        what = f"none of {count} rows could be read: {worst}" + (f"; is it {', '.join(close)}?" if close else "")
        raise UsageError(str(path), what, f"{option} wants the columns {', '.join(required)}")
    table = pa.Table.from_pylist(list(latest.values()), schema=arrow_schema(layout))
    told = [speaks[id] for id in latest]
    return Records(table, told, count, sum(reasons.values()), dict(reasons), dict(set_unknown), dict(unknown))


def _rows(path: Path) -> Iterator[dict[str, Any] | RowFault]:
    source = file_source(path)
    try:
        if source.parquet:
            for batch in pq.ParquetFile(path).iter_batches():
                yield from plain_rows(batch)
        elif path.name.lower().endswith((".csv", ".tsv")):
            yield from _csv_rows(path)
        else:
            with path.open("rb") as stream:
                for block in read_blocks(stream, source.packing):
                    yield from (RowFault(d.reason) for d in (*block.defects, *([block.torn] if block.torn else [])))
                    for line in block.raw:
                        try:
                            yield decode(line)
                        except RowFault as fault:
                            yield fault
    except (OSError, pa.ArrowException, csv.Error, UnicodeDecodeError) as error:
        raise UsageError(str(path), "cannot be read", "give JSON Lines, CSV with a header line, or Parquet") from error


def _csv_rows(path: Path) -> Iterator[dict[str, Any] | RowFault]:
    csv.field_size_limit(min(sys.maxsize, 1 << 20))
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.read(65536)
        rest = io.StringIO(head + file.read(), newline="")
    first = head.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    for row in csv.DictReader(rest, delimiter=delimiter):
        if None in row:
            yield RowFault("has more cells than the header")
            continue
        # an emptied cell takes a value back; a cell that a short line lacks says nothing
        yield {str(k).strip(): v.strip() or None for k, v in row.items() if v is not None}
