"""The content tests keep their false alarms, see a harvest's share, and refuse what they cannot judge."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.content_test import EvidenceRun, GroupTest, WindowTest, e_value
from stillwatch.errors import UsageError


def spread(rng: np.random.Generator, n: int, d: int = 24) -> np.ndarray:
    """Benign texts: everywhere."""
    return rng.normal(size=(n, d)).astype(np.float32)


def lump(rng: np.random.Generator, n: int, d: int = 24) -> np.ndarray:
    """A harvest: one topic, each text a little different."""
    return (np.eye(d)[0] * 5 + rng.normal(size=(n, d))).astype(np.float32)


def test_benign_windows_alarm_about_as_often_as_they_may() -> None:
    rng = np.random.default_rng(77)
    alarms = 0
    for _ in range(40):
        test = WindowTest(99)
        test.fit(spread(rng, 300), rng=rng)
        alarms += sum(test.p_value(spread(rng, 40)) <= 0.05 for _ in range(10))
    assert alarms <= 40  # 20 expected of 400; scales ranked against themselves gave 13 %, that is 52


def test_a_tenth_of_a_window_on_one_topic_is_seen() -> None:
    rng = np.random.default_rng(2)
    test = WindowTest(199)
    test.fit(spread(rng, 600), rng=rng)
    seen = [test.p_value(np.vstack([spread(rng, 90), lump(rng, 10)])) <= 0.01 for _ in range(20)]
    assert sum(seen) >= 16


def test_a_harvest_more_diffuse_than_what_people_ask_is_seen_by_where_its_mean_lies() -> None:
    """People repeat themselves; nothing of this harvest is dense, it only leans one way."""
    rng = np.random.default_rng(8)
    habits, lean = rng.normal(size=(40, 60)), rng.normal(size=60)
    common, lean = np.eye(60)[0] * 4, lean / np.linalg.norm(lean)

    def asked(n: int) -> np.ndarray:
        own = rng.normal(size=(n, 60)) * rng.choice([0.2, 0.8], n)[:, None]
        return (habits[rng.integers(0, 40, n)] + own + common).astype(np.float32)

    def harvest(n: int) -> np.ndarray:
        return (rng.normal(size=(n, 60)) * 1.2 + 7 * lean + common).astype(np.float32)

    test = WindowTest(199)
    test.fit(asked(1500), rng=rng)
    assert sum(test.p_value(np.vstack([asked(270), harvest(30)])) <= 0.01 for _ in range(10)) >= 9
    assert sum(test.p_value(asked(300)) <= 0.05 for _ in range(20)) <= 4


def test_a_pool_too_small_for_the_window_is_refused_with_the_numbers() -> None:
    rng = np.random.default_rng(3)
    test = WindowTest(99)
    test.fit(spread(rng, 150), rng=rng)
    with pytest.raises(UsageError, match="150 benign vectors are too few for windows of 100"):
        test.p_value(spread(rng, 100))


def test_accounts_with_topics_of_their_own_are_no_harvest() -> None:
    """Every account has its topic: over prompts any group would look alike, over accounts few do."""
    alarms = naive = 0
    for seed in range(60):
        rng = np.random.default_rng(100 + seed)
        topics = rng.normal(size=(20, 24)) * 2
        at = np.repeat(np.arange(20), 10)
        vectors = (topics[at] + rng.normal(size=(200, 24))).astype(np.float32)
        group = {"a0", "a1", "a2", "a3", "a4"}
        alarms += GroupTest(199, seed=seed).p_value(vectors, [f"a{i}" for i in at], group) <= 0.05
        # The null that one must not use: prompts shuffled over the accounts, as if each stood alone.
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        kernel = np.exp((unit @ unit.T - 1) / 0.15)
        inside = [kernel[np.ix_(r, r)].mean() for r in (rng.permutation(200)[:50] for _ in range(99))]
        naive += (1 + sum(v >= kernel[:50, :50].mean() for v in inside)) / 100 <= 0.05
    assert alarms <= 9  # 3 expected of 60
    assert naive >= 40


def test_a_group_that_shares_a_topic_is_seen() -> None:
    rng = np.random.default_rng(4)
    topics = rng.normal(size=(20, 24)) * 2
    topics[:5] = topics[0]
    at = np.repeat(np.arange(20), 10)
    vectors = (topics[at] + rng.normal(size=(200, 24))).astype(np.float32)
    p = GroupTest(999).p_value(vectors, [f"a{i}" for i in at], {f"a{i}" for i in range(5)})
    assert p <= 0.005


def test_few_accounts_are_enumerated_and_never_give_more_than_they_hold() -> None:
    rng = np.random.default_rng(5)
    at = np.repeat(np.arange(5), 4)
    vectors = rng.normal(size=(20, 8)).astype(np.float32)
    p = GroupTest().p_value(vectors, [f"a{i}" for i in at], {"a0", "a1"})
    assert p * 10 == pytest.approx(round(p * 10)) and p >= 0.1  # ten ways to choose two of five


def test_a_group_without_others_is_refused() -> None:
    with pytest.raises(UsageError, match="two beside it"):
        GroupTest().p_value(np.ones((4, 3), np.float32), ["a", "a", "b", "b"], {"a", "b"})


def test_evidence_has_mean_one_and_sixty_looks_stay_within_alpha() -> None:
    rng = np.random.default_rng(6)
    p = rng.uniform(size=(4000, 60))
    assert np.mean([e_value((i + 0.5) / 100_000) for i in range(100_000)]) == pytest.approx(1.0, abs=0.01)
    crossed = 0
    for row in p:
        run = EvidenceRun(0.05)
        for value in row:
            run.add(float(value))
        crossed += run.crossed
    assert crossed / len(p) <= 0.05 + 3 * (0.05 * 0.95 / len(p)) ** 0.5


def test_small_p_values_day_after_day_cross_and_a_good_day_does_not_undo_it() -> None:
    run = EvidenceRun(0.01)
    assert [run.add(0.01) for _ in range(3)] == [False, False, True]
    for _ in range(20):
        run.add(1.0)
    assert run.crossed and run.log_evidence < 0


def test_evidence_refuses_a_p_value_of_zero() -> None:
    with pytest.raises(UsageError, match="no p-value"):
        e_value(0.0)
