"""Parts that other processes wrote for a run, made to count together: all of them, or none."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError
from stillwatch.store.home import Store
from stillwatch.store.parts import KINDS, Part, add_names, sync_folder
from stillwatch.store.writing import sweep_up

PIECE = ".piece"
"""What a piece of a run's quarantine is called at its end, below DIR/quarantine."""


@dataclass
class Arrived:
    """What one run brought. `parts` is a list of (parts of one chunk, contract column to kept rows that lack it)."""

    parts: list[tuple[list[Part], dict[str, int]]] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    positions: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: Sequence[tuple[int, str]] = ()
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)
    set_unknown: Counter[str] = field(default_factory=Counter)


def next_run(store: Store) -> int:
    """The number of a new run; sweeps up after one that was killed. Only under the lock.

    UsageError where a run of the embedded engine was cut off: only that engine knows how to go on with it.
    """
    if store.ledger.db.execute("SELECT 1 FROM runs WHERE state='open'").fetchone():
        what = "an intake without Spark was cut off here"
        raise UsageError(str(store.home), what, "let it end first: the same command without --engine")
    sweep_up(store)
    for piece in (store.home / "quarantine").glob(f"*{PIECE}"):
        piece.unlink(missing_ok=True)
    (last,) = store.ledger.db.execute("SELECT coalesce(max(id), 0) FROM runs").fetchone()
    return int(last) + 1


def register(store: Store, run: int, arrived: Arrived) -> None:
    """Gives the parts their names in the order they are in, then lets them count in one transaction."""
    named: list[tuple[Part, str | None]] = []
    for number, (parts, missing) in enumerate(arrived.parts, 1):
        for part in parts:
            name = f"{run:06d}-{number:06d}.parquet"
            (store.home / part.kind / part.name).replace(store.home / part.kind / name)
            named.append((part._replace(name=name), json.dumps(missing) if part.kind == "exchanges" else None))
    for kind in KINDS:
        sync_folder(store.home / kind)
    size = join_pieces(store.home, run, arrived.pieces)
    with store.ledger.transaction() as db:
        for path, position in arrived.positions.items():
            db.execute("INSERT OR REPLACE INTO inputs VALUES(?, ?)", (path, json.dumps(position)))
        for part, lacking in named:
            db.execute("INSERT INTO parts VALUES(?, ?, ?, ?, ?, ?, ?, ?)", (*part, run, lacking))
        (before,) = db.execute("SELECT coalesce(max(number), -1) FROM accounts_seen").fetchone()
        db.executemany("INSERT INTO accounts_seen VALUES(?, ?)", arrived.accounts)
        row = (run, json.dumps(_totals(arrived)), size, before)
        db.execute("INSERT INTO runs VALUES(?, 'done', ?, '{}', ?, ?)", row)


def reject(store: Store, run: int, arrived: Arrived) -> None:
    """Nothing of the run counts; its quarantine stays, to look at."""
    size = join_pieces(store.home, run, arrived.pieces)
    with store.ledger.transaction() as db:
        row = (run, json.dumps(_totals(arrived)), size)
        db.execute("INSERT INTO runs VALUES(?, 'rejected', ?, '{}', ?, -1)", row)
    sweep_up(store)


def join_pieces(home: Path, run: int, pieces: Sequence[str]) -> int:
    """One quarantine file out of the pieces, in their order; its bytes."""
    if not pieces:
        return 0
    target = home / "quarantine" / f"run-{run:06d}.jsonl"
    with target.open("wb") as out:
        target.chmod(0o600)
        for piece in pieces:
            with (home / "quarantine" / piece).open("rb") as file:
                while block := file.read(1 << 20):
                    out.write(block)
        out.flush()
        os.fsync(out.fileno())
        size = out.tell()
    for piece in pieces:
        (home / "quarantine" / piece).unlink(missing_ok=True)
    return size


def _totals(arrived: Arrived) -> dict[str, Any]:
    nested: Mapping[str, Mapping[str, int]] = {
        "reasons": arrived.reasons, "unknown_fields": arrived.unknown_fields, "set_unknown": arrived.set_unknown,
    }  # fmt: skip
    out: dict[str, Any] = dict(arrived.counts)
    for name, counted in nested.items():
        add_names(total := Counter[str](), counted)
        out[name] = dict(total)
    return out
