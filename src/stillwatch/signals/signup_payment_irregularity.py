"""Accounts opened and paid in ways that hide who stands behind them."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="standing", about="coordination", needs=("account.payment_kind",), actors=("group",))
def signup_payment_irregularity(view: View, *, min_accounts: int = 5) -> Opinion:
    """A group's accounts pay with virtual or prepaid cards or credits and are hardly verified, more than others.

    Difference to all other accounts in the share of virtual cards, prepaid cards or credits, and in the share
    without verification beyond e-mail; business or identity verification speaks for the group.

    Also seen in: privacy-minded customers; hackathons on credits; people without a bank card.
    Source: Anthropic, September 2026 (virtual cards, disposable e-mail).
    """
    customer = view.book.customer
    paid = np.asarray([p is not None for p in customer["payment_kind"]], dtype=float)
    odd = np.asarray([p in ("virtual_card", "prepaid", "credits") for p in customer["payment_kind"]], dtype=float)
    asked = np.asarray([v is not None for v in customer["verification"]], dtype=float)
    weak = np.asarray([v in ("none", "email") for v in customer["verification"]], dtype=float)
    strong = np.asarray([v in ("identity", "business") for v in customer["verification"]], dtype=float)

    def more(mask: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mine = view.add(mask) / np.maximum(view.add(known), 1.0)
        rest = (mask.sum() - view.add(mask)) / np.maximum(known.sum() - view.add(known), 1.0)
        return mine, mine - rest

    odd_share, odd_more = more(odd, paid)
    weak_share, weak_more = more(weak, asked)
    strong_share, _ = more(strong, asked)
    count = view.add(paid)
    value = np.where(count >= min_accounts, odd_more + weak_more, np.nan)
    bits = curve(odd_more, ((-0.2, -0.2), (0.1, 0.0), (0.5, 0.9), (0.9, 1.4)))
    bits = bits + curve(weak_more, ((-0.3, -0.3), (0.1, 0.0), (0.5, 0.6)))
    bits = bits + curve(strong_share, ((0.3, 0.0), (0.9, -1.0)))
    bits = np.where(count >= min_accounts, bits, 0.0) * trust(count, 12.0)

    def says(i: int) -> str:
        return (
            f"{odd_share[i]:.0%} of its accounts pay by virtual card, prepaid card or credits, and "
            f"{odd_share[i] - odd_more[i]:.0%} of all others; {weak_share[i]:.0%} are verified by e-mail at most, and "
            f"{weak_share[i] - weak_more[i]:.0%} of all others."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "irregular_payment_share": float(odd_share[i]),
            "weak_verification_share": float(weak_share[i]),
            "strong_verification_share": float(strong_share[i]),
        }

    return Opinion(value, bits, says, facts)
