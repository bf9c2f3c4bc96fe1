"""Looking again and again is paid for: the price grows with fresh data, not with reruns, and is paid once."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.looks import Look, looks_paid, price_bits, read_looks, write_looks
from stillwatch.campaigns.track import Remembered, identify, remembered_price
from stillwatch.pipeline import hunt, ingest
from stillwatch.settings import load_settings
from stillwatch.simulate import simulate


def cumulative(sizes: list[int]) -> list[Look]:
    """Looks at a window that grows to these sizes."""
    return [Look(n, n, n - before) for before, n in zip([0, *sizes], sizes, strict=False)]


def test_the_first_look_is_free_and_the_same_data_again_cost_nothing() -> None:
    assert price_bits(cumulative([1000])) == 0.0
    once = cumulative([1000, 4000])
    assert price_bits([*once, Look(4000, 4000, 0), Look(4000, 4000, 0)]) == price_bits(once) > 0


def test_hourly_and_daily_looks_at_the_same_growth_cost_nearly_the_same() -> None:
    daily, hourly = cumulative([24 * d for d in range(5, 60)]), cumulative(list(range(120, 24 * 59 + 1)))
    assert looks_paid(daily) == pytest.approx(np.log(59 / 5), rel=0.1)
    assert price_bits(hourly) == pytest.approx(price_bits(daily), abs=0.3)


def test_a_rolling_window_pays_for_each_time_that_its_data_are_new() -> None:
    rolling = [Look(3000, d, 3000 if d == 0 else 100) for d in range(361)]
    assert looks_paid(rolling) == pytest.approx(12.0)


@given(st.lists(st.tuples(st.integers(1, 10_000), st.floats(0, 1)), min_size=1, max_size=50))
def test_the_price_never_falls_from_look_to_look(rows: list[tuple[int, float]]) -> None:
    looks = [Look(n, i, int(n * share)) for i, (n, share) in enumerate(rows)]
    prices = [price_bits(looks[: k + 1]) for k in range(len(looks))]
    assert all(a <= b for a, b in itertools.pairwise(prices))


def test_all_looks_together_spend_at_most_1_64_of_one() -> None:
    """A score that is noise anew at each look, the worst case, stays within the bound that the docstring names."""
    rng = np.random.default_rng(3)
    looks = [Look(1000, i, 1000) for i in range(200)]
    worlds, level = 20_000, 0.02
    ever = np.zeros(worlds, dtype=bool)
    for k in range(len(looks)):
        ever |= rng.random(worlds) < level * 2.0 ** -price_bits(looks[: k + 1])
    assert level * 0.8 < ever.mean() < 1.64 * level * 1.2


def test_looks_survive_on_disk_and_a_damaged_file_is_set_aside(tmp_path: Path) -> None:
    file = tmp_path / "history" / "looks.json"
    looks = cumulative([5, 9, 30])
    write_looks(file, looks)
    assert read_looks(file) == looks
    file.write_text('[{"rows": "x"}]')
    assert read_looks(file) == []
    assert file.with_suffix(".unreadable").exists() and not file.exists()


def test_a_campaign_keeps_the_price_of_its_first_report() -> None:
    memory: list[Remembered] = []
    names = [f"a{i}" for i in range(30)]
    identify(memory, [("distillation", names, frozenset())], "day 1", 2.5)
    identify(memory, [("distillation", names, frozenset())], "day 2", 4.0)
    assert remembered_price(memory, "distillation", names[:20]) == 2.5
    assert remembered_price(memory, "account_network", names) is None
    assert remembered_price(memory, "distillation", ["b1", "b2", "b3"]) is None


@pytest.mark.slow
def test_daily_sweeps_report_a_campaign_later_and_lower_but_under_one_id(tmp_path: Path) -> None:
    simulate(tmp_path, ("quiet_ring",), scale=0.4, seed=72)
    homes = [tmp_path / "daily", tmp_path / "once"]
    for home in homes:
        settings = load_settings(home=home)
        ingest(home, [str(tmp_path / "exchanges")], settings=settings, accounts=[str(tmp_path / "accounts.jsonl")])
    start = datetime(2026, 4, 22, tzinfo=UTC)
    settings = load_settings(home=homes[0])
    daily = [hunt(homes[0], settings=settings, until=start + timedelta(days=d)) for d in (1, 4, 9, 14)]
    once = hunt(homes[1], settings=settings)
    assert [f.run["looks_price_bits"] for f in daily] == sorted(f.run["looks_price_bits"] for f in daily)
    assert once.run["looks_price_bits"] == 0 < daily[-1].run["looks_price_bits"]
    ids = {row["campaign_id"] for f in daily for row in f.campaigns.to_pylist()}
    assert len(ids) == 1
    last, single = daily[-1].campaigns.to_pylist()[0], once.campaigns.to_pylist()[0]
    assert last["score"] < single["score"]
    again = hunt(homes[0], settings=settings, until=start + timedelta(days=14))
    assert again.campaigns.column("score").to_pylist() == daily[-1].campaigns.column("score").to_pylist()
