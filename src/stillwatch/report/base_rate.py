"""The base rate that scores start from, and why a high score and a false alarm rate are both true."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stillwatch.report.plain_text import percent_text


def reconciled(run: Mapping[str, Any]) -> str:
    """How a score above 99.9 and one false alarm in some hundreds are both true."""
    prior = prior_of(run)
    start = f"from a base rate of {percent_text(prior)}" if prior is not None else "from the base rate that was set"
    return (
        "Both hold: this rate counts groups, so it cannot fall below one in as many as were compared; the score weighs "
        f"the evidence on this group, {start}."
    )


def prior_of(run: Mapping[str, Any]) -> float | None:
    """The base rate (0..1) that a sweep's scores start from; None where it was not told."""
    value = run.get("prior")
    if value is None and isinstance(run.get("settings"), Mapping):
        calibrate = run["settings"].get("calibrate")
        value = calibrate.get("prior") if isinstance(calibrate, Mapping) else None
    return float(value) if isinstance(value, (int, float)) else None
