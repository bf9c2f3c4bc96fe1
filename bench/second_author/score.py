"""Compares the findings of a sweep with a world's truth.

Reads `DIR/findings/campaigns.parquet` and `accounts.parquet` (the contract's columns) and `truth.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

LIKELY = 55.0
TOUCHED = 0.10
NETWORK = "account_network"


class Unreadable(Exception):
    """Truth or findings are absent, or lack a column."""


def _share(part: set[str], whole: set[str]) -> float:
    return len(part & whole) / len(whole) if whole else 0.0


def _table(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    except Exception as e:
        raise Unreadable(f"{path}: {e}") from e
    return rows


def score_home(world: Path, home: Path) -> dict[str, Any]:
    """The score of the findings in `home` against `world/truth.json`. Raises `Unreadable`."""
    try:
        truth = json.loads((world / "truth.json").read_text())
    except (OSError, ValueError) as e:
        raise Unreadable(f"{world / 'truth.json'}: {e}") from e
    found = _table(home / "findings" / "campaigns.parquet", ["campaign_id", "kind", "score", "account_ids"])
    people = _table(home / "findings" / "accounts.parquet", ["account_id", "score"])
    return compare(truth, found, people)


def compare(
    truth: dict[str, Any], findings: Iterable[dict[str, Any]], people: Iterable[dict[str, Any]]
) -> dict[str, Any]:
    """Scores findings (campaign_id, kind, score, account_ids) and people (account_id, score).

    A campaign is found where at least a tenth of its accounts are in one finding of a right kind, reported at
    55 or more; `accused` is an account at 55 or more. An account missing from `people` is not accused, and is
    counted as missing.
    Shares are null where there is nothing to divide by.
    """
    reported = [
        (str(f["campaign_id"]), str(f["kind"]), {str(a) for a in f["account_ids"] or []})
        for f in findings
        if (f["score"] or 0) >= LIKELY
    ]
    scores = {str(p["account_id"]): float(p["score"] or 0) for p in people}
    known = {
        a for groups in ("campaigns", "networks", "cohorts") for g in truth[groups] for a in g["account_ids"]
    }
    guilty = {a for c in truth["campaigns"] for a in c["account_ids"]}
    accused = {a for a, s in scores.items() if s >= LIKELY}
    innocent = known - guilty

    campaigns = []
    for c in truth["campaigns"]:
        mine = set(c["account_ids"])
        shares = [
            (_share(accounts, mine), kind, len(accounts & mine) / max(1, len(accounts)))
            for _, kind, accounts in reported
        ]
        right = [s for s in shares if s[1] in c["right_kinds"]]
        best = max(right, default=(0.0, "", 0.0))
        campaigns.append(
            {
                "name": c["name"],
                "accounts": len(mine),
                "found": best[0] >= TOUCHED,
                "recall": best[0],
                "purity": best[2],
                "found_as": sorted({s[1] for s in shares if s[0] >= TOUCHED}),
                "accounts_accused": _share(accused, mine),
            }
        )
    false = [
        {
            "campaign_id": i,
            "kind": kind,
            "accounts": len(accounts),
            "guilty": len(accounts & guilty),
            "cohorts": sorted(c["name"] for c in truth["cohorts"] if accounts & set(c["account_ids"])),
        }
        for i, kind, accounts in reported
        if kind != NETWORK and len(accounts & guilty) < 0.5 * len(accounts)
    ]
    nets = [(i, accounts) for i, kind, accounts in reported if kind == NETWORK]
    networks = []
    for n in truth["networks"]:
        mine = set(n["account_ids"])
        best_net = max((_share(accounts, mine) for _, accounts in nets), default=0.0)
        networks.append(
            {"name": n["name"], "accounts": len(mine), "found": best_net >= TOUCHED, "recall": best_net}
        )
    operators = [set(g["account_ids"]) for g in (*truth["networks"], *truth["campaigns"])]
    false_nets = [
        i
        for i, accounts in nets
        if max((len(accounts & o) for o in operators), default=0) < 0.5 * max(1, len(accounts))
    ]
    cohorts = [
        {
            "name": c["name"],
            "accounts": len(c["account_ids"]),
            "accused": len(accused & set(c["account_ids"])),
        }
        for c in truth["cohorts"]
        if not c["ordinary"]
    ]
    hit = len(accused & guilty)
    return {
        "world": truth["world"],
        "seed": truth["seed"],
        "exchanges": truth["exchanges"],
        "accounts": truth["accounts"],
        "campaigns": campaigns,
        "campaigns_found": sum(c["found"] for c in campaigns),
        "campaigns_true": len(campaigns),
        "false_campaigns": len(false),
        "false_campaign_list": false,
        "networks": networks,
        "networks_found": sum(n["found"] for n in networks),
        "networks_true": len(networks),
        "false_networks": len(false_nets),
        "account_precision": hit / len(accused & known) if accused & known else None,
        "account_recall": hit / len(guilty) if guilty else None,
        "legitimate_accused": len(accused & innocent),
        "legitimate_accounts": len(innocent),
        "legitimate_accused_per_10k": 1e4 * len(accused & innocent) / len(innocent) if innocent else None,
        "cohorts": cohorts,
        "cohorts_true": len(cohorts),
        "cohorts_accused": sorted(
            c["name"] for c in cohorts if c["accused"] and c["accused"] >= TOUCHED * c["accounts"]
        ),
        "accounts_without_a_row": len(known - scores.keys()),
        "unknown_accounts": len(scores.keys() - known),
    }


HEAD = (
    "world",
    "seed",
    "accounts",
    "exchanges",
    "campaigns found",
    "account precision",
    "account recall",
    "false campaigns",
    "innocents accused",
    "per 10,000",
    "cohorts accused",
    "networks found",
    "sweep s",
)


def _number(v: float | None, digits: int) -> str:
    return "–" if v is None else f"{v:.{digits}f}"


def markdown(results: list[dict[str, Any]]) -> str:
    """One table of results and a line of totals; a world that failed has its fault in place of figures."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    good = [r for r in results if "fault" not in r]
    for r in results:
        if "fault" in r:
            lines.append(
                f"| {r['world']} | {r['seed']} | "
                + " | ".join(["–"] * (len(HEAD) - 3))
                + f" | {r['fault']} |"
            )
            continue
        cells = [
            r["world"],
            r["seed"],
            r["accounts"],
            r["exchanges"],
            f"{r['campaigns_found']}/{r['campaigns_true']}",
            _number(r["account_precision"], 3),
            _number(r["account_recall"], 3),
            r["false_campaigns"],
            r["legitimate_accused"],
            _number(r["legitimate_accused_per_10k"], 1),
            ", ".join(r["cohorts_accused"]) or "none" if r["cohorts_true"] else "–",
            f"{r['networks_found']}/{r['networks_true']}" if r["networks_true"] else "–",
            _number(r.get("sweep_s"), 1),
        ]
        lines.append("| " + " | ".join(str(c) for c in cells) + " |")
    if good:
        innocent = sum(r["legitimate_accounts"] for r in good)
        accused = sum(r["legitimate_accused"] for r in good)
        lines.append(
            f"\nIn all: campaigns found "
            f"{sum(r['campaigns_found'] for r in good)}/{sum(r['campaigns_true'] for r in good)}, "
            f"false campaigns {sum(r['false_campaigns'] for r in good)}, innocents accused {accused} of "
            f"{innocent} "
            f"({_number(1e4 * accused / innocent if innocent else None, 1)} per 10,000), cohorts accused "
            f"{sum(len(r['cohorts_accused']) for r in good)}/{sum(r['cohorts_true'] for r in good)}, "
            f"networks found "
            f"{sum(r['networks_found'] for r in good)}/{sum(r['networks_true'] for r in good)} "
            f"(false {sum(r['false_networks'] for r in good)}), failed runs {len(results) - len(good)}."
        )
    return "\n".join(lines)
