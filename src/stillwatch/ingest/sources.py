"""Which files a command line means: files, folders, globs and standard input."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import UsageError

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
_PACKED = {".gz": "gzip", ".zst": "zstd"}
_ROTATED = re.compile(r"[.-]\d[\dt:._-]*$")
"""What rotation puts behind a log's name: `.1`, `-20260301`, `.2026-03-01T00:00`."""


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `path` None is standard input; `packing` is plain, gzip or zstd; `named`: given by name, not
    met below a folder or by a pattern (a file met so is passed over where it is no log, one given by name is not).
    `passed` says why it is not to be read at all."""

    path: Path | None
    parquet: bool
    packing: str
    named: bool = True
    passed: str | None = None

    @property
    def label(self) -> str:
        """How it is called in reports: its full path, or `-`."""
        # a name may hold bytes that are no UTF-8, and no table takes those
        return os.fsencode(self.path).decode("utf-8", "backslashreplace") if self.path is not None else "-"


def find_sources(logs: Sequence[str], leave: Iterable[Path] = ()) -> list[Source]:
    """The inputs that `logs` mean, each once, in a stable order; UsageError with everything that is not there.

    `leave` are files and folders that are no logs even where a folder holds them (accounts, the home itself).
    """
    faults: list[str] = []
    found: dict[str, Source] = {}
    left = {path.resolve() for path in leave}
    for log in logs:
        if log == "-":
            found.setdefault("-", Source(None, False, "plain"))
            continue
        if "\0" in log:
            faults.append("a path holds a NUL character")
            continue
        paths = [Path(log)]
        named = paths[0].exists() or not glob.has_magic(log)
        if not named:
            hits = sorted(Path(hit) for hit in glob.glob(log, recursive=True))  # noqa: PTH207  (a pattern may be absolute)
            paths = [hit for hit in hits if hit.is_dir() or (hit.is_file() and not _is_left(hit.resolve(), left))]
        if not paths or not paths[0].exists():
            faults.append(f"{log[:200]!r} matches nothing")
            continue
        for path in paths:
            if path.is_dir():
                below = list(_below(path, left))
                if not below:
                    faults.append(f"{log[:200]!r} is a folder without logs (*.jsonl, *.ndjson, *.json, *.parquet)")
                for source in below:
                    found.setdefault(str(source.path), source)
            elif not path.is_file():
                faults.append(f"{log[:200]!r} is a pipe or a device: send what comes out of it to `stillwatch sweep -`")
            elif named:
                found[str(path.resolve())] = file_source(path.resolve())
            else:
                found.setdefault(str(path.resolve()), file_source(path.resolve(), named=False))
    if faults:
        raise UsageError("LOGS", "; ".join(faults[:20]), "give files, folders, globs, or - for standard input")
    return list(found.values())


def _is_left(full: Path, left: set[Path]) -> bool:
    return full in left or not left.isdisjoint(full.parents)


def _below(folder: Path, left: set[Path]) -> Iterator[Source]:
    """Logs below a folder in a stable order, links followed once, and the folders that may not be read."""
    closed: list[Source] = []
    seen: set[tuple[int, int]] = set()
    met: list[Path] = []

    def pass_over(error: OSError) -> None:
        closed.append(Source(Path(error.filename), False, "plain", False, "the folder may not be read"))

    for where, folders, files in os.walk(folder, onerror=pass_over, followlinks=True):
        here = Path(where).stat()
        if (here.st_dev, here.st_ino) in seen:
            folders.clear()
            continue
        seen.add((here.st_dev, here.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        met += [Path(where) / name for name in files if not name.startswith(".") and _looks_like_a_log(name)]
    for path in sorted(met):
        try:
            if not path.is_file() or _is_left(full := path.resolve(), left):
                continue
        except OSError:  # its folder can be listed, but not entered
            closed.append(Source(path, False, "plain", False, "the file may not be read"))
            continue
        yield file_source(full, named=False)
    yield from closed


def _looks_like_a_log(name: str) -> bool:
    name = name.lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name.endswith(_SUFFIXES) or _ROTATED.sub("", name).endswith(_SUFFIXES)


def packing_of(magic: bytes) -> str | None:
    """What the first four bytes say of the packing; None where they say nothing."""
    return {b"\x1f\x8b": "gzip"}.get(magic[:2]) or {b"\x28\xb5\x2f\xfd": "zstd"}.get(magic)


def file_source(path: Path, *, named: bool = True) -> Source:
    """What kind of file it is, by its first bytes where they say so, else by its name."""
    if path.exists() and not path.is_file():
        raise UsageError(str(path), "is no file", "give a file; logs from a pipe go to `stillwatch sweep -`")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UsageError(str(path), "cannot be read", "check that the file is there and may be read") from error
    packing = packing_of(magic)
    if packing is None and not magic:
        packing = "plain"
    packing = packing or _PACKED.get(path.suffix.lower(), "plain")
    return Source(path, magic == b"PAR1" or path.suffix.lower() == ".parquet", packing, named)
