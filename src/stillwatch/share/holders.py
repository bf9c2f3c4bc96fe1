"""Which accounts here hold what others' tokens stand for: kept as the store's own numbers, until the tokens end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.actors.foreign import LEAST_MARKS
from stillwatch.decide.people import need_role
from stillwatch.decide.record import Record, Who
from stillwatch.settings import Settings
from stillwatch.share.tokens import TokenSet
from stillwatch.store import open_store
from stillwatch.store.indicators import FILE_NAME, Indicators

#: (account's number in the store, kind, different tokens of it that it holds)
Holders = Sequence[tuple[int, str, int]]


@dataclass(frozen=True)
class Wanted:
    """Tokens of one indicator that was taken in. `ended`: its key or its own life is over, so nothing can match."""

    source: str
    indicator: str
    evaluator: str
    key_id: str
    epoch: int
    ended: bool
    tokens: frozenset[str]


@dataclass(frozen=True)
class Looked:
    """What a look for one indicator's tokens came to: `accounts` of ours that hold one, `strangers` of the accounts
    file that are not in the store, the indicator's `state` after it."""

    source: str
    indicator: str
    accounts: int
    strangers: int
    state: str


def wanted_tokens(home: Path, now: float | None = None) -> list[Wanted]:
    """The tokens of indicators that hold or wait, and of those that have ended; not of refused or revoked ones."""
    now = time.time() if now is None else now
    kept = Indicators(home)
    try:
        rows = kept.rows(
            "SELECT s.*, i.until_at FROM token_sets s JOIN indicators i ON i.source = s.source "
            "AND i.indicator = s.indicator WHERE i.state IN ('active', 'held') ORDER BY s.source, s.indicator"
        )
        return [
            Wanted(
                r["source"], r["indicator"], r["evaluator"], r["key_id"], r["epoch"],
                min(r["ends_at"], r["until_at"]) <= now,
                frozenset(t["value"] for t in kept.rows(
                    "SELECT value FROM tokens WHERE source = ? AND indicator = ?", (r["source"], r["indicator"]))),
            ) for r in rows
        ]  # fmt: skip
    finally:
        kept.close()


def keep_holders(
    home: Path, found: Mapping[tuple[str, str], Mapping[tuple[str, str], int]], settings: Settings, who: Who,
    *, asked: int, now: float | None = None,
) -> list[Looked]:  # fmt: skip
    """Keeps, for each (source, indicator), how many tokens each (account id, kind) holds, in place of an earlier look.
    Holds for a person what touches too many. `asked`: values that the evaluator was asked, for the audit log."""
    from stillwatch.share.incoming import too_wide, touched_by

    need_role(who, "analyst", "look for tokens")
    now = time.time() if now is None else now
    store = open_store(home)
    try:
        ids = store.account_ids()
        number = dict(zip(ids.column("account_id").to_pylist(), ids.column("account").to_pylist(), strict=True))
    finally:
        store.close()
    kept, record = Indicators(home), Record(home)
    out: list[Looked] = []
    try:
        rows = {
            key: [(number[a], kind, min(n, LEAST_MARKS)) for (a, kind), n in held.items() if a in number]
            for key, held in found.items()
        }
        touched, customers = touched_by(home, [() for _ in rows], settings, list(rows.values()))
        with kept.act() as db:
            for (key, held), n in zip(rows.items(), touched, strict=True):
                db.execute("DELETE FROM token_holders WHERE source = ? AND indicator = ?", key)
                db.executemany("INSERT INTO token_holders VALUES(?, ?, ?, ?, ?)", [(*key, *row) for row in held])
                db.execute("UPDATE token_sets SET matched_at = ? WHERE source = ? AND indicator = ?", (now, *key))
                db.execute(
                    "UPDATE indicators SET touched = ?, customers = ? WHERE source = ? AND indicator = ?",
                    (n, customers, *key),
                )
                if too_wide(n, customers, settings):
                    db.execute(
                        "UPDATE indicators SET state = 'held' WHERE source = ? AND indicator = ? AND state = 'active' "
                        "AND decided_by IS NULL",
                        key,
                    )
                state = db.execute("SELECT state FROM indicators WHERE source = ? AND indicator = ?", key).fetchone()[
                    "state"
                ]
                strangers = len({a for a, _ in found[key] if a not in number})
                out.append(Looked(*key, len({row[0] for row in held}), strangers, state))
        with record.act():
            record.audit(who, "tokens looked for", ", ".join(sorted({source for source, _ in found}))[:600], now,
                         asked=asked, indicators=len(out), accounts=sum(one.accounts for one in out))  # fmt: skip
    finally:
        record.close()
        kept.close()
    return out


def holders_of(kept: Indicators, source: str, indicator: str) -> list[tuple[int, str, int]]:
    """The holders of an indicator's tokens."""
    rows = kept.rows(
        "SELECT account, kind, n FROM token_holders WHERE source = ? AND indicator = ?", (source, indicator)
    )
    return [(row["account"], row["kind"], row["n"]) for row in rows]


def keep_tokens(db: Any, source: str, indicator: str, held: TokenSet | None) -> None:
    """An indicator's tokens in place of those that it had; who held those is not known any more."""
    for table in ("token_sets", "tokens", "token_holders"):
        db.execute(f"DELETE FROM {table} WHERE source = ? AND indicator = ?", (source, indicator))  # noqa: S608
    if held is None:
        return
    db.execute(
        "INSERT INTO token_sets VALUES(?, ?, ?, ?, ?, ?, ?, NULL)",
        (source, indicator, held.evaluator, held.suite, held.key_id, held.epoch, held.ends_at),
    )
    db.executemany("INSERT INTO tokens VALUES(?, ?, ?, ?)", [(source, indicator, t.kind, str(t)) for t in held.tokens])


def forget_gone(home: Path) -> int:
    """Takes out what is kept of accounts that the store no longer knows; how many rows went."""
    if not (home / FILE_NAME).is_file():
        return 0
    store = open_store(home)
    try:
        known = store.account_ids().column("account").to_pylist()
    finally:
        store.close()
    kept = Indicators(home)
    try:
        gone = {row["account"] for row in kept.rows("SELECT DISTINCT account FROM token_holders")} - set(known)
        with kept.act() as db:
            return sum(db.execute("DELETE FROM token_holders WHERE account = ?", (a,)).rowcount for a in gone)
    finally:
        kept.close()
