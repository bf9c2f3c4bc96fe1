"""One product's system prompt in front of many people's own words, spread over accounts that few others resemble."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="product", about="relay", needs=("system", "prompt"), actors=("group",))
def one_product_many_accounts(view: View, *, min_exchanges: int = 60, min_lift: float = 8.0) -> Opinion:
    """A group's accounts send one and the same system prompt, which few others send, with freely worded messages.

    Share of exchanges whose system prompt (or its opening) at least a fifth of the group's accounts send and far
    fewer others do, times the share of live use (openings in words of their own, or histories). A product has one
    account; a relay that pools accounts has one product in all of them.

    Also seen in: coding-assistant fleets and apps whose users bring their own keys; one company's environments.
    Source: Anthropic, September 2026 (other vendors' users served through thousands of accounts).
    """
    book = view.book
    share = np.zeros(view.actors)
    for name in ("system", "system_opening"):
        table = book.marks[name]
        if not table.counts.nnz or view.membership is None:
            continue
        binary = table.binary
        everybody = table.holders
        holders = view.matrix(binary)
        sent = view.matrix(table.counts)
        size = np.repeat(view.size, np.diff(holders.indptr))
        outside = (everybody[holders.indices] - holders.data + 0.5) / np.maximum(book.accounts - size, 1.0)
        common = (holders.data >= np.maximum(3.0, 0.2 * size)) & (holders.data / size >= min_lift * outside)
        holders.data = common.astype(float)
        share = np.maximum(share, np.asarray(sent.multiply(holders).sum(axis=1)).ravel() / np.maximum(view.n, 1.0))
    distinct, rows = distinct_values(view, "opening")
    free = np.clip((distinct / np.maximum(rows, 1.0) - 0.3) / 0.5, 0.0, 1.0)
    free = np.maximum(free, np.clip(view.sum("with_history") / np.maximum(view.n, 1.0) / 0.5, 0.0, 1.0))
    value = np.where((view.n >= min_exchanges) & (view.size >= 3), share * free, np.nan)
    bits = curve(value, ((0.0, 0.0), (0.1, 0.3), (0.4, 1.6), (0.8, 2.4))) * trust(view.n, 4 * min_exchanges)

    def says(i: int) -> str:
        return (
            f"{share[i]:.0%} of its exchanges carry a system prompt that its accounts have in common and few others "
            f"send, in front of live conversation ({free[i]:.0%})."
        )

    def facts(i: int) -> dict[str, float]:
        return {"common_system_share": float(share[i]), "own_words": float(free[i])}

    return Opinion(value, bits, says, facts)
