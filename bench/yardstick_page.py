# ruff: noqa: E501
"""The yardstick's part of docs/results.md: targets beside what was measured, then each bench's table and picture."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from bench import ablation, accuracy, calibration, second_look

FIGURES = Path(__file__).resolve().parent / "figures"
#: Whose share of the harvest the letter's target speaks of, and which campaigns the first target names.
_NAMED = ("letter", "february_deepseek", "february_moonshot", "february_minimax", "september_pools")


def read(name: str) -> Any:
    """One file of figures, or None where it was not measured."""
    file = FIGURES / f"{name}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def _percent(x: float | None, digits: int = 1) -> str:
    return "not measured" if x is None else f"{100 * x:.{digits}f} %"


def _campaigns(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: c for s in figures["worlds"].values() for name, c in s["campaigns"].items()}


def _range(names: Iterable[str], of: dict[str, dict[str, Any]]) -> str:
    return ", ".join(f"{n} {_percent(of[n]['recall'])}" for n in names if n in of)


def targets() -> list[str]:
    """What was asked and what was measured, one line each; nothing is left out for falling short."""
    rows: list[tuple[str, str, str]] = []
    acc, early, ev, field = read("accuracy"), read("early"), read("evasion"), read("window_field")
    if acc:
        each = _campaigns(acc)
        found = sum(c["found"] for c in each.values())
        of = sum(c["worlds"] for c in each.values())
        right = sum(c["right_kind"] for c in each.values())
        rows.append(("campaigns found, all published profiles", "all, right kind", f"{found} of {of}; right kind {right} of {of}"))
        rows.append(("account recall: letter, February, September pools", "≥ 99 %", _range(_NAMED, each)))
        rows.append(("relay and replay", "≥ 95 %", _range(("relay_moonshot", "relay_harness", "replay_xiaomi"), each)))
        rows.append(("quiet ring without shared infrastructure", "≥ 90 %", _range(("quiet_ring", "ring_of_30"), each)))
        t = acc["together"]
        low, high = t["wrongly_flagged_wilson"]
        rows.append(("legitimate accounts labelled `likely` or above, per 10,000", "≤ 1",
                     f"{t['wrongly_flagged_per_10000']:.2f} ({low:.2f}–{high:.2f}); {t['wrongly_flagged']} of {t['legitimate']:,}, in {t['worlds_with_anyone_wronged']} of {t['worlds']} worlds"))  # fmt: skip
        alike = acc["worlds"].get("lookalikes")
        if alike:
            called = [f"{k} in {v['called']}" for k, v in alike["cohorts"].items() if v["called"]]
            rows.append(("look-alike cohorts called a campaign, 20 seeds", "0", f"{', '.join(called) or '0'} (of {alike['worlds']} worlds); false account networks: {alike['false_networks']}"))
    if early:
        hourly = _first(early, "hourly")
        daily = _first(early, "daily")
        if "letter" in hourly:
            rows.append(("harvest gone at first report, hourly: letter", "≤ 2 %", _shares(hourly["letter"])))
        middles = [median(x["share_of_full_length"] for x in v if x) for v in hourly.values() if any(v)]
        never = [n for n, v in hourly.items() if not all(v)]
        text = _percent(median(middles), 2) if middles else "not measured"
        rows.append(("the same, median over profiles", "≤ 5 %", text + (f"; not reported in every world: {', '.join(never)}" if never else "")))
        looks = [r["looks"] for r in early["campaigns"] if r["cadence"] == "daily" and r["of_all"]]
        missed = sum(not r["of_all"] for r in early["campaigns"] if r["cadence"] == "daily")
        if looks:
            rows.append(("first report, sweeping daily", "by the second sweep", f"{sum(n <= 2 for n in looks)} of {len(looks) + missed} worlds by the second; {missed} not at all; {sum(len(v) for v in daily.values())} worlds"))
    if field:
        for n, share, theirs in ((100, 0.05, 1.3), (100, 0.1, 4.6), (100, 0.25, 76.0)):
            ours, mmd = _field_mean(field, n, share, "ours"), _field_mean(field, n, share, "mmd_paper")
            if ours is not None and mmd is not None:
                rows.append((f"window test at {n} queries, {share:.0%} attacker (MMD on its own data: {theirs} %)", "ahead by a wide margin",
                             f"{_percent(ours)}; MMD on the same texts, as published: {_percent(mmd)}"))  # fmt: skip
        large = read("window_field_1500")
        if large:
            ours, mmd = (_field_mean(large, 1500, 0.05, m) for m in ("ours", "mmd_paper"))
            rows.append(("window test at 1,500 queries, 5 % (MMD on its own data: 59.0 %)", "≥ 90 %", f"{_percent(ours)}; MMD on the same texts, as published: {_percent(mmd)}"))
    if ev:
        for lever, words in (("spread", "accounts"), ("slow", "days"), ("decoy", "exchanges")):
            parts = [f"{c['campaign']}: {_half(c)}" for c in ev["curves"] if c["lever"] == lever]
            if parts:
                rows.append((f"escape by {lever}: {words} for half the recall", "≥ 10 times", "; ".join(parts)))
        for lever in ("paraphrase", "rotate_identity", "jitter", "split_channels", "all"):
            parts = [f"{c['campaign']} {_percent(c['recall'][-1], 0)}" for c in ev["curves"] if c["lever"] == lever]
            if parts:
                rows.append((f"recall at full strength of {lever.replace('_', ' ')}", "printed" if lever == "all" else "≥ 50 %", "; ".join(parts)))
    if not rows:
        return []
    return ["| figure | target | measured |", "|---|---|---|", *(f"| {a} | {b} | {c} |" for a, b, c in rows), ""]


def _half(c: dict[str, Any]) -> str:
    return f"{c['half_at']:.1f} times" if c["half_at"] is not None else f"more than {c['most']:g} times (recall there {_percent(c['recall'][-1], 0)})"


def _first(early: dict[str, Any], cadence: str) -> dict[str, list[Any]]:
    out: dict[str, list[Any]] = {}
    for r in early["campaigns"]:
        if r["cadence"] == cadence:
            out.setdefault(r["profile"], []).append(r["of_all"])
    return out


def _shares(firsts: list[Any]) -> str:
    return ", ".join(_percent(x["share_of_full_length"], 2) if x else "never" for x in firsts)


def _field_mean(field: dict[str, Any], n: int, share: float, method: str) -> float | None:
    rates = [c["rates"][method][str(share)]["rate"] for c in field["cells"]
             if c["n"] == n and method in c["rates"] and str(share) in c["rates"][method]]  # fmt: skip
    return sum(rates) / len(rates) if rates else None


def early_lines(early: dict[str, Any]) -> list[str]:
    """One line a profile and cadence."""
    lines = ["| campaign | scale | looking | looks until report | hours | exchanges gone | of the full harvest | accounts seen |", "|---|---|---|---|---|---|---|---|"]
    for r in early["campaigns"]:
        at = r["of_all"]
        told = (f"{at['hours']:.0f} | {at['exchanges']:,} | {_percent(at['share_of_full_length'], 2)} | {at['accounts_seen']} of {r['accounts']}"
                if at else "not reported | | | ")  # fmt: skip
        lines.append(f"| {r['profile']} | {r['scale']:g} | {r['cadence']} | {r['looks']} | {told} |")
    clean = early["clean"]
    if clean:
        lines += ["", f"Worlds without a campaign, swept daily: {sum(r['false_looks'] > 0 for r in clean)} of {len(clean)} ever had a report, in {sum(r['looks'] for r in clean)} looks."]
    return lines


def evasion_lines(ev: dict[str, Any]) -> list[str]:
    """One line a campaign and lever."""
    lines = ["| campaign | lever | levels | cost, times | recall | half of the recall at |", "|---|---|---|---|---|---|"]
    for c in ev["curves"]:
        half = "free: nothing is paid" if c["axis"] != "cost" else _half(c)
        levels, cost, recall = (", ".join(f"{x:.3g}" for x in c[k]) for k in ("levels", "cost", "recall"))
        lines.append(f"| {c['campaign']} | {c['lever'].replace('_', ' ')} | {levels} | {cost} | {recall} | {half} |")
    return lines


def peers_lines(peers: dict[str, Any]) -> list[str]:
    """One line a peer and threshold."""
    worlds = [w for w in peers["worlds"] if w != "lookalikes"]
    lines = [f"| peer | threshold | recall | {' | '.join(worlds)} | legitimate flagged per 10,000 | cohorts called | CPU s |", "|---|---|---|" + "---|" * len(worlds) + "---|---|---|"]
    for s in peers["summary"]:
        by = " | ".join(f"{s['recall_by_world'].get(w, 0):.2f}" for w in worlds)
        called = s.get("cohorts_called", "")
        lines.append(f"| {s['peer']} | {s['threshold']} | {s['recall']:.2f} | {by} | {s['wrongly_per_10000']:.0f} | {called if not isinstance(called, list) else len(called)} | {s.get('cpu_seconds', 0):.1f} |")
    return lines


def field_lines(fields: Iterable[dict[str, Any]]) -> list[str]:
    """One line a window size, pair and method: alarms at each share."""
    lines = ["| window | benign : attacker | method | no attacker | 5 % | 10 % | 25 % | 50 % | 100 % |", "|---|---|---|---|---|---|---|---|---|"]
    for field in fields:
        for c in field["cells"]:
            for method, rates in c["rates"].items():
                cells = [f"{100 * rates[k]['rate']:.0f}" if k in rates else "–" for k in ("0.0", "0.05", "0.1", "0.25", "0.5", "1.0")]
                lines.append(f"| {c['n']} | {c['pair'].replace('gpteacher_', '')} | {method.replace('_', ' ')} | {' | '.join(cells)} |")
    return lines


def sections() -> list[str]:
    """The whole part, from whatever was measured."""
    lines: list[str] = ["## The yardstick: asked and measured", "", *targets()]
    acc, cal, abl = read("accuracy"), read("calibration"), read("ablation")
    early, ev, peers, size = read("early"), read("evasion"), read("peers_on_worlds"), read("world_size")
    if acc:
        lines += ["### Accuracy (`python -m bench.accuracy`)", "",
                  "Each published campaign at 60 to 200 accounts beside ordinary customers and look-alikes of its own kind, up to 20 unseen seeds "
                  "(601–620; look-alikes and ordinary customers alone 621–640; how many were run is in the table). Intervals are over worlds, since accounts of one world are not "
                  "independent. Missing columns were taken away in the first seeds only.", "", *accuracy.table(acc).split("\n"), ""]  # fmt: skip
        lines = [f"- {x}" if x and not x.startswith(("#", "|", "-", "*", "Cohorts", "Without", "Each")) and " CPU s)" in x else x for x in lines]
    if early:
        lines += ["### Early (`python -m bench.early`)", "", "![share of the harvest gone at first report](pictures/early.png)", "",
                  "Reported means: one finding holds at least a tenth of all accounts that the campaign ever has. A home is fed as time goes, "
                  "and what the detector charges for looking again is paid. At full scale an hour holds 1/scale times as much, so that the first "
                  "report comes no later.", "", *early_lines(early), ""]  # fmt: skip
    if ev:
        lines += ["### The price of evasion (`python -m bench.evasion`)", "", "![recall over cost](pictures/evasion.png)", "", *evasion_lines(ev), "",
                  "`slow` keeps the window and sends 1/k of the harvest in it; the days are its cost. `all`: every lever at once, three strengths. "
                  "`paraphrase` rewords from a list and is a lower bound of what a language model could do.", ""]  # fmt: skip
    if cal:
        lines += ["### Calibration (`python -m bench.calibration`)", "", "![reliability](pictures/calibration.png)", "", *calibration.page(cal), ""]
    if peers:
        lines += ["### Peers on our worlds (`python -m bench.peers_on_worlds`)", "", "![recall against false alarms](pictures/peers.png)", "",
                  "All get the same logs. Home advantage: the worlds are our own simulator's. Window detectors run on each account's prompts with a cheap "
                  f"encoder ({peers['encoder']}), not with the one that their authors used; an account with fewer than eight prompts has no window. "
                  "The union's steps are ours: Glasswally's cross-account rules alone, by its own weights, flag nobody. The peers' CPU seconds leave out "
                  "reading the files, ours hold the whole ingest.", "", *peers_lines(peers), ""]  # fmt: skip
    fields = [f for f in (read("window_field"), read("window_field_500"), read("window_field_1500")) if f]
    if fields:
        lines += ["### On their field: windows of mixed real prompts (`python -m bench.window_field`)", "", "![alarms over share](pictures/window_field.png)", "",
                  "Alarms in per cent of 50 windows (20 at 500 and 1,500; `everything` counts toolformer prompts as benign, to have enough texts). One encoder for all: all-MiniLM-L6-v2 from a package, not the paper's bge-small, whose weights no package ships; "
                  "so no published cell can be met exactly. Real texts; tuned on asked : self_instruct_seed and asked : humaneval, reported on the others, which "
                  "were looked at once with an earlier version.", "", *field_lines(fields), "",
                  "Up to 200 prompts: an earlier version, never significantly worse than MMD with its published null, and better where a harvest is concentrated (toolformer). "
                  "Against MMD with a matched null at 1 % it was significantly worse in three cells of a tenth of GSM8K at 100 prompts (McNemar, p < .05, uncorrected), in two of which that "
                  "MMD raised 4 % false alarms. At 500 and 1,500 prompts: the present version, whose means are compared as MMD compares them and in whitened space as well (seed 305).", ""]  # fmt: skip
    looks = [f for f in map(read, ("second_look", "second_look_mixed", "second_look_others")) if f]
    if looks:
        lines += ["### The second look (`python -m bench.second_look`)", "",
                  "A harvest's fellows, and the harvests inside a pool: the same worlds hunted without either, with fellows, with both. Seeds 591 and above, looked "
                  "at once. A first version had been run on 571 to 580: it accused eleven more innocents in three of sixty worlds, and was mended after these three were looked "
                  "at. A second was run on 581 to 590 (ten worlds each, nobody legitimate accused; hydra-second 56 to 65 %, the rest as below); since then a pool that weighs as a harvest is parted from its customers.", "", *second_look.page(looks), ""]  # fmt: skip
    if abl:
        lines += ["### Ablation (`python -m bench.ablation`)", "", "![what is lost](pictures/ablation.png)", "", *_ablation(abl), ""]
    if size:
        lines += ["### Writing a world (`python -m bench.world_size`)", "", "| profile | scale | exchanges | accounts | wall s | CPU s | GB | peak GiB |", "|---|---|---|---|---|---|---|---|",
                  *(f"| {r['profile']} | {r['scale']:g} | {r['exchanges']:,} | {r['accounts']:,} | {r['wall_seconds']:.0f} | {r['cpu_seconds']:.0f} | {r['bytes'] / 1e9:.2f} | {r['peak_gib']:.2f} |" for r in size), ""]  # fmt: skip
    return lines


def _ablation(figures: dict[str, Any]) -> list[str]:
    return ablation.page(figures.get("cuts", figures.get("by_cut", figures)))
