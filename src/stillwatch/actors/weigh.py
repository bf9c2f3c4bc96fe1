"""From an effect to bits: piecewise lines through stated knots, and shares shrunk by how little was seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from stillwatch.actors.view import View

Array = np.ndarray[Any, Any]


def curve(effect: Array, knots: Sequence[tuple[float, float]]) -> Array:
    """Bits for an effect: linear between `knots` (effect, bits), flat outside; 0 where the effect is not a number."""
    x, y = zip(*knots, strict=True)
    return np.where(np.isfinite(effect), np.interp(np.nan_to_num(effect), x, y), 0.0)


def careful_share(k: Array, n: Array, *, caution: float = 1.3) -> Array:
    """k of n as a share that few observations pull towards zero: (k - caution * sqrt(k)) / n, never below 0."""
    k = np.asarray(k, dtype=float)
    return np.asarray(np.clip((k - caution * np.sqrt(np.maximum(k, 0.0))) / np.maximum(n, 1.0), 0.0, 1.0))


def trust(n: Array, enough: float) -> Array:
    """0..1: how far `n` observations carry; 1 from `enough` on."""
    return np.asarray(np.clip(np.asarray(n, dtype=float) / enough, 0.0, 1.0))


def rule_shares(view: View, techniques: Sequence[str]) -> dict[str, Array]:
    """For each technique the share of an actor's exchanges that its rules match, each rule discounted by strength.

    Of rules that may match the same exchange only the best counts, so a share never exceeds 1.
    """
    counts = view.matrix(view.book.rules)
    n = np.maximum(view.n, 1.0)
    out: dict[str, Array] = {}
    for technique in techniques:
        best = np.zeros(view.actors)
        for rule in view.book.rulebook.values():
            if rule.technique == technique:
                matched = np.asarray(counts[:, [rule.code]].todense()).ravel()
                best = np.maximum(best, rule.strength * np.minimum(matched / n, 1.0))
        out[technique] = best
    return out
