"""The field of the content test: real prompts, benign sets against attacker sets, window sizes and attacker shares.

STILLWATCH_DATA=DIR python -m bench.window_field [--tune] [--pairs A:B ...] [--sizes N ...] [--seeds N ...]

Per seed a benign set is split once: 65 % to learn from, 35 % for test windows. No text is drawn twice within a window
and no test text was learnt from; windows of one seed and size overlap, since the sets are small (so do the paper's).
All methods see the same windows and the same benign texts. Methods: ours (vectors only); MMD with the paper's null at
its 5 %; MMD with a matched null at 1 % and 5 %; each peer of bench/peers with a matched null at 1 %.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pkgutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

import bench.peers
from bench.encoder import Vectors, rows_of, vectors
from bench.peers.mmd import MMD
from bench.real_input import data_folder
from stillwatch.content_test import EvidenceRun, WindowTest

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
_SETS: dict[str, tuple[str, ...]] = {
    "asked": ("koala_test", "oasst_prompts", "mt_vicuna_bench"),
    "people": ("prompt_extraction_sharegpt", "prompt_extraction_dev", "self_instruct_user_oriented",
               "awesome_chatgpt_prompts"),
    "traffic": ("prompt_extraction_sharegpt", "prompt_extraction_dev", "self_instruct_user_oriented",
                "awesome_chatgpt_prompts", "sgd_user_turns"),
    "bot": ("sgd_user_turns",),
    # Large enough for windows of 1,500 without replacement: people's, bots' and (as benign here) one harvest's prompts.
    "everything": ("koala_test", "oasst_prompts", "mt_vicuna_bench", "prompt_extraction_sharegpt",
                   "prompt_extraction_dev", "self_instruct_user_oriented", "awesome_chatgpt_prompts", "sgd_user_turns",
                   "gpteacher_toolformer"),
}  # fmt: skip
_MOST = {"gsm8k": 1500, "gpteacher_toolformer": 5500}
TUNED_ON = ("asked:self_instruct_seed", "asked:humaneval")
REPORTED = ("people:gsm8k", "people:gpteacher_toolformer", "traffic:gsm8k", "bot:gsm8k", "gpteacher_toolformer:gsm8k")
_DRAWS = 299


def vectors_of(name: str) -> Vectors:
    """Vectors of a set, or of several joined under one name."""
    parts = [vectors(rows_of(data_folder(), s, _MOST.get(s))) for s in _SETS.get(name, (name,))]
    return np.vstack(parts)


def peers_found() -> dict[str, Any]:
    """Every class of bench/peers with fit and score, MMD apart."""
    found = {}
    for module in pkgutil.iter_modules(bench.peers.__path__):
        for name, thing in vars(importlib.import_module(f"bench.peers.{module.name}")).items():
            if isinstance(thing, type) and hasattr(thing, "fit") and hasattr(thing, "score") and thing is not MMD:
                found[name] = thing
    return found


def one_cell(
    benign: Vectors, attack: Vectors, n: int, windows: int, seed: int, shares: Sequence[float] = SHARES
) -> dict[str, dict[str, list[int]]]:
    """Alarms (0/1) of each method on each window, by share of attacker texts."""
    rng = np.random.default_rng([seed, n])
    order = rng.permutation(len(benign))
    cut = int(0.65 * len(benign))
    pool, held = benign[order[:cut]], benign[order[cut:]]
    if 5 * n > 2 * (len(pool) - len(pool) // 3) or len(held) < n:  # too small a pool: the test refuses
        return {}
    half = int(0.55 * len(pool))
    ours = WindowTest(_DRAWS)
    ours.fit(pool, rng=np.random.default_rng(seed))
    paper = MMD(pairs=1000 if n <= 200 else 200)
    paper.fit(pool, pool, np.random.default_rng(seed))
    bar_paper = paper.paper_threshold(n)
    judges: dict[str, tuple[Any, float]] = {"mmd_paper": (paper, bar_paper)}
    if len(pool) - half >= n and n < 1000:  # the matched nulls of larger windows take hours on two cores
        matched = MMD(matched=_DRAWS)
        matched.fit(pool[:half], pool[half:], np.random.default_rng(seed))
        null = matched.matched_null(n)
        judges["mmd_matched_1"] = (matched, float(np.quantile(null, 0.99, method="higher")))
        judges["mmd_matched_5"] = (matched, float(np.quantile(null, 0.95, method="higher")))
        for name, kind in peers_found().items():
            peer = kind()
            peer.fit(pool[:half], pool[half:], np.random.default_rng(seed))
            held_out = (pool[half:][rng.permutation(len(pool) - half)[:n]] for _ in range(_DRAWS))
            judges[name] = (peer, float(np.quantile([peer.score(w) for w in held_out], 0.99, method="higher")))
    out: dict[str, dict[str, list[int]]] = {}
    for share in shares:
        k = round(n * share)
        if k > len(attack):
            continue
        for _ in range(windows):
            window = np.vstack([held[rng.permutation(len(held))[: n - k]], attack[rng.permutation(len(attack))[:k]]])
            said = {"ours": ours.p_value(window) <= 0.01}
            said |= {name: judge.score(window) > bar for name, (judge, bar) in judges.items()}
            for name, alarm in said.items():
                out.setdefault(name, {}).setdefault(str(share), []).append(int(alarm))
    return out


def rate(alarms: list[int]) -> dict[str, float | int]:
    """Share of alarms with its Wilson interval at 95 %."""
    low, high = binomtest(sum(alarms), len(alarms)).proportion_ci(method="wilson")
    return {"rate": sum(alarms) / len(alarms), "low": float(low), "high": float(high), "windows": len(alarms)}


def compare(ours: list[int], other: list[int]) -> float:
    """McNemar's exact one-sided p that ours is worse on the same windows."""
    lost = sum(b > a for a, b in zip(ours, other, strict=True))
    apart = lost + sum(a > b for a, b in zip(ours, other, strict=True))
    return float(binomtest(lost, apart, alternative="greater").pvalue) if apart else 1.0


def looks(benign: Vectors, runs: int, seed: int, n: int = 15, days: int = 60) -> dict[str, float | int]:
    """How often 60 daily looks at disjoint benign windows ever pass 1/alpha, alpha 1 % and 5 %."""
    crossed = {0.01: 0, 0.05: 0}
    rng = np.random.default_rng(seed)
    for _ in range(runs):
        order = rng.permutation(len(benign))
        test = WindowTest(199)
        test.fit(benign[order[n * days :]], rng=rng)
        evidence = {alpha: EvidenceRun(alpha) for alpha in crossed}
        for day in range(days):
            p = test.p_value(benign[order[n * day : n * (day + 1)]])
            for run in evidence.values():
                run.add(p)
        for alpha, run in evidence.items():
            crossed[alpha] += run.crossed
    return {"runs": runs, "days": days, "window": n, **{f"crossed_at_{a}": c for a, c in crossed.items()}}


def picture(cells: list[dict[str, Any]], file: Path) -> None:
    """Detection over share, a panel a window size, mean over pairs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    sizes = sorted({c["n"] for c in cells})
    fig, axes = plt.subplots(1, len(sizes), figsize=(3.2 * len(sizes), 3.4), sharey=True, squeeze=False)
    shown = {"ours": ("ours, 1 %", "#0b6e4f", "-"), "mmd_matched_1": ("MMD, matched null, 1 %", "#c8553d", "--"),
             "mmd_paper": ("MMD, the paper's null", "#777777", ":")}  # fmt: skip
    for axis, n in zip(axes[0], sizes, strict=True):
        for name, (label, colour, line) in shown.items():
            pooled: dict[float, list[float]] = {}
            for c in cells:
                for share, r in c["rates"].get(name, {}).items() if c["n"] == n else ():
                    pooled.setdefault(float(share), []).append(r["rate"])
            at = sorted(pooled)
            high = [100 * float(np.mean(pooled[s])) for s in at]
            axis.plot([SHARES.index(s) for s in at], high, line, color=colour, label=label, marker="o", markersize=4)
            axis.set_xticks(range(len(SHARES)), [f"{100 * s:.0f}" for s in SHARES])
        axis.set_title(f"{n} prompts", fontsize=10)
        axis.set_xlabel("attacker share, %")
        axis.grid(alpha=0.25)
    axes[0][0].set_ylabel("windows that raise an alarm, %")
    axes[0][-1].legend(fontsize=7.5, loc="lower right")
    fig.tight_layout()
    fig.savefig(file, dpi=130)


def main() -> None:
    """Run the field and write its figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tune", action="store_true", help="the pairs that were tuned on; nothing is written")
    parser.add_argument("--pairs", nargs="+")
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 200, 500, 1000, 1500])
    parser.add_argument("--seeds", nargs="+", type=int, default=[201, 202])
    parser.add_argument("--windows", type=int, default=40)
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--seconds", type=float, default=3600, help="start no cell after this long, and say so")
    parser.add_argument("--looks", type=int, default=0, help="runs of 60 daily looks")
    parser.add_argument("--out", type=Path, default=Path("bench/figures/window_field.json"))
    given = parser.parse_args()
    start = time.monotonic()
    cells, cut = [], []
    for n in given.sizes:
        for pair in given.pairs or (TUNED_ON if given.tune else REPORTED):
            left, right = pair.split(":")
            benign, attack = vectors_of(left), vectors_of(right)
            said: dict[str, dict[str, list[int]]] = {}
            for seed in given.seeds:
                if time.monotonic() - start > given.seconds:
                    cut.append(f"{pair} n={n} seed={seed}")
                    continue
                for name, by_share in one_cell(benign, attack, n, given.windows, seed, given.shares).items():
                    for share, alarms in by_share.items():
                        said.setdefault(name, {}).setdefault(share, []).extend(alarms)
            if not said:
                continue
            rates = {m: {s: rate(a) for s, a in by.items()} for m, by in said.items()}
            worse = {m: {s: compare(said["ours"][s], a) for s, a in by.items() if s != "0.0"}
                     for m, by in said.items() if m.startswith("mmd")}  # fmt: skip
            cells.append({"pair": pair, "n": n, "rates": rates, "p_ours_worse": worse})
            line = " | ".join(
                f"{m} " + "/".join(f"{100 * r['rate']:.0f}" for r in by.values()) for m, by in rates.items()
            )
            print(f"{n:5} {pair:30} {line}  [{time.monotonic() - start:.0f} s]", file=sys.stderr, flush=True)
    if given.tune:
        return
    figures: dict[str, Any] = {"seeds": given.seeds, "tuned_on": TUNED_ON, "cut": cut, "cells": cells}
    if given.looks:
        figures["looks"] = looks(vectors_of("traffic"), given.looks, given.seeds[0])
        print(figures["looks"], file=sys.stderr)
    given.out.write_text(json.dumps(figures, indent=1) + "\n")
    if given.out.name == "window_field.json":
        picture(cells, Path("docs/pictures/window_field.png"))


if __name__ == "__main__":
    main()
