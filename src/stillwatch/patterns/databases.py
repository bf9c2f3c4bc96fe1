"""Compiled rules: one Hyperscan database for a set of expressions, kept in the user's cache folder between runs.

The cache only saves time: a broken, foreign or missing file is compiled anew, and a folder that cannot be written
is done without. A file is read only where nobody but its owner may write it, since Hyperscan trusts what it loads.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import hyperscan

#: For expressions of `to_hyperscan`: letters of either case, no UTF-8 mode (it costs compile time by the tenfold).
FLAGS = int(hyperscan.HS_FLAG_CASELESS)

#: Sets smaller than this many characters compile faster than a file is read.
_WORTH_KEEPING = 2_000
_SUFFIX = ".hsdb"
_MOST_KEPT = 16
_SUM = 32
_MOST_BYTES = 256_000_000


def compiled(expressions: Sequence[tuple[int, str]]) -> Any:
    """A block-mode database of (code, expression); ``^`` and ``$`` mean the text's ends.

    Raises hyperscan.HyperscanError where an expression is refused.
    """
    split = [(code, way) for code, expression in expressions for way in ways(expression)]
    if sum(len(way) for _, way in split) < _WORTH_KEEPING:
        return _compile(split, FLAGS)
    name = _key(split, FLAGS)
    kept = _read(name)
    if kept is not None:
        return kept
    database = _compile(split, FLAGS)
    _write(name, database)
    return database


def ways(expression: str) -> list[str]:
    """The branches of an expression: Hyperscan compiles many short ones faster than one of many branches."""
    head = "(?s)" if expression.startswith("(?s)") else ""
    body = expression[len(head) :]
    if not head:
        return [expression]
    pieces, depth, start, place = [], 0, 0, 0
    while place < len(body):
        char = body[place]
        if char == "\\":
            place += 1
        elif char == "[":
            place = _class_end(body, place)
        elif char in "()":
            depth += 1 if char == "(" else -1
        elif char == "|" and depth == 0:
            pieces.append(body[start:place])
            start = place + 1
        place += 1
    return [head + piece for piece in [*pieces, body[start:]]]


def _class_end(body: str, place: int) -> int:
    place += 2 if body[place + 1 : place + 2] != "^" else 3
    while place < len(body) and body[place] != "]":
        place += 2 if body[place] == "\\" else 1
    return place


def _compile(split: Sequence[tuple[int, str]], flags: int) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[way.encode() for _, way in split],
        ids=[code for code, _ in split],
        elements=len(split),
        flags=[flags] * len(split),
    )
    return database


def _key(split: Sequence[tuple[int, str]], flags: int) -> str:
    digest = hashlib.sha256()
    # A compiled database runs on processors with its features only; its own description names them and the version.
    tiny = _compile([(1, "a")], 0).info().decode("ascii", "replace")
    for part in (version("hyperscan"), tiny, platform.machine(), platform.system(), str(flags)):
        digest.update(f"{len(part)}:{part}".encode())
    for code, way in split:
        digest.update(f"{code}:{len(way)}:{way}".encode())
    return digest.hexdigest()


def _folder() -> Path | None:
    root = os.environ.get("XDG_CACHE_HOME")
    try:
        base = Path(root) if root and Path(root).is_absolute() else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "stillwatch"


def _read(name: str) -> Any | None:
    folder = _folder()
    if folder is None or not _is_ours(folder):
        return None
    path = folder / f"{name}{_SUFFIX}"
    try:
        if not _is_ours(path) or path.stat().st_size > _MOST_BYTES:
            return None
        kept = path.read_bytes()
        # The sum guards against a torn or damaged file: Hyperscan itself looks at little more than the head.
        if hashlib.sha256(kept[_SUM:]).digest() != kept[:_SUM]:
            return None
        database = hyperscan.loadb(kept[_SUM:], hyperscan.HS_MODE_BLOCK)
        database.scratch = hyperscan.Scratch(database)
        return database
    except (OSError, hyperscan.HyperscanError):
        return None


def _is_ours(path: Path) -> bool:
    """Whether nobody but this user may write it, and it is no link."""
    try:
        found = path.lstat()
    except OSError:
        return False
    owner = getattr(os, "getuid", lambda: found.st_uid)()
    return not stat.S_ISLNK(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o022


def _write(name: str, database: Any) -> None:
    folder = _folder()
    if folder is None:
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_ours(folder):
            return
        serialised = bytes(hyperscan.dumpb(database))
        handle, temporary = tempfile.mkstemp(dir=folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(serialised).digest() + serialised)
            Path(temporary).replace(folder / f"{name}{_SUFFIX}")
        except OSError:
            Path(temporary).unlink(missing_ok=True)
            return
        kept = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: path.lstat().st_mtime, reverse=True)
        for old in kept[_MOST_KEPT:]:
            old.unlink(missing_ok=True)
    except (OSError, hyperscan.HyperscanError):
        return


__all__ = ["FLAGS", "compiled", "ways"]
