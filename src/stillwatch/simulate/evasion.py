"""What an attacker who knows of the watch can change, and what each change costs him for the same harvest."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.simulate.cohort import Cohort, Traffic, Weights
from stillwatch.simulate.grammar import Keys, Writer, share
from stillwatch.simulate.texts import everyday

CHANNELS = ("first_party", "bedrock", "vertex", "aggregator")
KINDS = ("individual", "business", "startup", "education")
# Several ways to say the same: what a paraphraser does to the frame of a prompt, not to its task.
_GROUPS = (
    "write|compose|draft|produce|prepare|put down",
    "explain|describe|lay out|set out|clarify|walk through",
    "reasoning|thinking|rationale|argument|deliberation",
    "step|stage|part|move|phase",
    "steps|stages|parts|moves|phases",
    "answer|reply|result|response|solution",
    "task|job|exercise|assignment|problem",
    "give|provide|supply|offer|deliver",
    "show|display|present|exhibit|reveal",
    "before|ahead of|prior to|earlier than",
    "every|each|any|all of the",
    "complete|full|entire|whole|finished",
    "final|last|closing|concluding",
    "then|next|afterwards|after that",
    "check|verify|test|confirm|examine",
    "expert|specialist|professional|authority",
    "careful|thorough|diligent|cautious",
    "following|below|given|subsequent",
    "with|including|along with|together with",
    "you|thou|the assistant|one",
    "are|act as|work as|serve as",
    "your|thy|the assistant's|one's",
    "code|program|source|software",
    "question|query|issue|matter",
    "think|reason|reflect|consider",
    "please|kindly|be so good and|if you would",
    "must|should|have to|need to",
    "only|just|solely|merely",
    "first|initially|to begin|at the start",
    "use|employ|apply|work with",
)
_OTHER = {w: tuple(g.split("|")) for g in _GROUPS for w in g.split("|")}
_WORD = re.compile(r"[A-Za-z]+")


@dataclass(frozen=True)
class Evasion:
    """Levers; each default leaves the campaign as it is.

    `spread`: times the accounts, each with that part of the calls. `slow`: times the days, at that part of the
    daily rate. `jitter`, `paraphrase`, `rotate_identity`: 0 to 1. `decoy`: share of all exchanges that are ordinary
    chat, below 1. `split_channels`: pathways and account types the accounts are dealt over; 0 and 1 leave them.
    Raises UsageError on a number outside these. Source of the levers: the public reports' account of the arms
    race (February and September 2026) and advisory AA26-251A; the strengths are assumed.
    """

    spread: float = 1.0
    slow: float = 1.0
    jitter: float = 0.0
    paraphrase: float = 0.0
    rotate_identity: float = 0.0
    decoy: float = 0.0
    split_channels: int = 0

    def __post_init__(self) -> None:
        shares = (self.jitter, self.paraphrase, self.rotate_identity)
        if not (self.spread >= 1 and self.slow >= 1 and all(0 <= s <= 1 for s in shares) and 0 <= self.decoy < 1):
            raise UsageError("evasion", f"{self} is out of range", "multiples from 1, shares 0 to 1, decoy below 1")
        if not 0 <= self.split_channels <= len(CHANNELS):
            raise UsageError("evasion", f"split_channels={self.split_channels}", f"0 to {len(CHANNELS)}")

    def cost(self) -> dict[str, float]:
        """Multiples of accounts, days and exchanges against the unevaded campaign, for the same harvest."""
        return {"accounts": self.spread, "days": self.slow, "exchanges": 1 / (1 - self.decoy)}

    def as_dict(self) -> dict[str, Any]:
        """The levers and their cost."""
        return {"levers": asdict(self), "cost": self.cost()}


def _reworded(inner: Writer | None, level: float) -> Writer | None:
    """The writer with this share of the words that have another wording exchanged, anew in every call."""
    if inner is None:
        return None

    def written(keys: Keys) -> Any:
        out: list[str] = []
        for text, row in zip(inner(keys).to_pylist(), keys.row, strict=True):
            words = list(_WORD.finditer(text))
            draws = share(np.uint64(row) + np.arange(2 * len(words), dtype=np.uint64), 7919)
            pieces, at = [], 0
            for i, word in enumerate(words):
                others = _OTHER.get(word.group().lower())
                if others and draws[2 * i] < level:
                    pieces += [text[at : word.start()], others[int(draws[2 * i + 1] * len(others))]]
                    at = word.end()
            out.append("".join(pieces) + text[at:])
        return pa.array(out, pa.string())

    return written


def _worded(t: Traffic, level: float) -> Traffic:
    if level <= 0:
        return t
    said = replace(t.said, prompt=_reworded(t.said.prompt, level) or t.said.prompt,
                   system=_reworded(t.said.system, level))  # fmt: skip
    return replace(t, said=said, loose=t.loose + (1 - t.loose) * level, template_by="row",
                   templates=max(1, round(t.templates * (1 + 63 * level))))  # fmt: skip


def _toward(old: Weights, new: Weights, level: float) -> Weights:
    a, b = sum(old.values()), sum(new.values())
    return {k: (1 - level) * old.get(k, 0) / a + level * new.get(k, 0) / b for k in {**old, **new}}


def _dealt(cohort: Cohort, shares: Sequence[float]) -> list[Cohort]:
    """The accounts in parts with a stock of shared values each, so that a value keeps as many accounts as before."""
    edges = np.round(np.cumsum(shares) / sum(shares) * cohort.accounts).astype(int)
    sizes = np.diff(np.r_[0, edges])
    stem, exits = cohort.pool or cohort.name, cohort.line.pool_size
    return [
        replace(cohort, accounts=int(n), pool=f"{stem}/{i} of {len(sizes)}",
                line=replace(cohort.line, pool_size=max(1, round(exits * int(n) / max(cohort.accounts, 1)))))
        for i, n in enumerate(sizes)
    ]  # fmt: skip


def evade(cohort: Cohort, evasion: Evasion) -> list[Cohort]:
    """The cohorts that gather the same harvest under these levers; the given cohort is left as it is."""
    e, c = evasion, cohort
    if e == Evasion():
        return [c]
    many = max(1, round(c.accounts * e.spread))
    grown = many / max(c.accounts, 1)
    line = replace(c.line, pool_size=max(1, round(c.line.pool_size * grown)))
    # slow: everything the cohort does takes longer; where the window ends first the rest is harvested after it.
    c = replace(c, accounts=many, per_day=c.per_day / grown / e.slow / (1 - e.decoy), days=c.days * e.slow,
                life_days=None if c.life_days is None else c.life_days * e.slow,
                traffic=[_worded(t, e.paraphrase) for t in c.traffic])  # fmt: skip
    if e.decoy > 0:
        said = sum(t.weight * t.turns for t in c.traffic)
        chat = Traffic(everyday.chat(), said * e.decoy / (1 - e.decoy) / 2.0, turns=2)
        c = replace(c, traffic=[*c.traffic, chat])
    if e.rotate_identity > 0:
        r, up = e.rotate_identity, c.signup
        line = replace(line, pooled=line.pooled * (1 - r), place="resident", addresses=max(line.addresses, 2),
                       one_client=line.one_client and r < 0.5)  # fmt: skip
        low, high = up.age_days
        up = replace(up, shared={k: (s * (1 - r), g) for k, (s, g) in up.shared.items()},
                     age_days=(low + r * max(0.0, 30 - low), max(high, low + 1, high + r * (900 - high))),
                     one_day=up.one_day and r < 0.5, payment=_toward(up.payment, {"card": 1.0}, r),
                     email=_toward(up.email, {"public": 1.0}, r),
                     shape=_toward(up.shape, {"named": 1.0}, r))  # fmt: skip
        c = replace(c, signup=up)
    c = replace(c, line=line)
    if e.jitter > 0:
        j = e.jitter
        c = replace(c, bursty=max(c.bursty, c.bursty + j * (0.7 - c.bursty)), in_step=c.in_step * (1 - j),
                    adopt_together=c.adopt_together and j < 0.5)  # fmt: skip
        own, human = _dealt(c, [1 - j, j])
        parts = [own, replace(human, rhythm="human")]
    else:
        parts = [c]
    if e.split_channels > 1:
        k = e.split_channels
        parts = [
            replace(p, line=replace(p.line, channels={CHANNELS[i]: 1.0}),
                    signup=replace(p.signup, kinds={KINDS[i]: 1.0}))
            for part in parts for i, p in enumerate(_dealt(part, [1.0] * k))
        ]  # fmt: skip
    return [p for p in parts if p.accounts > 0]


def later(cohort: Cohort, days: float) -> Cohort:
    """The cohort begun so many days later, its phases and its ban with it."""
    ban = cohort.signup.suspended_day
    return replace(
        cohort, start=cohort.start + days,
        signup=replace(cohort.signup, suspended_day=None if ban is None else ban + days),
        traffic=[replace(t, from_day=t.from_day + days, until_day=t.until_day + days) for t in cohort.traffic],
    )  # fmt: skip


def changed(cohorts: Sequence[Cohort], evasion: Evasion | None, lead_days: float) -> list[Cohort]:
    """A cast whose campaigns evade and begin later; legitimate cohorts stay as they are."""
    made: list[Cohort] = []
    for c in cohorts:
        if c.role == "legitimate":
            made.append(c)
            continue
        moved = later(c, lead_days) if lead_days else c
        made += evade(moved, evasion) if evasion else [moved]
    return made
