"""An opinion: what one measurement says of every actor of a view, in bits and in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stillwatch.actors.marks import KIND
from stillwatch.actors.sharing import sharing, sharing_bits
from stillwatch.actors.view import View
from stillwatch.actors.weigh import careful_share, curve, rule_shares

Array = np.ndarray[Any, Any]
_MOST_TIMES = 99_999


@dataclass(frozen=True)
class Opinion:
    """What one signal says of every actor of a view.

    `statistic` grows with suspicion and is nan where the signal is not evaluable; `bits` is the weight
    (log2 likelihood ratio, below zero speaks for the actor), 0 where not evaluable.
    """

    statistic: Array
    bits: Array
    says: Callable[[int], str]
    facts: Callable[[int], dict[str, float]]


def opinion_on_rules(
    view: View, technique: str, knots: Sequence[tuple[float, float]], words: str, *, caution: float
) -> Opinion:
    """The share of exchanges that one technique's rules match, as an opinion; `words` ends the sentence."""
    n = np.maximum(view.n, 1.0)
    share = rule_shares(view, (technique,))[technique]
    careful = careful_share(share * n, n, caution=caution)

    def says(i: int) -> str:
        return f"{share[i]:.0%} of {int(view.n[i]):,} prompts (weighted by rule strength) {words}."

    def facts(i: int) -> dict[str, float]:
        return {"share": float(share[i]), "exchanges": float(view.n[i])}

    return Opinion(careful, curve(careful, knots), says, facts)


def opinion_on_sharing(view: View, kinds: Mapping[str, float], *, most_bits: float) -> Opinion:
    """How far a group's accounts share values of some kinds (name -> least share of an account's use).

    For each kind of value: the chance that two of the group's accounts share one, over the same chance for two
    accounts outside it, and the share of its accounts that share one at all. The strongest kind counts.
    """
    shared = {name: sharing(view, name, main_share=least) for name, least in kinds.items()}
    bits = {name: sharing_bits(s, most=most_bits, trust=KIND[name].trust ** 0.5) for name, s in shared.items()}
    stacked = np.stack(list(bits.values()))
    asked = np.stack([np.where(np.isfinite(s.lift), s.known, 0.0) for s in shared.values()])
    best = np.where(stacked.max(axis=0) > 0, stacked.argmax(axis=0), asked.argmax(axis=0))
    names = list(kinds)
    top = np.where(stacked.max(axis=0) > 0, stacked.max(axis=0), stacked.min(axis=0))
    known = np.any([np.isfinite(s.lift) for s in shared.values()], axis=0)
    lift = np.max([np.nan_to_num(s.lift) for s in shared.values()], axis=0)

    def says(i: int) -> str:
        name = names[best[i]]
        s = shared[name]
        if top[i] <= 0:
            return f"Its accounts hardly share {KIND[name].says} ({s.covered[i]:.0%} of {int(s.known[i]):,})."
        more = f"more than {_MOST_TIMES:,}" if s.lift[i] > _MOST_TIMES else f"{s.lift[i]:,.0f}"
        times = f"{more} times as often as other accounts do"
        return (
            f"{s.covered[i]:.0%} of {int(s.known[i]):,} accounts share {KIND[name].says} with another of them, {times}."
        )

    def facts(i: int) -> dict[str, float]:
        out: dict[str, float] = {}
        for name, s in shared.items():
            if np.isfinite(s.lift[i]):
                out |= {f"{name}_lift": float(s.lift[i]), f"{name}_covered": float(s.covered[i])}
        return out

    return Opinion(np.where(known, np.log2(np.maximum(lift, 1e-6)), np.nan), top, says, facts)
