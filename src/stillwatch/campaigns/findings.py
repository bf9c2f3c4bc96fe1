"""What a sweep leaves (contract, section 5): three tables and the run's own record."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.actors.book import Book
from stillwatch.arrow_types import arrow_schema
from stillwatch.campaigns.accounts import AccountScores
from stillwatch.campaigns.calibration import Calibration, label
from stillwatch.campaigns.choose import Chosen
from stillwatch.campaigns.names import targets, techniques, title
from stillwatch.campaigns.reasons import KEPT_FROM, LEAST_BITS, reasons
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.signals import all_signals

_FAMILY = {s.name: s.family for s in all_signals()}
_DAY_US = 86_400e6


@dataclass(frozen=True)
class Findings:
    """`campaigns`, `accounts`, `evidence` in the layouts of `records/tables.py`; `run` as written to run.json."""

    campaigns: pa.Table
    accounts: pa.Table
    evidence: pa.Table
    run: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Puts all four files into `folder`, each replaced whole."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("campaigns", "accounts", "evidence"):
            fresh = folder / f".{name}.{os.getpid()}.new"
            pq.write_table(getattr(self, name), fresh, compression="zstd")
            fresh.replace(folder / f"{name}.parquet")
        fresh = folder / f".run.{os.getpid()}.new"
        fresh.write_text(json.dumps(self.run, indent=1, default=str), "utf-8")
        fresh.replace(folder / "run.json")


@dataclass(frozen=True)
class Reported:
    """A chosen group with everything that the tables say of it."""

    chosen: Chosen
    campaign_id: str
    related: list[str]
    p_values: dict[str, float]
    false_alarm_rate: float
    samples: list[str]


def campaigns_table(book: Book, reported: Sequence[Reported], calibration: Calibration) -> pa.Table:
    """One row for each reported group, by score."""
    rows: list[dict[str, Any]] = []
    for r in sorted(reported, key=lambda r: -r.chosen.p):
        c = r.chosen
        members = c.candidate.members
        what = targets(book, c) if c.kind != "account_network" else []
        ids, note = techniques(book, c)
        conduct = 1.0 - float(np.prod(1.0 - calibration.conducts(c.weighed)[0]))
        # An app's users are all alike: of a relay or a replay, only what no app brings speaks of one hand.
        served = c.kind in ("relay", "replay")
        hand = calibration.tied(c.weighed) if served else calibration.coordinated(c.weighed)
        rows.append({
            "campaign_id": r.campaign_id, "title": title(book, c, what), "score": 100.0 * c.p,
            "label": label(100.0 * c.p), "kind": c.kind, "conduct_score": 100.0 * conduct,
            "coordination_score": 100.0 * float(hand[0]),
            "account_ids": [book.ids[m] for m in members], "accounts": len(members),
            "exchanges": int(book.n[members].sum()),
            "first_seen": int(book.sums["first_us"][members].min()),
            "last_seen": int(book.sums["last_us"][members].max()),
            "targets": what, "techniques": ids, "techniques_note": note, "false_alarm_rate": r.false_alarm_rate,
            "evidence_ids": [f"{r.campaign_id}:{name}" for name in _told(c)], "related": r.related,
        })  # fmt: skip
    return pa.Table.from_pylist(rows, schema=arrow_schema(CAMPAIGNS))


def _told(c: Chosen) -> list[str]:
    """Signals that have something to say of a group, heaviest first."""
    weight = {name: float(c.weighed.bits[name][0]) for name in c.weighed.bits}
    told = [n for n, o in c.weighed.opinions.items() if np.isfinite(o.statistic[0]) and abs(o.bits[0]) >= 0.05]
    return sorted(told, key=lambda n: -abs(weight[n]))


def evidence_table(book: Book, reported: Sequence[Reported], scores: AccountScores) -> pa.Table:
    """Evidence on every reported group, and on accounts that are in one or score at least `mixed`."""
    rows: list[dict[str, Any]] = []
    member_of: dict[int, Reported] = {}
    for r in reported:
        c = r.chosen
        if c.kind != "account_network":
            member_of.update({int(m): r for m in c.candidate.members})
        for name in _told(c):
            opinion = c.weighed.opinions[name]
            rows.append(_row(f"{r.campaign_id}:{name}", "campaign", r.campaign_id, name,
                             float(c.weighed.bits[name][0]), r.p_values.get(name), opinion.says(0),
                             opinion.facts(0), r.samples))  # fmt: skip
    speak = np.zeros(book.accounts, dtype=bool)
    speak[list(member_of)] = True
    speak |= scores.p >= KEPT_FROM / 100.0
    for name, opinion in scores.opinions.items():
        for i in np.flatnonzero(speak & (np.abs(opinion.bits) >= LEAST_BITS)).tolist():
            rows.append(_row(f"{book.ids[i]}:{name}", "account", book.ids[i], name, float(opinion.bits[i]), None,
                             opinion.says(i), opinion.facts(i), []))  # fmt: skip
    return pa.Table.from_pylist(rows, schema=arrow_schema(EVIDENCE))


def _row(
    evidence_id: str, kind: str, actor: str, name: str, bits: float, p: float | None, says: str,
    facts: dict[str, float], samples: list[str],
) -> dict[str, Any]:  # fmt: skip
    finite = {k: float(v) for k, v in facts.items() if np.isfinite(v)}
    return {"evidence_id": evidence_id, "actor_kind": kind, "actor_id": actor, "signal": name, "family": _FAMILY[name],
            "weight_bits": bits, "p_value": None if p is None or not np.isfinite(p) else p, "says": says,
            "facts": list(finite.items()), "exchange_ids": samples}  # fmt: skip


def accounts_table(book: Book, reported: Sequence[Reported], scores: AccountScores) -> pa.Table:
    """One row for each account in the window."""
    group: list[str | None] = [None] * book.accounts
    p_group: list[float | None] = [None] * book.accounts
    for r in sorted(reported, key=lambda r: r.chosen.kind == "account_network"):
        harvest = r.chosen.kind != "account_network"
        for m in r.chosen.candidate.members:
            if group[m] is None:
                group[m] = r.campaign_id
                p_group[m] = r.chosen.p if harvest else None
    score = 100.0 * scores.p
    seen = {r.campaign_id: [r.chosen.weighed.opinions[n].says(0) for n in _told(r.chosen)[:3]] for r in reported}
    return pa.table(
        {
            "account_id": book.ids,
            "score": score,
            "label": [label(s) for s in score],
            "campaign_id": group,
            "exchanges": book.n.astype(np.int64),
            "not_evaluable": scores.not_evaluable,
            "reasons": [
                reasons(scores, i, group[i], p_group[i], seen.get(group[i] or "", [])) for i in range(book.accounts)
            ],
        },
        schema=arrow_schema(ACCOUNTS),
    )
