"""The cache on disk, for the minutes after a restart without the service: written whole or not at all, never trusted.

Two files in one folder: `decisions.jsonl` (a head, one decision a line, an end with a checksum) and `known.bin` (a
head line, then eight bytes an account). A file that is torn, damaged, too long, a link, of another service, or that
others may write is passed over; decisions in it expire as anywhere else.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any

from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import LONGEST_DELTA, Delta, decision_or_bad
from stillwatch_gateway.quiet import give_way
from stillwatch_gateway.wire import Decision

DECISIONS, KNOWN = "decisions.jsonl", "known.bin"
_FORM = 1
_LONGEST_LINE = 32 << 20


class CacheFileError(ValueError):
    """A cache file that is not to be used; says what is wrong, never what it holds."""


def save(cache: Cache, folder: Path, source: str) -> None:
    """Write the decisions and known accounts of `cache` as learnt from `source`. OSError where that fails; then the
    files of before are still there."""
    snapshot, age, now = cache.snapshot, cache.age_s(), cache.now()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def decisions() -> Iterator[bytes]:
        head = {"form": _FORM, "source": source, "cursor": cache.cursor, "now": now, "age_s": age or 0.0}
        sums = blake2b(digest_size=16)
        for i, value in enumerate([head, *snapshot.decisions.values()]):
            line = json.dumps(value.as_dict() if isinstance(value, Decision) else value).encode() + b"\n"
            sums.update(line)
            yield line
            if i % 64 == 0:
                give_way()
        yield json.dumps({"end": len(snapshot.decisions), "blake2b": sums.hexdigest()}).encode() + b"\n"

    _write(folder / DECISIONS, decisions())
    if snapshot.known is not None:
        raw = snapshot.known.tobytes()
        head = {"form": _FORM, "source": source, "tag": snapshot.known_tag, "blake2b": _digest(raw)}
        _write(folder / KNOWN, iter([json.dumps(head).encode() + b"\n", raw]))


def load(cache: Cache, folder: Path, source: str) -> int:
    """Read what `save` left into `cache`, if it is of `source`; how many decisions. CacheFileError or OSError where a
    file is not fit for use (no file at all is no error)."""
    count = 0
    with contextlib.suppress(FileNotFoundError):
        delta = _read_decisions(folder / DECISIONS, source)
        wall = cache.now()
        # A wall clock that went back while we were away may not give a decision longer life.
        then = delta.now if delta.now is not None else wall
        count = cache.apply(delta._replace(now=max(wall, then), age_s=delta.age_s + max(wall - then, 0.0)))
    with contextlib.suppress(FileNotFoundError):
        raw, tag = _read_known(folder / KNOWN, source)
        try:
            cache.set_known(raw, tag)
        except ValueError as error:
            raise CacheFileError("known accounts: damaged") from error
    return count


def _read_decisions(path: Path, source: str) -> Delta:
    upsert: list[Decision] = []
    bad = count = 0
    sums = blake2b(digest_size=16)
    head: dict[str, Any] | None = None
    ended = False
    with _opened(path) as file:
        while line := file.readline(_LONGEST_LINE):
            if not line.endswith(b"\n"):
                raise CacheFileError("decisions: torn")
            value = _object(line)
            if ended:
                raise CacheFileError("decisions: more after the end")
            if head is None:
                head = _head(value, source)
            elif "end" in value:
                if value["end"] != count or value.get("blake2b") != sums.hexdigest():
                    raise CacheFileError("decisions: damaged")
                ended = True
            else:
                count += 1
                decision = decision_or_bad(value)
                if isinstance(decision, Decision):
                    upsert.append(decision)
                else:
                    bad += 1
            sums.update(line)
            if count % 64 == 0:
                give_way()
    if head is None or not ended:
        raise CacheFileError("decisions: torn")
    cursor, now, age = head.get("cursor"), head.get("now"), head.get("age_s")
    if (
        not isinstance(now, float)
        or not isinstance(age, (int, float))
        or not (isinstance(cursor, int) or cursor is None)
    ):
        raise CacheFileError("decisions: no head")
    return Delta(cursor, True, now, None, tuple(upsert), (), bad, (), float(age))


def _read_known(path: Path, source: str) -> tuple[bytes, str]:
    with _opened(path) as file:
        head = _head(_object(file.readline(4096)), source)
        raw = file.read(LONGEST_DELTA)
    if head.get("blake2b") != _digest(raw) or not isinstance(head.get("tag"), str):
        raise CacheFileError("known accounts: damaged")
    return raw, head["tag"]


def _head(value: dict[str, Any], source: str) -> dict[str, Any]:
    if value.get("form") != _FORM:
        raise CacheFileError("of another form")
    if value.get("source") != source:
        raise CacheFileError("of another service")
    return value


def _object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise CacheFileError("not JSON") from error
    if not isinstance(value, dict):
        raise CacheFileError("not an object")
    return value


def _opened(path: Path) -> Any:
    """The file, open to read; CacheFileError where it is a link, no plain file, too long, or others may write it."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(handle)
        owner = getattr(os, "geteuid", lambda: found.st_uid)()
        if not stat.S_ISREG(found.st_mode) or found.st_size > LONGEST_DELTA:
            raise CacheFileError("no plain file, or too long")
        if found.st_uid != owner or (os.name == "posix" and found.st_mode & 0o022):
            raise CacheFileError("others may write it")
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _write(path: Path, pieces: Iterator[bytes]) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def _digest(raw: bytes) -> str:
    return blake2b(raw, digest_size=16).hexdigest()
