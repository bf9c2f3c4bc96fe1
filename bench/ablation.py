"""What each sign is worth: every family of signals and of marks taken away, one at a time.

python -m bench.ablation [--seeds 561 562 563] [--worlds harvests pools] [--out FILE] [--picture FILE]

A signal family that is taken away has no opinion of anybody, as if its columns had not been logged. A family of marks
that is taken away links nobody (`link`), or links nobody and is no sign either (`gone`). The calibration stays.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

import stillwatch.campaigns.hunt as hunting
import stillwatch.signals as shelf
from bench.truth import compare_rows, truth_of, wilson
from bench.worlds import PRIOR, REPORT_FROM, World, code_version, findings_of, make, patched, take_in
from stillwatch.actors.book import Book, open_book
from stillwatch.actors.marks import KINDS
from stillwatch.actors.view import View
from stillwatch.campaigns.calibration import Calibration
from stillwatch.linking.candidate import Candidate
from stillwatch.patterns import load_rules
from stillwatch.signals import Opinion, all_signals, extra_sums
from stillwatch.store import open_store

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "ablation.json"
PICTURE = ROOT / "docs" / "pictures" / "ablation.png"
SEEDS = (561, 562, 563)

#: Several campaigns in one world, so that one hunt asks about all of them; small, so that signs are needed.
WORLDS: dict[str, World] = {
    "harvests": World(("letter@0.002", "february_minimax@0.006", "february_deepseek@0.3", "non_english@0.15",
                       "cleaner_zhipu@0.06", "quiet_ring@0.5", "ordinary@0.006", "eval_harness@0.005",
                       "classroom@0.005", "coding_fleet@0.003"), 5),
    "pools": World(("hydra@0.006", "relay_moonshot@0.01", "relay_harness@0.008", "replay_xiaomi@0.03",
                    "bypass_search@0.7", "ring_of_30", "ordinary@0.006", "router@0.01", "corporate_seats@0.005",
                    "native_language@0.005"), 6),
}  # fmt: skip

#: What families of marks link by, beside marks of their own: topics are content too.
_TOPICS = "content"


def without_family(family: str) -> Callable[[Callable[..., dict[str, Opinion]]], Callable[..., dict[str, Opinion]]]:
    """Makes `measure` into one in which a family's signals are not evaluable: nan, 0 bits."""
    silent = {s.name for s in all_signals() if s.family == family}

    def wrap(measure: Callable[..., dict[str, Opinion]]) -> Callable[..., dict[str, Opinion]]:
        def measured(view: View, settings: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Opinion]:
            return {
                name: replace(o, statistic=np.full(view.actors, np.nan), bits=np.zeros(view.actors))
                if name in silent
                else o
                for name, o in measure(view, settings).items()
            }

        return measured

    return wrap


def unlinked(book: Book, family: str) -> Book:
    """The same accounts without a family's marks: every account holds a value of them, and nobody shares any."""
    marks = dict(book.marks)
    for kind in KINDS:
        if kind.family == family:
            table = marks[kind.name]
            empty = sp.csr_matrix((book.accounts, 0), dtype=np.float32)
            marks[kind.name] = replace(table, counts=empty, values=table.values[:0], _held_by={})
    fields: dict[str, Any] = {"marks": marks}
    if family == _TOPICS:
        fields |= {"topic_rows": np.zeros_like(book.topic_rows)}
    return replace(book, **fields)


@contextmanager
def taken_away(signals: str | None = None, links: str | None = None) -> Iterator[None]:
    """While the block runs, a family of signals is mute everywhere and a family of marks links nobody."""
    with ExitStack() as stack:
        if signals is not None:
            muted = without_family(signals)(shelf.measure)
            before = shelf.measure
            for name, module in sorted(sys.modules.items()):
                if name.startswith("stillwatch.") and getattr(module, "measure", None) is before:
                    stack.enter_context(patched(module, "measure", muted))
        if links is not None:
            propose = hunting.propose

            def without(book: Book) -> list[Candidate]:
                return propose(unlinked(book, links))

            stack.enter_context(patched(hunting, "propose", without))
        yield


def cuts() -> dict[str, tuple[str | None, str | None]]:
    """Every cut by name: (signal family that is mute, mark family that links nobody)."""
    families = sorted({s.family for s in all_signals()})
    marks = sorted({k.family for k in KINDS})
    every: dict[str, tuple[str | None, str | None]] = {"nothing": (None, None)}
    every |= {f"sign {f}": (f, None) for f in families}
    every |= {f"link {m}": (None, m) for m in marks}
    every |= {f"gone {m}": (m, m) for m in marks if m in families}
    return every


def one_world(name: str, seed: int, folder: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """A row for each cut of one world; it is simulated, taken in and read once."""
    place = folder / f"{name}-{seed}"
    make(WORLDS[name], seed, place)
    take_in(place, place / "home")
    truth, campaigns = truth_of(place)
    rules = load_rules()
    window = open_store(place / "home").window(None, None, memory_gib=2.5, threads=1)
    out: list[dict[str, Any]] = []
    try:
        book = open_book(window, extra_sums(), rules)
        with patched(hunting, "open_book", lambda *given: book):
            for cut, (signals, links) in cuts().items():
                started = time.process_time()
                with taken_away(signals, links):
                    hunted = hunting.hunt(window, rules, calibration=Calibration.load(), prior=PRIOR,
                                          report_from=REPORT_FROM)  # fmt: skip
                row = compare_rows(*findings_of(hunted), truth, campaigns, report_from=REPORT_FROM)
                out.append({"world": name, "seed": seed, "cut": cut, "cpu": time.process_time() - started, **row})
        say(f"{name} {seed}: {len(out)} cuts, {sum(r['cpu'] for r in out):.0f} CPU s; {book.accounts} accounts")
    finally:
        window.close()
        shutil.rmtree(place, ignore_errors=True)
    return out


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By cut: campaigns found, of the right kind, recall, and who was wronged, over the worlds."""
    out: dict[str, dict[str, Any]] = {}
    for cut in dict.fromkeys(r["cut"] for r in rows):
        mine = [r for r in rows if r["cut"] == cut]
        harvests = [c for r in mine for c in r["campaigns"] if c["kind"] != "account_network"]
        networks = [c for r in mine for c in r["campaigns"] if c["kind"] == "account_network"]
        caught, guilty = sum(r["caught"] for r in mine), sum(r["guilty"] for r in mine)
        wronged, legitimate = sum(r["wrongly_flagged"] for r in mine), sum(r["legitimate"] for r in mine)
        out[cut] = {
            "worlds": len(mine), "campaigns": len(harvests), "found": sum(c["found"] for c in harvests),
            "right_kind": sum(c["kind"] in c["kinds_reported"] for c in harvests),
            "mean_recall": float(np.mean([c["recall"] for c in harvests])) if harvests else None,
            "mean_score": float(np.mean([c["mean_score"] for c in harvests])) if harvests else None,
            "recall": caught / guilty if guilty else None, "recall_wilson": wilson(caught, guilty),
            "networks": len(networks), "networks_found": sum(c["found"] for c in networks),
            "wronged": wronged, "wronged_per_10000": 1e4 * wronged / max(legitimate, 1),
            "false_campaigns": sum(len(r["false_campaigns"]) for r in mine),
            "false_networks": sum(len(r["false_networks"]) for r in mine),
            "recall_by_campaign": {n: float(np.mean([c["recall"] for c in harvests if c["name"] == n]))
                                   for n in sorted({c["name"] for c in harvests})},
        }  # fmt: skip
    return out


def picture(by_cut: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Mean recall of the campaigns and innocents flagged under each cut, worst first, in three panels."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    base = by_cut["nothing"]
    parts = [[c for c in by_cut if c.startswith(f"{kind} ")] for kind in ("sign", "link", "gone")]
    titles = ("a family of signals without opinion", "a family of marks that links nobody", "both: not there at all")
    tall = [len(parts[0]), len(parts[1]) + len(parts[2])]
    figure = plt.figure(figsize=(12, 0.26 * max(tall) + 1.6), constrained_layout=True)
    grid = figure.add_gridspec(1, 2)
    right = grid[1].subgridspec(2, 1, height_ratios=[max(len(parts[1]), 1), max(len(parts[2]), 1)])
    for spot, cuts_here, title in zip((grid[0], right[0], right[1]), parts, titles, strict=True):
        axis = figure.add_subplot(spot)
        order = sorted(cuts_here, key=lambda c: -by_cut[c]["mean_recall"])
        at = np.arange(len(order))
        axis.barh(at, [by_cut[c]["mean_recall"] for c in order], color="#0072b2", height=0.7)
        axis.plot([by_cut[c]["mean_score"] / 100 for c in order], at, "o", color="#d55e00", ms=3.5)
        axis.axvline(base["mean_recall"], color="#333333", lw=1, ls="--")
        for y, c in zip(at, order, strict=True):
            s = by_cut[c]
            harm = s["wronged"] - base["wronged"]
            false = s["false_campaigns"] + s["false_networks"]
            words = f"{s['found']}/{s['campaigns']} found"
            words += f", {harm:+d} wronged" if harm else ""
            words += f", {false} false" if false else ""
            axis.text(0.01, y, words, va="center", fontsize=6.5, color="white")
        axis.set_yticks(at, [c.partition(" ")[2] for c in order], fontsize=7.5)
        axis.set_xlim(0, 1)
        axis.set_ylim(-0.7, len(order) - 0.3)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("mean recall (dashed: nothing gone); dots: mean account score", fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def page(by_cut: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The cuts as a Markdown table, the dearest first."""
    lines = ["| taken away | found | right kind | mean recall | mean score | networks | wronged | false |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for cut, s in sorted(by_cut.items(), key=lambda pair: (pair[1]["mean_recall"], pair[1]["mean_score"])):
        lines.append(f"| {cut} | {s['found']}/{s['campaigns']} | {s['right_kind']} | {s['mean_recall']:.1%} "
                     f"| {s['mean_score']:.1f} | {s['networks_found']}/{s['networks']} | {s['wronged']} "
                     f"| {s['false_campaigns'] + s['false_networks']} |")  # fmt: skip
    return lines


def main() -> None:
    """Runs the worlds that have no rows under the present code, writes figures and picture, prints the short of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="*", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--rows", type=Path, default=ROOT / "bench" / "out" / "ablation")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    options.rows.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stillwatch-ablation-") as folder:
        for name in options.worlds:
            for seed in options.seeds:
                kept = options.rows / f"{name}-{seed}.json"
                version = [code_version(), list(WORLDS[name].profiles), WORLDS[name].days, list(cuts())]
                held = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
                if held.get("version") != version:
                    held = {"version": version, "rows": one_world(name, seed, Path(folder), print)}
                    kept.write_text(json.dumps(held), "utf-8")
                rows += held["rows"]
    by_cut = summary(rows)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    figures = {"code": code_version(), "seeds": options.seeds, "cuts": by_cut,
               "worlds": {n: {"profiles": WORLDS[n].profiles, "days": WORLDS[n].days}
                          for n in options.worlds}}  # fmt: skip
    options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    picture(by_cut, options.picture)
    print("\n".join(page(by_cut)))


if __name__ == "__main__":
    main()
