"""What people's verdicts say of the scores: were 80 % right eight times in ten, and what base rate fits better?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from stillwatch.decide.record import Record

#: Before any verdict the base rate is held to be right within two bits, a factor of four in odds (one standard error).
PRIOR_SPREAD_BITS = 2.0
LEAST_VERDICTS = 5
_EDGES = (0.0, 55.0, 80.0, 95.0, 100.0001)


@dataclass(frozen=True)
class Bin:
    """Verdicts on scores from `low` (percent) to below `high`: how many, the mean score, how many were confirmed."""

    low: float
    high: float
    verdicts: int
    mean_score: float
    confirmed: int


@dataclass(frozen=True)
class Learned:
    """`prior` is the base rate that fits the verdicts, `was` the one they were scored at, `shift_bits` between them;
    `brier` of the scores as they were. `prior` is None under `LEAST_VERDICTS`."""

    verdicts: int
    confirmed: int
    brier: float | None
    bins: tuple[Bin, ...]
    shift_bits: float | None
    was: float
    prior: float | None


def learn(record: Record, prior: float) -> Learned:
    """Reads the standing verdicts on campaigns that had a score; `prior` is the base rate that they were scored at."""
    rows = record.rows(
        "SELECT score, verdict FROM verdicts WHERE kind='campaign' AND withdrawn_at IS NULL AND score IS NOT NULL"
    )
    pairs = [(min(max(r["score"] / 100.0, 1e-4), 1 - 1e-4), r["verdict"] == "confirm") for r in rows]
    confirmed = sum(right for _, right in pairs)
    brier = sum((p - right) ** 2 for p, right in pairs) / len(pairs) if pairs else None
    bins = tuple(_bin(pairs, lo, hi) for lo, hi in pairwise(_EDGES))
    if len(pairs) < LEAST_VERDICTS:
        return Learned(len(pairs), confirmed, brier, bins, None, prior, None)
    shift = fitted_shift(pairs)
    logit = math.log(prior / (1 - prior)) + shift
    return Learned(len(pairs), confirmed, brier, bins, shift / math.log(2), prior, 1 / (1 + math.exp(-logit)))


def fitted_shift(pairs: Sequence[tuple[float, bool]]) -> float:
    """The shift of log-odds (nats) that fits (score 0..1, confirmed) best, held near 0 by `PRIOR_SPREAD_BITS`."""
    precision = 1.0 / (PRIOR_SPREAD_BITS * math.log(2)) ** 2
    logits = [math.log(p / (1 - p)) for p, _ in pairs]
    shift = 0.0
    for _ in range(100):
        fitted = [1 / (1 + math.exp(-max(min(x + shift, 50.0), -50.0))) for x in logits]
        slope = sum(right - q for (_, right), q in zip(pairs, fitted, strict=True)) - precision * shift
        bend = sum(q * (1 - q) for q in fitted) + precision
        step = max(min(slope / bend, 2.0), -2.0)
        shift += step
        if abs(step) < 1e-10:
            break
    return shift


def _bin(pairs: Sequence[tuple[float, bool]], low: float, high: float) -> Bin:
    inside = [(p, right) for p, right in pairs if low <= 100 * p < high]
    mean = 100.0 * sum(p for p, _ in inside) / len(inside) if inside else 0.0
    return Bin(low, min(high, 100.0), len(inside), mean, sum(right for _, right in inside))
