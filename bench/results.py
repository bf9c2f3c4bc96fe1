# ruff: noqa: E501
"""Writes docs/results.md and its pictures from the figures that the other commands left under bench/figures/.

python -m bench.results
"""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.act_page import sections as act_sections
from bench.scale_page import sections as scale_sections
from bench.truth import add_up
from bench.yardstick_page import sections

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "bench" / "figures"
PICTURES = ROOT / "docs" / "pictures"

_WORLDS = {
    "letter": "the June letter at a tenth: 2,500 accounts, 26 exchanges a day each, beside 10,000 customers",
    "quiet_ring": "a ring with no shared payment, address, device or e-mail",
    "relay": "a relay that serves another vendor's users",
    "lookalikes": "look-alikes only: no campaign at all",
    "mixed": "two to four campaigns and six to ten look-alikes drawn at random",
}


def read(name: str) -> Any:
    """One file of figures, or None where it was not measured."""
    file = FIGURES / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def percent(x: float | None, digits: int = 1) -> str:
    """A share in percent, or a dash."""
    return "–" if x is None else f"{100 * x:.{digits}f} %"


def found_table(rows: list[dict[str, Any]]) -> list[str]:
    """One line for each world."""
    lines = [
        "| world | seeds | recall, evaluable (95 % interval) | recall, all | precision | campaigns found | false campaigns "
        "| networks found | false networks | legitimate flagged per 10,000 | cohorts accused |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for world in dict.fromkeys(r["world"] for r in rows):
        mine = [r for r in rows if r["world"] == world]
        s = add_up(mine)
        low, high = s["recall_evaluable_interval"]
        recall = (
            "–"
            if s["recall_evaluable"] is None
            else f"{percent(s['recall_evaluable'])} ({percent(low)}–{percent(high)})"
        )
        lines.append(
            f"| {world} | {len(mine)} | {recall} | {percent(s['recall_all'])} | {percent(s['precision'], 2)} "
            f"| {s['campaigns_found']} of {s['campaigns']} | {s['false_campaigns']} | {s['networks_found']} of {s['networks']} "
            f"| {s['false_networks']} | {s['wrongly_flagged_per_10000']:.1f} (≤ {s['wrongly_flagged_interval'][1]:.1f}) "
            f"| {', '.join(s['cohorts_accused']) or 'none'} |"
        )
    return lines


def misses(rows: list[dict[str, Any]]) -> list[str]:
    """What was missed or wrongly accused, one by one."""
    out: list[str] = []
    for r in rows:
        for c in r["campaigns"]:
            if not c["found"]:
                out.append(
                    f"- {r['world']}, seed {r['seed']}: **missed** {c['name']} ({c['accounts']} accounts, recall {percent(c['recall'])})."
                )
            elif c["kind"] != "account_network" and c["recall"] < 0.9:
                out.append(
                    f"- {r['world']}, seed {r['seed']}: {c['name']} found, but only {percent(c['recall'])} of its accounts."
                )
        for f in r["false_campaigns"]:
            out.append(
                f"- {r['world']}, seed {r['seed']}: **false campaign**, score {f['score']:.0f}, {f['accounts']} accounts: {f['cohorts']}."
            )
        for f in r["false_networks"]:
            out.append(f"- {r['world']}, seed {r['seed']}: false network, {f['accounts']} accounts: {f['cohorts']}.")
    return out or ["Nothing was missed and nobody wrongly accused in these worlds."]


def speed_lines() -> list[str]:
    """The speed section, from whatever was measured."""
    lines: list[str] = []
    text = read("text_pass")
    if text:
        lines += [
            "Text pass (`python -m bench.text_pass`), CPU seconds per million rows against the bare scan of the same column:", "",
            "| set | rules | rows | bytes a row | bare scan | text pass | **ratio** |", "|---|---|---|---|---|---|---|",
            *(f"| {s['set']} | {s['rules']} | {s['rows']:,} | {s['bytes_per_row']:,} | {s['scan_cpu_s_per_million']:.2f} "
              f"| {s['pass_cpu_s_per_million']:.2f} | **{s['ratio']:.1f}** |" for s in text["sets"]), "",
            "Share of prompts without any fingerprint, and of pairs of one template of 20 fixed words that share none:", "",
            "| words | " + " | ".join(f"{b['words']}" for b in text["blind"]) + " |", "|---|" + "---|" * len(text["blind"]),
            "| prompts without | " + " | ".join(percent(b["prompts_without"]) for b in text["blind"]) + " |",
            "| templates unseen | " + " | ".join(percent(b["templates_without"]) for b in text["blind"]) + " |", "",
        ]  # fmt: skip
    sweeps = [(name, read(name)) for name in ("sweep_speed_short", "sweep_speed_long", "sweep_speed_ten_million")]
    rows = [(n, s) for n, s in sweeps if s]
    if rows:
        lines += ["Whole sweep (`python -m bench.sweep_speed`), CPU seconds per million exchanges:", "",
                  "| run | exchanges | text, GB | bare scan | ingest | hunt | ingest ratio | **sweep ratio** | peak memory |",
                  "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
        for name, s in rows:
            lines.append(
                f"| {name.removeprefix('sweep_speed_')} | {s['rows']:,} | {s['text_bytes'] / 1e9:.2f} | {s['scan_cpu_s_per_million']:.2f} "
                f"| {s['ingest_cpu_s_per_million']:.1f} | {s['hunt_cpu_s_per_million']:.1f} | {s['ingest_ratio']:.1f} "
                f"| **{s['sweep_ratio']:.1f}** | {s['peak_gib']:.2f} GiB |"
            )
    if read("where_time_goes"):
        lines += ["", "Where an ingest spends it (`python -m bench.where_time_goes`):", "",
                  "![Bars: CPU seconds per million exchanges of each stage of an ingest, for three sets](pictures/where_time_goes.png)"]  # fmt: skip
    return lines


def spark_lines() -> list[str]:
    """The section on Spark, where it was measured."""
    s = read("spark")
    if not s:
        return []
    same = "byte for byte the same" if s["same_findings"] else "**not the same**"
    return [
        "## Spark beside the embedded engine (`python -m bench.spark`)", "",
        f"{s['rows']:,} exchanges, the same files, one after the other on two cores: a standalone master and two workers of one core each "
        f"on loopback (PySpark {s['pyspark']}). The findings are {same}.", "",
        "| | CPU seconds per million | wall, seconds |", "|---|---|---|",
        f"| embedded | {s['embedded_cpu_s_per_million']:.1f} | {s['embedded_wall_s']:.0f} |",
        f"| Spark: driver and executors, JVMs and start-up included | {s['spark_cpu_s_per_million']:.1f} | {s['spark_wall_s']:.0f} |",
        f"| ratio | **{s['ratio']:.1f}** | |", "",
        f"Of Spark's {s['driver_cpu_s'] + s['executors_cpu_s']:.0f} CPU seconds {s['driver_cpu_s']:.0f} are the driver's. Start-up and a hundred small "
        "queries weigh most at this size; a larger one was not measured.", "",
    ]  # fmt: skip


def pictures(rows: list[dict[str, Any]]) -> None:
    """docs/pictures/found.png: recall of each campaign against its size, and wrongly flagged look-alikes."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    PICTURES.mkdir(parents=True, exist_ok=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), constrained_layout=True)
    colours = {"distillation": "#0072b2", "relay": "#d55e00", "replay": "#009e73", "account_network": "#999999"}
    for kind, colour in colours.items():
        points = [(c["accounts"], c["recall"] if kind != "account_network" else c["in_one_finding"] / max(c["accounts"], 1))
                  for r in rows for c in r["campaigns"] if c["kind"] == kind]  # fmt: skip
        if points:
            left.scatter(
                *zip(*points, strict=True),
                s=36,
                color=colour,
                label=f"{kind.replace('_', ' ')} ({len(points)})",
                alpha=0.8,
            )
    left.set_xscale("log")
    left.set_ylim(-0.03, 1.03)
    left.set_xlabel("accounts in the campaign")
    left.set_ylabel("share of its accounts found")
    left.set_title("Each campaign of the unseen worlds")
    left.legend(frameon=False, fontsize=8)
    worlds = list(dict.fromkeys(r["world"] for r in rows))
    summed = [add_up([r for r in rows if r["world"] == w]) for w in worlds]
    rate = [s["wrongly_flagged_per_10000"] for s in summed]
    high = [s["wrongly_flagged_interval"][1] - r for s, r in zip(summed, rate, strict=True)]
    right.barh(worlds, rate, xerr=[[0] * len(rate), high], color="#56b4e9", ecolor="#555555", capsize=3)
    right.set_xlabel("legitimate accounts flagged per 10,000 (whisker: 95 % upper limit)")
    right.set_title("The innocent")
    figure.savefig(PICTURES / "found.png", dpi=110)
    plt.close(figure)


def main() -> None:
    """Writes the page and the pictures."""
    found = [row for file in sorted(FIGURES.glob("found*.json")) for row in read(file.stem)]
    real = read("real_input")
    second = read("second_author")
    lines = [
        "# Results", "",
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, 2 cores, Python {platform.python_version()}, by the commands "
        "named in each section; written by `python -m bench.results`. Seeds below 100 train the calibration, none of the figures "
        "below is measured on them.", "",
    ]  # fmt: skip
    lines += sections()
    lines += act_sections()
    lines += scale_sections()
    if real:
        total = real["litellm"]["totals"]
        lines += [
            "## Real input (`STILLWATCH_DATA=DIR python -m bench.real_input`)", "",
            f"The real LiteLLM log is read whole: {total['kept']} of {total['read']} rows, "
            f"{total['kept'] - real['litellm']['without_completion']} with completions, {total['quarantined']} quarantined, "
            f"{total['duplicates']} duplicates.", "",
            "The world below is **composed**. Real: the prompts (harvests send gsm8k, GPTeacher toolformer, HumanEval; customers send Koala, "
            "OpenAssistant, ShareGPT, self-instruct and persona prompts; bots send Schema-Guided Dialogue turns; evaluation teams send "
            "MT-bench and Vicuna) and the arrivals of customers and bots (ServeGen). Composed: accounts, cards, addresses, who sends "
            "what, answers, and the harvests' schedule.", "",
            *found_table(real["worlds"]), "", *misses(real["worlds"]), "",
        ]  # fmt: skip
    if found:
        pictures(found)
        lines += ["## Found and left alone (`python -m bench.found`)", ""]
        lines += [f"- **{name}**: {what}" for name, what in _WORLDS.items() if any(r["world"] == name for r in found)]
        lines += ["", "![recall by campaign and innocents flagged](pictures/found.png)", "", *found_table(found), "",
                  "*Evaluable* is an account with at least ten exchanges; the unconditional figure stands beside it.", "",
                  "### What was missed, and who was wrongly accused", "", *misses(found), ""]  # fmt: skip
    if second:
        lines += ["## Worlds by a second author (`python -m bench.second_author run DIR`)", "",
                  "Written by somebody who read neither the detector nor the simulator. Seeds 0, 1, 11 and 12 were looked at while the "
                  "detector was tuned; the seeds below were not, but the stories of the worlds are the same.", "",
                  second if isinstance(second, str) else second.get("table", ""), ""]  # fmt: skip
    speed = speed_lines()
    if speed:
        lines += ["## Speed and memory", "", *speed, ""]
    lines += spark_lines()
    notes = ROOT / "bench" / "notes.md"
    if notes.exists():
        lines += [notes.read_text("utf-8").strip(), ""]
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "results.md").write_text("\n".join(lines), "utf-8")
    print("wrote docs/results.md")


if __name__ == "__main__":
    main()
