"""The crossing finds exactly what is common, whatever the sets, in one process or in parts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from providers import WORKERS

from stillwatch.errors import UsageError
from stillwatch.match import crossing
from stillwatch.match.crossing import Workers
from stillwatch.match.terms import Terms

TOKENS = st.sets(st.integers(0, 80).map(lambda i: f"{i:032x}"), min_size=1, max_size=40)


def crossed(asks: list[str], answers: list[str], workers: Workers = WORKERS) -> tuple[int, list[str]]:
    """(the count, the matches) as the two sides would do it."""
    key, setup = crossing.prepare(answers, 1000)
    crossing.check_setup(setup, len(answers), 1000)
    own = crossing.fresh_key()
    points = crossing.elements_of(workers.request(asks, own), "Request", len(asks))
    ordered = workers.answer(points, key)
    assert crossing.elements_of(crossing.response_of(ordered), "Response", len(asks)) == ordered
    return len(workers.common(sorted(ordered), own, setup)), [asks[i] for i in workers.common(ordered, own, setup)]


@settings(max_examples=40, deadline=None)
@given(TOKENS, TOKENS)
def test_exactly_what_is_common_is_found(asks: set[str], answers: set[str]) -> None:
    count, matches = crossed(sorted(asks), sorted(answers))
    assert matches == sorted(asks & answers)
    assert count == len(asks & answers)


def test_in_parts_it_is_the_same_as_whole() -> None:
    asks, answers = [f"{i:032x}" for i in range(900)], [f"{i:032x}" for i in range(600, 2000)]
    count, matches = crossed(asks, answers)
    assert (count, matches) == (300, asks[600:])
    key = crossing.fresh_key()
    assert WORKERS.request(asks, key) == crossing.request_of(asks, key)


def test_the_sorted_answer_does_not_keep_the_order_of_the_request() -> None:
    """So the places of what is common cannot be read: the places found in a sorted answer are others."""
    asks, answers = [f"{i:032x}" for i in range(200)], [f"{i:032x}" for i in range(20)]
    key, setup = crossing.prepare(answers, 1000)
    own = crossing.fresh_key()
    points = crossing.elements_of(WORKERS.request(asks, own), "Request", 200)
    shuffled = sorted(WORKERS.answer(points, key))
    assert WORKERS.common(shuffled, own, setup) != list(range(20))
    assert len(WORKERS.common(shuffled, own, setup)) == 20


def test_every_run_has_keys_of_its_own() -> None:
    tokens = [f"{i:032x}" for i in range(50)]
    assert crossing.fresh_key() != crossing.fresh_key()
    (key, message), (other_key, other) = WORKERS.prepare(tokens, 100), WORKERS.prepare(tokens, 100)
    assert key != other_key and message != other
    assert crossing.prepare(tokens, 100, key) == (key, message), "an arbiter must be able to make it again"


def test_terms_that_cannot_be_kept_are_refused() -> None:
    for wrong in ({"consent": "maybe"}, {"share_alarm": 0.0}, {"limit": 5}, {"least_common": 200}, {"limit": 10**9}):
        with pytest.raises(UsageError):
            Terms(**wrong).check()
    with pytest.raises(UsageError, match="too large"):
        crossing.prepare(["0" * 32], 10_000_000)
