"""Templates that another provider saw in a harvest."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve
from stillwatch.signals import Opinion, signal


@signal(family="foreign", about="conduct", needs=("prompt",))
def foreign_indicators(view: View, *, most_bits: float = 1.6) -> Opinion:
    """An actor's prompts carry templates that another provider saw in a harvest and hardly anywhere else.

    Share of exchanges with a shared mark, of accounts that sent three different marks of one foreign campaign, times
    how sure the source is. The claim is somebody else's and may be wrong or planted: it is bounded, and never enough.

    Also seen in: users of a framework or benchmark whose template a source took for a harvest's; researchers who repeat
    a published template; customers whom a hostile source wants accused.
    Source: sharing between providers through STIX and MISP; Anthropic, February 2026 (indicators shared with others).
    """
    foreign = view.book.foreign
    share = np.zeros(view.actors)
    if foreign.known:
        sent = view.matrix(foreign.covered())
        part = sent.multiply(1.0 / np.maximum(view.n, 1.0)[:, None]).tocsr()
        part.data = np.minimum(part.data, 1.0)
        share = _largest(part.multiply(foreign.confidence[None, :]).tocsr())
    bits = most_bits * curve(share, ((0.0, 0.0), (0.02, 0.25), (0.15, 0.7), (0.5, 1.0)))

    def says(i: int) -> str:
        return (
            f"{share[i]:.0%} of its exchanges (weighted by how sure the source is) carry templates that another "
            "provider saw in a harvest."
        )

    def facts(i: int) -> dict[str, float]:
        return {"matched_share": float(share[i]), "exchanges": float(view.n[i])}

    return Opinion(share if foreign.known else np.full(view.actors, np.nan), bits, says, facts)


def _largest(of: object) -> np.ndarray:
    return np.asarray(of.max(axis=1).todense()).ravel()  # type: ignore[attr-defined]
