"""What escaping costs: recall of campaigns that evade, lever by lever, over what the lever costs them.

python -m bench.evasion [--levers spread slow ...] [--campaigns letter ...] [--seeds 401 402 403] [--jobs 2] [--quick]
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from bench.truth import compare
from stillwatch.pipeline import sweep
from stillwatch.settings import load_settings
from stillwatch.simulate import Evasion, simulate

#: Profiles with their share of the published size, and days. Ten times the accounts are still a minority beside the
#: ordinary customers, as they would be at a provider; the days let a spread account send what it would over the window.
CAMPAIGNS = {
    "letter": (("letter@0.003", "ordinary@0.012"), 12.0), "quiet_ring": (("quiet_ring@0.6", "ordinary@0.012"), 12.0),
    "february_minimax": (("february_minimax@0.01", "ordinary@0.012"), 12.0),
}  # fmt: skip
LEVELS: dict[str, list[float]] = {
    "spread": [1, 2, 4, 10], "slow": [1, 2, 4, 10], "decoy": [0, 0.5, 0.8, 0.9],
    "jitter": [0, 0.5, 1], "paraphrase": [0, 0.5, 1], "rotate_identity": [0, 0.5, 1], "split_channels": [1, 2, 4],
    "all": [0, 1, 2, 3],
}  # fmt: skip
_ALL = [
    Evasion(), Evasion(1.5, 1.5, 0.3, 0.3, 0.3, 0.25, 2), Evasion(2, 2, 0.6, 0.6, 0.6, 0.5, 3),
    Evasion(3, 3, 1, 1, 1, 0.7, 4),
]  # fmt: skip


def levers(lever: str, level: float) -> Evasion:
    """The lever at this level; ``all`` is a ladder of every lever together."""
    if lever == "all":
        return _ALL[int(level)]
    return Evasion(**{lever: int(level) if lever == "split_channels" else level})


def multiple(evasion: Evasion) -> float:
    """Accounts x days x exchanges that the same harvest takes, against the campaign that does not evade."""
    cost = evasion.cost()
    return cost["accounts"] * cost["days"] * cost["exchanges"]


def half_at(cost: Sequence[float], recall: Sequence[float]) -> float | None:
    """Where recall first falls to half of its first value, interpolated; None where it never does or began at 0."""
    if not recall or recall[0] <= 0:
        return None
    goal = recall[0] / 2
    for i in range(1, len(recall)):
        if recall[i] <= goal:
            part = (recall[i - 1] - goal) / (recall[i - 1] - recall[i])
            return cost[i - 1] + part * (cost[i] - cost[i - 1])
    return None


def one(task: tuple[str, str, float, int]) -> dict[str, Any]:
    """Simulates, sweeps and compares one evading campaign."""
    campaign, lever, level, seed = task
    profiles, days = CAMPAIGNS[campaign]
    evasion = levers(lever, level)
    place = Path(tempfile.mkdtemp(prefix="stillwatch-evasion-"))
    try:
        started = time.process_time()
        figures = simulate(place, profiles, seed=seed, days=days, evasion=evasion)
        home = place / "home"
        sweep(home, [str(place / "exchanges")], settings=load_settings(home=home),
              accounts=[str(place / "accounts.jsonl")], releases=[str(place / "releases.csv")])  # fmt: skip
        seen = compare(home, place)
        return {"campaign": campaign, "lever": lever, "level": level, "seed": seed, "cost": evasion.cost(),
                "recall": seen["caught"] / max(seen["guilty"], 1), "found": any(c["found"] for c in seen["campaigns"]),
                "guilty": seen["guilty"], "legitimate": seen["legitimate"], "wrongly_flagged": seen["wrongly_flagged"],
                "false_campaigns": len(seen["false_campaigns"]), "exchanges": figures["exchanges"],
                "cpu_seconds": time.process_time() - started}  # fmt: skip
    finally:
        shutil.rmtree(place, ignore_errors=True)


def curves(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean recall over seeds by campaign, lever and level, and the cost at which it halves.

    Free levers (cost 1 throughout) are interpolated over their level.
    """
    out: list[dict[str, Any]] = []
    for campaign, lever in dict.fromkeys((r["campaign"], r["lever"]) for r in rows):
        mine = [r for r in rows if (r["campaign"], r["lever"]) == (campaign, lever)]
        levels = sorted({r["level"] for r in mine})
        at = [[r for r in mine if r["level"] == x] for x in levels]
        cost = [multiple(levers(lever, x)) for x in levels]
        axis = cost if cost[-1] > cost[0] else levels
        recall = [sum(r["recall"] for r in g) / len(g) for g in at]
        out.append({"campaign": campaign, "lever": lever, "levels": levels, "cost": cost, "recall": recall,
                    "found": [sum(r["found"] for r in g) for g in at], "worlds": [len(g) for g in at],
                    "wrongly_flagged": [sum(r["wrongly_flagged"] for r in g) for g in at],
                    "axis": "cost" if axis is cost else "level", "half_at": half_at(axis, recall),
                    "most": axis[-1]})  # fmt: skip
    return out


def draw(found: Sequence[dict[str, Any]], out: Path) -> None:
    """Small multiples: recall over each lever's cost (or level), a line a campaign."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(c["lever"] for c in found))
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(3.1 * columns, 2.7 * rows), sharey=True, squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis, name in zip(axes.flat, names, strict=False):
        for c in (c for c in found if c["lever"] == name):
            along = c["cost"] if c["axis"] == "cost" else c["levels"]
            axis.plot(along, c["recall"], "o-", ms=3, label=c["campaign"])
            if c["axis"] == "cost":
                axis.set_xscale("log", base=2)
        axis.set_title(name.replace("_", " "), fontsize=10)
        axis.set_xlabel("times the cost" if c["axis"] == "cost" else "level", fontsize=8)
        axis.set_ylim(-0.03, 1.03)
    axes[0][0].set_ylabel("accounts found")
    axes[0][0].legend(fontsize=7)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Runs the grid, prints each curve, leaves JSON and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--levers", nargs="*", default=list(LEVELS), choices=list(LEVELS))
    parser.add_argument("--campaigns", nargs="*", default=list(CAMPAIGNS), choices=list(CAMPAIGNS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[401, 402, 403])
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="only the first and the last level of each lever")
    parser.add_argument("--out", type=Path, default=Path("bench/figures/evasion.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/evasion.png"))
    options = parser.parse_args()
    tasks = [
        (c, lever, x, s) for c in options.campaigns for lever in options.levers
        for x in (LEVELS[lever][:: len(LEVELS[lever]) - 1] if options.quick else LEVELS[lever]) for s in options.seeds
    ]  # fmt: skip
    with ProcessPoolExecutor(max_workers=options.jobs) as pool:
        rows = []
        for row in pool.map(one, tasks):
            rows.append(row)
            print(f"{row['campaign']} {row['lever']} {row['level']:g} seed {row['seed']}: recall {row['recall']:.2f}, "
                  f"{row['guilty']} accounts, {row['cpu_seconds']:.0f} CPU s", flush=True)  # fmt: skip
            options.out.parent.mkdir(parents=True, exist_ok=True)
            options.out.write_text(json.dumps({"curves": curves(rows), "worlds": rows}, indent=1), "utf-8")
    found = curves(rows)
    for c in found:
        half = f"{c['half_at']:.1f}" if c["half_at"] is not None else f"never up to {c['most']:g}"
        print(f"{c['campaign']} {c['lever']}: recall {[round(x, 2) for x in c['recall']]} over {c['axis']}; "
              f"halves at {half}; wrongly flagged {sum(c['wrongly_flagged'])}")  # fmt: skip
    print(f"{sum(r['cpu_seconds'] for r in rows):.0f} CPU s, {len(rows)} worlds")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"curves": found, "worlds": rows}, indent=1), "utf-8")
    draw(found, options.picture)


if __name__ == "__main__":
    main()
