"""From a candidate's evidence to its sums of bits: conduct, coordination, relay, replay and what explains it away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stillwatch.actors.book import Book
from stillwatch.actors.view import View, as_one
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import OF_AN_APP
from stillwatch.signals import Opinion, all_signals, measure

Array = np.ndarray[Any, Any]

#: Signals of one family see the same thing from several sides: at most so many bits together.
MOST_BITS: dict[str, float] = {
    "patterns": 6.5, "content": 2.6, "queue": 1.8, "rhythm": 3.2, "release": 1.6, "volume": 1.0, "automation": 1.6,
    "exits": 1.0, "bypass": 3.0, "history": 4.5, "end_users": 2.5, "network": 3.0, "registration": 3.0,
    "foreign": 1.6,
}  # fmt: skip

#: What a family of marks that formed a group leaves of a conduct family's bits in favour of guilt.
#: A group found by its templates cannot have its templates held against it a second time.
_CONDUCT_LEFT: dict[tuple[str, str], float] = {
    ("content", "content"): 0.0, ("topic", "content"): 0.0, ("content", "queue"): 0.5, ("system", "content"): 0.5,
}  # fmt: skip
_COORDINATION_LEFT = 0.5
_MOST_OF_AN_APP = 2.2
_NAMED_FROM_BITS = 1.5


@dataclass(frozen=True)
class Weighed:
    """Candidates with their opinions; arrays have one value for each candidate."""

    view: View
    opinions: Mapping[str, Opinion]
    bits: Mapping[str, Array]
    """By signal: the weight that counted, after caps and what the link itself already said."""
    conduct: Array
    coordination: Array
    relay: Array
    replay: Array
    explanation: Array
    conduct_families: Array
    coordination_families: Array
    """Independent families with at least one bit."""
    ties: Array
    """Coordination without what an app brings to all of its users: payment, registration, addresses, timing ..."""
    hands: Array
    """Of these coordination families, those that no app, no load balancer and no drowning template brings."""
    named: Array = field(default_factory=lambda: np.zeros(1))
    """How far another provider's indicators name the group, 0..1; 0 where none were taken in."""


def weigh(book: Book, candidates: Sequence[Candidate], settings: Mapping[str, Mapping[str, Any]]) -> Weighed:
    """Measures each candidate as one actor and adds its evidence up by what it is about."""
    view = as_one(book, [c.members for c in candidates])
    opinions = measure(view, settings)
    bits = {s.name: opinions[s.name].bits.copy() for s in all_signals() if s.name in opinions}
    for s in all_signals():
        if s.name not in bits or s.about not in ("conduct", "coordination"):
            continue
        for i, candidate in enumerate(candidates):
            if bits[s.name][i] <= 0:
                continue
            if s.about == "coordination":
                left = _COORDINATION_LEFT if s.family in candidate.formed_by else 1.0
            else:
                left = min((_CONDUCT_LEFT.get((f, s.family), 1.0) for f in candidate.formed_by), default=1.0)
            bits[s.name][i] *= left
    _cap_families(bits)
    _cap_app(bits)
    zero = np.zeros(len(candidates))
    total = {about: zero.copy() for about in ("conduct", "coordination", "relay", "explanation")}
    families: dict[str, dict[str, Array]] = {"conduct": {}, "coordination": {}}
    for s in all_signals():
        if s.name in bits:
            total[s.about] = total[s.about] + bits[s.name]
            if s.about in families:
                known = families[s.about].get(s.family, zero)
                families[s.about][s.family] = np.asarray(known + bits[s.name])
    # Answers that we never gave mark a replay. A relay's conversations go on with answers of ours, and with those of
    # the vendor that relays only some of them.
    foreign = bits.get("foreign_history", zero)
    stored = bits.get("replayed_sessions", zero) + foreign
    # In a pool that serves one public no account has matters of its own; by itself that says only "one hand".
    served = 0.6 * np.maximum(bits.get("interchangeable_accounts", zero), 0.0) + 0.5 * np.maximum(foreign, 0.0)
    served = served * (total["relay"] - stored >= 1.0)
    replay = stored + 0.5 * bits.get("many_voices", zero)
    return Weighed(
        view, opinions, bits, total["conduct"], total["coordination"],
        total["relay"] - stored + served, replay, total["explanation"],
        _firm(families["conduct"], zero), _firm(families["coordination"], zero),
        np.sum([b for f, b in families["coordination"].items() if f not in OF_AN_APP], axis=0) + zero,
        _firm({f: b for f, b in families["coordination"].items() if f not in (*OF_AN_APP, "load", "dealing")}, zero),
        np.clip(opinions["foreign_campaign"].bits / _NAMED_FROM_BITS, 0.0, 1.0),
    )  # fmt: skip


def _firm(families: Mapping[str, Array], zero: Array) -> Array:
    return np.sum([b >= 1.0 for b in families.values()], axis=0) + zero if families else zero.copy()


def _cap_app(bits: dict[str, Array]) -> None:
    """Template, system prompt and client come together with an app, to strangers too: bounded together."""
    names = [s.name for s in all_signals() if s.name in bits and s.about == "coordination" and s.family in OF_AN_APP]
    positive = np.sum([np.maximum(bits[n], 0.0) for n in names], axis=0)
    scale = np.minimum(1.0, _MOST_OF_AN_APP / np.maximum(positive, 1e-9))
    for n in names:
        bits[n] = np.where(bits[n] > 0, bits[n] * scale, bits[n])


def _cap_families(bits: dict[str, Array]) -> None:
    by_family: dict[tuple[str, str], list[str]] = {}
    for s in all_signals():
        if s.name in bits:
            by_family.setdefault((s.about, s.family), []).append(s.name)
    for (_, family), names in by_family.items():
        most = MOST_BITS.get(family)
        if most is None or len(names) < 2:
            continue
        positive = np.sum([np.maximum(bits[n], 0.0) for n in names], axis=0)
        scale = np.minimum(1.0, most / np.maximum(positive, 1e-9))
        for n in names:
            bits[n] = np.where(bits[n] > 0, bits[n] * scale, bits[n])
