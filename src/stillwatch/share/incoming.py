"""Share in: what others sent becomes indicators that a hunt reads, after a look at whom each would touch here."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.actors.foreign import Foreign, foreign_matches
from stillwatch.decide.people import need_role
from stillwatch.decide.record import Record, Who
from stillwatch.errors import UsageError
from stillwatch.settings import Settings
from stillwatch.share.foreign_misp import check_events
from stillwatch.share.foreign_stix import ForeignIndicator, ForeignSighting, check_objects
from stillwatch.share.holders import Holders, holders_of, keep_tokens
from stillwatch.share.reading import Received
from stillwatch.store import open_store
from stillwatch.store.indicators import MARKS, TOKEN, Indicators

#: So few accounts are always fewer than would be held for a person: at a small provider half a percent is nobody.
ALWAYS_FEW = 10
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Taken:
    """What a batch came to: counts, and why the rest was put aside. `refused_ids`: STIX id to reason."""

    source: str
    active: int = 0
    held: int = 0
    revoked: int = 0
    unchanged: int = 0
    sightings: int = 0
    other: int = 0
    quarantined: Mapping[str, int] = field(default_factory=dict)
    refused_ids: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The counts as plain values."""
        return {name: value for name, value in asdict(self).items() if name != "refused_ids"}


def take_in(
    home: Path, received: Received, source: str, settings: Settings, who: Who, *, now: float | None = None
) -> Taken:
    """Checks and keeps what `source` sent. A source can change and revoke what it sent itself, and nobody else's.

    UsageError where the source's name is none. What breaks a rule is counted by reason and not kept.
    """
    need_role(who, "analyst", "take indicators in")
    if not source.strip() or len(source) > _LONGEST_NAME or not source.isprintable():
        raise UsageError("--source", f"a name of 1 to {_LONGEST_NAME} characters", "--source 'Example AI'")
    now = time.time() if now is None else now
    kept = Indicators(home)
    try:
        given = {row["stix_id"] for row in kept.rows("SELECT stix_id FROM given")}
        checked = check_objects(received.objects, now, given.__contains__)
        check_events(received.events, now, checked)
        known = {
            row["indicator"]: row for row in kept.rows("SELECT * FROM indicators WHERE source = ?", (source,))
        }  # fmt: skip
        fresh = [i for i in _latest(checked.indicators) if _newer(i, known.get(i.id))]
        touched, customers = touched_by(home, [i.marks for i in fresh if not i.revoked], settings)
        counts = Counter(received.faults) + checked.refused
        states = Counter[str]()
        record = Record(home)
        try:
            with kept.act() as db:
                reach = iter(touched)
                for one in fresh:
                    n = 0 if one.revoked else next(reach)
                    state = _state(one, known.get(one.id), n, customers, settings)
                    states[state] += 1
                    _keep(db, source, one, state, n, customers, now)
                for sighting in checked.sightings:
                    _keep_sighting(db, source, sighting, now)
                db.executemany(
                    "INSERT INTO quarantine VALUES(?, ?, ?, ?)", [(now, source, why, n) for why, n in counts.items()]
                )
            taken = Taken(
                source, states["active"], states["held"] + states["refused"], states["revoked"],
                len(checked.indicators) - len(fresh), len(checked.sightings), checked.other, dict(counts),
                checked.refused_ids,
            )  # fmt: skip
            with record.act():
                record.audit(who, "indicators taken in", source, now, **{
                    k: v for k, v in taken.as_dict().items() if k not in ("source", "quarantined")
                }, quarantined=sum(counts.values()))  # fmt: skip
        finally:
            record.close()
    finally:
        kept.close()
    return taken


def look_again(home: Path, settings: Settings, who: Who, now: float | None = None) -> int:
    """Measures what holds against today's traffic; holds for a person what by now would touch too many. How many."""
    now = time.time() if now is None else now
    kept = Indicators(home)
    try:
        rows = kept.rows(
            "SELECT source, indicator FROM indicators WHERE state = 'active' AND decided_by IS NULL AND until_at > ?",
            (now,),
        )
        marks = kept.marks_of(rows)
        held = [holders_of(kept, r["source"], r["indicator"]) for r in rows]
        touched, customers = touched_by(home, marks, settings, held)
        wide = [(r, n) for r, n in zip(rows, touched, strict=True) if too_wide(n, customers, settings)]
        if wide:
            record = Record(home)
            try:
                with kept.act() as db:
                    for row, n in wide:
                        db.execute(
                            "UPDATE indicators SET state = 'held', touched = ?, customers = ? "
                            "WHERE source = ? AND indicator = ?",
                            (n, customers, row["source"], row["indicator"]),
                        )
                with record.act():
                    record.audit(who, "indicators held", "all sources", now, held=len(wide))
            finally:
                record.close()
    finally:
        kept.close()
    return len(wide)


def decide_held(
    home: Path, who: Who, source: str, indicator: str, *, approve: bool, reason: str, now: float | None = None
) -> None:
    """A person's word on an indicator that waits. UsageError where it does not wait or no reason is given."""
    need_role(who, "approver", "decide on an indicator")
    if not reason.strip():
        raise UsageError("--reason", "is missing", "say why, in a sentence: it is kept and can be asked for")
    now = time.time() if now is None else now
    kept = Indicators(home)
    record = Record(home)
    try:
        with kept.act() as db:
            changed = db.execute(
                "UPDATE indicators SET state = ?, decided_by = ?, decided_at = ?, reason = ? "
                "WHERE source = ? AND indicator = ? AND state = 'held'",
                ("active" if approve else "refused", who.name, now, reason[:2000], source, indicator),
            ).rowcount
        if not changed:
            raise UsageError(indicator[:80], "does not wait for a person", "stillwatch share held lists those that do")
        with record.act():
            what = "indicator approved" if approve else "indicator refused"
            record.audit(who, what, f"{source}: {indicator}", now, reason=reason)
    finally:
        record.close()
        kept.close()


def touched_by(
    home: Path, marks: Sequence[tuple[tuple[str, int], ...]], settings: Settings, held: Sequence[Holders] = ()
) -> tuple[list[int], int]:
    """(for each set of marks, or holders of tokens, the accounts here that have enough of them, accounts stored)."""
    foreign, _, customers = matches(home, marks, settings, held)
    if not foreign.known:
        return [0] * len(marks), customers
    hits = np.asarray(foreign.hits().sum(axis=0)).ravel().astype(int)
    return [int(n) for n in np.pad(hits, (0, len(marks) - len(hits)))], customers


def matches(
    home: Path, marks: Sequence[tuple[tuple[str, int], ...]], settings: Settings, held: Sequence[Holders] = ()
) -> tuple[Foreign, list[str], int]:
    """(matches, account ids by row, accounts in the store) of sets of marks, and of holders of tokens in the same
    order, with everything that is stored."""
    rows = [(i, kind, signed(value)) for i, part in enumerate(marks) for kind, value in part]
    rows += [(i, TOKEN + kind, number) for i, part in enumerate(held) for number, kind, n in part for _ in range(n)]
    table = pa.table(
        {
            "campaign": [i for i, _, _ in rows], "kind": [kind for _, kind, _ in rows],
            "value": [value for _, _, value in rows], "confidence": [1.0] * len(rows),
        },
        schema=MARKS,
    )  # fmt: skip
    store = open_store(home)
    try:
        ids = store.account_ids()
        numbers = np.asarray(ids.column("account"), dtype=np.int64)
        names = [str(name) for name in ids.column("account_id").to_pylist()]
        if not len(names) or not table.num_rows:
            return Foreign(), names, len(names)
        lookup = np.full(int(numbers.max()) + 1, -1, dtype=np.int64)
        lookup[numbers] = np.arange(len(numbers))
        window = store.window(memory_gib=settings.store.memory_gib, threads=settings.store.threads)
        try:
            window.indicators = table
            return foreign_matches(window, lookup, len(names)), names, len(names)
        finally:
            window.close()
    finally:
        store.close()


def too_wide(touched: int, customers: int, settings: Settings) -> bool:
    """Whether an indicator waits for a person."""
    return touched >= ALWAYS_FEW and touched > settings.share.most_touched * customers


def signed(value: int) -> int:
    """An unsigned 64-bit value as the stored tables hold it."""
    return value - (1 << 64) if value >> 63 else value


def _latest(indicators: Sequence[ForeignIndicator]) -> list[ForeignIndicator]:
    latest: dict[str, ForeignIndicator] = {}
    for one in indicators:
        if one.id not in latest or one.modified > latest[one.id].modified:
            latest[one.id] = one
    return list(latest.values())


def _newer(one: ForeignIndicator, known: Mapping[str, Any] | None) -> bool:
    return known is None or one.modified > known["modified"]


def _state(
    one: ForeignIndicator, known: Mapping[str, Any] | None, touched: int, customers: int, settings: Settings
) -> str:
    if one.revoked:
        return "revoked"
    # What a person refused stays refused when its source says it again.
    if known is not None and known["state"] == "refused":
        return "refused"
    return "held" if too_wide(touched, customers, settings) else "active"


def _keep(db: Any, source: str, one: ForeignIndicator, state: str, touched: int, customers: int, now: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO indicators VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL, NULL)",
        (source, one.id, one.campaign, one.kind, one.modified, one.confidence, one.grade, one.tlp, one.from_at,
         one.until_at, state, touched, customers, now),
    )  # fmt: skip
    db.execute("DELETE FROM marks WHERE source = ? AND indicator = ?", (source, one.id))
    db.executemany(
        "INSERT INTO marks VALUES(?, ?, ?, ?)",
        [(source, one.id, kind, signed(value)) for kind, value in ([] if one.revoked else one.marks)],
    )
    keep_tokens(db, source, one.id, None if one.revoked else one.tokens)


def _keep_sighting(db: Any, source: str, one: ForeignSighting, now: float) -> None:
    db.execute(
        "INSERT OR REPLACE INTO sightings VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        (source, one.id, one.of_id, one.low, one.high, one.first_at, one.last_at, now),
    )


__all__ = ["Taken", "decide_held", "look_again", "matches", "take_in", "too_wide", "touched_by"]
