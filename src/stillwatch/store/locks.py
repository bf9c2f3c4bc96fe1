"""The locks of a home: who changes the store, who changes findings; and who holds them now."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stillwatch.errors import UsageError

LOCK = "lock"
FINDINGS_LOCK = "findings.lock"
FINDINGS_WAIT = 600.0
"""Seconds that a hunt or a `forget` waits for the other to write."""
WRITE_WAIT = 3.0
"""Seconds that whoever changes the store waits for its turn: a watch holds it for a batch at a time."""


@contextmanager
def locked(home: Path, name: str = LOCK, wait: float = 0.0) -> Iterator[None]:
    """A lock of a home, waited for at most `wait` seconds; UsageError that names the process that holds it.

    `lock` is for whoever changes the store, `FINDINGS_LOCK` for whoever changes findings and history: a hunt has its
    findings to write while another process takes logs in. Who needs both takes `lock` first.
    """
    handle = os.open(home / name, os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + wait
    try:
        while not _taken(handle):
            if time.monotonic() < until:
                time.sleep(0.05)
                continue
            what = f"another stillwatch is writing here (process {_named(handle)})"
            raise UsageError(str(home), what, "wait until it is done, or use another --home")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(home: Path, name: str = LOCK) -> str | None:
    """The process that holds a lock now (its number, or `unknown`); None where nobody does."""
    try:
        handle = os.open(home / name, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return None if _taken(handle) else _named(handle)
    finally:
        os.close(handle)


def _named(handle: int) -> str:
    return os.pread(handle, 20, 0).decode("ascii", "replace").strip() or "unknown"


def _taken(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
