"""From findings to the snapshot: counts by campaign with their uncertainty, days, weights; never an account id."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.report.explain import Explanation, of_campaign
from stillwatch.report.findings import Findings, Pictures, plain
from stillwatch.share.intervals import lower_bounds

UNITS = {
    "campaigns": "campaigns", "campaigns.accounts": "accounts", "campaigns.accounts_low": "accounts",
    "campaigns.exchanges": "exchanges", "campaigns.exchanges_low": "exchanges", "campaigns.score": "score",
    "campaigns.conduct": "score", "campaigns.coordination": "score", "campaigns.false_alarm_percent": "percent",
    "totals.accounts": "accounts", "totals.exchanges": "exchanges", "totals.prior": "share", "facts.value": "measure",
    "weights.bits": "bits", "totals.smallest_cell": "accounts",
}  # fmt: skip
#: Facts whose value counts people: below the smallest cell they are left out.
_OF_PEOPLE = ("account", "user", "key", "organisation", "org")
#: Facts that are the group's size again: those are figures with an interval of their own.
_COUNTED_ELSEWHERE = frozenset({"accounts", "exchanges", "prompts"})


@dataclass(frozen=True)
class Counted:
    """One campaign, ready to be written of: `subject` is its public alias, `told` its evidence, `row` its finding."""

    subject: str
    row: Mapping[str, Any]
    told: Explanation
    accounts: tuple[int, int]
    exchanges: tuple[int, int]
    families: int
    unknown: tuple[str, ...]


def count(
    findings: Findings, subjects: Mapping[str, str], signs: Mapping[str, Any], pictures: Pictures
) -> tuple[Counted, ...]:
    """The campaigns of `subjects` (id to public alias). KeyError names one that the latest sweep did not find."""
    out = []
    for id, subject in subjects.items():
        row = findings.campaign(id)
        if row is None:
            raise KeyError(id)
        told = of_campaign(findings, row, signs, pictures.scores.get(id, {}))
        accounts, exchanges = lower_bounds(findings, row)
        families = {c.family for c in told.evidence_for if (c.bits or 0.0) >= 1.0}
        out.append(
            Counted(
                subject, row, told, (accounts, int(row["accounts"] or 0)), (exchanges, int(row["exchanges"] or 0)),
                len(families),
                tuple(dict.fromkeys(u.signal for u in told.unknown)),
            )
        )  # fmt: skip
    return tuple(out)


def snapshot_of(
    counted: Sequence[Counted], findings: Findings, pictures: Pictures, smallest_cell: int
) -> dict[str, Any]:
    """Tables that every figure is queried from, and what they were made of."""
    members = {a for c in counted for a in c.row["account_ids"] or ()}
    chosen = findings.accounts.filter(
        pc.is_in(findings.accounts["account_id"], value_set=pa.array(sorted(members), pa.string()))
    )
    tables: dict[str, list[dict[str, Any]]] = {
        "campaigns": [
            {
                "campaign": c.subject, "kind": c.row["kind"], "accounts": c.accounts[1], "accounts_low": c.accounts[0],
                "exchanges": c.exchanges[1], "exchanges_low": c.exchanges[0], "score": _rounded(c.row["score"]),
                "conduct": _rounded(c.row["conduct_score"]), "coordination": _rounded(c.row["coordination_score"]),
                "false_alarm_percent": _rounded(_percent(c.row["false_alarm_rate"]), 4),
            } for c in counted
        ],
        "totals": [
            {
                "accounts": len(members), "exchanges": int(pc.sum(chosen["exchanges"]).as_py() or 0),
                "prior": findings.run.get("prior"), "smallest_cell": smallest_cell,
            }
        ],
        "weights": [], "facts": [],
    }  # fmt: skip
    for c in counted:
        for claim in (*c.told.evidence_for, *c.told.evidence_against):
            if claim.bits is not None:
                tables["weights"].append(
                    {"campaign": c.subject, "signal": claim.signal, "bits": _rounded(claim.bits, 1)}
                )
            for name, value in claim.facts.items():
                if value is None or name in _COUNTED_ELSEWHERE or (value == 0 and name.endswith(("_lift", "_covered"))):
                    continue
                if not _too_small(name, value, smallest_cell):
                    tables["facts"].append(
                        {"campaign": c.subject, "signal": claim.signal, "fact": name, "value": _significant(value)}
                    )
    return {
        "of": "counts of the latest sweep; account ids, texts and identifiers are not in it",
        "made_from": {name: _table_sha256(getattr(findings, name)) for name in ("campaigns", "accounts", "evidence")},
        "settings_sha256": str(plain(findings.run.get("settings_sha256") or "")),
        "units": UNITS, "tables": tables, "days": daily(counted, pictures),
    }  # fmt: skip


def daily(counted: Sequence[Counted], pictures: Pictures) -> list[dict[str, Any]]:
    """Exchanges a day (UTC) of each campaign, from the hunt's table of traffic; empty where it left none."""
    out: dict[tuple[str, str], int] = {}
    names = {str(c.row["campaign_id"]): c.subject for c in counted}
    for row in pictures.traffic.to_pylist():
        if row["campaign_id"] in names and isinstance(row["hour"], datetime):
            day = row["hour"].astimezone(UTC).date().isoformat()
            key = (names[row["campaign_id"]], day)
            out[key] = out.get(key, 0) + int(row["exchanges"] or 0)
    return [{"campaign": c, "day": d, "exchanges": n} for (c, d), n in sorted(out.items())]


def _too_small(name: str, value: float, smallest: int) -> bool:
    counts = any(word in name.split("_") or f"{word}s" in name.split("_") for word in _OF_PEOPLE)
    return counts and 0 < value < smallest


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100.0


def _rounded(value: float | None, places: int = 1) -> float | None:
    """Rounded; a probability in percent never up to certainty."""
    if value is None or not math.isfinite(value):
        return None
    shown = round(float(value), places)
    return 99.9 if shown >= 100 > value else shown


def _significant(value: float) -> float:
    if value == 0 or not math.isfinite(value):
        return 0.0
    if float(value).is_integer():
        return int(value)
    digits = 2 - math.floor(math.log10(abs(value)))
    shown = round(value, max(min(digits, 4), 0))
    return int(shown) if float(shown).is_integer() else shown


def _table_sha256(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for batch in table.to_batches(max_chunksize=65536):
        digest.update(batch.serialize().to_pybytes())
    return digest.hexdigest()
