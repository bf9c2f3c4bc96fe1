"""The results page says what was measured, also where it falls short."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import yardstick_page


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(yardstick_page, "FIGURES", tmp_path)
    return tmp_path


def look(profile: str, cadence: str, share: float | None, looks: int) -> dict:
    at = None if share is None else {"hours": 5.0, "exchanges": 120, "share_of_full_length": share, "accounts_seen": 20}
    same = {"of_active": at, "of_all": at}
    return {"profile": profile, "scale": 0.01, "cadence": cadence, "looks": looks, "accounts": 100, **same}


def test_nothing_measured_says_nothing(figures: Path) -> None:
    assert yardstick_page.targets() == []


def test_a_campaign_that_was_never_reported_is_named(figures: Path) -> None:
    rows = [look("letter", "hourly", 0.004, 3), look("slow", "hourly", None, 60),
            look("letter", "daily", 0.02, 1), look("slow", "daily", None, 8)]  # fmt: skip
    (figures / "early.json").write_text(json.dumps({"campaigns": rows, "clean": []}))
    text = "\n".join(yardstick_page.targets())
    assert "0.40 %" in text and "not reported in every world: slow" in text
    assert "1 of 2 worlds by the second; 1 not at all" in text
    assert any("not reported" in line for line in yardstick_page.early_lines({"campaigns": rows, "clean": []}))


def test_an_escape_that_halves_recall_is_priced_and_one_that_does_not_says_how_far_it_was_tried() -> None:
    curve = {"campaign": "letter", "lever": "spread", "levels": [1, 10], "cost": [1, 10], "recall": [1.0, 0.2],
             "axis": "cost", "half_at": 6.6, "most": 10}  # fmt: skip
    held = {**curve, "lever": "decoy", "recall": [1.0, 0.9], "half_at": None}
    free = {**curve, "lever": "jitter", "axis": "level", "half_at": 0.4}
    lines = yardstick_page.evasion_lines({"curves": [curve, held, free]})
    assert lines[2].endswith("| 6.6 times |")
    assert lines[3].endswith("| more than 10 times (recall there 90 %) |")
    assert lines[4].endswith("| free: nothing is paid |")
