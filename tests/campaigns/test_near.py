"""Groups that came close and are in no campaign are kept with what speaks for and against them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from campaigns.test_hunting import _hunted
from stillwatch.campaigns.near import SCHEMA, near_misses
from stillwatch.campaigns.pictures import write_pictures
from stillwatch.report.findings import NEAR


def test_a_mixed_group_that_nobody_reported_is_kept_once_with_both_sides() -> None:
    h = _hunted()[0]
    reported = {h.book.ids[m] for r in h.reported for m in r.chosen.candidate.members}
    table = near_misses(h.book, h.candidates, h.weighed, h.reported, np.full(len(h.candidates), 0.4))
    rows = table.to_pylist()
    assert rows and {row["score"] for row in rows} == {40.0}
    groups: dict[str, list[str]] = {}
    for row in rows:
        groups.setdefault(row["near"], []).append(row["account_id"])
        assert all((row[side] == "") == (row[f"{side}_bits"] is None) for side in ("pro", "against"))
    assert any(row["pro"] for row in rows) and any(row["against"] for row in rows)
    for members in groups.values():
        assert len(members) == len(set(members))
        assert len(reported.intersection(members)) <= len(members) / 2


def test_neither_a_clear_group_nor_one_that_is_reported_came_close() -> None:
    h = _hunted()[0]
    assert near_misses(h.book, h.candidates, h.weighed, h.reported, np.full(len(h.candidates), 0.1)).num_rows == 0
    assert near_misses(h.book, h.candidates, h.weighed, h.reported, np.full(len(h.candidates), 0.9)).num_rows == 0
    assert SCHEMA.equals(NEAR)


def test_what_was_measured_for_an_explanation_is_kept_also_where_it_did_not_hold(tmp_path: Path) -> None:
    h = _hunted()[0]
    write_pictures(tmp_path, h.book, h.reported, h.calibration, 0.2)
    kept = json.loads((tmp_path / "scores.json").read_text())
    assert all("%" in scores["asked"]["declared_reseller"] for scores in kept.values())
