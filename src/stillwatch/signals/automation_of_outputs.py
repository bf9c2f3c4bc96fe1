"""Request settings of a program that stores answers: near-fixed, as long as possible, with logprobs."""

from __future__ import annotations

import numpy as np

from stillwatch.actors.breadth import distinct_values
from stillwatch.actors.view import View
from stillwatch.actors.weigh import curve, trust
from stillwatch.signals import Opinion, signal


@signal(
    family="automation",
    about="conduct",
    needs=("max_tokens",),
    sums={
        "longest_asked": lambda t: t.max_tokens.cast("int64").sum(),
        "rows_asked": lambda t: t.max_tokens.count(),
    },
)
def automation_of_outputs(view: View, *, min_exchanges: int = 50) -> Opinion:
    """An actor always asks with one and the same setting, for long answers or for logprobs.

    How few combinations of settings it uses for its volume; how far its mean `max_tokens` lies above the middle
    account's; the share of exchanges that ask for log-probabilities.

    Also seen in: any program with defaults; evaluation harnesses; classifiers that read logprobs.
    Source: AA26-251A (consistent metadata); PRADA and later work on extraction by query.
    """
    book = view.book
    distinct, rows = distinct_values(view, "settings")
    fixed = np.clip(1.0 - np.log2(np.maximum(distinct, 1.0)) / np.log2(np.maximum(rows, 4.0)), 0.0, 1.0)
    asked = book.sums["longest_asked"] / np.maximum(book.sums["rows_asked"], 1.0)
    usable = book.sums["rows_asked"] > 0
    middle = float(np.median(asked[usable])) if usable.any() else 1.0
    mean = view.sum("longest_asked") / np.maximum(view.sum("rows_asked"), 1.0)
    longer = np.log2(np.maximum(mean, 1.0) / max(middle, 1.0))
    logprobs = view.sum("asked_logprobs") / np.maximum(view.n, 1.0)
    bits = (
        curve(fixed, ((0.5, -0.5), (0.8, -0.1), (1.0, 0.4)))
        + curve(longer, ((0.0, 0.0), (1.0, 0.3), (3.0, 0.8)))
        + curve(logprobs, ((0.0, 0.0), (0.2, 0.4), (0.8, 1.0)))
    )
    value = np.where(rows >= min_exchanges, bits, np.nan)
    bits = np.where(rows >= min_exchanges, bits, 0.0) * trust(rows, 3 * min_exchanges)

    def says(i: int) -> str:
        several = "combination" if distinct[i] == 1 else "combinations"
        return (
            f"{int(distinct[i]):,} {several} of settings in {int(rows[i]):,} exchanges; asks for "
            f"{mean[i] / max(middle, 1.0):.1f} times the usual length; logprobs in {logprobs[i]:.0%}."
        )

    def facts(i: int) -> dict[str, float]:
        return {
            "settings": float(distinct[i]),
            "times_usual_length": float(mean[i] / max(middle, 1.0)),
            "logprobs_share": float(logprobs[i]),
        }

    return Opinion(value, bits, says, facts)
