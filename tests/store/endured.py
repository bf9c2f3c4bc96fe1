"""A store as version 0.1.0 wrote it, commands as processes of their own, and findings to compare."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

RELEASED = Path(__file__).parent / "released"
KEY = b"a key of a test, known to everyone"[:32]
TABLES = ("campaigns", "accounts", "evidence")


def unpack(place: Path, name: str = "0.1.0") -> Path:
    """The home in a released version's store."""
    with tarfile.open(RELEASED / f"{name}.tar.gz") as tar:
        tar.extractall(place, filter="data")
    for folder in (place / "home", *(path for path in (place / "home").rglob("*") if path.is_dir())):
        folder.chmod(0o700)  # the filter leaves folders to the umask
    return place / "home"


def small_world(place: Path) -> Path:
    """The traffic in it: log.jsonl, accounts.jsonl, releases.csv."""
    subprocess.run([sys.executable, str(RELEASED / "small_world.py"), str(place)], check=True)
    return place


def call(place: Path, *args: str, code: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
    """`stillwatch ARGS` as a process; `code` is run in it first, to plant what goes wrong."""
    return subprocess.run(
        command(*args, code=code), cwd=place, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "TERM": "dumb"}, **more,
    )  # fmt: skip


def command(*args: str, code: str = "") -> list[str]:
    """The same as a command line."""
    return [sys.executable, "-c", f"{code}\nfrom stillwatch.cli import main\nmain()", *args]


def findings_of(home: Path) -> dict[str, list[str]]:
    """The three tables as sorted lines."""
    tables = {name: pq.read_table(home / "findings" / f"{name}.parquet").to_pylist() for name in TABLES}
    return {n: sorted(json.dumps(row, sort_keys=True, default=str) for row in rows) for n, rows in tables.items()}


def kill_at(module: str, name: str, after: int = 0) -> str:
    """Code that ends the process by signal 9 when `module.name` is called for the time after `after` times."""
    owner, _, attribute = name.rpartition(".")
    return f"""
import importlib, os
owner = importlib.import_module({module!r})
for part in {owner!r}.split(".") if {owner!r} else ():
    owner = getattr(owner, part)
real, calls = getattr(owner, {attribute!r}), []
def deadly(*args, **keywords):
    calls.append(1)
    if len(calls) > {after}:
        os.kill(os.getpid(), 9)
    return real(*args, **keywords)
setattr(owner, {attribute!r}, deadly)
"""
