"""How often each published campaign is found, of the right kind, and who is wronged, over many unseen worlds.

python -m bench.accuracy [--worlds NAME ...] [--seeds 501 ...] [--jobs 2] [--rows DIR] [--out FILE]

Each world is a row of DIR/accuracy.jsonl as soon as it is done; a rerun does only what is not there under the present
code. Seeds 61-72 are for development; 601-620 (campaigns), 621-640 (look-alikes) and 641-660 (mixed) for reporting.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import zlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from bench.truth import wilson
from bench.worlds import MISSING, World, code_version, measure

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "bench" / "out" / "accuracy"
OUT = ROOT / "bench" / "figures" / "accuracy.json"

#: Each published campaign at 60 to 200 accounts, 410 ordinary customers beside it, and look-alikes of its own kind.
#: Days are cut so that a world stays below some 75,000 exchanges; what an account sends in a day is not.
CAMPAIGNS: dict[str, World] = {
    "february_deepseek": World(("february_deepseek@0.7", "ordinary@0.004", "eval_harness@0.005",
                                "judge_pipeline@0.01"), 8),
    "february_minimax": World(("february_minimax@0.02", "ordinary@0.004", "coding_fleet@0.003", "ci_bots@0.005"), 10),
    "february_moonshot": World(("february_moonshot@0.12", "ordinary@0.004", "coding_fleet@0.003",
                                "support_bot@0.01"), 4),
    "hydra": World(("hydra@0.01", "ordinary@0.004", "corporate_seats@0.005", "vpn_users@0.005"), 10),
    "letter": World(("letter@0.006", "ordinary@0.004", "eval_harness@0.005", "coding_fleet@0.003"), 8),
    "september_pools": World(("september_pools@0.008", "ordinary@0.004", "agreed_synthetic_data@0.003"), 3),
    "relay_moonshot": World(("relay_moonshot@0.03", "ordinary@0.004", "router@0.01", "native_language@0.005"), 10),
    "relay_harness": World(("relay_harness@0.016", "ordinary@0.004", "coding_fleet@0.004", "fallback_router@0.005"), 4),
    "replay_xiaomi": World(("replay_xiaomi@0.1", "ordinary@0.004", "migration_backfill@0.005", "router@0.01"), 12),
    "cleaner_zhipu": World(("cleaner_zhipu@0.25", "ordinary@0.004", "judge_pipeline@0.01", "audit_capture@0.01"), 3),
    "bypass_search": World(("bypass_search", "ordinary@0.004", "red_team@0.01", "researchers@0.01"), 12),
    "non_english": World(("non_english@0.4", "ordinary@0.004", "native_language@0.008", "classroom@0.006"), 12),
    "quiet_ring": World(("quiet_ring", "ordinary@0.004", "hackathon@0.006", "eval_harness@0.005"), 10),
    "ring_of_30": World(("ring_of_30", "ordinary@0.004", "eval_harness@0.005", "classroom@0.005"), 12),
}  # fmt: skip
WORLDS: dict[str, World] = {
    **CAMPAIGNS,
    "lookalikes": World(("lookalikes@0.4",)),
    "ordinary": World(("ordinary@0.01",), 12),  # nobody but ordinary customers
    "mixed": World(("mixed",)),
}
REPORT_SEEDS = {"lookalikes": range(621, 641), "ordinary": range(621, 641), "mixed": range(641, 661)}
CAMPAIGN_SEEDS = range(601, 621)
#: Columns are taken away in the first of the seeds only.
MISSING_SEEDS = 5


def seeds_of(world: str) -> list[int]:
    """The report seeds of a world."""
    return list(REPORT_SEEDS.get(world, CAMPAIGN_SEEDS))


def mean_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """Mean over worlds and its t interval, cut to 0..1: accounts of one world are not independent, worlds are.

    (nan, 0, 1) without values; one value alone has no interval either.
    """
    if not values:
        return float("nan"), 0.0, 1.0
    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, 0.0, 1.0
    half = float(student.ppf(0.5 + level / 2, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, max(0.0, mean - half), min(1.0, mean + half)


def bootstrap(parts: Sequence[tuple[float, float]], draws: int = 2000, seed: int = 0) -> tuple[float, float]:
    """95 % interval of sum(k) / sum(n), drawing whole worlds (k, n) anew; (0, 1) with less than two worlds.

    Where all worlds agree (0 of n, or n of n) drawing shows no spread: the Wilson interval over worlds, each counted
    once, stands in for it.
    """
    k, n = np.asarray([p[0] for p in parts], float), np.asarray([p[1] for p in parts], float)
    if (n > 0).sum() < 2:
        return 0.0, 1.0
    shares = k[n > 0] / n[n > 0]
    if shares.min() == shares.max() and shares[0] in (0.0, 1.0):
        return wilson(float(shares.sum()), len(shares))
    pick = np.random.default_rng(seed).integers(0, len(k), (draws, len(k)))
    drawn = k[pick].sum(axis=1) / np.maximum(n[pick].sum(axis=1), 1.0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def version_of(world: str) -> str:
    """What a row of a world depends on: the code, and what the world is made of."""
    made_of = zlib.crc32(json.dumps([WORLDS[world].profiles, WORLDS[world].days]).encode())
    return f"{code_version()}-{made_of:08x}"


def read_rows(folder: Path, *, current: bool = True) -> list[dict[str, Any]]:
    """The rows in a folder, the last of each world, seed and missing columns; `current`: of the present code only.

    A line that a killed run left half written is passed over.
    """
    versions = {name: version_of(name) for name in WORLDS} if current else {}
    newest: dict[tuple[str, int, str], dict[str, Any]] = {}
    file = folder / "accuracy.jsonl"
    for line in file.read_text("utf-8").splitlines() if file.exists() else []:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if not current or row["version"] == versions.get(row["world"]):
            newest[row["world"], row["seed"], row["missing"]] = row
    return [newest[key] for key in sorted(newest)]


def run(tasks: Iterable[tuple[str, int, list[str]]], rows: Path, *, jobs: int = 1, say: Any = print) -> None:
    """Measures what is not among the rows yet, one world a task: (world, seed, sets of missing columns)."""
    done = {(r["world"], r["seed"], r["missing"]) for r in read_rows(rows)}
    versions = {name: version_of(name) for name in WORLDS}
    todo = [(w, s, left) for w, s, lacks in tasks if (left := [m for m in lacks if (w, s, m) not in done])]
    rows.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stillwatch-accuracy-") as folder:
        work = [(name, WORLDS[name], seed, Path(folder), rows, lacks) for name, seed, lacks in todo]
        if jobs == 1:
            for each in work:
                _keep(measure(*each), rows, versions, say)
            return
        # Its own fresh processes: a forked one would share the database's and the arrow threads.
        with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
            for future in as_completed([pool.submit(measure, *each) for each in work]):
                _keep(future.result(), rows, versions, say)


def _keep(measured: list[dict[str, Any]], rows: Path, versions: dict[str, str], say: Any) -> None:
    with (rows / "accuracy.jsonl").open("a", encoding="utf-8") as file:
        for row in measured:
            file.write(json.dumps({"version": versions[row["world"]], **row}) + "\n")
    for row in measured:
        say(line_of(row), flush=True)


def line_of(row: dict[str, Any]) -> str:
    """One world in a line: what was found, and everything that went wrong."""
    lack = "" if row["missing"] == "nothing" else f" without {row['missing']}"
    parts = [
        f"{c['name']} {_share(c):.0%} of {c['accounts']}"
        + ("" if c["found"] else " MISSED")
        + ("" if not c["found"] or c["kind"] in c["kinds_reported"] else f" AS {'+'.join(c['kinds_reported'])}")
        for c in row["campaigns"]
    ]
    wrong = [f"FALSE CAMPAIGN {f['score']:.0f} {f['cohorts']}" for f in row["false_campaigns"]]
    wrong += [f"FALSE NETWORK {f['cohorts']}" for f in row["false_networks"]]
    called = [f"{k} called ({v['flagged']}/{v['accounts']})" for k, v in row["cohorts"].items() if v["called"]]
    seconds = row["cpu_simulate"] + row["cpu_sweep"] + row["cpu_judge"]
    return (
        f"{row['world']} {row['seed']}{lack}: {'; '.join(parts) or 'no campaign'}; wronged {row['wrongly_flagged']}"
        f"/{row['legitimate']}; {'; '.join(wrong + called) or 'clean'} "
        f"({row['exchanges']:,} exchanges, {seconds:.1f} CPU s)"
    )


def _share(campaign: dict[str, Any]) -> float:
    """Recall; of a network, which accuses nobody, its accounts in one finding."""
    if campaign["kind"] == "account_network":
        return float(campaign["in_one_finding"] / max(campaign["accounts"], 1))
    return float(campaign["recall"])


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of worlds alike (one profile, one set of missing columns): per campaign, of the innocent, and what was false."""
    campaigns: dict[str, Any] = {}
    for name in sorted({c["name"] for r in rows for c in r["campaigns"]}):
        each = [c for r in rows for c in r["campaigns"] if c["name"] == name]
        found, right = sum(c["found"] for c in each), sum(c["kind"] in c["kinds_reported"] for c in each)
        pairs = [
            (float(c["in_one_finding"] if c["kind"] == "account_network" else c["caught"]), float(c["accounts"]))
            for c in each
        ]
        k, n = sum(p[0] for p in pairs), sum(p[1] for p in pairs)
        recalls = [a / b for a, b in pairs if b]
        campaigns[name] = {
            "kind": each[0]["kind"], "worlds": len(each), "found": found, "found_interval": wilson(found, len(each)),
            "right_kind": right, "right_kind_interval": wilson(right, len(each)), "accounts": int(n), "caught": int(k),
            "recall": k / n if n else None, "recall_wilson": wilson(k, n), "recall_bootstrap": bootstrap(pairs),
            "recall_of_worlds": mean_interval(recalls), "least_recall": min(recalls, default=None),
        }  # fmt: skip
    cohorts: dict[str, Any] = {}
    for name in sorted({k for r in rows for k in r["cohorts"]}):
        cells = [r["cohorts"][name] for r in rows if name in r["cohorts"]]
        called, flagged, n = (sum(c[k] for c in cells) for k in ("called", "flagged", "accounts"))
        cohorts[name] = {"worlds": len(cells), "called": called, "called_interval": wilson(called, len(cells)),
                         "accounts": n, "flagged": flagged, "flagged_per_10000": 1e4 * flagged / max(n, 1),
                         "flagged_wilson": [1e4 * x for x in wilson(flagged, n)]}  # fmt: skip
    wronged = [(float(r["wrongly_flagged"]), float(r["legitimate"])) for r in rows]
    bad, n = sum(w[0] for w in wronged), sum(w[1] for w in wronged)
    return {
        "worlds": len(rows), "exchanges": sum(r["exchanges"] for r in rows),
        "cpu_seconds": sum(r["cpu_simulate"] + r["cpu_sweep"] + r["cpu_judge"] for r in rows),
        "campaigns": campaigns, "cohorts": cohorts,
        "legitimate": int(n), "wrongly_flagged": int(bad), "wrongly_flagged_per_10000": 1e4 * bad / max(n, 1.0),
        "wrongly_flagged_wilson": [1e4 * x for x in wilson(bad, n)],
        # Drawing worlds anew says nothing of a rate that was nought in each: then the worlds are counted instead.
        "wrongly_flagged_bootstrap": [1e4 * x for x in bootstrap(wronged)] if bad else None,
        "worlds_with_anyone_wronged": sum(w[0] > 0 for w in wronged),
        "worlds_with_anyone_wronged_interval": wilson(sum(w[0] > 0 for w in wronged), len(rows)),
        "false_campaigns": sum(len(r["false_campaigns"]) for r in rows),
        "false_networks": sum(len(r["false_networks"]) for r in rows),
        "worlds_with_false_campaign": sum(bool(r["false_campaigns"]) for r in rows),
        "worlds_with_false_campaign_interval": wilson(sum(bool(r["false_campaigns"]) for r in rows), len(rows)),
    }  # fmt: skip


def against_whole(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Each set of missing columns beside the same worlds with everything: power may fall, alarms must not rise."""
    whole = {(r["world"], r["seed"]): r for r in rows if r["missing"] == "nothing"}
    out: dict[str, Any] = {}
    for lack in MISSING:
        mine = [r for r in rows if r["missing"] == lack and (r["world"], r["seed"]) in whole]
        if lack == "nothing" or not mine:
            continue
        same = [whole[r["world"], r["seed"]] for r in mine]
        out[lack] = {
            "whole": summary(same), "lacking": summary(mine),
            "worlds_with_more_wronged": [[a["world"], a["seed"], b["wrongly_flagged"], a["wrongly_flagged"]]
                                         for a, b in zip(mine, same, strict=True)
                                         if a["wrongly_flagged"] > b["wrongly_flagged"]],
            "worlds_with_more_false": [[a["world"], a["seed"]] for a, b in zip(mine, same, strict=True)
                                       if _false(a) > _false(b)],
        }  # fmt: skip
    return out


def _false(row: dict[str, Any]) -> int:
    return len(row["false_campaigns"]) + len(row["false_networks"])


def misses(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Each world in which something was missed, called another kind, half found or false, in a line."""
    return [line_of(r) for r in rows if _false(r) or any(v["called"] for v in r["cohorts"].values())
            or any(not c["found"] or c["kind"] not in c["kinds_reported"]
                   or (c["kind"] != "account_network" and c["recall"] < 0.8) for c in r["campaigns"])]  # fmt: skip


def main() -> None:
    """Runs what is not there yet, writes the summary and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="*", choices=list(WORLDS), default=[*CAMPAIGNS, "lookalikes", "ordinary"])
    parser.add_argument("--seeds", nargs="*", type=int, help="other seeds than the report's")
    parser.add_argument(
        "--missing-seeds", type=int, default=MISSING_SEEDS, help="seeds in which columns are taken away"
    )
    parser.add_argument("--summary-only", action="store_true", help="only sum up what is there under the present code")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rows", type=Path, default=ROWS)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    tasks: list[tuple[str, int, list[str]]] = []
    for name in options.worlds:
        for i, seed in enumerate(options.seeds or seeds_of(name)):
            less = i < options.missing_seeds and name not in ("mixed", "ordinary", "lookalikes")
            lacks = list(MISSING) if less else ["nothing"]
            tasks.append((name, seed, lacks))
    if not options.summary_only:
        run(tasks, options.rows, jobs=options.jobs)
    asked = {(w, s) for w, s, _ in tasks}
    rows = [r for r in read_rows(options.rows) if (r["world"], r["seed"]) in asked]
    if options.summary_only:
        rows = [r for r in rows if r["version"].startswith(code_version())]
        asked &= {(r["world"], r["seed"]) for r in rows}
    whole = [r for r in rows if r["missing"] == "nothing"]
    figures = {
        "code": code_version(),
        "worlds": {w: {"profiles": WORLDS[w].profiles, "days": WORLDS[w].days,
                       "seeds": sorted(s for v, s in asked if v == w), **summary([r for r in whole if r["world"] == w])}
                   for w in options.worlds},
        "together": summary(whole), "missing": against_whole(rows), "misses": misses(whole),
    }  # fmt: skip
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(table(figures))


def table(figures: dict[str, Any]) -> str:
    """The summary as Markdown: one line a campaign, then the innocent, then missing columns."""
    lines = ["| campaign | found | right kind | recall (by worlds) | wronged per 10,000, in worlds "
             "| false campaigns, networks |",
             "|---|---|---|---|---|---|"]  # fmt: skip
    for world, s in figures["worlds"].items():
        low, high = s["wrongly_flagged_wilson"]
        worlds = f"{s['worlds_with_anyone_wronged']} of {s['worlds']} worlds"
        innocents = f"{s['wrongly_flagged_per_10000']:.1f} ({low:.1f}-{high:.1f}), in {worlds}"
        false = f"{s['false_campaigns']}, {s['false_networks']}"
        for name, c in s["campaigns"].items() or [(world, None)]:
            if c is None:
                lines.append(f"| {world} ({s['worlds']} worlds) | | | | {innocents} | {false} |")
                continue
            a, b = c["recall_bootstrap"]
            lines.append(f"| {name} | {c['found']}/{c['worlds']} | {c['right_kind']}/{c['worlds']} "
                         f"| {c['recall']:.1%} ({a:.1%}-{b:.1%}) | {innocents} | {false} |")  # fmt: skip
    called = [f"{k} in {v['called']} of {v['worlds']} worlds"
              for k, v in figures["together"]["cohorts"].items() if v["called"]]  # fmt: skip
    lines += ["", f"Cohorts of look-alikes called a campaign: {', '.join(called) or 'none'}."]
    for lack, pair in figures["missing"].items():
        a, b = pair["whole"], pair["lacking"]
        found = [sum(c["found"] for c in x["campaigns"].values()) for x in (a, b)]
        lines.append(f"Without {lack}: found {found[0]} -> {found[1]}, wronged {a['wrongly_flagged']} -> "
                     f"{b['wrongly_flagged']}, false {a['false_campaigns'] + a['false_networks']} -> "
                     f"{b['false_campaigns'] + b['false_networks']} in {b['worlds']} worlds.")  # fmt: skip
    return "\n".join([*lines, "", *figures["misses"]])


if __name__ == "__main__":
    main()
