"""What is read: an input says where to go on from what an earlier reading left, and yields batches from there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from stillwatch.ingest.dialects import Dialect
from stillwatch.ingest.reading import Taken, no_rows, read_source
from stillwatch.ingest.sources import Source

Position = Mapping[str, Any]
"""Where the reading of an input stands: its own marks (`Taken.at`) and the counts that the ledger tells of it."""
HEAD = 1 << 16
"""Bytes at the beginning of a file by which it is known again."""


class Input(Protocol):
    """Anything that yields batches and, behind each, the place to go on from: a file, a partition, a stream.

    What is stored of an input and its place are committed together, so a place is never wrong in either direction.
    """

    @property
    def label(self) -> str:
        """Its name in the ledger, in quarantine and in reports; holds no password."""

    @property
    def passed(self) -> str | None:
        """Why it is not to be read at all."""

    @property
    def remembered(self) -> bool:
        """Whether its place is worth keeping: standard input cannot be read again."""

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """Where to read from, given what was remembered of it; None where nothing is new."""

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """Batches from there, each with the marks to remember behind it."""


class FileInput:
    """A file (or standard input) that is read to its end as it is now, and whose SHA-256 is told."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.label, self.passed, self.remembered = source.label, source.passed, source.path is not None

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """Its end as it was, or its beginning where it is not known to be the same file grown."""
        fresh: dict[str, Any] = {"rows": 0, "offset": 0, "head": None, "kept": 0, "quarantined": 0, "duplicates": 0}
        path = self.source.path
        if path is None:
            return fresh
        stat = path.stat()
        head = _sha256(path, HEAD) if before is None else _sha256(path, before.get("head_bytes") or HEAD)
        fresh.update(
            head=_sha256(path, HEAD), head_bytes=min(HEAD, stat.st_size), size=stat.st_size,
            mtime=stat.st_mtime_ns, done=False,
        )  # fmt: skip
        if before is None:
            return fresh
        if before.get("done") and stat.st_size == before.get("bytes"):
            same = stat.st_mtime_ns == before.get("mtime") or _sha256(path, None) == before.get("sha256")
            if same:
                return None
        if head != before.get("head"):
            return fresh
        here = {**before, "size": stat.st_size, "mtime": stat.st_mtime_ns, "done": False}
        if self.source.packing == "plain" and not self.source.parquet:
            if stat.st_size < before["offset"] or (before.get("done") and stat.st_size < (before.get("bytes") or 0)):
                return fresh
            if before.get("done") and _sha256(path, before["bytes"]) != before.get("sha256"):
                return fresh
            if not before.get("done") and stat.st_size < (before.get("size") or 0):
                return fresh
            return here
        if not before.get("done") and (stat.st_size, stat.st_mtime_ns) == (before.get("size"), before.get("mtime")):
            return here
        return fresh

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """Batches, and behind the last one an empty one that says what file was read."""
        path = self.source.path
        size = path.stat().st_size if path is not None else None
        spoken = start.get("dialect") or "exchange"
        for taken in read_source(self.source, dialect, skip=start["rows"], offset=start["offset"]):
            yield taken
            spoken = taken.dialect
            if taken.skipped:
                return
        if path is not None:
            told = _sha256(path, size)
            stat = path.stat()
            mtime = stat.st_mtime_ns if stat.st_size == size else None
            yield Taken(no_rows(), [], {"sha256": told, "bytes": size, "done": True, "mtime": mtime}, spoken)


def heads_of(file: BinaryIO, sizes: Sequence[int]) -> list[str]:
    """Hex SHA-256 of the first bytes of an open file, of each size (ascending); it stands as before."""
    at = file.tell()
    file.seek(0)
    data, digest, before, heads = file.read(max(sizes, default=0)), hashlib.sha256(), 0, []
    for size in sizes:
        digest.update(data[before:size])
        heads.append(digest.hexdigest())
        before = size
    file.seek(at)
    return heads


def _sha256(path: Path, most: int | None) -> str:
    """Hex SHA-256 of a file, or of its first bytes."""
    digest, left = hashlib.sha256(), most
    with path.open("rb") as file:
        while left is None or left > 0:
            piece = file.read(1 << 20 if left is None else min(left, 1 << 20))
            if not piece:
                break
            digest.update(piece)
            left = left - len(piece) if left is not None else None
    return digest.hexdigest()
