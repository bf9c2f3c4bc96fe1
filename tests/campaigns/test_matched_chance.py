"""Groups of like size and volume to compare a finding with, the reported accounts left out."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from signals.traffic import Traffic
from stillwatch.actors.book import Book
from stillwatch.campaigns.chance import MatchedChance, random_matches
from stillwatch.campaigns.choose import Chosen
from stillwatch.campaigns.content import core_of
from stillwatch.campaigns.weigh import weigh
from stillwatch.linking.candidate import Candidate


@cache
def _book() -> Book:
    """Sixty small customers, sixty large ones, and twenty accounts of each that a finding names."""
    town = Traffic(seed=12)
    for count, each in ((60, 10), (60, 150), (20, 10), (20, 150)):
        numbers = np.repeat(town.accounts(count), each)
        town.send(numbers, town.by_clock(len(numbers)))
    return town.book()


SMALL, LARGE = np.arange(120, 140), np.arange(140, 160)


def test_matches_have_the_groups_size_and_volume_and_none_of_its_accounts() -> None:
    book = _book()
    usable = np.arange(book.accounts) < 120
    for members in (SMALL, LARGE):
        matches = random_matches(book, members, usable, 15, np.random.default_rng(1))
        assert len(matches) == 15
        for match in matches:
            assert match.size == len(members) == len(set(match.members.tolist()))
            assert usable[match.members].all()
            assert book.n[match.members].mean() == pytest.approx(book.n[members].mean(), rel=0.3)


def test_with_hardly_anybody_left_there_is_no_chance_to_compare_with() -> None:
    usable = np.zeros(_book().accounts, dtype=bool)
    usable[:5] = True
    assert random_matches(_book(), SMALL, usable, 5, np.random.default_rng(1)) == []


def _chance() -> tuple[MatchedChance, list[Chosen]]:
    book = _book()
    found = [Candidate(m, frozenset(), "by hand") for m in (SMALL, LARGE, np.arange(0, 9), np.arange(60, 69))]
    reported = np.arange(book.accounts) >= 120
    chosen = [Chosen(c, "distillation", 0.9, core_of(book, c.members), weigh(book, [c], {})) for c in found[:2]]
    return MatchedChance(book, found, weigh(book, found, {}), reported, {}, draws=8), chosen


def test_p_values_are_never_zero_and_unknown_where_a_signal_is_not_evaluable() -> None:
    chance, chosen = _chance()
    for c in chosen:
        values = chance.p_values(c)
        assert set(values) == set(c.weighed.opinions)
        for name, p in values.items():
            known = bool(np.isfinite(c.weighed.opinions[name].statistic[0]))
            assert (0.0 < p <= 1.0) if known else np.isnan(p)


def test_two_findings_of_one_size_and_different_volume_are_compared_with_different_groups() -> None:
    chance, (small, large) = _chance()
    small_draw, large_draw = chance._draw(small), chance._draw(large)
    assert small_draw is not None and large_draw is not None
    assert small_draw.view.n.mean() < 0.5 * large_draw.view.n.mean()


def test_natural_groups_that_touch_a_finding_are_left_out_of_the_comparison() -> None:
    chance, _ = _chance()
    assert chance.natural.tolist() == [2, 3]
    assert chance.like(9).tolist() == [2, 3]
