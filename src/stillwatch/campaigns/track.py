"""Campaigns from sweep to sweep: the same campaign keeps its id, a successor points back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

#: Where a home remembers its sweeps' scores.
SWEEPS_FILE = Path("history") / "sweeps.jsonl"
#: Sweeps whose scores are remembered; older ones drop out.
MOST_SWEEPS = 1000
#: Of the accounts of the smaller of two groups, the share in both from which they are one campaign.
SAME_SHARE = 0.3


@dataclass
class Remembered:
    """A campaign that some sweep reported: its accounts, its kind, and public hashes of its core content."""

    campaign_id: str
    kind: str
    account_ids: list[str]
    core: list[int]
    first_reported_at: str
    last_reported_at: str
    price_bits: float = 0.0
    """What looking again and again cost when it was first reported; it stays that."""


def new_id(kind: str, account_ids: Sequence[str]) -> str:
    """An id that depends only on the kind and the accounts of the first sighting."""
    digest = hashlib.sha256("\0".join([kind, *sorted(account_ids)]).encode()).hexdigest()
    return f"{'N' if kind == 'account_network' else 'C'}-{digest[:10]}"


def read_memory(path: Path) -> list[Remembered]:
    """What earlier sweeps reported; an unreadable file is set aside, since a memory must not stop a sweep."""
    if not path.exists():
        return []
    try:
        return [Remembered(**row) for row in json.loads(path.read_text("utf-8"))]
    except (ValueError, TypeError):
        path.replace(path.with_suffix(".unreadable"))
        return []


def write_memory(path: Path, memory: Sequence[Remembered]) -> None:
    """Writes the memory whole, then puts it in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps([asdict(m) for m in memory]), "utf-8")
    fresh.replace(path)


def recent(memory: Sequence[Remembered], days: float, now: datetime) -> list[Remembered]:
    """Without campaigns that no sweep reported in the last `days` (0: all stay). One whose date is unreadable stays."""
    if days <= 0:
        return list(memory)
    oldest = (now - timedelta(days=days)).isoformat(timespec="seconds")
    return [m for m in memory if not m.last_reported_at[:4].isdigit() or m.last_reported_at >= oldest]


def remember_sweep(path: Path, at: str, campaigns: Sequence[Mapping[str, Any]]) -> None:
    """Adds a sweep's line to the history: `at` (RFC 3339) and campaigns (id, score, kind, accounts, exchanges).

    The latest 1,000 sweeps stay. No account is named in it, so forgetting a customer needs nothing here.
    """
    told = [
        {"id": row["campaign_id"], **{name: row[name] for name in ("score", "kind", "accounts", "exchanges")}}
        for row in campaigns
    ]
    earlier = path.read_text("utf-8").splitlines()[-(MOST_SWEEPS - 1) :] if path.is_file() else []
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join([*earlier, json.dumps({"at": at, "campaigns": told})]) + "\n", "utf-8")
    fresh.replace(path)


def read_sweeps(path: Path) -> list[dict[str, Any]]:
    """The sweeps that `remember_sweep` left, oldest first; a line that cannot be read is left out."""
    if not path.is_file():
        return []
    sweeps: list[dict[str, Any]] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            read = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(read, dict) or not isinstance(read.get("at"), str):
            continue
        rows = read.get("campaigns")
        if isinstance(rows, list) and all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
            sweeps.append({"at": read["at"], "campaigns": rows})
    return sweeps


def remembered_price(memory: Sequence[Remembered], kind: str, account_ids: Sequence[str]) -> float | None:
    """The price that an earlier sweep's report of this group paid; None where none reported it."""
    here = set(account_ids)
    paid = [
        old.price_bits
        for old in memory
        if (old.kind == "account_network") == (kind == "account_network")
        and len(here & set(old.account_ids)) >= SAME_SHARE * max(min(len(here), len(old.account_ids)), 1)
    ]
    return min(paid) if paid else None


def _same(memory: Sequence[Remembered], found: Sequence[tuple[str, set[str]]]) -> dict[int, Remembered]:
    """Which remembered campaign each found group is: the pairs that have most in common first, each side once.

    Two campaigns that one sweep takes together and the next apart again keep their ids so: the larger has it meanwhile.
    """
    pairs = []
    for i, (kind, here) in enumerate(found):
        for j, old in enumerate(memory):
            if (old.kind == "account_network") != (kind == "account_network"):
                continue
            both = len(here.intersection(old.account_ids))
            if both and both >= SAME_SHARE * min(len(here), len(old.account_ids)):
                pairs.append((-both / (len(here) + len(old.account_ids) - both), i, j))
    chosen: dict[int, Remembered] = {}
    used: set[int] = set()
    for _, i, j in sorted(pairs):
        if i not in chosen and j not in used:
            chosen[i] = memory[j]
            used.add(j)
    return chosen


def _free_id(kind: str, account_ids: Sequence[str], taken: set[str]) -> str:
    """A new id. The same accounts may come back when their old id belongs to a group that grew beyond them."""
    fresh, again = new_id(kind, account_ids), 0
    while fresh in taken:
        again += 1
        fresh = new_id(kind, [*account_ids, f"\0{again}"])
    return fresh


def identify(
    memory: list[Remembered], found: Sequence[tuple[str, list[str], frozenset[int]]], at: str, price: float = 0.0
) -> tuple[list[str], list[list[str]]]:
    """(ids, related ids) of found campaigns (kind, account ids, core hashes); `memory` is brought up to date.

    The same campaign: of the accounts of the smaller of the two, at least 30 % are in both (networks only with
    networks). Related: another campaign with half of the smaller one's core content, or in the same network.
    """
    groups = [set(accounts) for _, accounts, _ in found]
    chosen = _same(memory, [(kind, here) for (kind, _, _), here in zip(found, groups, strict=True)])
    ids: list[str] = []
    for i, ((kind, accounts, core), here) in enumerate(zip(found, groups, strict=True)):
        best = chosen.get(i)
        if best is None:
            best = Remembered(_free_id(kind, accounts, {m.campaign_id for m in memory}), kind, [], [], at, at, price)
            memory.append(best)
        best.kind, best.account_ids, best.core, best.last_reported_at = kind, sorted(here), sorted(core), at
        ids.append(best.campaign_id)
    related: list[list[str]] = []
    for (kind, accounts, core), own in zip(found, ids, strict=True):
        here = set(accounts)
        near = []
        for old in memory:
            if old.campaign_id == own:
                continue
            both = core & set(old.core)
            content = len(both) >= 3 and len(both) >= 0.5 * min(len(core), len(old.core))
            network = (old.kind == "account_network") != (kind == "account_network")
            inside = network and len(here & set(old.account_ids)) >= 0.3 * min(len(here), len(old.account_ids))
            if content or inside:
                near.append(old.campaign_id)
        related.append(near)
    return ids, related
