"""Adding evidence up: families are capped, and what formed a group is not held against it twice."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from signals.traffic import CODE, Traffic
from stillwatch.actors.book import Book
from stillwatch.campaigns.weigh import MOST_BITS, Weighed, weigh
from stillwatch.linking.candidate import Candidate
from stillwatch.signals import all_signals

SIGNALS = {s.name: s for s in all_signals()}


@cache
def _book() -> Book:
    town = Traffic(seed=9)
    town.people(40)
    town.harvest(20, 80, record={"payment": 1, "device": 2}, ip=3, net=3,
                 patterns=[CODE["completed_answer_reasoning"], CODE["grading"], CODE["task_generation"]])  # fmt: skip
    return town.book()


def _weighed(*formed_by: str) -> Weighed:
    return weigh(_book(), [Candidate(np.arange(40, 60), frozenset(formed_by), "by hand")], {})


def test_signals_of_one_family_never_add_up_to_more_than_its_cap() -> None:
    w = _weighed()
    seen = set()
    for about in ("conduct", "coordination", "relay"):
        for family, most in MOST_BITS.items():
            of = [n for n, s in SIGNALS.items() if s.family == family and s.about == about and n in w.bits]
            if len(of) > 1:
                seen.add(family)
                assert sum(max(float(w.bits[n][0]), 0.0) for n in of) <= most + 1e-9
    assert {"patterns", "content", "rhythm"} <= seen


def test_capping_leaves_what_speaks_for_a_group_untouched() -> None:
    w = _weighed()
    for name, bits in w.bits.items():
        plain = w.opinions[name].bits
        assert (bits[plain < 0] == plain[plain < 0]).all()
        assert (np.abs(bits) <= np.abs(plain) + 1e-9).all()


def test_every_family_that_can_be_capped_exists() -> None:
    assert set(MOST_BITS) <= {s.family for s in SIGNALS.values()}


@pytest.mark.parametrize("formed_by", ["content", "topic"])
def test_a_group_found_by_its_content_gets_no_content_conduct_bits(formed_by: str) -> None:
    free, formed = _weighed("payment"), _weighed(formed_by, "payment")
    content = [n for n, s in SIGNALS.items() if s.family == "content" and s.about == "conduct"]
    assert sum(float(free.bits[n][0]) for n in content) > 0.5
    assert all(float(formed.bits[n][0]) <= 0.0 for n in content)
    assert float(formed.conduct[0]) < float(free.conduct[0])


def test_what_formed_a_group_counts_less_for_its_coordination() -> None:
    free, formed = _weighed(), _weighed("payment")
    assert float(free.bits["shared_payment"][0]) > 1.0
    assert float(formed.bits["shared_payment"][0]) < 0.7 * float(free.bits["shared_payment"][0])
    assert float(formed.bits["shared_registration"][0]) == float(free.bits["shared_registration"][0])


def test_the_sums_are_the_bits_of_what_they_are_about() -> None:
    w = _weighed()
    for about, total in (("conduct", w.conduct), ("coordination", w.coordination), ("explanation", w.explanation)):
        assert np.isclose(total[0], sum(float(w.bits[n][0]) for n in w.bits if SIGNALS[n].about == about))
    assert w.coordination_families[0] >= 2


def test_no_candidates_weigh_nothing() -> None:
    w = weigh(_book(), [], {})
    assert w.conduct.shape == w.coordination.shape == w.replay.shape == (0,)
