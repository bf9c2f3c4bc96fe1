"""Logs on disk that grow: new files, growing files, rotated and truncated ones.

A plain file is known again by what was read of it (a hash of its first 64 KiB), not by its name: a log that was
renamed, or copied and truncated, goes on where it was. Packed files and Parquet are read once they rest.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from stillwatch.errors import OutsideError, UsageError
from stillwatch.ingest.dialects import Dialect, dialects
from stillwatch.ingest.inputs import HEAD, FileInput, Input, Position, heads_of
from stillwatch.ingest.reading import Taken, read_lines
from stillwatch.ingest.sources import Source, find_sources

SCHEMES = ("",)
REST_S = 10.0
"""Seconds that a packed file or Parquet must have stayed as it is: one that is being written would look damaged."""
_ROW_BYTES = 1024.0
"""What a row is taken to weigh before any was read."""


def follow(source: str, *, leave: Sequence[Path] = ()) -> FolderFollower:
    """The follower of a folder, a file or a glob; UsageError where it is not there."""
    return FolderFollower(source, leave)


class FolderFollower:
    """Everything that a path means, looked at again and again; only what changed is opened."""

    def __init__(self, path: str, leave: Sequence[Path] = ()) -> None:
        if path == "-":
            raise UsageError("SOURCE", "standard input cannot be followed", "stillwatch ingest - reads it once")
        self._folder, self._leave = Path(path), leave
        if not self._folder.exists() and not any(mark in path for mark in "*?["):
            raise UsageError("SOURCE", f"{path[:200]!r} is not there", "give a folder that is there")
        self.name = str(self._folder.absolute())
        self._path = path
        self._met: dict[Path, tuple[tuple[int, int, int], float]] = {}
        self._read: dict[Path, tuple[int, int, int]] = {}
        """Files whose end is stored, as they were then."""
        self._ended: dict[Path, tuple[int, int, int]] = {}
        self._size: dict[str, int] = {}
        self._heads = _Heads()
        self._passed: dict[str, str] = {}

    def ready(self, known: Mapping[str, Position]) -> Sequence[Input]:
        """Files with something new: those that were read under another name first, so that no place is lost."""
        self._ended = {}
        moved: list[Input] = []
        others: list[Input] = []
        opened: set[tuple[int, int]] = set()
        self._heads.learn(known)
        for source in self._sources():
            if source.passed is not None or source.path is None:
                self._passed[source.label] = source.passed or ""
                continue
            try:
                stat = source.path.stat()
            except OSError:  # rotated away since it was listed
                continue
            if not os.access(source.path, os.R_OK):
                self._passed[source.label] = "the file may not be read"
                continue
            self._passed.pop(source.label, None)
            is_now = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
            before, since = self._met.get(source.path, (None, 0.0))
            if before != is_now:
                since = time.monotonic()
                self._met[source.path] = (is_now, since)
            self._size[source.label] = stat.st_size
            if self._read.get(source.path) == is_now or not stat.st_size:
                continue
            if source.parquet or source.packing != "plain":
                if time.monotonic() - since < REST_S:
                    continue
                others.append(_Marked(FileInput(source), self._ended, source.path, is_now))
                continue
            if (grown := known.get(source.label)) is None or not _same(source.path, grown):
                under = moved if self._heads.of(source) is not None else others
            else:
                under = others
            under.append(GrowingFile(source, self._ended, self._heads, opened))
        return [*moved, *others]

    def stored(self, known: Mapping[str, Position]) -> None:
        """What was read to its end is not opened again before it changes."""
        self._read.update(self._ended)

    def behind(self, known: Mapping[str, Position]) -> int | None:
        """Bytes not read yet, in rows of the weight that this file's rows have had so far."""
        rows = 0.0
        for label, size in self._size.items():
            place = known.get(label) or {}
            left = 0 if place.get("done") else size - int(place.get("offset") or 0)
            each = place["offset"] / place["rows"] if place.get("rows") and place.get("offset") else _ROW_BYTES
            rows += max(left, 0) / each
        return round(rows)

    def overlooked(self) -> Mapping[str, str]:
        """Files and folders that may not be read."""
        return self._passed

    def close(self) -> None:
        """Nothing is held."""

    def _sources(self) -> list[Source]:
        if not self._folder.exists() and not any(mark in self._path for mark in "*?["):
            raise OutsideError(self.name, "is not there", "mount it again, or end the watch")
        try:
            return find_sources([self._path], self._leave)
        except UsageError:  # a folder without logs, a pattern that matches nothing: there will be some
            return []
        except OSError as error:
            raise OutsideError(self.name, f"cannot be read ({error.strerror})", "check the disk") from error


class GrowingFile:
    """A plain file of lines, opened once: names may change between two looks, and `opened` holds each file once."""

    remembered, passed = True, None

    def __init__(
        self, source: Source, ended: dict[Path, tuple[int, int, int]], heads: _Heads, opened: set[tuple[int, int]]
    ) -> None:
        self.label = source.label
        self._source, self._ended, self._heads, self._opened = source, ended, heads, opened
        self._file: BinaryIO | None = None

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """Behind what was read of it, under this name or the one before; else its beginning."""
        assert self._source.path is not None
        try:
            self._file = self._source.path.open("rb")
        except OSError:  # gone since it was listed, or closed to us: looked at again when it changes
            return None
        stat = os.fstat(self._file.fileno())
        if (stat.st_dev, stat.st_ino) in self._opened:
            self._file.close()
            return None
        self._opened.add((stat.st_dev, stat.st_ino))
        for place in (before, self._heads.of_file(self.label, self._file, stat.st_size)):
            if place is not None and _goes_on(self._file, stat.st_size, place):
                if place.get("done") and stat.st_size == place.get("bytes"):
                    self._leave(stat)
                    self._file.close()
                    return None
                return {**place, "done": False, "sha256": None, "bytes": None}
        return {"rows": 0, "offset": 0, "kept": 0, "quarantined": 0, "duplicates": 0, "done": False}

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """Its new lines. A last line that is not whole waits."""
        assert self._file is not None
        spoken = dialect or dialects().get(start.get("dialect") or "")
        with self._file as file:
            stat = os.fstat(file.fileno())
            known = dict(start)
            for taken in read_lines(self._source, file, spoken, skip=start["rows"], offset=start["offset"]):
                if taken.skipped:
                    self._leave(stat)
                else:
                    size = min(HEAD, taken.at["offset"])
                    if known.get("head_bytes") != size:
                        known.update(head=heads_of(file, [size])[0], head_bytes=size)
                    taken.at.update(head=known["head"], head_bytes=known["head_bytes"], size=taken.at["offset"],
                                    mtime=stat.st_mtime_ns)  # fmt: skip
                yield taken
            self._leave(stat)

    def _leave(self, stat: os.stat_result) -> None:
        assert self._source.path is not None
        self._ended[self._source.path] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)


class _Marked:
    """A file that is read whole, crossed off once its end was reached."""

    remembered, passed = True, None

    def __init__(
        self, file: FileInput, ended: dict[Path, tuple[int, int, int]], path: Path, is_now: tuple[int, int, int]
    ) -> None:
        self.label = file.label
        self._file, self._ended, self._path, self._is_now = file, ended, path, is_now

    def start(self, before: Position | None) -> dict[str, Any] | None:
        """As a file's."""
        try:
            start = self._file.start(before)
        except OSError:
            return None
        if start is None:
            self._ended[self._path] = self._is_now
        return start

    def read(self, start: Position, dialect: Dialect | None) -> Iterator[Taken]:
        """As a file's."""
        yield from self._file.read(start, dialect)
        self._ended[self._path] = self._is_now


def _same(path: Path, place: Position) -> bool:
    try:
        with path.open("rb") as file:
            return _goes_on(file, os.fstat(file.fileno()).st_size, place)
    except OSError:
        return False


def _goes_on(file: BinaryIO, size: int, place: Position) -> bool:
    """Whether what was read of a file is the beginning of this one."""
    offset, length = int(place.get("offset") or 0), int(place.get("head_bytes") or 0)
    if not offset or not length or size < max(offset, length):
        return False
    return heads_of(file, [length]) == [place.get("head")]


class _Heads:
    """Where files were read under the names that they had, by what they begin with; also names taken over since."""

    def __init__(self) -> None:
        self._places: dict[str, dict[int, dict[str, Position]]] = {}

    def learn(self, known: Mapping[str, Position]) -> None:
        """Adds places that the ledger holds."""
        for label, place in known.items():
            if place.get("offset") and place.get("head_bytes") and place.get("head"):
                folder = self._places.setdefault(os.path.dirname(label), {})  # noqa: PTH120  (a label is text)
                same = folder.setdefault(int(place["head_bytes"]), {})
                if same.get(place["head"], {"offset": 0})["offset"] < place["offset"]:
                    same[place["head"]] = place

    def of(self, source: Source) -> Position | None:
        """The place of a file, whatever its name was, in the same folder."""
        assert source.path is not None
        try:
            with source.path.open("rb") as file:
                return self.of_file(source.label, file, os.fstat(file.fileno()).st_size)
        except OSError:
            return None

    def of_file(self, label: str, file: BinaryIO, size: int) -> Position | None:
        """The same of an open file."""
        lengths = self._places.get(os.path.dirname(label), {})  # noqa: PTH120
        wanted = sorted(length for length in lengths if length <= size)
        heads = heads_of(file, wanted)
        found = [lengths[length].get(head) for length, head in zip(wanted, heads, strict=True)]
        return max((p for p in found if p and p["offset"] <= size), key=lambda p: int(p["offset"]), default=None)
