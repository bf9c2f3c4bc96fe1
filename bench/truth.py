"""Compares what a sweep left with the truth of a simulated world."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

#: An account with fewer exchanges than this shows too little of anything to be evaluated by itself.
EVALUABLE_EXCHANGES = 10
GUILTY = ("harvest", "relay", "replay")
FOUND_SHARE = 0.1


def wilson(k: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """95 % Wilson interval of k of n (Wilson 1927); (0, 1) where n is 0."""
    if n <= 0:
        return 0.0, 1.0
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * (p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def compare(home: Path, world: Path, *, report_from: float = 55.0) -> dict[str, Any]:
    """Counts for one world whose sweep left its findings in a home."""
    truth, campaigns = truth_of(world)
    accounts = pq.read_table(home / "findings" / "accounts.parquet", columns=["account_id", "score"]).to_pylist()
    found = pq.read_table(home / "findings" / "campaigns.parquet").to_pylist()
    scored = {r["account_id"]: r["score"] for r in accounts}
    return compare_rows(scored, found, truth, campaigns, report_from=report_from)


def truth_of(world: Path) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """A simulated world's accounts by id, and its campaigns."""
    truth = {r["account_id"]: r for r in pq.read_table(world / "truth" / "accounts.parquet").to_pylist()}
    return truth, json.loads((world / "truth" / "campaigns.json").read_text("utf-8"))


def compare_rows(
    scored: dict[str, float], found: list[dict[str, Any]], truth: dict[str, dict[str, Any]],
    campaigns: list[dict[str, Any]], *, report_from: float = 55.0,
) -> dict[str, Any]:  # fmt: skip
    """Counts for one world: accounts, campaigns, networks, cohorts of look-alikes."""
    guilty = {a for a, r in truth.items() if r["role"] in GUILTY}
    legitimate = {a for a, r in truth.items() if r["role"] == "legitimate"}
    flagged = {a for a, s in scored.items() if s >= report_from}
    evaluable = {a for a in guilty if truth[a]["exchanges"] >= EVALUABLE_EXCHANGES}
    harvests = [f for f in found if f["kind"] != "account_network"]
    false = [
        {"campaign_id": f["campaign_id"], "score": f["score"], "accounts": f["accounts"], "cohorts": _cohorts(f, truth)}
        for f in harvests if sum(a in guilty for a in f["account_ids"]) < 0.5 * len(f["account_ids"])
    ]  # fmt: skip
    seen: list[dict[str, Any]] = []
    for c in campaigns:
        kind = c["kind"]
        key = "network" if kind == "account_network" else "campaign"
        members = {a for a, r in truth.items() if r[key] == c["name"]}
        same = [f for f in found if (f["kind"] == "account_network") == (kind == "account_network")]
        inside = max((len(members & set(f["account_ids"])) for f in same), default=0)
        kinds = {f["kind"] for f in same if len(members & set(f["account_ids"])) >= FOUND_SHARE * len(members)}
        seen.append({"name": c["name"], "kind": kind, "accounts": len(members), "in_one_finding": inside,
                     "found": bool(members) and inside >= FOUND_SHARE * len(members), "kinds_reported": sorted(kinds),
                     "mean_score": sum(scored.get(a, 0.0) for a in members) / max(len(members), 1),
                     "caught": len(members & flagged),
                     "recall": len(members & flagged) / max(len(members), 1)})  # fmt: skip
    cohorts: dict[str, list[str]] = {}
    for a in legitimate:
        cohorts.setdefault(str(truth[a]["cohort"]), []).append(a)
    accused = {name: sum(a in flagged for a in ids) / len(ids) for name, ids in cohorts.items()}
    networks = [f for f in found if f["kind"] == "account_network"]
    def operated(a: str) -> bool:
        return (truth[a]["network"] or truth[a]["campaign"]) is not None

    false_networks = [
        {"campaign_id": f["campaign_id"], "accounts": f["accounts"], "cohorts": _cohorts(f, truth)}
        for f in networks
        if sum(operated(a) for a in f["account_ids"]) < 0.5 * f["accounts"]
    ]  # fmt: skip
    return {
        "accounts": len(truth), "guilty": len(guilty), "evaluable": len(evaluable), "flagged": len(flagged),
        "caught": len(flagged & guilty), "caught_evaluable": len(flagged & evaluable),
        "legitimate": len(legitimate), "wrongly_flagged": len(flagged & legitimate),
        "campaigns": seen, "false_campaigns": false, "false_networks": false_networks,
        "cohorts_accused": {k: v for k, v in sorted(accused.items()) if v >= 0.1 and len(cohorts[k]) >= 1},
        "scores": [[f["score"], sum(a in guilty for a in f["account_ids"]) >= 0.5 * f["accounts"]] for f in harvests],
    }  # fmt: skip


def _cohorts(finding: dict[str, Any], truth: dict[str, dict[str, Any]]) -> dict[str, int]:
    out: dict[str, int] = {}
    for a in finding["account_ids"]:
        r = truth.get(a)
        name = "unknown" if r is None else str(r["campaign"] or r["network"] or r["cohort"])
        out[name] = out.get(name, 0) + 1
    return dict(sorted(out.items(), key=lambda pair: -pair[1])[:6])


def add_up(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Precision, recall (of evaluable, of all), campaigns found, false ones, wrongly flagged, with intervals."""

    def total(key: str) -> int:
        return sum(int(r[key]) for r in rows)

    harvests = [c for r in rows for c in r["campaigns"] if c["kind"] != "account_network"]
    networks = [c for r in rows for c in r["campaigns"] if c["kind"] == "account_network"]
    caught, wrong = total("caught"), total("wrongly_flagged")
    return {
        "worlds": len(rows),
        "precision": caught / max(caught + wrong, 1) if caught + wrong else None,
        "recall_evaluable": total("caught_evaluable") / total("evaluable") if total("evaluable") else None,
        "recall_evaluable_interval": wilson(total("caught_evaluable"), total("evaluable")),
        "recall_all": caught / total("guilty") if total("guilty") else None,
        "campaigns_found": sum(c["found"] for c in harvests), "campaigns": len(harvests),
        "networks_found": sum(c["found"] for c in networks), "networks": len(networks),
        "false_campaigns": sum(len(r["false_campaigns"]) for r in rows),
        "false_networks": sum(len(r["false_networks"]) for r in rows),
        "wrongly_flagged_per_10000": 1e4 * wrong / max(total("legitimate"), 1),
        "wrongly_flagged_interval": tuple(1e4 * x for x in wilson(wrong, total("legitimate"))),
        "cohorts_accused": sorted({k for r in rows for k in r["cohorts_accused"]}),
    }  # fmt: skip
