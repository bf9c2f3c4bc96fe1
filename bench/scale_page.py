# ruff: noqa: E501
"""The part of docs/results.md on size and time: the full case, cost against size and ring, ninety days, kills, engines."""

from __future__ import annotations

from typing import Any

from bench.yardstick_page import read


def sections() -> list[str]:
    """Each bench's lines; empty where nothing was measured."""
    lines = [*_curve(), *_days()]
    return ["## Scale and endurance", "", *lines] if lines else []


def _curve() -> list[str]:
    curve = read("size_curve")
    if not curve:
        return []
    lines = ["### Cost against size and ring (`python -m bench.size_curve sizes|rings`)", "",
             "![CPU seconds against exchanges, and against the ring's accounts](pictures/size_curve.png)", ""]  # fmt: skip
    if curve.get("sizes"):
        lines += ["The letter's campaign at that scale beside four times as many customers, 45 days; the simulated text compresses to nearly no scan, so the ratio to it says little here: the tables under *Speed and memory* are for that.", "",
                  "| exchanges | accounts | read, CPU s per million | hunt, CPU s per million | wall, s | peak GiB | campaign's recall | innocents in it |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
        lines += [
            f"| {r['rows']:,} | {r['accounts']:,} | {r['ingest_cpu_s_per_million']:.1f} | {r['hunt_cpu_s_per_million']:.1f} | {r['ingest_wall_s'] + r['hunt_wall_s']:,.0f} | {r['peak_gib']:.2f} | {100 * r['recall']:.1f} % of {r['members']:,} | {r['innocents']} |"
            for r in curve["sizes"]
        ]
        lines.append("")
    if curve.get("rings"):
        days = curve["rings"][0]["days"]
        lines += [f"Rings of growing size among the same {curve['rings'][0]['accounts'] - curve['rings'][0]['members']:,} customers, {days:g} days:", "",
                  "| ring | exchanges | read, CPU s | hunt, CPU s | hunt, CPU s per million | peak GiB | recall |", "|---|---|---|---|---|---|---|"]  # fmt: skip
        for r in curve["rings"]:
            million = r["rows"] / 1e6
            lines.append(f"| {r['ring']:,} | {r['rows']:,} | {r['ingest_cpu_s_per_million'] * million:.0f} | {r['hunt_cpu_s_per_million'] * million:.0f} | {r['hunt_cpu_s_per_million']:.1f} | {r['peak_gib']:.2f} | {100 * r['recall']:.1f} % |")
        lines.append("")
    return lines


def _days() -> list[str]:
    told: dict[str, Any] | None = read("ninety_days")
    if not told:
        return []
    first, last = told["full_window"]["first_third"], told["full_window"]["last_third"]
    lines = [f"### {told['days']} days in one go (`python -m bench.ninety_days`, seed {told['seed']})", "",
             f"A fresh `stillwatch sweep` a day on a folder that grows, window and retention of {told['keep']} days; campaigns come, fail over and go.", "",
             "![cost, memory, rows and reported campaigns by day](pictures/ninety_days.png)", "",
             f"Mean of a day once the window is full, first and last third: {first['cpu_s']:.1f} and {last['cpu_s']:.1f} CPU s, {first['peak_gib']:.2f} and {last['peak_gib']:.2f} GiB at its peak, "
             f"{first['home_mib']:.0f} and {last['home_mib']:.0f} MiB on disk in {first['files']:.0f} and {last['files']:.0f} files, {first['stored']:,.0f} and {last['stored']:,.0f} stored rows.", "",
             "| campaign | accounts | first reported on its day | days reported | ids |", "|---|---|---|---|---|"]  # fmt: skip
    for name, g in told["guests"].items():
        number = int(name.split("-", 1)[0])
        begun = told["guest_days"][number] if "guest_days" in told else None
        when = "never" if g["first_reported_day"] is None else str(g["first_reported_day"] - begun + 1) if begun is not None else str(g["first_reported_day"])
        lines.append(f"| {name.split('-', 1)[1]} | {g['accounts']} | {when} | {g['days_reported']} | {len(g['ids'])} |")
    false = told["false_ids"]
    return [*lines, "", f"Reported without any of a campaign's accounts: {', '.join(false) if false else 'nothing'}.", ""]
