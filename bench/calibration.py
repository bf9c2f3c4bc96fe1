"""Is 80 % eight in ten? Scores against truth, in worlds that calibration has not seen.

python -m bench.calibration [--rows DIR] [--seeds 641 ...] [--jobs 2] [--out FILE] [--picture FILE]

Takes the rows of `bench.accuracy` and runs the `mixed` worlds that are not among them yet. A group is guilty where at
least half of its accounts harvest, relay or replay.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bench.accuracy import CAMPAIGNS, ROWS, mean_interval, read_rows, run, seeds_of
from bench.truth import wilson
from bench.worlds import PRIOR

Array = np.ndarray[Any, Any]
ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "calibration.json"
PICTURE = ROOT / "docs" / "pictures" / "calibration.png"
PRIORS = (0.05, 0.2, 0.5)
LEVELS = (0.01, 0.05, 0.1, 0.2, 0.5)
EDGES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.55, 0.7, 0.8, 0.9, 0.95, 1.0)
FREE = ("lookalikes", "ordinary")


def moved(p: Array, old: float, new: float) -> Array:
    """Probabilities at base rate `old`, moved to base rate `new` by the odds of the two."""
    p = np.clip(np.asarray(p, float), 1e-12, 1 - 1e-12)
    odds = p / (1 - p) * (new / (1 - new)) / (old / (1 - old))
    return np.asarray(odds / (1 + odds))


def to_base_rate(y: Array, prior: float) -> Array:
    """Weights (mean 1) under which the share of guilty is `prior`; all 1 where only one of the two kinds is there."""
    y = np.asarray(y, float)
    base = float(y.mean()) if len(y) else 0.0
    if not 0.0 < base < 1.0:
        return np.ones(len(y))
    return np.where(y > 0.5, prior / base, (1 - prior) / (1 - base))


def reliability(
    p: Array, y: Array, weight: Array | None = None, edges: Sequence[float] = EDGES
) -> list[dict[str, Any]]:
    """Bins that hold something: mean score, share of guilty, and its 95 % Wilson interval (at the effective number).

    A bin is from its lower edge up to, without, its upper; the last holds 1 too.
    """
    p, y = np.asarray(p, float), np.asarray(y, float)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, float)
    which = np.clip(np.searchsorted(np.asarray(edges), p, side="right") - 1, 0, len(edges) - 2)
    out: list[dict[str, Any]] = []
    for b in range(len(edges) - 1):
        mine = which == b
        total = float(w[mine].sum())
        if total <= 0:
            continue
        effective = total**2 / float((w[mine] ** 2).sum())
        rate = float((w[mine] * y[mine]).sum() / total)
        out.append({"from": edges[b], "to": edges[b + 1], "groups": int(mine.sum()), "weight": total,
                    "score": float((w[mine] * p[mine]).sum() / total), "guilty": rate,
                    "interval": wilson(rate * effective, effective)})  # fmt: skip
    return out


def brier(p: Array, y: Array, weight: Array | None = None, edges: Sequence[float] = EDGES) -> dict[str, float]:
    """Brier score and its parts (Murphy 1973): score = reliability - resolution + uncertainty + within.

    `within` is what binning leaves over (Stephenson, Coelho and Jolliffe 2008): 0 where a bin's scores are equal.
    `ece` is the mean distance of score and share guilty over the bins. Empty where nothing was scored.
    """
    p, y = np.asarray(p, float), np.asarray(y, float)
    w = np.ones(len(p)) if weight is None else np.asarray(weight, float)
    if not len(p):
        return {}
    total = float(w.sum())
    base = float((w * y).sum() / total)
    bins = reliability(p, y, w, edges)
    rel = sum(b["weight"] * (b["score"] - b["guilty"]) ** 2 for b in bins) / total
    res = sum(b["weight"] * (b["guilty"] - base) ** 2 for b in bins) / total
    score = float((w * (p - y) ** 2).sum() / total)
    ece = sum(b["weight"] * abs(b["score"] - b["guilty"]) for b in bins) / total
    unc = base * (1 - base)
    return {"brier": score, "reliability": rel, "resolution": res, "uncertainty": unc,
            "within": score - (rel - res + unc), "skill": 1 - score / unc if unc else float("nan"), "ece": ece,
            "base_rate": base, "of": len(p)}  # fmt: skip


def judged(p: Array, y: Array, prior: float = PRIOR) -> dict[str, Any]:
    """Reliability and Brier score as scored, at the worlds' own base rate, and at other priors.

    As scored, the base rate of the worlds differs from the prior that scores hold at; so the odds are moved to the
    worlds' rate, or the worlds are reweighted to each prior.
    """
    p, y = np.asarray(p, float), np.asarray(y, float)
    out: dict[str, Any] = {"of": len(p), "guilty": int(y.sum()), "as_scored": _both(p, y, None)}
    base = float(y.mean()) if len(y) else 0.0
    if 0.0 < base < 1.0:
        out["at_worlds_rate"] = {"base_rate": base, **_both(moved(p, prior, base), y, None)}
        for other in PRIORS:
            out[f"at_prior_{other}"] = _both(moved(p, prior, other), y, to_base_rate(y, other))
    return out


def _both(p: Array, y: Array, weight: Array | None) -> dict[str, Any]:
    return {**brier(p, y, weight), "bins": reliability(p, y, weight)}


def discoveries(rows: Sequence[dict[str, Any]], base: float | None, prior: float = PRIOR) -> dict[str, Any]:
    """Share of reported harvests that are none, against what their scores promise: mean(1 - p)."""
    found = [g for r in rows for g in r["reported"] if g["kind"] != "account_network"]
    p, y = np.asarray([g["p"] for g in found], float), np.asarray([g["guilty"] >= 0.5 for g in found], float)
    false = float((1 - y).sum())
    out: dict[str, Any] = {"reported": len(found), "false": int(false),
                           "realised": false / len(found) if found else None,
                           "realised_interval": wilson(false, len(found)),
                           "nominal": float((1 - p).mean()) if found else None}  # fmt: skip
    if found and base is not None and 0 < base < 1:
        out["nominal_at_worlds_rate"] = float((1 - moved(p, prior, base)).mean())
    networks = [g for r in rows for g in r["reported"] if g["kind"] == "account_network"]
    out["networks"] = {"reported": len(networks), "false": sum(g["operated"] < 0.5 for g in networks),
                       "nominal": float(np.mean([1 - g["p"] for g in networks])) if networks else None}  # fmt: skip
    return out


def level_held(by_world: Sequence[Array], levels: Sequence[float] = LEVELS) -> list[dict[str, Any]]:
    """For each nominal rate: the share of legitimate groups whose false alarm rate is at or below it, by world.

    Above the nominal one the rate promises too much (`held` is False where the interval over worlds lies above);
    far below, it is wasteful (`wasteful`: the interval lies below).
    """
    worlds = [np.asarray(w, float) for w in by_world if len(w)]
    every = np.concatenate(worlds) if worlds else np.zeros(0)
    out = []
    for level in levels:
        mean, low, high = mean_interval([float((w <= level).mean()) for w in worlds])
        as_low = float((every <= level).sum())
        if low == high and len(every):  # the worlds agree: their spread says nothing of what was not seen
            low, high = wilson(as_low, len(every))
        out.append({"nominal": level, "groups": len(every), "worlds": len(worlds),
                    "share": as_low / len(every) if len(every) else None, "share_wilson": wilson(as_low, len(every)),
                    "share_of_worlds": mean, "interval": (low, high), "held": low <= level,
                    "wasteful": high < level})  # fmt: skip
    return out


def candidates(rows: Sequence[dict[str, Any]], folder: Path) -> list[dict[str, Array]]:
    """The weighed candidates of each row's world."""
    out = []
    for r in rows:
        table = pq.read_table(folder / "candidates" / f"{r['world']}-{r['seed']}.parquet")
        names = ("p", "size", "guilty", "maximal", "false_alarm_rate")
        out.append({name: table.column(name).to_numpy(zero_copy_only=False) for name in names})
    return out


def figures_of(rows: Sequence[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """All figures of this page from rows with everything logged."""
    settled = [g for r in rows for g in r["settled"]]
    ps, ys = np.asarray([g["p"] for g in settled], float), np.asarray([g["guilty"] >= 0.5 for g in settled], float)
    tables = candidates(rows, folder)
    biggest = [{k: v[t["maximal"].astype(bool)] for k, v in t.items()} for t in tables]
    pm = np.concatenate([t["p"] for t in biggest]) if biggest else np.zeros(0)
    ym = np.concatenate([t["guilty"] >= 0.5 for t in biggest]).astype(float) if biggest else np.zeros(0)
    reported = [g for r in rows for g in r["reported"] if g["kind"] != "account_network"]
    pr = np.asarray([g["p"] for g in reported], float)
    yr = np.asarray([g["guilty"] >= 0.5 for g in reported], float)
    scores: dict[str, list[int]] = {}
    for r in rows:
        for key, (good, bad) in r["account_scores"].items():
            pair = scores.setdefault(key, [0, 0])
            pair[0], pair[1] = pair[0] + good, pair[1] + bad
    pa = np.asarray([float(k) for k in scores for _ in (0, 1)])
    ya = np.asarray([float(i) for _ in scores for i in (0, 1)])
    wa = np.asarray([float(n) for pair in scores.values() for n in pair])
    rate = float(ys.mean()) if len(ys) else None
    free = [i for i, r in enumerate(rows) if r["world"] in FREE]
    alarms: dict[str, Any] = {}
    for name, chosen in (("campaign_free", free), ("all", list(range(len(rows))))):
        alarms[name] = level_held(
            [t[np.isfinite(t)] for t in (tables[i]["false_alarm_rate"].astype(float) for i in chosen)]
        )
    rates = [
        np.asarray([g["false_alarm_rate"] for g in r["settled"] if g["false_alarm_rate"] is not None]) for r in rows
    ]
    alarms["settled_campaign_free"] = level_held([rates[i] for i in free])
    alarms["settled_all"] = level_held(rates)
    with_report = sum(bool(rows[i]["reported"]) for i in free)
    with_harvest = sum(any(g["kind"] != "account_network" for g in rows[i]["reported"]) for i in free)
    return {
        "worlds": len(rows), "prior": PRIOR, "settled": judged(ps, ys), "maximal": judged(pm, ym),
        "reported": judged(pr, yr), "false_discovery": discoveries(rows, rate),
        "accounts": {"of": int(wa.sum()), "guilty": int((wa * ya).sum()), "bins": _whole(reliability(pa, ya, wa)),
                     **{**brier(pa, ya, wa), "of": int(wa.sum())}},
        "false_alarm_rate": alarms,
        "campaign_free": {"worlds": len(free), "with_any_report": with_report,
                          "with_report_interval": wilson(with_report, len(free)),
                          "with_harvest": with_harvest, "with_harvest_interval": wilson(with_harvest, len(free))},
        "worst": sorted(({"world": r["world"], "seed": r["seed"], **g} for r in rows for g in r["settled"]),
                        key=lambda g: -abs(g["p"] - (g["guilty"] >= 0.5)))[:40],
    }  # fmt: skip


def _whole(bins: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bins of counted accounts: the weights are numbers of accounts, so their intervals are of these."""
    for b in bins:
        b["accounts"] = round(b["weight"])
        b["interval"] = wilson(b["guilty"] * b["weight"], b["weight"])
    return bins


def picture(f: dict[str, Any], path: Path) -> None:
    """Four panels: groups at the worlds' rate, at other priors, accounts, and the false alarm rate's level."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(11, 9.6), constrained_layout=True)
    groups, priors, accounts, level = axes.ravel()
    for name, at, colour, words in (("settled", "at_worlds_rate", "#0072b2", "settled groups, none overlapping"),
                                    ("maximal", "at_worlds_rate", "#e69f00", "all maximal candidates"),
                                    ("reported", "as_scored", "#d55e00", "reported, as scored")):  # fmt: skip
        if at in f[name] and f[name]["of"]:
            _curve(groups, f[name][at]["bins"], colour, f"{words} ({f[name]['of']:,})")
    groups.set_title("Groups, odds moved to the worlds' own base rate")
    for prior, colour in zip(PRIORS, ("#56b4e9", "#0072b2", "#003a5d"), strict=True):
        if f"at_prior_{prior}" in f["settled"]:
            _curve(priors, f["settled"][f"at_prior_{prior}"]["bins"], colour, f"prior {prior:g}")
    priors.set_title("Settled groups, worlds reweighted to a prior")
    _curve(accounts, f["accounts"]["bins"], "#009e73", f"accounts ({f['accounts']['of']:,})")
    accounts.set_title("Accounts")
    for axis in (groups, priors, accounts):
        axis.plot([0, 1], [0, 1], color="#999999", lw=1, zorder=0)
        axis.set(
            xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="score (mean of the bin)", ylabel="share that is guilty"
        )
        axis.legend(fontsize=8, loc="lower right", framealpha=0.85, edgecolor="none")
    for name, colour, words in (
        ("campaign_free", "#cc79a7", "candidates, no campaign"),
        ("settled_all", "#0072b2", "settled, all worlds"),
    ):
        points = [x for x in f["false_alarm_rate"][name] if x["share"] is not None]
        if points:
            y = [max(x["share_of_worlds"], 1e-4) for x in points]
            low = [a - max(x["interval"][0], 1e-4) for a, x in zip(y, points, strict=True)]
            high = [x["interval"][1] - a for a, x in zip(y, points, strict=True)]
            level.errorbar([x["nominal"] for x in points], y, yerr=[np.maximum(low, 0), np.maximum(high, 0)], fmt="o-",
                           color=colour, capsize=3, label=f"{words} ({points[0]['groups']:,} groups)")  # fmt: skip
    level.plot([1e-4, 1], [1e-4, 1], color="#999999", lw=1, zorder=0)
    level.set(xscale="log", yscale="log", xlim=(5e-3, 1), ylim=(1e-4, 1.3), xlabel="false_alarm_rate at or below",
              ylabel="share of legitimate groups")  # fmt: skip
    level.set_title("Legitimate groups: below the line is careful")
    level.legend(frameon=False, fontsize=8, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _curve(axis: Any, bins: Sequence[dict[str, Any]], colour: str, words: str) -> None:
    x, y = [b["score"] for b in bins], [b["guilty"] for b in bins]
    low = [max(b["guilty"] - b["interval"][0], 0) for b in bins]
    high = [max(b["interval"][1] - b["guilty"], 0) for b in bins]
    axis.errorbar(x, y, yerr=[low, high], fmt="o-", color=colour, capsize=2, ms=4, lw=1.3, elinewidth=0.6,
                  label=words)  # fmt: skip


def page(f: dict[str, Any]) -> list[str]:
    """The figures as Markdown: scores of groups and accounts, false discovery, the false alarm rate's level."""
    names = {"settled": "settled groups", "maximal": "all maximal candidates", "reported": "reported groups"}
    lines = ["| scores of | held against | groups | guilty | Brier | reliability | resolution | uncertainty | ECE |",
             "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for name, words in names.items():
        for at, part in f[name].items():
            if isinstance(part, dict) and "brier" in part:
                lines.append(_line(words, at.replace("_", " "), part))
    lines.append(_line("accounts", "as scored", f["accounts"]))
    d, free = f["false_discovery"], f["campaign_free"]
    if d["reported"]:
        low, high = d["realised_interval"]
        lines += ["", f"Of {d['reported']} reported harvests {d['false']} are none: {d['realised']:.1%} "
                  f"({low:.1%}-{high:.1%}), where their scores promise {d['nominal']:.1%}. Of "
                  f"{d['networks']['reported']} reported networks {d['networks']['false']} are none."]  # fmt: skip
    lines += ["", f"In {free['worlds']} worlds without a campaign, {free['with_any_report']} have any report and "
              f"{free['with_harvest']} a harvest. Share of legitimate groups by `false_alarm_rate`:", "",
              "| at or below | groups | share | by worlds | held | wasteful |",
              "|---|---|---|---|---|---|"]  # fmt: skip
    levels = [("maximal", x) for x in f["false_alarm_rate"]["campaign_free"]]
    levels += [("settled, all worlds", x) for x in f["false_alarm_rate"]["settled_all"]]
    for which, x in levels:
        low, high = x["interval"]
        if x["share"] is not None:
            lines.append(f"| {x['nominal']:g} | {which}, {x['groups']:,} | {x['share']:.2%} "
                         f"| {x['share_of_worlds']:.2%} "
                         f"({low:.2%}-{high:.2%}) | {_yes(x['held'])} "
                         f"| {_yes(x['wasteful'])} |")  # fmt: skip
    return lines


def _line(words: str, at: str, part: dict[str, Any]) -> str:
    figures = " | ".join(f"{part[k]:.4f}" for k in ("brier", "reliability", "resolution", "uncertainty", "ece"))
    return f"| {words} | {at} | {part['of']:,} | {part['base_rate']:.1%} | {figures} |"


def _yes(x: bool) -> str:
    return "yes" if x else "no"


def main() -> None:
    """Runs the mixed worlds that are missing, writes figures and picture, and prints the short of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="*", type=int, help="of the mixed worlds; default: the report's")
    parser.add_argument("--of", nargs="*", type=int, help="seeds of the other worlds; default: the report's")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    mixed = options.seeds if options.seeds is not None else seeds_of("mixed")
    run([("mixed", seed, ["nothing"]) for seed in mixed], options.rows, jobs=options.jobs)
    asked = {(w, s) for w in (*CAMPAIGNS, *FREE) for s in (options.of if options.of is not None else seeds_of(w))}
    asked |= {("mixed", s) for s in mixed}
    rows = [r for r in read_rows(options.rows) if r["missing"] == "nothing" and (r["world"], r["seed"]) in asked]
    figures = figures_of(rows, options.rows)
    figures["worlds_asked_for_but_not_run"] = len(asked) - len(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    picture(figures, options.picture)
    print("\n".join(page(figures)))
    if figures["worlds_asked_for_but_not_run"]:
        print(f"{figures['worlds_asked_for_but_not_run']} worlds have no row: run python -m bench.accuracy first")


if __name__ == "__main__":
    main()
