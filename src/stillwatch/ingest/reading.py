"""One input, a batch at a time: rows to take, defects, and how far the reading has come."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import UsageError
from stillwatch.ingest.checks import SCHEMA, check
from stillwatch.ingest.columns import adopt
from stillwatch.ingest.defects import Defect, RowFault, digest
from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.json_rows import convert_rows, decode, to_batch
from stillwatch.ingest.lines import BLOCK_BYTES, BLOCK_ROWS, read_blocks
from stillwatch.ingest.sources import Source

_LOOK = 50
_PARQUET_FAULTS = (OSError, pa.ArrowException, ValueError)


@dataclass
class Taken:
    """A batch in EXCHANGE columns that keeps every rule, the defects met on the way, and where reading stands.

    `rows` lines or Parquet rows and `offset` bytes are behind it. `dropped`: values of a client's choosing
    that are impossible and were set unknown. `skipped`: this file is no log (nothing else is set then).
    """

    batch: pa.RecordBatch
    defects: list[Defect]
    rows: int
    offset: int
    dialect: str
    unknown: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    skipped: bool = False


def read_source(source: Source, dialect: Dialect | None, *, skip: int = 0, offset: int = 0) -> Iterator[Taken]:
    """Everything of a source after its first `skip` rows (for plain lines: from byte `offset`)."""
    try:
        if source.parquet and source.path is not None:
            yield from _parquet(source, dialect, skip)
        elif source.path is None:
            yield from _lines(source, sys.stdin.buffer, dialect, 0, 0)
        else:
            with source.path.open("rb") as stream:
                if offset and source.packing == "plain":
                    stream.seek(offset)
                yield from _lines(source, stream, dialect, skip, offset if source.packing == "plain" else 0)
    except PermissionError as error:
        raise UsageError(source.label, "may not be read", "check the file's permissions") from error


def _lines(source: Source, stream: BinaryIO, dialect: Dialect | None, skip: int, offset: int) -> Iterator[Taken]:
    for block in read_blocks(stream, source.packing, skip=skip, offset=offset):
        if dialect is None and block.raw:
            seen = [row for row in map(_try_decode, block.raw[:_LOOK]) if row is not None]
            dialect = _recognised(seen)
            if dialect is None and seen and not source.named:
                yield _no_log()
                return
        spoken = dialect or dialects()["exchange"]
        unknown: Counter[str] = Counter()
        dropped: Counter[str] = Counter()
        batch, places, defects = to_batch(block.raw, block.numbers, spoken, unknown, dropped)
        checked, bad = check(batch, dropped)
        for index, (name, reason) in sorted(bad.items()):
            place = places[index]
            defects.append(Defect(block.numbers[place], reason, name, digest(block.raw[place])))
        defects = sorted([*block.defects, *defects], key=lambda d: d.row)
        good = _without(checked, bad)
        yield Taken(good, defects, block.lines, block.offset, spoken.name, unknown, dropped)


def _parquet(source: Source, dialect: Dialect | None, skip: int) -> Iterator[Taken]:
    row = 0
    try:
        file = pq.ParquetFile(source.path)
        names = file.schema_arrow.names
        doubled = [name for name, n in Counter(names).items() if n > 1]
        if doubled:
            raise pa.ArrowInvalid("a column name occurs twice")
        if dialect is None:
            first = dict.fromkeys(names)
            dialect = _recognised([first])
            if dialect is None and not source.named:
                yield _no_log()
                return
        spoken = dialect or dialects()["exchange"]
        contract = spoken.to_exchange is None
        wanted = [name for name in names if name in SCHEMA.names] if contract else list(names)
        extra = [name[:60] for name in names if name not in SCHEMA.names] if contract else []
        for batch in file.iter_batches(_batch_rows(file), columns=wanted, use_threads=False):
            begin, row = row, row + len(batch)
            if row <= skip:
                continue
            if begin < skip:
                batch = batch.slice(skip - begin)
                begin = skip
            unknown = Counter(dict.fromkeys(extra, len(batch)))
            yield _adopted(batch, begin, row, spoken, unknown)
    except _PARQUET_FAULTS as error:
        if isinstance(error, PermissionError):
            raise
        fault = Defect(row + 1, "Parquet data is damaged or cut off", None, None)
        yield Taken(_empty(), [fault], row, 0, dialect.name if dialect else "exchange")


def _adopted(batch: pa.RecordBatch, begin: int, row: int, spoken: Dialect, unknown: Counter[str]) -> Taken:
    defects: list[Defect] = []
    if spoken.to_exchange is None:
        taken, misfits, dropped = adopt(batch)
        places = list(range(len(batch))) if misfits else None
    else:
        dropped = Counter()
        taken, places, defects = convert_rows(batch.to_pylist(), begin + 1, spoken, unknown, dropped)
        misfits = {}
    checked, bad = check(taken, dropped)
    bad = {**bad, **misfits}
    for index, (name, reason) in sorted(bad.items()):
        place = places[index] if places is not None else index
        defects.append(Defect(begin + place + 1, reason, name, _row_digest(batch, place)))
    return Taken(_without(checked, bad), defects, row, 0, spoken.name, unknown, dropped)


def _batch_rows(file: Any) -> int:
    meta = file.metadata
    size = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    each = max(1, size // max(1, meta.num_rows))
    return int(max(256, min(BLOCK_ROWS, 2 * BLOCK_BYTES // each)))


def _without(batch: pa.RecordBatch, bad: dict[int, tuple[str, str]]) -> pa.RecordBatch:
    if not bad:
        return batch
    keep = [index for index in range(len(batch)) if index not in bad]
    return batch.take(pa.array(keep, type=pa.int64()))


def _row_digest(batch: pa.RecordBatch, place: int) -> str | None:
    try:
        return digest(msgspec.json.encode(batch.slice(place, 1).to_pylist()[0]))
    except (TypeError, ValueError, UnicodeDecodeError, msgspec.EncodeError):
        return None


def _try_decode(line: bytes) -> dict[str, Any] | None:
    try:
        return decode(line)
    except RowFault:
        return None


def _recognised(rows: list[dict[str, Any]]) -> Dialect | None:
    """The dialect that recognises most of the rows; None where none recognises any."""
    votes = {d: sum(1 for row in rows if d.recognises(row)) for d in dialects().values()}
    best = max(votes, key=lambda d: votes[d])
    return best if votes[best] else None


def _empty() -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in SCHEMA], schema=SCHEMA)


def _no_log() -> Taken:
    return Taken(_empty(), [], 0, 0, "", skipped=True)
