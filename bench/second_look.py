"""What the second look adds: a harvest's fellows and the harvests inside a pool, with and without, on the same worlds.

python -m bench.second_look [--worlds hydra mixed ...] [--seeds 591 ...] [--out FILE]

Each world is simulated and taken in once and hunted three times. Seeds 61-72 were looked at, 571-580 and 581-590 with
earlier versions; 591 and above are for reporting.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import stillwatch.campaigns.hunt as hunting
from bench.accuracy import CAMPAIGNS, WORLDS, line_of, summary, table
from bench.truth import truth_of, wilson
from bench.worlds import code_version, compared, hunt, make, patched, take_in

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "second_look.json"
#: Which of the two are taken away.
VARIANTS = {
    "neither": ("with_fellows", "parts_of_pools", "without_pools"),
    "fellows": ("parts_of_pools", "without_pools"),
    "both": (),
}
_NOTHING: dict[str, Any] = {
    "with_fellows": lambda chooser, harvests, *_, **__: list(harvests),
    "parts_of_pools": lambda *_: [],
    "without_pools": lambda chooser, harvests, *_: list(harvests),
}


def hunted_each_way(world: str, seed: int, folder: Path) -> dict[str, dict[str, Any]]:
    """A row of `bench.accuracy` for each variant; `customers_accused`: a network's accounts that harvest nothing."""
    place = folder / f"{world}-{seed}"
    figures = make(WORLDS[world], seed, place)
    take_in(place, place / "home")
    truth, campaigns = truth_of(place)
    rows = {}
    for variant, cuts in VARIANTS.items():
        started = time.process_time()
        with ExitStack() as stack:
            for name in cuts:
                stack.enter_context(patched(hunting, name, _NOTHING[name]))
            hunted = hunt(place / "home")
        seconds = time.process_time() - started
        customers = {a for a, r in truth.items() if r["role"] == "network"}
        scored = zip(hunted.book.ids, (100.0 * hunted.scores.p).tolist(), strict=True)
        rows[variant] = {
            "world": world, "seed": seed, "missing": "nothing", "exchanges": figures["exchanges"],
            **compared(hunted, truth, campaigns), "cpu_simulate": 0.0, "cpu_sweep": seconds, "cpu_judge": 0.0,
            "customers": len(customers), "customers_accused": sum(a in customers and s >= 55.0 for a, s in scored),
        }  # fmt: skip
    shutil.rmtree(place, ignore_errors=True)
    return rows


def figures_of(rows: Sequence[dict[str, Any]], worlds: Sequence[str]) -> dict[str, Any]:
    """The summary of `bench.accuracy` for the rows of one variant, and networks' customers who were accused."""
    by_world = {w: summary([r for r in rows if r["world"] == w]) for w in worlds}
    return {
        "worlds": by_world, "together": summary(rows), "missing": {}, "misses": [],
        "customers": sum(r["customers"] for r in rows), "customers_accused": sum(r["customers_accused"] for r in rows),
    }  # fmt: skip


def page(every: Sequence[dict[str, Any]]) -> list[str]:
    """Files of figures as one Markdown table: recall without, with fellows, with both; then the innocent."""
    lines = ["| campaign | worlds | found | recall: neither | fellows | both |", "|---|---|---|---|---|---|"]
    for figures in every:
        for world, s in figures["both"]["worlds"].items():
            for name, c in s["campaigns"].items():
                before, some = (figures[v]["worlds"][world]["campaigns"][name] for v in ("neither", "fellows"))
                low, high = c["recall_bootstrap"]
                where = name if name.startswith(world) else f"{name} in {world}"
                lines.append(f"| {where} | {c['worlds']} | {before['found']} -> {c['found']} | {before['recall']:.1%} "
                             f"| {some['recall']:.1%} | {c['recall']:.1%} ({low:.1%}-{high:.1%}) |")  # fmt: skip
    lines.append("")
    for variant in VARIANTS:
        together = [figures[variant]["together"] for figures in every]
        bad, of = sum(t["wrongly_flagged"] for t in together), sum(t["legitimate"] for t in together)
        low, high = (1e4 * x for x in wilson(bad, of))
        false = [sum(t[k] for t in together) for k in ("false_campaigns", "false_networks")]
        customers = [sum(figures[variant][k] for figures in every) for k in ("customers_accused", "customers")]
        rate = 1e4 * bad / max(of, 1)
        lines.append(f"- {variant}: {bad} of {of:,} legitimate accounts accused, {rate:.2f} per 10,000 "
                     f"({low:.2f}-{high:.2f}); {false[0]} false campaigns, {false[1]} false networks; of networks' "
                     f"customers {customers[0]} of {customers[1]:,} called distillers.")  # fmt: skip
    return lines


def main() -> None:
    """Runs every world each way, writes the summaries and prints them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="*", choices=list(WORLDS), default=[*CAMPAIGNS, "lookalikes", "mixed"])
    parser.add_argument("--seeds", nargs="*", type=int, default=list(range(591, 599)))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    rows: dict[str, list[dict[str, Any]]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory(prefix="stillwatch-second-look-") as folder:
        for seed in options.seeds:
            for world in options.worlds:
                for variant, row in hunted_each_way(world, seed, Path(folder)).items():
                    rows[variant].append(row)
                    print(f"{variant:8}{line_of(row)}", flush=True)
                figures = {v: figures_of(rows[v], options.worlds) for v in VARIANTS}
                version = {"code": code_version(), "seeds": sorted({r["seed"] for r in rows["both"]})}
                options.out.write_text(json.dumps(version | figures, indent=1) + "\n", "utf-8")
    for variant in VARIANTS:
        print(f"\n{variant}\n\n{table(figures[variant])}")
        print(f"Customers of networks called distillers: {figures[variant]['customers_accused']}.")


if __name__ == "__main__":
    main()
