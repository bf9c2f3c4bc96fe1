"""Which files a command line means: files, folders, globs and standard input."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stillwatch.errors import UsageError

_SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet")
_PACKED = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True, slots=True)
class Source:
    """One input. `path` None is standard input; `packing` is plain, gzip or zstd; `named`: given by name, not
    met below a folder (a file met so is passed over where it is no log, one given by name is not)."""

    path: Path | None
    parquet: bool
    packing: str
    named: bool = True

    @property
    def label(self) -> str:
        """How it is called in reports: its full path, or `-`."""
        return str(self.path) if self.path is not None else "-"


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
        if not paths[0].exists() and glob.has_magic(log):
            paths = sorted(Path(hit) for hit in glob.glob(log, recursive=True))  # noqa: PTH207  (a pattern may be absolute)
        if not paths or not paths[0].exists():
            faults.append(f"{log[:200]!r} matches nothing")
            continue
        for path in paths:
            if path.is_dir():
                below = _below(path, left)
                if not below:
                    faults.append(f"{log[:200]!r} is a folder without logs (*.jsonl, *.ndjson, *.json, *.parquet)")
                for file in below:
                    found.setdefault(str(file), file_source(file, named=False))
            else:
                found[str(path.resolve())] = file_source(path.resolve())
    if faults:
        raise UsageError("LOGS", "; ".join(faults[:20]), "give files, folders, globs, or - for standard input")
    return list(found.values())


def _below(folder: Path, left: set[Path]) -> list[Path]:
    out = []
    for path in sorted(folder.rglob("*")):
        full = path.resolve()
        if any(part.startswith(".") for part in path.relative_to(folder).parts) or not path.is_file():
            continue
        name = path.name.lower()
        for packed in _PACKED:
            name = name.removesuffix(packed)
        if name.endswith(_SUFFIXES) and full not in left and not left.intersection(full.parents):
            out.append(full)
    return out


def file_source(path: Path, *, named: bool = True) -> Source:
    """What kind of file it is, by its first bytes where they say so, else by its name."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UsageError(str(path), "cannot be read", "check that the file is there and may be read") from error
    packing = {b"\x1f\x8b": "gzip"}.get(magic[:2]) or {b"\x28\xb5\x2f\xfd": "zstd"}.get(magic)
    if packing is None and not magic:
        packing = "plain"
    packing = packing or _PACKED.get(path.suffix.lower(), "plain")
    return Source(path, magic == b"PAR1" or path.suffix.lower() == ".parquet", packing, named)
