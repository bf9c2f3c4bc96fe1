"""Fits the calibration on training worlds: coefficients of both factors, and how high legitimate groups score.

python -m bench.calibrate make --seeds 1 2 3 --folder DIR   (simulates, takes in, keeps each world's groups)
python -m bench.calibrate fit --folder DIR [--write FILE]   (fits and prints; writes calibration.toml)
Seeds below 100 are for training; nothing in docs/results.md is measured on them.
"""

from __future__ import annotations

import argparse
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from scipy.optimize import minimize

from stillwatch.campaigns.calibration import MOST_COORDINATION, Calibration, against, halvings, network_bits
from stillwatch.campaigns.choose import Chooser
from stillwatch.campaigns.hunt import weighed_candidates
from stillwatch.patterns import load_rules
from stillwatch.pipeline import ingest
from stillwatch.settings import load_settings
from stillwatch.simulate import simulate
from stillwatch.store import open_store

TRAINING_SEEDS = range(0, 100)


def take_world(world: str, seed: int, scale: float, folder: Path) -> Path:
    """A training world, simulated and taken in once; its home is kept."""
    if seed not in TRAINING_SEEDS:
        raise SystemExit(f"seed {seed}: training seeds are below {TRAINING_SEEDS.stop}")
    place = folder / f"{world}-{seed}"
    if not (place / "done").exists():
        shutil.rmtree(place, ignore_errors=True)
        simulate(place, (world,), scale=scale, seed=seed)
        home = place / "home"
        releases = [str(p) for p in (place / "releases.csv",) if p.exists()]
        ingest(home, [str(place / "exchanges")], settings=load_settings(home=home),
               accounts=[str(place / "accounts.jsonl")], releases=releases)  # fmt: skip
        shutil.rmtree(place / "exchanges")
        (place / "done").write_text("")
    return place


def groups_of(place: Path, *, least: float = 0.01) -> list[dict[str, Any]]:
    """The groups that a hunt would settle on if it reported from `least`, with their truth and their sums of bits.

    Fitted are the groups as they would be reported (trimmed, grown, none overlapping), not the raw proposals, of which
    one campaign gives hundreds.
    """
    store = open_store(place / "home")
    window = store.window(None, None, memory_gib=2.5, threads=2)
    book, found, w = weighed_candidates(window, load_rules(), {})
    window.close()
    truth = {r["account_id"]: r for r in pq.read_table(place / "truth" / "accounts.parquet").to_pylist()}
    roles = [truth[a] for a in book.ids]
    guilty = np.asarray([r["role"] in ("harvest", "relay", "replay") for r in roles])
    calibration = replace(Calibration.load(), few=0.0)  # small ones are looked at too, to learn what they cost
    chosen = Chooser(book, calibration, calibration.trained_prior, least, {}).harvests(found, w)
    reported = Chooser(book, Calibration.load(), load_settings().calibrate.prior, 0.55, {}).harvests(found, w)
    loose = Chooser(book, replace(Calibration.load(), network=(0.0, 0.5), few=0.0), 0.5, 0.5, {})
    networks = loose.networks(found, w, reported)
    operated = np.asarray([(r["network"] or r["campaign"]) is not None for r in roles])
    out = []
    for c in [*chosen, *networks]:
        members, sums = c.candidate.members, c.weighed
        names = [str(roles[m]["campaign"] or roles[m]["network"] or roles[m]["cohort"]) for m in members]
        values, counts = np.unique(names, return_counts=True)
        kinds = [roles[m]["role"] for m in members]
        out.append({
            "world": place.name, "size": c.candidate.size, "how": c.candidate.how,
            "guilty": float(guilty[members].mean()), "operated": float(operated[members].mean()),
            "name": str(values[counts.argmax()]), "role": max(set(kinds), key=kinds.count), "kind": c.kind, "p": c.p,
            "conduct": float(sums.conduct[0]), "coordination": float(sums.coordination[0]),
            "relay": float(sums.relay[0]), "replay": float(sums.replay[0]), "explanation": float(sums.explanation[0]),
            "ties": float(sums.ties[0]),
            "bits": {k: float(v[0]) for k, v in sums.bits.items()},
        })  # fmt: skip
    return out


def _s(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-np.clip(x, -40, 40)))


def fit(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """Penalised maximum likelihood of the two-factor form on groups that are clearly guilty or clearly not."""
    network = fit_network([g for g in groups if g["kind"] == "account_network"])
    groups = [g for g in groups if g["kind"] != "account_network"]
    use = [g for g in groups if g["guilty"] >= 0.6 or g["guilty"] <= 0.3]
    y = np.asarray([g["guilty"] >= 0.6 for g in use], dtype=float)
    c, k, r, p, e = (
        np.asarray([g[n] for g in use]) for n in ("conduct", "coordination", "relay", "replay", "explanation")
    )
    t = np.asarray([g["ties"] for g in use])
    few = halvings(np.asarray([float(g["size"]) for g in use]))
    # Several pieces of one campaign are one campaign.
    keys = [(g["world"], g["name"], g["guilty"] >= 0.6) for g in use]
    many = {key: keys.count(key) for key in set(keys)}
    weight = np.asarray([1.0 / many[key] if key[2] else 1.0 for key in keys])
    start = np.asarray([-3.0, 1.0, -3.0, 0.9, -3.0, 1.5, -3.5, 1.2, -3.0, 0.9, 1.5])
    firm = np.asarray([1.0, 3.0, 0.3, 1.0, 0.6, 2.0, 0.6, 2.0, 0.15, 0.6, 60.0])

    def probability(x: np.ndarray) -> np.ndarray:
        factors = np.stack([_s(x[0] + x[1] * c), _s(x[4] + x[5] * r), _s(x[6] + x[7] * p)])
        tied = _s(x[8] + x[9] * (np.minimum(t, MOST_COORDINATION) + e))
        both = factors * np.stack([_s(x[2] + x[3] * (np.minimum(k, MOST_COORDINATION) + e)), tied, tied])
        return np.clip(against(1.0 - np.prod(1.0 - both, axis=0), e - x[10] * few), 1e-6, 1 - 1e-6)

    def loss(x: np.ndarray) -> float:
        # Some truths are not in the sums (a harvest that is a tenth of a pool's use): they must not set the line.
        q = 0.03 + 0.94 * probability(x)
        fitness = -(weight * (y * np.log(q) + (1 - y) * np.log(1 - q))).sum()
        slope = np.asarray([x[1], x[3], x[5], x[7], x[9]])
        return float(
            fitness + 0.5 * (firm * (x - start) ** 2).sum() + 10.0 * np.minimum(slope - 0.2, 0.0).__pow__(2).sum()
        )

    best = minimize(loss, start, method="L-BFGS-B")
    q = probability(best.x)
    legitimate = np.sort(q[y == 0])
    x = best.x
    return {
        "conduct": (x[0], x[1]), "coordination": (x[2], x[3]), "relay": (x[4], x[5]), "replay": (x[6], x[7]),
        "ties": (x[8], x[9]), "network": network, "few": max(float(x[10]), 0.0),
        "trained_prior": float((weight * y).sum() / weight.sum()), "legitimate_scores": legitimate[-200:].tolist(),
        "of_groups": int((y == 0).sum()), "groups": len(use), "guilty_groups": int(y.sum()),
        "brier": float((weight * (q - y) ** 2).sum() / weight.sum()), "q": q, "use": use, "y": y,
    }  # fmt: skip


def fit_network(groups: list[dict[str, Any]]) -> tuple[float, float]:
    """Offset and slope of a network's score on groups that are mostly one operator's or mostly nobody's.

    A few dozen groups at most: the slope is held near what a bit is worth by itself (ln 2), twice over, since bits of
    coordination are set with care, and both classes weigh the same.
    """
    use = [g for g in groups if g["operated"] >= 0.7 or g["operated"] <= 0.3]
    y = np.asarray([g["operated"] >= 0.7 for g in use], dtype=float)
    price = Calibration.load().few * halvings(np.asarray([float(g["size"]) for g in use]))
    sums = (np.asarray([g[name] for g in use]) for name in ("coordination", "explanation"))
    bits = network_bits(*sums, price)
    weight = np.where(y > 0, 0.5 / max(y.mean(), 1e-9), 0.5 / max(1.0 - y.mean(), 1e-9))

    def loss(x: np.ndarray) -> float:
        q = np.clip(0.02 + 0.96 * _s(x[0] + x[1] * bits), 1e-6, 1 - 1e-6)
        fitness = -(weight * (y * np.log(q) + (1 - y) * np.log(1 - q))).sum()
        return float(fitness + 0.5 * 8.0 * (x[1] - 2 * np.log(2.0)) ** 2)

    best = minimize(loss, np.asarray([-6.0, 1.4]), method="L-BFGS-B")
    q = _s(best.x[0] + best.x[1] * bits)
    for i in np.argsort(-q):
        g = use[i]
        head = f"network {q[i]:.2f} truth {y[i]:.0f} {g['world']} {g['name']}"
        print(f"{head} n={g['size']} bits={bits[i]:.1f} {g['how']}")
    return float(best.x[0]), float(best.x[1])


def write(result: dict[str, Any], path: Path, version: str) -> None:
    """The fit in the shape that `Calibration.load` reads."""
    lines = ["# What calibration learned. Written by `python -m bench.calibrate`; see docs/results.md for the worlds.",
             f'version = "{version}"']  # fmt: skip
    lines += [
        f"{n} = [{result[n][0]:.4f}, {result[n][1]:.4f}]"
        for n in ("conduct", "coordination", "ties", "relay", "replay", "network")
    ]
    lines.append(f"few = {result['few']:.4f}")
    lines.append(f"trained_prior = {result['trained_prior']:.4f}")
    lines.append("legitimate_scores = [" + ", ".join(f"{s:.4f}" for s in result["legitimate_scores"]) + "]")
    lines.append(f"of_groups = {result['of_groups']}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


def main() -> None:
    """`make` or `fit`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["make", "fit"])
    parser.add_argument("--worlds", nargs="*", default=["mixed"])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(1, 9)))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    if options.what == "make":
        for world in options.worlds:
            for seed in options.seeds:
                place = take_world(world, seed, options.scale, options.folder)
                (place / "groups.pickle").write_bytes(pickle.dumps(groups_of(place)))
                print(place, flush=True)
        return
    groups = [g for file in sorted(options.folder.glob("*/groups.pickle")) for g in pickle.loads(file.read_bytes())]
    result = fit(groups)
    for name in (
        "conduct",
        "coordination",
        "ties",
        "relay",
        "replay",
        "network",
        "few",
        "trained_prior",
        "groups",
        "guilty_groups",
        "brier",
    ):
        print(name, result[name])
    order = np.argsort(-np.abs(result["q"] - result["y"]))[:25]
    for i in order:
        g = result["use"][i]
        sums = " ".join(f"{k}={g[k]:.1f}" for k in ("conduct", "coordination", "relay", "replay", "explanation"))
        head = f"{result['q'][i]:.2f} truth {result['y'][i]:.0f} {g['world']} {g['name']} n={g['size']}"
        print(f"{head} {g['how']}; {sums}")
    if options.write:
        worlds = sorted({g["world"] for g in groups})
        write(result, options.write, f"fitted on {len(worlds)} training worlds, {len(groups)} groups")


if __name__ == "__main__":
    main()
