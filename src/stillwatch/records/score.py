"""A score as people read it."""

from __future__ import annotations

import math


def score_text(value: float | None) -> str:
    """A score of 0 to 100 with one decimal, never rounded up to certainty."""
    if value is None or not math.isfinite(value):
        return "unknown"
    return "above 99.9" if value > 99.9 else f"{value:.1f}"
