"""Harvest prevented against legitimate exchanges touched, as a curve over policies; the one that ships is marked.

python -m bench.policies [--worlds NAME ...] [--seeds 593 594] [--every 24] [--out FILE]

Each world is ingested whole and swept day by day (`decide --what-if` does the same), the price of looking again paid.
Every policy then replays those sweeps, as if all its rows enforced and a person approved after four hours; truth says
what was a harvest and who was legitimate. Account records are the world's last ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.accuracy import CAMPAIGNS, WORLDS
from bench.first_request import enforced
from bench.truth import GUILTY, truth_of
from bench.worlds import make, settings, take_in
from stillwatch.decide.policy import Policy, policy_from
from stillwatch.decide.what_if import Outcome, what_if
from stillwatch.foresight import replay

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "policies.json"
PICTURE = ROOT / "docs" / "pictures" / "policies.png"
APPROVAL_HOURS = 4.0
NEWCOMERS, FIVE_KINDS = "suspend from 80, newcomers step up", "suspend from 95, five kinds of evidence"

ROW = """
[defaults]
mode = "enforce"
[[rule]]
name = "all"
scope = "campaign"
kinds = ["distillation", "relay", "replay"]
score_from = {score}
conduct_from = 50
coordination_from = 50
families_from = {families}
action = "suspend"
newcomers = "{newcomers}"
reason = "harvest"
tell = "Suspended."
expires_hours = 48
"""


def policies() -> dict[str, Policy]:
    """Policies by name: suspension from a score up, with kinds of evidence asked for; and the one that ships."""
    out = {"ships": enforced()}
    for score in (55, 70, 80, 90, 95, 99):
        out[f"suspend from {score}"] = policy_from(ROW.format(score=score, families=0, newcomers="watch"), "bench")
    others = {NEWCOMERS: (80, 0, "step_up"), FIVE_KINDS: (95, 5, "watch")}
    for name, (score, families, newcomers) in others.items():
        out[name] = policy_from(ROW.format(score=score, families=families, newcomers=newcomers), "bench")
    return out


def one(world: str, seed: int, every: float, place: Path) -> list[dict[str, Any]]:
    """What each policy would have done in one world."""
    make(WORLDS[world], seed, place)
    truth, campaigns = truth_of(place)
    home = place / "home"
    take_in(place, home)
    sightings, traffic = replay(home, settings=settings(), every_hours=every)
    groups = {
        c["name"]: {a for a, r in truth.items() if r["campaign"] == c["name"]}
        for c in campaigns if c["kind"] != "account_network"
    }  # fmt: skip

    def fair(account: str) -> bool:
        return truth[account]["role"] not in GUILTY and truth[account]["network"] is None

    rows = []
    for name, policy in policies().items():
        row = _row(what_if(policy, sightings, traffic, groups, fair, approval_hours=APPROVAL_HOURS), truth)
        rows.append({"world": world, "seed": seed, "policy": name, **row})
    return rows


def _row(out: Outcome, truth: dict[str, dict[str, Any]]) -> dict[str, Any]:
    cohorts: dict[str, int] = {}
    for account in out.legitimate_accounts_hit:
        cohort = str(truth[account]["cohort"])
        cohorts[cohort] = cohorts.get(cohort, 0) + 1
    return {
        "harvest": sum(c.exchanges for c in out.campaigns),
        "stopped": sum(c.exchanges * c.prevented for c in out.campaigns),
        "lessened": sum(c.exchanges * c.lessened for c in out.campaigns),
        "legitimate": out.legitimate_exchanges, "legitimate_hit": out.legitimate_exchanges_hit,
        "legitimate_accounts": sum(1 for r in truth.values() if r["role"] not in GUILTY and r["network"] is None),
        "legitimate_accounts_hit": len(out.legitimate_accounts_hit), "cohorts_hit": cohorts,
        "delays": {c.campaign_id: c.first_decided_after_hours for c in out.campaigns},
        "approved": out.waited_for_approval, "newcomers": out.newcomers_met,
    }  # fmt: skip


def summarise(rows: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Sums over worlds by policy. A campaign's exchanges count alike, so a large one weighs more; also by campaign."""
    out: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(r["policy"] for r in rows):
        mine = [r for r in rows if r["policy"] == name]

        def total(key: str, mine: list[dict[str, Any]] = mine) -> float:
            return float(sum(r[key] for r in mine))

        shares = [(r["stopped"] + r["lessened"]) / r["harvest"] for r in mine if r["harvest"]]
        delays = sorted(d for r in mine for d in r["delays"].values() if d is not None)
        out[name] = {
            "stopped_share": total("stopped") / total("harvest"),
            "lessened_share": total("lessened") / total("harvest"),
            "mean_share_of_a_world": sum(shares) / len(shares) if shares else 0.0,
            "legitimate_exchanges_hit_share": total("legitimate_hit") / total("legitimate"),
            "legitimate_accounts_hit": int(total("legitimate_accounts_hit")),
            "legitimate_accounts": int(total("legitimate_accounts")),
            "median_hours_to_first_act": delays[len(delays) // 2] if delays else None,
            "campaigns_acted_on": len(delays), "campaigns": sum(len(r["delays"]) for r in mine),
            "approved": int(total("approved")),
        }  # fmt: skip
    return out


def draw(summary: dict[str, dict[str, Any]], out: Path) -> None:
    """The curve: a dot a policy."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7.5, 4.5))
    share: Callable[[dict[str, Any]], float] = lambda s: 100 * (s["stopped_share"] + s["lessened_share"])  # noqa: E731
    plain = [n for n in summary if n.startswith("suspend from") and "," not in n]
    curve = sorted(plain, key=lambda n: int(n.split()[-1]))
    hit = {n: 1e4 * s["legitimate_exchanges_hit_share"] for n, s in summary.items()}
    axis.plot([hit[n] for n in curve], [share(summary[n]) for n in curve], "o-", label="suspend from a score")
    at: dict[tuple[float, float], list[str]] = {}
    for n in curve:
        at.setdefault((round(hit[n], 3), round(share(summary[n]), 0)), []).append(n.split()[-1])
    for place, scores in at.items():
        axis.annotate(", ".join(scores), place, xytext=(5, 4), textcoords="offset points", fontsize=8)
    for n, marker in ((NEWCOMERS, "s"), (FIVE_KINDS, "^")):
        axis.plot(hit[n], share(summary[n]), marker, color="tab:green", label=n, linestyle="none")
    axis.plot(hit["ships"], share(summary["ships"]), "*", color="tab:red", markersize=15, linestyle="none",
              label="the policy that ships, enforced")  # fmt: skip
    axis.set_xlabel("legitimate exchanges touched, of 10,000")
    axis.set_ylabel("% of the harvest stopped or lessened")
    axis.set_ylim(0, 100)
    axis.set_xlim(left=-0.05 * max(max(hit.values()), 0.1))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Replays, prints, leaves JSON and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=[*CAMPAIGNS, "lookalikes", "mixed"], choices=list(WORLDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[593])
    parser.add_argument("--every", type=float, default=24.0)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for world in options.worlds:
        for seed in options.seeds:
            place = Path(tempfile.mkdtemp(prefix="stillwatch-policies-"))
            try:
                rows += one(world, seed, options.every, place)
            finally:
                shutil.rmtree(place, ignore_errors=True)
            print(json.dumps(next(r for r in rows if (r["world"], r["seed"]) == (world, seed))), flush=True)
    summary = summarise(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"rows": rows, "summary": summary, "approval_hours": APPROVAL_HOURS,
                                       "every_hours": options.every}, indent=1), "utf-8")  # fmt: skip
    draw(summary, options.picture)
    print(json.dumps(summary, indent=1))


if __name__ == "__main__":
    main()
