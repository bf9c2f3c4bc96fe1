"""Enterprise throughput on plans that are not sold for it."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.clock import span_days
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(family="volume", about="conduct", needs=("account.plan",))
def throughput_against_plan(view: View, *, min_accounts_on_plan: int = 20) -> Opinion:
    """An actor's accounts send far more a day than other accounts on the same plan.

    Mean logarithm (base 2) of an account's exchanges a day over the middle of its plan.

    Also seen in: power users; small teams before procurement; agents that run all night for one person.
    Source: AA26-251A, indicator 4.
    """
    book = view.book
    plan = book.customer["plan"]
    rate = np.log2(np.maximum(book.n, 1.0) / np.maximum(span_days(book), 1.0))
    above = np.zeros(book.accounts)
    use = np.zeros(book.accounts)
    for name in {p for p in plan if p is not None}:
        on_plan = np.asarray([p == name for p in plan])
        if on_plan.sum() >= min_accounts_on_plan:
            above[on_plan] = rate[on_plan] - np.median(rate[on_plan])
            use[on_plan] = 1.0
    count = view.add(use)
    value = np.where(count > 0, view.add(use * above) / np.maximum(count, 1.0), np.nan)
    bits = curve(value, ((-2.0, -0.3), (0.5, 0.0), (2.5, 0.5), (5.0, 1.0))) * trust(view.n, 100.0)

    def says(i: int) -> str:
        who, whose = ("It sends", "its") if view.size[i] == 1 else ("Its accounts send", "their")
        return f"{who} {2.0 ** value[i]:.1f} times as much a day as the middle account on {whose} plan."

    def facts(i: int) -> dict[str, float]:
        return {"times_plan_median": float(2.0 ** value[i])}

    return Opinion(value, bits, says, facts)
