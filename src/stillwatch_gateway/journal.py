"""The gateway's own log: one exchange a line in the contract's form, with the settings as the client asked for them.

A background thread writes; the request's path only puts a row on a queue that is bounded in rows and in text. A full
queue, a full disk or one that does not answer costs rows, which are counted and told once a minute, never a request.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch_gateway.settings import GatewaySettings

_LOG = logging.getLogger("stillwatch.gateway.journal")
LONGEST_LINE = 8 << 20
"""Bytes of a line; a longer row is written without its conversation, the start of its last user message kept."""
KEPT_CHARS = 65_536
MOST_WAITING_CHARS = 64 << 20
"""Text that may wait for the disk; beyond, rows are dropped, as with a full queue."""
TELL_EVERY_S = 60.0
STUCK_AFTER_S = 10.0
"""A line that the disk has not taken by then is told."""
_WEIGHED_FROM, _MOST_WEIGHED = 64, 4096
_TEXT_FIELDS = ("messages", "prompt", "system", "completion")
_SECRET_FIELDS = ("secret_fields", "authorization", "api_key", "headers")


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Where the journal is and how it turns over; `GatewaySettings` has the same as `log`, `log_text`, ...

    `path`: a file; None: none is written. `text` False: no prompt, system prompt or answer is written. `keep`: how many
    files stay beside the current one. `queue_rows`: rows that may wait for the disk.
    """

    path: Path | None = None
    text: bool = True
    max_bytes: int = 256 << 20
    keep: int = 8
    queue_rows: int = 10_000

    @classmethod
    def of(cls, settings: GatewaySettings) -> JournalSettings:
        """From the gateway's settings; of a folder the file is `exchanges.jsonl` in it."""
        path = settings.log
        if path is not None and path.is_dir():
            path = path / "exchanges.jsonl"
        return cls(path, settings.log_text, settings.log_max_mb << 20, settings.log_keep)


class Journal:
    """Writes rows to `settings.path`; `NAME.1` is the newest of the files that were turned over.

    Also follows a file that was moved or removed by someone else (a log shipper): it opens a new one within a second.
    """

    def __init__(self, settings: JournalSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings
        self.written = self.dropped = self.failed = 0
        self._clock = clock
        self._queue: queue.Queue[tuple[Mapping[str, Any], int] | threading.Event] = queue.Queue(
            max(settings.queue_rows, 1)
        )
        self._waiting_chars = 0
        self._weighing = threading.Lock()
        self._writing_since: float | None = None
        self._file: Any = None
        self._size = 0
        self._looked_at = self._told_at = self._stuck_told_at = float("-inf")
        self._lost_told = 0
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None
        self._owner = 0

    def put(self, row: Mapping[str, Any]) -> None:
        """Hands a row to the writer; never waits, never raises for a full queue."""
        if self.settings.path is None:
            return
        if self._thread is None or self._owner != os.getpid():
            self._begin()
        # Weighed only when rows pile up: the writer is ahead of the requests on a disk that works.
        weight = _chars_in(row) if self._queue.qsize() >= _WEIGHED_FROM else 0
        try:
            if weight and self._waiting_chars + weight > MOST_WAITING_CHARS:
                raise queue.Full
            self._queue.put_nowait((row, weight))
            if weight:
                self._weigh(weight)
        except queue.Full:
            self.dropped += 1
        since = self._writing_since
        if since is not None:
            self._tell_if_stuck(since)

    def _tell_if_stuck(self, since: float) -> None:
        """The writer, stuck, cannot say so itself; and what it said shortly before was something else."""
        now = self._clock()
        if now - since > STUCK_AFTER_S and now - self._stuck_told_at >= TELL_EVERY_S:
            self._stuck_told_at, self._told_at = now, float("-inf")
            self._tell("the disk does not answer")

    def _weigh(self, weight: int) -> None:
        with self._weighing:
            self._waiting_chars += weight

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Waits until what was put before is written; False where that took too long."""
        if self._thread is None or self._owner != os.getpid():
            return True
        done = threading.Event()
        with contextlib.suppress(queue.Full):
            self._queue.put(done, timeout=timeout_s)
            return done.wait(timeout_s)
        return False

    def counts(self) -> dict[str, int]:
        """written, dropped (queue full), failed (disk)."""
        return {"written": self.written, "dropped": self.dropped, "failed": self.failed}

    def _begin(self) -> None:
        with self._start:
            if self._thread is not None and self._owner == os.getpid():
                return
            if self._thread is not None:  # a forked worker: the parent's rows and file are the parent's
                self._queue = queue.Queue(max(self.settings.queue_rows, 1))
                self._weighing = threading.Lock()
                self._waiting_chars, self._writing_since = 0, None
                self._file = None
            self._owner = os.getpid()
            self._thread = threading.Thread(target=self._run, name="stillwatch-journal", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            item = self._queue.get()
            if isinstance(item, threading.Event):
                item.set()
                continue
            row, weight = item
            if weight:
                self._weigh(-weight)
            self._writing_since = self._clock()
            try:
                self._write(line_of(row, text=self.settings.text))
                self.written += 1
            except Exception as error:
                self.failed += 1
                self._close()
                number = error.errno if isinstance(error, OSError) else None
                self._tell(f"{type(error).__name__}{f' {number}' if number else ''}")
            self._writing_since = None
            if self.dropped + self.failed > self._lost_told:
                self._tell("rows were lost")

    def _write(self, line: bytes) -> None:
        path = self.settings.path
        if path is None:
            return
        now = self._clock()
        if self._file is not None and now - self._looked_at >= 1.0:
            self._looked_at = now
            if not _same(self._file, path):
                self._close()
        if self._file is not None and self._size and self._size + len(line) > self.settings.max_bytes:
            self._close()
            _turn_over(path, self.settings.keep)
        if self._file is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = open(descriptor, "ab", buffering=0)  # noqa: PTH123, SIM115
            self._size = os.fstat(descriptor).st_size
            self._looked_at = now
            if self._size and os.pread(descriptor, 1, self._size - 1) != b"\n":
                self._file.write(b"\n")  # half a line, from a disk that was full
        written = self._file.write(line)
        self._size += written
        if written != len(line):
            raise OSError(28, "the disk took half a line")

    def _close(self) -> None:
        held, self._file = self._file, None
        if held is not None:
            with contextlib.suppress(OSError):
                held.close()

    def _tell(self, what: str) -> None:
        now = self._clock()
        if now - self._told_at < TELL_EVERY_S:
            return
        self._told_at, self._lost_told = now, self.dropped + self.failed
        with contextlib.suppress(Exception):  # Logging handlers are the host's.
            _LOG.warning("journal: %s; rows waiting: %d, not written so far: %d", what, self._queue.qsize(),
                         self._lost_told)  # fmt: skip


def line_of(row: Mapping[str, Any], *, text: bool = True) -> bytes:
    """One line of JSON. Without `text` no prompt, system prompt or answer is in it; what could hold a credential never
    is; a row that is too long loses its conversation."""
    kept = {key: value for key, value in row.items() if value is not None and key not in _SECRET_FIELDS}
    if not text:
        for name in _TEXT_FIELDS:
            kept.pop(name, None)
    line = _json(kept)
    if len(line) <= LONGEST_LINE:
        return line
    for name in _TEXT_FIELDS:
        value = kept.pop(name, None)
        if name in ("prompt", "completion") and isinstance(value, str):
            kept[name] = value[:KEPT_CHARS]
    noted = kept.get("stillwatch")
    kept["stillwatch"] = {**(noted if isinstance(noted, Mapping) else {}), "shortened": True}
    return _json(kept)


def _chars_in(row: Mapping[str, Any]) -> int:
    """Characters of a row's texts; of a conversation of very many parts, those that were not looked at count as 64."""
    left: list[Any] = [row[name] for name in _TEXT_FIELDS if name in row]
    chars = 1
    for _ in range(_MOST_WEIGHED):
        if not left:
            break
        one = left.pop()
        if isinstance(one, str):
            chars += len(one)
        elif isinstance(one, Mapping):
            left.extend(one.values())
        elif isinstance(one, (list, tuple)):
            left.extend(one)
    return chars + 64 * len(left)


def _json(row: Mapping[str, Any]) -> bytes:
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"), default=_plain)
    return text.encode("utf-8", "replace") + b"\n"


def _plain(value: Any) -> Any:
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else None


def _turn_over(path: Path, keep: int) -> None:
    if keep < 1:
        path.unlink(missing_ok=True)
        return
    for number in range(keep - 1, 0, -1):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}.{number}").replace(path.with_name(f"{path.name}.{number + 1}"))
    with contextlib.suppress(FileNotFoundError):
        path.replace(path.with_name(f"{path.name}.1"))


def _same(held: Any, path: Path) -> bool:
    try:
        ours, there = os.fstat(held.fileno()), path.stat()
    except OSError:
        return False
    return (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino)
