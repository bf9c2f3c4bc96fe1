"""Share out: writes what leaves into a folder, keeps what was given, and notes it in the audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stillwatch.decide.people import need_role
from stillwatch.decide.record import Record, Who
from stillwatch.errors import OutsideError, UsageError
from stillwatch.settings import Settings
from stillwatch.share import misp, sigma
from stillwatch.share.holders import holders_of
from stillwatch.share.incoming import matches
from stillwatch.share.leaving import Leaving, leaving
from stillwatch.share.stix import Sender, bundle, sighting_bundle, token_indicator_id
from stillwatch.share.tokens import TokenSet
from stillwatch.share.words import our_id
from stillwatch.store import open_store
from stillwatch.store.indicators import Indicators

FORMATS = ("stix", "misp", "sigma")


@dataclass(frozen=True)
class Given:
    """What was written: the bundle, its files, and the aliases of what is in it."""

    bundle: dict[str, Any]
    files: tuple[Path, ...]
    aliases: dict[str, str]
    without_marks: tuple[str, ...]
    """Aliases of which only the outline left: too few accounts, or no template of their own."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Alias to tokens that left with it."""


def share_out(
    home: Path, campaign_ids: Sequence[str], out: Path, settings: Settings, who: Who, *, tlp: str = "amber+strict",
    formats: Sequence[str] = FORMATS, now: float | None = None, tokens: Mapping[str, TokenSet] | None = None,
) -> Given:  # fmt: skip
    """Writes the named campaigns below `out` in these formats, with `tokens` (by campaign) of what their accounts held.

    A draft: what leaves is what the gate releases. UsageError where one is not there or nobody is named.
    """
    need_role(who, "approver", "share")
    wrong = [f for f in formats if f not in FORMATS]
    if wrong or not formats:
        raise UsageError("--format", f"one or more of {', '.join(FORMATS)}")
    now = time.time() if now is None else now
    sender = Sender(settings.share.provider, settings.share.contact, tlp, now)
    found = leaving(home, campaign_ids, settings)
    kept = Indicators(home)
    try:
        at = {r["stix_id"]: float(r["at"]) for r in kept.rows("SELECT stix_id, at FROM given")}
        made_at = {one.alias: at[i] for one in found if (i := _subject(sender, one)) in at}
        aliases = dict(zip(dict.fromkeys(campaign_ids), (one.alias for one in found), strict=True))
        back = {alias: campaign for campaign, alias in aliases.items()}
        # Of a small campaign only the outline leaves; a network's customers are not its harvest.
        held = {
            one.alias: (tokens or {})[back[one.alias]] for one in found
            if back[one.alias] in (tokens or {}) and one.accounts is not None and one.kind != "account_network"
        }  # fmt: skip
        whole = bundle(sender, found, made_at, settings.share.valid_days, held)
        files = _write(out, sender, found, whole, formats, settings.share.valid_days, held)
        record = Record(home)
        try:
            with kept.act() as db:
                for one in found:
                    ids = [_subject(sender, one)]
                    ids += [our_id("indicator", sender.provider, one.alias)] if one.marks else []
                    ids += [token_indicator_id(sender, one.alias, held[one.alias])] if one.alias in held else []
                    db.executemany(
                        "INSERT OR IGNORE INTO given VALUES(?, ?, ?)", [(i, back[one.alias], now) for i in ids]
                    )
            with record.act():
                record.audit(who, "shared out", ", ".join(aliases)[:600], now, tlp=tlp, formats=list(formats),
                             bundle=whole["id"], objects=len(whole["objects"]),
                             tokens=sum(len(one.tokens) for one in held.values()))  # fmt: skip
        finally:
            record.close()
    finally:
        kept.close()
    tokens_given = {alias: len(one.tokens) for alias, one in held.items()}
    return Given(whole, tuple(files), aliases, tuple(one.alias for one in found if not one.marks), tokens_given)


def sightings(home: Path, settings: Settings, *, source: str | None = None, now: float | None = None) -> dict[str, Any]:
    """A bundle of sightings of others' indicators here: seen or not, a rounded number, days; no account."""
    now = time.time() if now is None else now
    sender = Sender(settings.share.provider, settings.share.contact, "amber+strict", now)
    kept = Indicators(home)
    try:
        rows = kept.rows(
            "SELECT source, indicator, tlp FROM indicators WHERE state = 'active' AND until_at > ? "
            "AND (? IS NULL OR source = ?) ORDER BY source, indicator",
            (now, source, source),
        )
        marks = kept.marks_of(rows)
        held = [holders_of(kept, r["source"], r["indicator"]) for r in rows]
    finally:
        kept.close()
    foreign, names, _ = matches(home, marks, settings, held)
    seen: list[tuple[str, int, datetime | None, datetime | None]] = []
    if foreign.known:
        hits = foreign.hits().tocsc()
        for i, row in enumerate(rows[: hits.shape[1]]):
            accounts = [names[k] for k in hits[:, i].indices]
            if accounts:
                seen.append((row["indicator"], len(accounts), *_days(home, accounts, settings)))
    return sighting_bundle(sender, seen, {r["indicator"]: r["tlp"] for r in rows})


def _days(home: Path, accounts: Sequence[str], settings: Settings) -> tuple[datetime | None, datetime | None]:
    """First and last day of use of some accounts, as midnights: times of day would say more than a sighting needs."""
    store = open_store(home)
    window = store.window(memory_gib=settings.store.memory_gib, threads=settings.store.threads)
    try:
        number = {name: n for n, name in window.ids().items()}
        t = window.exchanges
        t = t.filter(t.account.isin([number[a] for a in accounts]))
        span = t.aggregate(a=t.started_at.min(), b=t.started_at.max()).to_pyarrow().to_pylist()[0]
    finally:
        window.close()
        store.close()
    if span["a"] is None:
        return None, None
    first, last = (at if at.tzinfo else at.replace(tzinfo=UTC) for at in (span["a"], span["b"]))
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    return first.replace(**midnight), last.replace(**midnight) + timedelta(days=1)


def pushed(home: Path, who: Who, url: str, counts: Mapping[str, int]) -> None:
    """Notes in the audit log what was handed in where."""
    record = Record(home)
    try:
        with record.act():
            record.audit(who, "pushed", url[:300], time.time(), **counts)
    finally:
        record.close()


def _subject(sender: Sender, one: Leaving) -> str:
    return our_id("infrastructure" if one.kind == "account_network" else "campaign", sender.provider, one.alias)


def _write(
    out: Path, sender: Sender, found: Sequence[Leaving], whole: dict[str, Any], formats: Sequence[str], valid_days: int,
    tokens: Mapping[str, TokenSet],
) -> list[Path]:  # fmt: skip
    files: list[Path] = []
    try:
        out.mkdir(parents=True, exist_ok=True)
        if "stix" in formats:
            files.append(out / "bundle.json")
            files[-1].write_text(json.dumps(whole, indent=1) + "\n", "utf-8")
        if "sigma" in formats:
            (out / "sigma").mkdir(exist_ok=True)
            for name, text in sigma.rules(sender, found).items():
                files.append(out / "sigma" / name)
                files[-1].write_text(text, "utf-8")
        if "misp" in formats:
            files += misp.write_feed(out / "misp", sender, found, valid_days, tokens)
    except OSError as error:
        raise OutsideError(str(out), f"cannot be written ({error.strerror})", "name another --out") from error
    return files
