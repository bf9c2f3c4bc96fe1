"""What runs on an executor: batches of exchanges are checked and sketched, and written as parts of the home.

A task writes its parts under names that nobody else has and yields a line about each: the driver lets them count. So a
task that is run twice, or is killed, changes nothing. Text goes no further than this function.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.ingest import Taken, dialects, take_batch
from stillwatch.ingest.defects import Defect
from stillwatch.intake import missing_columns
from stillwatch.records.rules import Rule
from stillwatch.sketch import CompiledRules, compile_rules, sketch_batch
from stillwatch.store.arrived import PIECE
from stillwatch.store.parts import summed, write_part

INPUT, AT, TIE, ACCOUNT = "_input", "_at", "_tie", "_account"
"""Columns beside the contract's: the input's number; where in it a row stands (a file: its row; a table: its time), and
what decides where that is equal; the account's number (null in rows that do not name one)."""
PLACES = (INPUT, AT, TIE)
CHUNK_ROWS = 1 << 17
"""Rows of a part, and rows that wait in an executor's memory without their text."""
REPORT = pa.schema([("body", pa.string())])
"""What the map function yields: JSON, one line for each chunk that was written."""
GOOD = pa.schema([("exchange_id", pa.string()), (INPUT, pa.int32()), (AT, pa.int64()), (TIE, pa.int64())])

Batches = Iterator[pa.RecordBatch]
MapFunction = Callable[[Batches], Batches]


@dataclass(frozen=True)
class Task:
    """What a task is told. `home` is where it writes, by the same path on every machine; `key` is the home's."""

    home: str
    run: int
    key: bytes = field(repr=False)
    rules: tuple[Rule, ...]
    labels: tuple[str, ...]
    """What each input is called in the quarantine; `dated` are the numbers of those whose rows have no row number."""
    dated: frozenset[int] = frozenset()
    chunk_rows: int = CHUNK_ROWS


def text_pass(task: Task) -> MapFunction:
    """The function for `mapInArrow`: EXCHANGE columns (any of them) and `PLACES`, ACCOUNT in; REPORT out."""

    def run(batches: Batches) -> Batches:
        chunk = _Chunk(task)
        for batch in batches:
            chunk.take(batch)
            if chunk.rows >= task.chunk_rows:
                yield chunk.leave()
        if chunk.touched:
            yield chunk.leave()

    return run


def good_rows(batches: Batches) -> Batches:
    """For `mapInArrow`: which rows keep every rule, as GOOD. Asked only of ids that occur more than once."""
    for batch in batches:
        taken, kept = _checked(batch)
        ids = taken.batch.column("exchange_id")
        places = [batch.column(name).take(kept).cast(GOOD.field(name).type) for name in PLACES]
        yield pa.RecordBatch.from_arrays([ids, *places], schema=GOOD)


def _checked(batch: pa.RecordBatch) -> tuple[Taken, pa.Array]:
    """A batch that keeps every rule, with its defects (`row` counts in the batch), and which rows it has."""
    contract = batch.select([name for name in batch.schema.names if name not in (*PLACES, ACCOUNT)])
    taken = take_batch(contract, 0, len(batch), dialects()["exchange"], Counter())
    keep = np.ones(len(batch), dtype=bool)
    keep[[defect.row - 1 for defect in taken.defects]] = False
    return taken, pa.array(np.flatnonzero(keep))


@lru_cache(maxsize=4)
def _compiled(rules: tuple[Rule, ...]) -> CompiledRules:
    return compile_rules(rules)


class _Chunk:
    """Rows that will be one part of each kind."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._empty()

    def _empty(self) -> None:
        self._sketched: list[Any] = []
        self._defects: list[dict[str, Any]] = []
        self._missing: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._kept: Counter[int] = Counter()
        self._quarantined: Counter[int] = Counter()
        self._first: tuple[int, ...] | None = None
        self.rows = 0
        self.touched = False

    def take(self, batch: pa.RecordBatch) -> None:
        """Checks and sketches a batch."""
        if not len(batch):
            return
        self.touched = True
        inputs, at = _plain(batch, INPUT), _plain(batch, AT)
        if self._first is None:
            self._first = (int(inputs[0]), int(at[0]), int(_plain(batch, TIE)[0]))
        taken, kept = _checked(batch)
        for defect in taken.defects:
            self._quarantine(defect, int(inputs[defect.row - 1]), int(at[defect.row - 1]))
        self._dropped += taken.dropped
        if not len(taken.batch):
            return
        numbers = np.asarray(batch.column(ACCOUNT).take(kept).cast(pa.int32()))
        out = sketch_batch(taken.batch, numbers, self._task.key, _compiled(self._task.rules))
        self._sketched.append(out)
        self._missing += Counter(missing_columns(taken.batch))
        self._kept += Counter(inputs[np.asarray(kept)].tolist())
        self.rows += len(taken.batch)

    def _quarantine(self, defect: Defect, number: int, at: int) -> None:
        row = 0 if number in self._task.dated else at + 1
        self._defects.append(replace(defect, row=row).as_dict(self._task.labels[number]))
        self._reasons[defect.key] += 1
        self._quarantined[number] += 1

    def leave(self) -> pa.RecordBatch:
        """Writes what there is and says so."""
        home, name = Path(self._task.home), f"{self._task.run:06d}-{uuid.uuid4().hex}"
        parts = []
        if self.rows:
            tables = {
                "exchanges": pa.Table.from_batches([s.kept for s in self._sketched]),
                "fingerprints": summed("fingerprints", pa.Table.from_batches([s.fingerprints for s in self._sketched])),
                "turns": summed("turns", pa.Table.from_batches([s.turns for s in self._sketched])),
            }
            parts = [write_part(home, kind, f"{name}.parquet", t) for kind, t in tables.items() if t.num_rows]
        piece = self._write_piece(home, name) if self._defects else None
        body = {
            "first": self._first, "parts": parts, "piece": piece, "missing": dict(self._missing),
            "reasons": dict(self._reasons), "dropped": dict(self._dropped), "kept": dict(self._kept),
            "quarantined": dict(self._quarantined),
        }  # fmt: skip
        self._empty()
        return pa.RecordBatch.from_arrays([pa.array([json.dumps(body)])], schema=REPORT)

    def _write_piece(self, home: Path, name: str) -> str:
        piece = home / "quarantine" / f"{name}{PIECE}"
        piece.touch(mode=0o600)
        piece.write_text("".join(json.dumps(line) + "\n" for line in self._defects), "utf-8")
        return piece.name


def _plain(batch: pa.RecordBatch, name: str) -> Any:
    return np.asarray(batch.column(name).cast(pa.int64()))


def file_hash(path: Path) -> str:
    """Hex SHA-256 of a file."""
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_hashes(paths: Sequence[str]) -> MapFunction:
    """For `mapInArrow` over numbers of files (`number` int32): `number`, `sha256`. Executors read, not the driver."""

    def run(batches: Batches) -> Batches:
        for batch in batches:
            numbers = batch.column(0)
            sums = pa.array([file_hash(Path(paths[n])) for n in numbers.to_pylist()], pa.string())
            yield pa.RecordBatch.from_arrays([numbers, sums], names=["number", "sha256"])

    return run
