"""The figures that the accuracy benches print: intervals, Brier parts, reliability bins, moved odds, levels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.accuracy import bootstrap, mean_interval, read_rows, version_of
from bench.calibration import brier, level_held, moved, reliability, to_base_rate
from bench.truth import wilson
from bench.worlds import maximal, without_columns


def test_nineteen_in_twenty_intervals_hold_the_rate_that_worlds_were_drawn_with() -> None:
    rng = np.random.default_rng(3)
    held = {"wilson": 0, "t": 0, "bootstrap": 0}
    for _ in range(400):
        rates = rng.beta(30, 10, 20)  # every world has its own rate; 0.75 on the average
        k = rng.binomial(100, rates)
        pairs = [(float(x), 100.0) for x in k]
        held["wilson"] += _inside(0.75, wilson(float(k.sum()), 2000.0))
        held["t"] += _inside(0.75, mean_interval((k / 100).tolist())[1:])
        held["bootstrap"] += _inside(0.75, bootstrap(pairs, draws=400))
    assert held["t"] >= 0.92 * 400
    assert held["bootstrap"] >= 0.88 * 400
    assert held["wilson"] < 0.8 * 400, "accounts of one world are alike: counting each as one promises too much"


def _inside(x: float, interval: tuple[float, ...]) -> bool:
    return interval[0] <= x <= interval[1]


def test_an_interval_of_nothing_or_of_one_world_excludes_nothing() -> None:
    assert mean_interval([])[1:] == (0.0, 1.0)
    assert mean_interval([0.5]) == (0.5, 0.0, 1.0)
    assert bootstrap([]) == (0.0, 1.0)
    assert bootstrap([(0.0, 0.0), (0.0, 0.0)]) == (0.0, 1.0)
    assert bootstrap([(3.0, 4.0)]) == (0.0, 1.0)


def test_worlds_that_all_agree_still_have_an_interval() -> None:
    low, high = bootstrap([(0.0, 1000.0)] * 20)
    assert low == 0.0
    assert high == pytest.approx(wilson(0, 20)[1])
    assert bootstrap([(50.0, 50.0)] * 5)[0] == pytest.approx(wilson(5, 5)[0])


def test_brier_parts_add_up_and_are_what_they_are_by_hand() -> None:
    p, y = np.asarray([0.8, 0.8, 0.8, 0.8, 0.0, 0.0]), np.asarray([1, 1, 1, 0, 0, 0])
    parts = brier(p, y)
    assert parts["brier"] == pytest.approx((3 * 0.04 + 0.64) / 6)
    assert parts["reliability"] == pytest.approx(4 / 6 * 0.05**2)
    assert parts["resolution"] == pytest.approx(4 / 6 * 0.25**2 + 2 / 6 * 0.5**2)
    assert parts["uncertainty"] == pytest.approx(0.25)
    assert parts["within"] == pytest.approx(0.0, abs=1e-12)
    assert parts["ece"] == pytest.approx(4 / 6 * 0.05)
    rng = np.random.default_rng(1)
    q = rng.random(500)
    many = brier(q, rng.random(500) < q, rng.random(500) + 0.1)
    total = many["reliability"] - many["resolution"] + many["uncertainty"] + many["within"]
    assert many["brier"] == pytest.approx(total)
    assert abs(many["within"]) < 0.01
    assert brier(np.zeros(0), np.zeros(0)) == {}


def test_scores_drawn_true_are_called_reliable_and_boasting_ones_are_not() -> None:
    rng = np.random.default_rng(2)
    p = rng.random(20_000)
    y = rng.random(20_000) < p
    assert brier(p, y)["ece"] < 0.02
    assert brier(np.clip(p + 0.2, 0, 1), y)["ece"] > 0.1
    assert sum(_inside(b["score"], b["interval"]) for b in reliability(p, y)) >= len(reliability(p, y)) - 1


def test_every_score_falls_in_one_bin_the_ends_too() -> None:
    p = np.asarray([0.0, 0.02, 0.5499, 0.55, 1.0])
    bins = reliability(p, np.asarray([0, 0, 0, 1, 1]))
    assert sum(b["groups"] for b in bins) == 5
    assert [(b["from"], b["groups"]) for b in bins] == [(0.0, 1), (0.02, 1), (0.35, 1), (0.55, 1), (0.95, 1)]


def test_odds_moved_to_another_base_rate_hold_there() -> None:
    assert moved(np.asarray([0.5]), 0.2, 0.2)[0] == pytest.approx(0.5)
    assert moved(np.asarray([0.5]), 0.2, 0.5)[0] == pytest.approx(0.8)
    assert moved(moved(np.asarray([0.37]), 0.2, 0.05), 0.05, 0.2)[0] == pytest.approx(0.37)
    rng = np.random.default_rng(4)
    y = rng.random(60_000) < 0.2
    x = rng.normal(np.where(y, 1.0, -1.0), 1.0)
    p = 0.2 * np.exp(2 * x) / (0.2 * np.exp(2 * x) + 0.8)  # the exact posterior of two normals a distance 2 apart
    for prior in (0.05, 0.5):
        weight = to_base_rate(y, prior)
        assert float((weight * y).sum() / weight.sum()) == pytest.approx(prior)
        assert brier(moved(p, 0.2, prior), y, weight)["ece"] < 0.01
        assert brier(p, y, weight)["ece"] > 0.02


def test_a_level_is_held_where_rates_are_uniform_and_not_where_they_are_small() -> None:
    rng = np.random.default_rng(5)
    fair = [x for _ in range(40) for x in level_held([rng.random(200) for _ in range(20)])]
    assert np.mean([x["held"] and not x["wasteful"] for x in fair]) > 0.9
    assert not any(x["held"] for x in level_held([rng.random(200) ** 3 for _ in range(20)]))
    assert all(x["wasteful"] for x in level_held([0.5 + rng.random(200) / 2 for _ in range(20)]) if x["nominal"] < 0.5)


def test_a_group_inside_another_is_not_maximal() -> None:
    groups = [np.asarray(g) for g in ([0, 1, 2], [0, 1, 2, 3], [3, 4], [4, 5, 6])]
    assert maximal(groups, 7).tolist() == [False, True, True, True]
    assert maximal([], 7).tolist() == []


def test_rows_of_older_code_and_half_written_lines_are_not_counted(tmp_path: Path) -> None:
    row = {"world": "letter", "seed": 1, "missing": "nothing"}
    now = {**row, "version": version_of("letter")}
    lines = [json.dumps({**row, "version": "older"}), json.dumps({**now, "exchanges": 1}),
             json.dumps({**now, "exchanges": 2}), '{"world": "let']  # fmt: skip
    (tmp_path / "accuracy.jsonl").write_text("\n".join(lines), "utf-8")
    assert [r["exchanges"] for r in read_rows(tmp_path)] == [2]
    (tmp_path / "accuracy.jsonl").write_text(lines[0] + "\n", "utf-8")
    assert read_rows(tmp_path) == []
    assert len(read_rows(tmp_path, current=False)) == 1
    assert read_rows(tmp_path / "nowhere") == []


def test_missing_columns_are_gone_from_the_files_and_nothing_else_is(tmp_path: Path) -> None:
    (tmp_path / "exchanges").mkdir()
    table = pa.table({"exchange_id": ["a"], "ip": ["192.0.2.1"], "country": ["DE"], "prompt": ["x"]})
    record = {"account_id": "1", "signup_ip": "192.0.2.1", "payment_kind": "card", "payment_fingerprint": "f"}
    for missing, columns, fields in (
        ("addresses", ["exchange_id", "prompt"], {"account_id", "payment_kind", "payment_fingerprint"}),
        ("payment", ["exchange_id", "ip", "country", "prompt"], {"account_id", "signup_ip"}),
        ("prompts", ["exchange_id", "ip", "country"], set(record)),
        ("nothing", ["exchange_id", "ip", "country", "prompt"], set(record)),
    ):
        pq.write_table(table, tmp_path / "exchanges" / "part-00000.parquet")
        (tmp_path / "accounts.jsonl").write_text(json.dumps(record) + "\n", "utf-8")
        without_columns(tmp_path, missing)
        assert pq.read_table(tmp_path / "exchanges" / "part-00000.parquet").column_names == columns
        assert set(json.loads((tmp_path / "accounts.jsonl").read_text("utf-8"))) == fields
