"""Peers and stillwatch on the same logs: who is caught, who is wrongly flagged, at what cost.

python -m bench.peers_on_worlds [--seeds 301 302] [--worlds letter ...] [--out FILE] [--picture FILE]

Window detectors (MMD where bench.peers.mmd is there, PRADA, SEAT, Mahalanobis) judge each account by at most 60 of its
prompts, encoded by `hashed-ngrams-256` below; they are fitted, and their threshold is set, on a clean `ordinary` world
of another seed. Peers that give a score also get their best threshold on the worlds of a development seed.
"""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.peers import fixed_thresholds as fixed
from bench.peers import shared_attributes as shared
from bench.peers.mahalanobis import Mahalanobis
from bench.peers.prada import Prada
from bench.peers.seat import Seat
from bench.truth import GUILTY, compare, wilson
from stillwatch.pipeline import sweep
from stillwatch.settings import load_settings
from stillwatch.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent
#: Scale and days: 120 to 250 campaign accounts, four ordinary customers beside each.
WORLDS: dict[str, tuple[float, float]] = {
    "letter": (0.008, 6), "february_minimax": (0.025, 6), "quiet_ring": (1.2, 6), "relay_moonshot": (0.037, 6),
    "lookalikes": (0.5, 6),
}  # fmt: skip
SEEDS, DEVELOPMENT_SEED, CLEAN_SEED = (301, 302), 30, 31
#: Name of the encoder that the figures carry: words and word pairs of the first 48 words, hashed, projected, length 1.
ENCODER = "hashed-ngrams-256"
_BUCKETS, _DIMENSIONS, _WORDS = 1 << 14, 256, 48
PROMPTS, FEWEST_PROMPTS = 60, 8
CLEAN_QUANTILE, ALLOWED_SHARE = 0.99, 1e-3
FOUND_COHORT = 0.1

Floats = npt.NDArray[np.float64]
Scores = dict[str, float]


class Encoder:
    """Prompts to (n, 256) rows of length 1; the same text always gives the same row."""

    def __init__(self) -> None:
        self._rows = np.random.default_rng(256).standard_normal((_BUCKETS, _DIMENSIONS)).astype(np.float32)
        self._known: dict[str, npt.NDArray[np.float32]] = {}

    def __call__(self, prompts: Sequence[str]) -> Floats:
        return np.stack([self._one(p) for p in prompts]).astype(float)

    def _one(self, prompt: str) -> npt.NDArray[np.float32]:
        head = prompt[:600]
        if head not in self._known:
            words = re.findall(r"\w+", head.lower())[:_WORDS]
            grams = words + [f"{a} {b}" for a, b in pairwise(words)] or [""]
            row = self._rows[[zlib.crc32(g.encode()) % _BUCKETS for g in grams]].sum(axis=0)
            self._known[head] = row / max(float(np.linalg.norm(row)), 1e-9)
        return self._known[head]


@dataclass
class World:
    """One world's logs as the peers read them."""

    name: str
    seed: int
    place: Path
    rows: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    truth: dict[str, dict[str, Any]]

    def windows(self, encoder: Encoder) -> dict[str, Floats]:
        """At most 60 prompts of each account that has 8 or more, chosen by chance, encoded."""
        rng = np.random.default_rng([self.seed, 60])
        out: dict[str, Floats] = {}
        for who, mine in fixed.by_account(self.rows).items():
            if len(mine) >= FEWEST_PROMPTS:
                chosen = np.sort(rng.choice(len(mine), min(PROMPTS, len(mine)), replace=False))
                out[who] = encoder([mine[i]["prompt"] for i in chosen])
        return out


def last_user_text(messages: str | None) -> str:
    """The last user message of a conversation as the contract's Parquet holds it; empty where there is none."""
    if not messages:
        return ""
    for turn in reversed(json.loads(messages)):
        if turn.get("role") == "user":
            said = turn.get("content")
            return said if isinstance(said, str) else " ".join(str(part.get("text", "")) for part in said or [])
    return ""


def make(name: str, seed: int, scale: float, days: float, folder: Path) -> World:
    """Simulates a world and reads its logs."""
    place = folder / f"{name}-{seed}"
    shutil.rmtree(place, ignore_errors=True)
    simulate(place, (name,), scale=scale, seed=seed, days=days)
    columns = ["account_id", "started_at", "prompt", "messages", "ip", "client_fingerprint", "org_id", "logprobs"]
    rows: list[dict[str, Any]] = []
    for file in sorted((place / "exchanges").glob("*.parquet")):
        table = pq.read_table(file, columns=columns)
        at = pc.cast(table["started_at"], "int64").to_numpy() / 1e6
        for row, when in zip(table.drop_columns(["started_at"]).to_pylist(), at.tolist(), strict=True):
            row["prompt"] = row["prompt"] or last_user_text(row.pop("messages"))
            row.pop("messages", None)
            row["started_at"] = when
            rows.append(row)
    accounts = [json.loads(line) for line in (place / "accounts.jsonl").read_text("utf-8").splitlines()]
    truth = {r["account_id"]: r for r in pq.read_table(place / "truth" / "accounts.parquet").to_pylist()}
    return World(name, seed, place, rows, accounts, truth)


def window_peers() -> list[Any]:
    """The window detectors at hand, MMD first where it is there."""
    found: list[Any] = []
    try:
        found.append(importlib.import_module("bench.peers.mmd").MMD)
    except ImportError:
        print("MMD: bench/peers/mmd.py is not there, left out", flush=True)
    return [kind() for kind in (*found, Prada, Seat, Mahalanobis)]


def named(peer: Any) -> str:
    """The peer's name in tables: its NAME, else its class's."""
    return str(getattr(peer, "NAME", type(peer).__name__))


def _each(judge: Callable[[fixed.Rows], float]) -> Callable[[World], Scores]:
    return lambda world: {who: judge(mine) for who, mine in fixed.by_account(world.rows).items()}


#: Name, scorer, threshold as shipped, whether a threshold can be learned: a component's size grows with the world, so
#: one learned on another world says nothing.
LOG_PEERS: list[tuple[str, Callable[[World], Scores], float, bool]] = [
    ("AegisGate-like", _each(fixed.aegisgate_like), 1.0, True),
    ("mukul975-like", _each(fixed.mukul975_like), 1.0, False),
    ("honeypot-like", _each(fixed.honeypot_like), fixed.HONEYPOT_FLAG, True),
    ("union, after Glasswally", lambda w: fixed.glasswally_like(w.rows, w.accounts), 0.35, True),
    ("shared attributes", lambda w: shared.component_sizes(w.rows, w.accounts), shared.LEAST_ACCOUNTS, False),
    ("shared attributes, cap 50", lambda w: shared.component_sizes(w.rows, w.accounts, shared.CAP),
     shared.LEAST_ACCOUNTS, False),
    ("shared attributes, cap 5", lambda w: shared.component_sizes(w.rows, w.accounts, 5), shared.LEAST_ACCOUNTS, False),
]  # fmt: skip


def judged(world: World, flagged: set[str]) -> dict[str, Any]:
    """Recall, legitimate accounts flagged and cohorts called, with counts."""
    guilty = {a for a, r in world.truth.items() if r["role"] in GUILTY}
    cohorts: dict[str, list[str]] = {}
    for a, r in world.truth.items():
        if r["role"] == "legitimate":
            cohorts.setdefault(str(r["cohort"]), []).append(a)
    legitimate = sum(map(len, cohorts.values()))
    caught, wrongly = len(guilty & flagged), sum(a in flagged for ids in cohorts.values() for a in ids)
    return {
        "guilty": len(guilty), "caught": caught, "recall": caught / len(guilty) if guilty else None,
        "legitimate": legitimate, "wrongly": wrongly, "wrongly_per_10000": 1e4 * wrongly / max(legitimate, 1),
        "cohorts_called": sorted(
            n for n, ids in cohorts.items() if sum(a in flagged for a in ids) >= FOUND_COHORT * len(ids)
        ),
    }  # fmt: skip


def best_threshold(scored: Sequence[tuple[World, Mapping[str, float]]], allowed: float = ALLOWED_SHARE) -> float:
    """The lowest threshold that flags at most `allowed` of the legitimate accounts of these worlds."""
    legitimate = np.sort([s.get(a, 0.0) for w, s in scored for a, r in w.truth.items() if r["role"] == "legitimate"])
    most = int(allowed * len(legitimate))
    return float(np.nextafter(legitimate[len(legitimate) - 1 - most], np.inf))


def area(world: World, scores: Mapping[str, float]) -> float | None:
    """Area under the curve, guilty over legitimate; unscored accounts count 0; None without guilty ones."""
    guilty = np.asarray([scores.get(a, 0.0) for a, r in world.truth.items() if r["role"] in GUILTY])
    legitimate = np.sort([scores.get(a, 0.0) for a, r in world.truth.items() if r["role"] == "legitimate"])
    if not len(guilty):
        return None
    below = np.searchsorted(legitimate, guilty, "left") + np.searchsorted(legitimate, guilty, "right")
    return float(below.mean() / (2 * len(legitimate)))


def stillwatch_row(world: World) -> dict[str, Any]:
    """stillwatch itself, as shipped, on the same files."""
    home = world.place / "home"
    started = time.process_time()
    releases = [str(p) for p in (world.place / "releases.csv",) if p.exists()]
    sweep(home, [str(world.place / "exchanges")], settings=load_settings(home=home),
          accounts=[str(world.place / "accounts.jsonl")], releases=releases)  # fmt: skip
    spent = time.process_time() - started
    seen = compare(home, world.place)
    return {
        "guilty": seen["guilty"], "caught": seen["caught"], "legitimate": seen["legitimate"],
        "recall": seen["caught"] / seen["guilty"] if seen["guilty"] else None, "wrongly": seen["wrongly_flagged"],
        "wrongly_per_10000": 1e4 * seen["wrongly_flagged"] / max(seen["legitimate"], 1),
        "cohorts_called": sorted(seen["cohorts_accused"]), "cpu_seconds": spent,
    }  # fmt: skip


class Bench:
    """All peers, fitted on a clean world, ready to score others."""

    def __init__(self, folder: Path) -> None:
        self.encoder, self.windowed, self.shipped = Encoder(), window_peers(), {}
        clean = make("ordinary", CLEAN_SEED, 0.01, 6, folder)
        windows = clean.windows(self.encoder)
        names = np.random.default_rng(CLEAN_SEED).permutation(sorted(windows)).tolist()
        third = len(names) // 3
        pools = [
            np.concatenate([windows[n] for n in part])[:2000] for part in (names[:third], names[third : 2 * third])
        ]
        for peer in self.windowed:
            peer.fit(*pools, np.random.default_rng(CLEAN_SEED))
            # Accounts that it was not fitted on.
            scores = [float(peer.score(windows[n])) for n in names[2 * third :]]
            self.shipped[named(peer)] = float(np.quantile(scores, CLEAN_QUANTILE))
        shutil.rmtree(clean.place, ignore_errors=True)
        self.shipped |= {name: line for name, _, line, _ in LOG_PEERS}

    def scores(self, world: World) -> dict[str, tuple[Scores, float]]:
        """Scores of each account by each peer, and CPU seconds; encoding counts for each window detector."""
        out: dict[str, tuple[Scores, float]] = {}
        for name, scorer, _, _ in LOG_PEERS:
            started = time.process_time()
            out[name] = scorer(world), time.process_time() - started
        started = time.process_time()
        windows = world.windows(self.encoder)
        encoding = time.process_time() - started
        for peer in self.windowed:
            started = time.process_time()
            scores = {who: float(peer.score(window)) for who, window in windows.items()}
            out[named(peer)] = scores, time.process_time() - started + encoding
        return out


def measure(worlds: Sequence[str], seeds: Sequence[int], folder: Path) -> dict[str, Any]:
    """Fits, chooses thresholds on the development seed, and judges the report seeds."""
    begun = time.process_time()
    bench = Bench(folder)
    development: dict[str, list[tuple[World, Scores]]] = {}
    for name in worlds:
        world = make(name, DEVELOPMENT_SEED, *WORLDS[name], folder)
        for peer, (scores, _) in bench.scores(world).items():
            development.setdefault(peer, []).append((world, scores))
        world.rows.clear()
        shutil.rmtree(world.place, ignore_errors=True)
    two_steps = {name for name, _, _, graded in LOG_PEERS if not graded}
    chosen = {peer: best_threshold(scored) for peer, scored in development.items() if peer not in two_steps}
    rows: list[dict[str, Any]] = []
    for name in worlds:
        for seed in seeds:
            world = make(name, seed, *WORLDS[name], folder)
            where = {"world": name, "seed": seed, "exchanges": len(world.rows)}
            for peer, (scores, spent) in bench.scores(world).items():
                lines = {"as shipped": bench.shipped[peer], "best on development": chosen.get(peer)}
                for how, line in lines.items():
                    if line is not None:
                        flagged = {who for who, score in scores.items() if score >= line}
                        rows.append({"peer": peer, "threshold": how, "line": line, **where,
                                     **judged(world, flagged), "auc": area(world, scores),
                                     "cpu_seconds": spent})  # fmt: skip
            rows.append({"peer": "stillwatch", "threshold": "as shipped", "line": 55.0, **where,
                         **stillwatch_row(world)})  # fmt: skip
            shutil.rmtree(world.place, ignore_errors=True)
            print(f"{name} seed {seed}: {len(world.rows):,} exchanges, {len(world.truth)} accounts, "
                  f"{time.process_time() - begun:.0f} CPU s so far", flush=True)  # fmt: skip
    return {"encoder": ENCODER, "seeds": list(seeds), "development_seed": DEVELOPMENT_SEED, "clean_seed": CLEAN_SEED,
            "worlds": {n: {"scale": WORLDS[n][0], "days": WORLDS[n][1]} for n in worlds},
            "cpu_seconds": time.process_time() - begun, "rows": rows}  # fmt: skip


def summary(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One line a peer and threshold, over all worlds and seeds."""
    out: list[dict[str, Any]] = []
    for peer, how in dict.fromkeys((r["peer"], r["threshold"]) for r in rows):
        mine = [r for r in rows if (r["peer"], r["threshold"]) == (peer, how)]
        guilty, caught = sum(r["guilty"] for r in mine), sum(r["caught"] for r in mine)
        legitimate, wrongly = sum(r["legitimate"] for r in mine), sum(r["wrongly"] for r in mine)
        recalls = {
            w: sum(r["caught"] for r in mine if r["world"] == w) / n
            for w in dict.fromkeys(r["world"] for r in mine)
            if (n := sum(r["guilty"] for r in mine if r["world"] == w))
        }
        out.append({
            "peer": peer, "threshold": how, "recall": caught / max(guilty, 1), "recall_by_world": recalls,
            "wrongly_per_10000": 1e4 * wrongly / max(legitimate, 1),
            "wrongly_interval": [1e4 * x for x in wilson(wrongly, legitimate)],
            "cohorts_called": sorted({c for r in mine for c in r["cohorts_called"]}),
            "auc_by_world": {
                w: float(np.mean([r["auc"] for r in mine if r["world"] == w])) for w in recalls if "auc" in mine[0]
            },
            "cpu_seconds": sum(r["cpu_seconds"] for r in mine),
        })  # fmt: skip
    return out


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """The summary as a Markdown table."""
    worlds = list(lines[0]["recall_by_world"]) if lines else []
    out = ["| peer | threshold | recall | " + " | ".join(worlds) + " | legit per 10,000 | cohorts called | CPU s |",
           "|---" * (6 + len(worlds)) + "|"]  # fmt: skip
    for r in lines:
        each = " | ".join(f"{r['recall_by_world'][w]:.2f}" for w in worlds)
        out.append(f"| {r['peer']} | {r['threshold']} | {r['recall']:.2f} | {each} | {r['wrongly_per_10000']:.0f} | "
                   f"{len(r['cohorts_called'])} | {r['cpu_seconds']:.1f} |")  # fmt: skip
    return "\n".join(out)


def draw(lines: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Recall over legitimate accounts flagged per 10,000, log x; what flags nobody stands at the left edge."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(9.5, 5.6), dpi=130)
    names = dict.fromkeys(r["peer"] for r in lines if r["peer"] != "stillwatch")
    colours = {name: plt.get_cmap("tab20")(2 * i % 20 + i // 10) for i, name in enumerate(names)}
    for r in lines:
        own = r["peer"] == "stillwatch"
        shipped = r["threshold"] == "as shipped"
        label = r["peer"] + ("" if shipped else " (tuned)")
        axes.scatter(max(r["wrongly_per_10000"], 0.5), r["recall"], s=170 if own else 60, alpha=0.75,
                     marker="*" if own else "o" if shipped else "^", label=label,
                     facecolors="black" if own else colours[r["peer"]] if shipped else "none",
                     edgecolors="black" if own else colours[r["peer"]])  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(0.4, 12_000)
    axes.set_ylim(-0.03, 1.03)
    axes.set_xlabel("legitimate accounts flagged per 10,000 (none: at the left edge)")
    axes.set_ylabel("campaign accounts flagged")
    axes.set_title("Four campaigns, look-alikes: the same logs for all", fontsize=10)
    axes.grid(alpha=0.25)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, frameon=False)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out)
    plt.close(figure)


def main() -> None:
    """Runs everything, prints the table, writes figures and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="*", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "figures" / "peers_on_worlds.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "peers.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-peers-") as folder:
        result = measure(options.worlds, options.seeds, Path(folder))
    result["summary"] = summary(result["rows"])
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    draw(result["summary"], options.picture)
    print(table(result["summary"]))
    print(f"{result['cpu_seconds']:.0f} CPU s")


if __name__ == "__main__":
    main()
