"""The peers behave as measured: blind to campaigns spread over accounts, loud on one client, calm on benign text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.peers import fixed_thresholds as fixed
from bench.peers.mahalanobis import Mahalanobis
from bench.peers.prada import Prada
from bench.peers.seat import Seat
from bench.peers.shared_attributes import component_sizes, network_of
from bench.peers_on_worlds import Encoder, World, best_threshold, judged


def _row(account: str, at: float, prompt: str, **more: Any) -> dict[str, Any]:
    return {"account_id": account, "started_at": at, "prompt": prompt, **more}


def _template(i: int) -> str:
    return f"Please write a clear answer for the following question of item {i} and keep it short"


def test_one_principal_with_500_distinct_queries_is_seen_and_500_accounts_with_40_each_are_not() -> None:
    one = [_row("one", float(i), f"query {i}", logprobs=True) for i in range(500)]
    many = [_row(f"a{a}", float(q), f"query {a} {q}", logprobs=True) for a in range(500) for q in range(40)]
    assert fixed.mukul975_like(one) == 1.0
    assert sum(fixed.mukul975_like(mine) for mine in fixed.by_account(many).values()) == 0.0


def test_one_bot_with_20_requests_is_flagged_and_500_accounts_with_4_each_are_not() -> None:
    bot = [_row("bot", 0.1 * i, _template(i)) for i in range(20)]
    many = [_row(f"a{a}", 60.0 * q, _template(a * 4 + q)) for a in range(500) for q in range(4)]
    assert fixed.honeypot_like(bot) > 0.95
    highest = max(fixed.honeypot_like(mine) for mine in fixed.by_account(many).values())
    assert 0.0 < highest <= 0.30


def test_a_slow_person_with_varied_prompts_has_a_low_score() -> None:
    letters = np.random.default_rng(1).choice(list("abcdefghij"), size=(320, 6))
    words = ["".join(word) for word in letters]
    person = [_row("p", 900.0 * i, " ".join(words[i * 8 : i * 8 + 8])) for i in range(40)]
    assert fixed.honeypot_like(person) < 0.1
    assert fixed.aegisgate_like(person) == 0.0


@pytest.mark.parametrize(
    "rows",
    [
        [_row("a", 30.0 * i, f"{i} distinct") for i in range(101)],
        [_row("a", 7200.0 * i, _template(i)) for i in range(12)],
        [_row("a", 7200.0 * i, f"{i}: {i * i} is what? Think step by step") for i in range(12)],
        [_row("a", 7200.0 * i, f"{i}", ip=f"10.0.0.{i}") for i in range(6)],
    ],
    ids=["rate", "structure", "reasoning", "addresses"],
)
def test_each_fixed_limit_trips(rows: list[dict[str, Any]]) -> None:
    assert fixed.aegisgate_like(rows) >= 1.0


def test_all_users_of_one_http_library_become_one_component_unless_popular_values_are_capped() -> None:
    rows = [_row(f"a{i}", 100.0 * i, "hello", client_fingerprint="library") for i in range(200)]
    assert set(component_sizes(rows, []).values()) == {200.0}
    assert set(component_sizes(rows, [], cap=50).values()) == {1.0}
    assert all(fixed.tier(s) == "rate limit" for s in fixed.glasswally_like(rows, []).values())


def test_accounts_without_a_value_in_common_stay_alone() -> None:
    rows = [_row(f"a{i}", 100.0 * i, "hello", ip=f"10.{i}.0.1", client_fingerprint=f"c{i}") for i in range(30)]
    records = [{"account_id": f"a{i}", "payment_fingerprint": f"p{i}"} for i in range(30)]
    assert set(component_sizes(rows, records).values()) == {1.0}
    assert set(fixed.glasswally_like(rows, records).values()) == {0.0}


def test_five_accounts_in_one_second_raise_the_bucket_and_four_do_not() -> None:
    rows = [_row(f"a{i}", 10.0 + 0.1 * i, "x") for i in range(5)] + [
        _row(f"b{i}", 50.0 + 0.1 * i, "x") for i in range(4)
    ]
    scores = fixed.glasswally_like(rows, [])
    assert min(scores[f"a{i}"] for i in range(5)) > max(scores[f"b{i}"] for i in range(4)) == 0.0


def test_networks_of_addresses() -> None:
    assert network_of("192.0.2.77") == "192.0.2.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert network_of("no address") is None and network_of(None) is None


@pytest.mark.parametrize("kind", [Prada, Seat, Mahalanobis])
def test_window_detectors_are_calm_on_benign_vectors_and_alarmed_by_planted_ones(kind: Any) -> None:
    rng = np.random.default_rng(7)
    detector = kind()
    detector.fit(rng.normal(size=(800, 16)), rng.normal(size=(800, 16)), np.random.default_rng(8))
    benign = np.asarray([detector.score(rng.normal(size=(60, 16))) for _ in range(40)])
    centres = rng.normal(size=(4, 16)) * 2.5

    def planted() -> Any:
        copies = centres[rng.integers(0, 4, 40)] + rng.normal(size=(40, 16)) * 0.02
        return np.concatenate([copies, rng.normal(size=(20, 16))])

    alarmed = [detector.score(planted()) for _ in range(10)]
    assert min(alarmed) > np.quantile(benign, 0.95)


def test_the_encoder_is_steady_and_brings_like_prompts_together() -> None:
    a, b, c = Encoder()([_template(1), _template(2), "Wie koche ich eine gute Suppe aus Resten von gestern?"])
    assert np.allclose(a, Encoder()([_template(1)])[0])
    assert np.isclose(np.linalg.norm(a), 1.0)
    assert a @ b > 0.7 > 0.3 > abs(a @ c)


def test_counts_and_the_chosen_threshold_follow_the_truth() -> None:
    truth: dict[str, dict[str, Any]] = {f"g{i}": {"role": "harvest", "cohort": "x"} for i in range(10)}
    truth |= {f"l{i}": {"role": "legitimate", "cohort": "class" if i < 10 else "ordinary"} for i in range(2000)}
    world = World("w", 1, Path(), [], [], truth)
    scores = {a: 5.0 if a.startswith("g") else float(int(a[1:]) < 2) + 8.0 * (a == "l1") for a in truth}
    line = best_threshold([(world, scores)])
    flagged = {a for a, s in scores.items() if s >= line}
    seen = judged(world, flagged)
    assert seen["recall"] == 1.0
    assert seen["wrongly"] == 2 == 1e-3 * seen["legitimate"]
    assert seen["cohorts_called"] == ["class"]
