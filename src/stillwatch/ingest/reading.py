"""One input, a batch at a time: rows to take, defects, and how far the reading has come."""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import UsageError
from stillwatch.ingest.checks import SCHEMA, check
from stillwatch.ingest.columns import adopt, plain_rows
from stillwatch.ingest.defects import Defect, RowFault, digest
from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.json_rows import convert_rows, count_unknown, decode, to_batch
from stillwatch.ingest.lines import BLOCK_BYTES, BLOCK_ROWS, Block, read_blocks
from stillwatch.ingest.sources import Source, packing_of

_LOOK = 50
_PARQUET_FAULTS = (OSError, pa.ArrowException, ValueError)


@dataclass
class Taken:
    """A batch in EXCHANGE columns that keeps every rule, the defects met on the way, and where reading stands.

    `at` is what an input remembers to go on behind this batch: for files `rows` (lines or Parquet rows) and `offset`
    in bytes. `dropped`: values of a client's choosing that are impossible and were set unknown. `skipped`: this file
    is no log (nothing else is set then). `torn`: the last line is cut off, and is left for later.
    """

    batch: pa.RecordBatch
    defects: list[Defect]
    at: dict[str, Any]
    dialect: str
    unknown: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    skipped: bool = False
    torn: bool = False


def read_source(source: Source, dialect: Dialect | None, *, skip: int = 0, offset: int = 0) -> Iterator[Taken]:
    """Everything of a source after its first `skip` rows (for plain lines: from byte `offset`)."""
    try:
        if source.parquet and source.path is not None:
            yield from _parquet(source, dialect, skip)
        elif source.path is None:
            yield from read_lines(*_standard_input(source), dialect)
        else:
            with source.path.open("rb") as stream:
                yield from read_lines(source, stream, dialect, skip=skip, offset=offset)
    except PermissionError as error:
        raise UsageError(source.label, "may not be read", "check the file's permissions") from error


def _standard_input(source: Source) -> tuple[Source, BinaryIO]:
    if sys.stdin is None:
        raise UsageError("-", "standard input is closed", "pipe a log in, or name a file")
    stream = sys.stdin.buffer
    magic = stream.peek(4)[:4] if isinstance(stream, io.BufferedReader) else b""
    return replace(source, packing=packing_of(magic) or "plain"), stream


def read_lines(
    source: Source, stream: BinaryIO, dialect: Dialect | None, *, skip: int = 0, offset: int = 0
) -> Iterator[Taken]:
    """The lines of an open file after its first `skip` (for plain ones: from byte `offset`)."""
    if source.packing != "plain":
        offset = 0
    elif offset:
        stream.seek(offset - 1)
        if stream.read(1) != b"\n" and skip:
            skip -= 1  # the last line that was read had no end yet: the next line end is its own
    begun = skip > 0 or offset > 0
    for block in read_blocks(stream, source.packing, skip=skip, offset=offset):
        if block.raw and not begun and not source.named and not any(_try_decode(line) for line in block.raw):
            yield _no_log()
            return
        dialect = dialect or recognised(block.raw)
        if block.raw and dialect is None and not begun and not source.named:
            yield _no_log()
            return
        begun = begun or bool(block.raw)
        torn = block.torn is not None and source.path is not None and source.packing == "plain"
        if block.torn is not None and not torn:
            block.defects.append(block.torn)
        yield take_block(block, dialect, torn=torn)


def recognised(lines: Sequence[bytes]) -> Dialect | None:
    """The dialect that most of the first lines speak; None where they speak none."""
    return _recognised([row for row in map(_try_decode, lines[:_LOOK]) if row is not None])


def take_block(block: Block, dialect: Dialect | None, *, torn: bool = False) -> Taken:
    """Lines, wherever they came from, as a batch; without a dialect the contract's own is spoken."""
    spoken = dialect or dialects()["exchange"]
    unknown: Counter[str] = Counter()
    dropped: Counter[str] = Counter()
    batch, places, defects = to_batch(block.raw, block.numbers, spoken, unknown, dropped)
    checked, bad = check(batch, dropped)
    for index, (name, reason) in sorted(bad.items()):
        place = places[index]
        defects.append(Defect(block.numbers[place], reason, name, digest(block.raw[place])))
    defects = sorted([*block.defects, *defects], key=lambda d: d.row)
    at = {"rows": block.lines, "offset": block.offset}
    return Taken(_without(checked, bad), defects, at, spoken.name, unknown, dropped, torn=torn)


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
        extra = [name for name in names if name not in SCHEMA.names] if contract else []
        for batch in _batches(file, wanted):
            begin, row = row, row + (batch if isinstance(batch, int) else len(batch))
            if row <= skip:
                continue
            if isinstance(batch, int):
                lost = Defect(max(begin, skip) + 1, "Parquet row group is damaged", None, None, row - max(begin, skip))
                yield Taken(no_rows(), [lost], _at(row), spoken.name)
                continue
            if begin < skip:
                batch = batch.slice(skip - begin)
                begin = skip
            unknown: Counter[str] = Counter()
            count_unknown(unknown, extra, len(batch))
            yield take_batch(batch, begin, row, spoken, unknown)
    except _PARQUET_FAULTS as error:
        if isinstance(error, PermissionError):
            raise
        fault = Defect(row + 1, "Parquet data is damaged or cut off", None, None)
        yield Taken(no_rows(), [fault], _at(row), dialect.name if dialect else "exchange")


def _batches(file: Any, columns: list[str]) -> Iterator[pa.RecordBatch | int]:
    """The rows of a Parquet file; a number stands for that many rows that are damaged."""
    size, reached = _batch_rows(file), 0
    try:
        for batch in file.iter_batches(size, columns=columns, use_threads=False):
            reached += len(batch)
            yield batch
        return
    except _PARQUET_FAULTS:
        pass
    end = 0
    for group in range(file.metadata.num_row_groups):
        begin, end = end, end + file.metadata.row_group(group).num_rows
        if end <= reached:
            continue
        try:
            at = begin
            for batch in file.iter_batches(size, row_groups=[group], columns=columns, use_threads=False):
                at += len(batch)
                if at > reached:
                    yield batch.slice(max(0, len(batch) - (at - reached)))
                    reached = at
        except _PARQUET_FAULTS:
            pass
        if reached < end:
            yield end - reached
            reached = end


def take_batch(batch: pa.RecordBatch, begin: int, row: int, spoken: Dialect, unknown: Counter[str]) -> Taken:
    """A batch of Parquet rows, the first of which has `begin` rows before it and the last is row `row`, checked."""
    defects: list[Defect] = []
    if spoken.to_exchange is None:
        taken, misfits, dropped = adopt(batch)
        places = list(range(len(batch))) if misfits else None
    else:
        dropped = Counter()
        taken, places, defects = convert_rows(plain_rows(batch), begin + 1, spoken, unknown, dropped)
        misfits = {}
    checked, bad = check(taken, dropped)
    bad = {**bad, **misfits}
    for index, (name, reason) in sorted(bad.items()):
        place = places[index] if places is not None else index
        defects.append(Defect(begin + place + 1, reason, name, _row_digest(batch, place)))
    return Taken(_without(checked, bad), defects, _at(row), spoken.name, unknown, dropped)


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
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.EncodeError):
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


def _at(row: int) -> dict[str, Any]:
    return {"rows": row, "offset": 0}


def no_rows() -> pa.RecordBatch:
    """A batch in EXCHANGE columns without rows."""
    return pa.RecordBatch.from_arrays([pa.nulls(0, f.type) for f in SCHEMA], schema=SCHEMA)


def _no_log() -> Taken:
    return Taken(no_rows(), [], {}, "", skipped=True)
