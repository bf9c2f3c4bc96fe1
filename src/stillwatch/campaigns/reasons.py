"""Why an account is judged so, in sentences; and the same read back as weights, where nothing else is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stillwatch.campaigns.accounts import AccountScores
from stillwatch.records.score import score_text

#: What a signal must weigh on an account, in bits, to be worth a sentence or a row of evidence.
LEAST_BITS = 0.4
#: Rows of evidence are kept of accounts that score so much, in percent, and of those in a harvest.
KEPT_FROM = 20.0
_WEIGHED = re.compile(r"(?:For|Against) suspicion \((?:([^,()]+), )?([+-]\d+(?:\.\d+)?) bits\): (.+)", re.DOTALL)


@dataclass(frozen=True)
class WeighedReason:
    """A sentence of a signal with its weight: `signal` is empty in findings of a time when reasons did not name it."""

    signal: str
    bits: float
    says: str


def reasons(
    scores: AccountScores, i: int, group: str | None, p_group: float | None, seen: Sequence[str] = (), *, most: int = 5
) -> list[str]:
    """Sentences for and against one account, its group's first, then its own by weight."""
    out: list[str] = []
    if group is not None and p_group is not None:
        likely = score_text(100.0 * p_group)
        out.append(f"It belongs to {group}, a harvest with a probability of {likely} percent.")
        out.extend(f"Of the group: {sentence}" for sentence in seen)
    elif group is not None:
        out.append(f"It is one of the accounts of network {group}; its own conduct is weighed apart.")
    if scores.allowed[i]:
        out.append("Its bulk use is agreed (allow), and the agreement was valid at the time.")
    weights = sorted(((name, float(o.bits[i])) for name, o in scores.opinions.items()), key=lambda pair: -abs(pair[1]))
    for name, bits in weights[:most]:
        if abs(bits) >= LEAST_BITS:
            side = "For suspicion" if bits > 0 else "Against suspicion"
            out.append(f"{side} ({name.replace('_', ' ')}, {bits:+.1f} bits): {scores.opinions[name].says(i)}")
    return out


def weighed_reason(sentence: str) -> WeighedReason | None:
    """The signal, weight and claim of a reason; None where it is no signal's."""
    found = _WEIGHED.fullmatch(sentence)
    return None if found is None else WeighedReason((found[1] or "").replace(" ", "_"), float(found[2]), found[3])
