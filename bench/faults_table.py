"""The faults' figures as a table of Markdown: what `bench.gateway_faults` prints and the results page shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table(figures: Sequence[dict[str, Any]]) -> str:
    """The figures as a Markdown table, one line a fault."""
    lines = [
        "| fault | requests | failed because of us | decisions lost | refused after expiry (asked) | held meanwhile "
        "| new decision after it, s | slowest answer, s | counted as |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in figures:
        held = {True: "yes", False: "no", None: "–"}[row["held_meanwhile"]]
        counted = ", ".join(f"{name} {count:,}" for name, count in row["counted"].items())
        counted = counted or ("told in the log" if row["told"] else "–")
        after = "never" if row["new_decision_after_s"] is None else f"{row['new_decision_after_s']:.1f}"
        lines.append(
            f"| {row['fault']} | {row['sent']} | {row['failed_because_of_us']} | {row['decisions_lost']} "
            f"| {row['enforced_after_expiry']} ({row['asked_after_expiry']}) | {held} | {after} "
            f"| {row['slowest_s']:.2f} | {counted} |"
        )
    names = ("sent", "failed_because_of_us", "decisions_lost", "enforced_after_expiry", "asked_after_expiry")
    sent, failed, lost, late, asked = (sum(row[name] for row in figures) for name in names)
    lines.append(
        f"| **{len(figures)} faults** | **{sent:,}** | **{failed}** | **{lost}** | **{late}** ({asked:,}) | | | | |"
    )
    return "\n".join(lines) + "\n"
