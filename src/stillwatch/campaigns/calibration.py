"""From sums of bits to a probability: what calibration learned, as one readable file, and how it is applied."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.campaigns.weigh import Weighed
from stillwatch.errors import UsageError

Array = np.ndarray[Any, Any]

#: Bits of coordination beyond this say nothing more, so that an explanation is never drowned by their number.
MOST_COORDINATION = 10.0
ENOUGH_ACCOUNTS = 40.0
_LABELS = ((95.0, "almost certain"), (80.0, "very likely"), (55.0, "likely"), (20.0, "mixed"))


@dataclass(frozen=True)
class Calibration:
    """Coefficients of `P(harvest) = S(a0 + a1 conduct) * S(b0 + b1 (coordination + explanation))`.

    It takes both factors. Relay and replay put their own evidence in the place of conduct, and `ties` (coordination
    without what an app brings) in the place of coordination: an app's users are all alike, and nobody's pool. A group
    is guilty where it does at least one of the three.
    `network` is the line of an account network's score, fitted by itself: it needs no conduct.
    `trained_prior` is the share of harvests among the groups that it was fitted on; another prior shifts the product.
    """

    conduct: tuple[float, float]
    coordination: tuple[float, float]
    ties: tuple[float, float]
    relay: tuple[float, float]
    replay: tuple[float, float]
    network: tuple[float, float]
    few: float
    """Bits that each halving below `ENOUGH_ACCOUNTS` costs: of small groups there are many to choose from."""
    trained_prior: float
    legitimate_scores: tuple[float, ...]
    """Scores (0..1) of legitimate linked groups in the training worlds, ascending, highest 200; see `of_groups`."""
    of_groups: int
    version: str

    @classmethod
    def load(cls, path: Path | None = None) -> Calibration:
        """The shipped calibration, or a user's own file in the same shape."""
        try:
            if path is None:
                text = resources.files("stillwatch.campaigns").joinpath("calibration.toml").read_text("utf-8")
            else:
                text = path.read_text("utf-8")
            table = tomllib.loads(text)
            names = ("conduct", "coordination", "ties", "relay", "replay", "network")
            pair = {k: (float(table[k][0]), float(table[k][1])) for k in names}
            return cls(
                **pair, few=float(table["few"]), trained_prior=float(table["trained_prior"]),
                legitimate_scores=tuple(float(x) for x in table["legitimate_scores"]),
                of_groups=int(table["of_groups"]), version=str(table["version"]),
            )  # fmt: skip
        except (OSError, KeyError, IndexError, TypeError, ValueError, tomllib.TOMLDecodeError) as fault:
            hint = "write one in the shape of the shipped calibration.toml"
            raise UsageError(str(path), f"is no calibration file ({fault})", hint) from fault

    def shift(self, p: Array, prior: float) -> Array:
        """A probability at the training share of harvests, moved to another prior."""
        odds = p / np.maximum(1.0 - p, 1e-9)
        factor = (prior / (1.0 - prior)) / (self.trained_prior / (1.0 - self.trained_prior))
        moved = odds * factor
        return np.asarray(moved / (1.0 + moved))

    def coordinated(self, w: Weighed) -> Array:
        """P(one operator) of each candidate."""
        return _sigmoid(self.coordination, np.minimum(w.coordination, MOST_COORDINATION) + w.explanation)

    def tied(self, w: Weighed) -> Array:
        """P(one operator) of each candidate by what no app brings to all of its users."""
        return _sigmoid(self.ties, np.minimum(w.ties, MOST_COORDINATION) + w.explanation)

    def operated(self, w: Weighed, prior: float) -> Array:
        """P(one operator runs these accounts, and nobody known does) of each candidate: an account network's score.

        Networks and innocent groups weighed the same in the fit, so that the line holds at even odds before `prior`.
        """
        bits = network_bits(w.coordination, w.explanation, self.price(w))
        return against(_sigmoid(self.network, bits), np.asarray(np.log2(prior / (1.0 - prior))))

    def conducts(self, w: Weighed) -> Array:
        """P(harvests, relays or replays), whoever it is: candidates x (distillation, relay, replay)."""
        return np.stack(
            [_sigmoid(self.conduct, w.conduct), _sigmoid(self.relay, w.relay), _sigmoid(self.replay, w.replay)], axis=1
        )

    def harvests(self, w: Weighed, prior: float) -> Array:
        """candidates x (distillation, relay, replay): probabilities at `prior`, each as if the others were none."""
        # What explains a group speaks against the harvest too, not only against the hand behind it.
        return self.shift(against(self._each(w), w.explanation[:, None]), prior)

    def guilt(self, w: Weighed, prior: float, *, priced: bool = True) -> Array:
        """P(harvests, relays or replays) of each candidate at `prior`: the calibrated score.

        What speaks for a relay and what speaks for a harvest add up: 1 less the chance that it is none of them.
        `priced=False` leaves out what a small group costs, to compare a group with a part of it.
        """
        none = np.prod(1.0 - self._each(w), axis=1)
        price = self.price(w) if priced else 0.0
        return self.shift(against(1.0 - none, w.explanation - price), prior)

    def price(self, w: Weighed) -> Array:
        """Bits that each candidate's small number of accounts costs.

        Of small groups there are many to choose from. Of those that somebody else named there are not; but who named
        them may be wrong, or mean harm, so that half of the price stays.
        """
        return self.few * halvings(w.view.size) * (1.0 - 0.5 * w.named)

    def _each(self, w: Weighed) -> Array:
        tied = self.tied(w)
        return np.asarray(self.conducts(w) * np.stack([self.coordinated(w), tied, tied], axis=1))

    def false_alarm_rate(self, score: float, nearby: Sequence[float], prior: float) -> float:
        """Estimated share of legitimate linked groups that score as high: the training worlds' and this window's."""
        trained = self.shift(np.asarray(self.legitimate_scores), prior)
        as_high = int((trained >= score).sum()) + sum(s >= score for s in nearby)
        return (as_high + 1.0) / (self.of_groups + len(nearby) + 1.0)


def halvings(size: Array) -> Array:
    """How many times a group is half of `ENOUGH_ACCOUNTS`; 0 for larger ones."""
    return np.asarray(np.maximum(np.log2(ENOUGH_ACCOUNTS / np.maximum(size, 1.0)), 0.0))


def network_bits(coordination: Array, explanation: Array, price: Array) -> Array:
    """Bits for an unknown operator. What explains a group speaks against the hand and against its being unknown."""
    return np.asarray(np.minimum(coordination, MOST_COORDINATION) + 2.0 * explanation - price)


def against(p: Array, bits: Array) -> Array:
    """A probability after `bits` (log2 odds) of explanation."""
    p = np.clip(p, 1e-6, 1 - 1e-6)
    odds = p / (1.0 - p) * np.exp2(bits)
    return np.asarray(odds / (1.0 + odds))


def _sigmoid(line: tuple[float, float], bits: Array) -> Array:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(line[0] + line[1] * bits, -40, 40))))


def label(score: float) -> str:
    """The contract's word for a score of 0 to 100."""
    return next((word for least, word in _LABELS if score >= least), "clear")
