"""What gateways left in a shared cache is recorded once, whatever fails between reading, recording and deleting it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decide.place import NOW, facts, finding, policy, record_in
from stillwatch.decide.decide import decide
from stillwatch.decide.gateways import take_reports
from stillwatch.decide.record import Record, Who
from stillwatch.errors import OutsideError

CACHE = Who("shared cache", "gateway")


def deciding(folder: Path) -> tuple[Record, str]:
    record = record_in(folder)
    return record, decide(record, policy(action="throttle"), facts(finding()), NOW, marks={"C-1": (7,)}).new[0]


def acted(decision_id: str, count: int = 1) -> dict[str, Any]:
    return {"decision_id": decision_id, "outcome": "acted", "count": count}


def take(record: Record, kind: str, entries: dict[str, dict[str, Any] | None]) -> None:
    take_reports(record, CACHE, kind, entries, NOW, known=lambda _: False)


def counted(record: Record) -> int:
    return int(record.rows("SELECT coalesce(sum(acted), 0) AS n FROM usage")[0]["n"])


def test_reports_that_were_not_deleted_in_time_are_handed_in_again_and_not_counted_again(tmp_path: Path) -> None:
    record, made = deciding(tmp_path)
    take(record, "usage", {"1-0": acted(made), "2-0": acted(made, 10)})
    take(record, "usage", {"1-0": acted(made), "2-0": acted(made, 10), "3-0": acted(made, 100)})
    take(record, "usage", {"3-0": acted(made, 100)})
    assert counted(record) == 111


def test_sightings_and_usage_are_told_apart_though_their_entries_bear_one_id(tmp_path: Path) -> None:
    record, made = deciding(tmp_path)
    take(record, "usage", {"1-0": acted(made)})
    take(record, "sightings", {"1-0": {"campaign_id": "C-1", "account": "new", "joined": True}})
    assert counted(record) == 1
    assert record.rows("SELECT account_id FROM joined") == [{"account_id": "new"}]


def test_an_emptied_cache_whose_clock_went_back_loses_no_report(tmp_path: Path) -> None:
    record, made = deciding(tmp_path)
    take(record, "usage", {"900-0": acted(made)})
    take(record, "usage", {"100-0": acted(made)})
    assert counted(record) == 2


def test_a_full_disk_records_neither_a_report_nor_that_it_was_recorded(tmp_path: Path) -> None:
    record, made = deciding(tmp_path)
    entries: dict[str, dict[str, Any] | None] = {f"{n}-0": acted(made) for n in range(1000)}
    pages = record.db.execute("PRAGMA page_count").fetchone()[0]
    record.db.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(OutsideError, match="cannot be written"):
        take(record, "usage", entries)
    assert counted(record) == 0
    record.db.execute("PRAGMA max_page_count=1000000")
    take(record, "usage", entries)
    assert counted(record) == 1000


@pytest.mark.parametrize("kind", ["usage", "sightings"])
def test_an_entry_of_any_shape_holds_up_no_other(tmp_path: Path, kind: str) -> None:
    record, made = deciding(tmp_path)
    values: list[Any] = [None, True, -1, 1.5, 1 << 70, "", "\ud800", "x" * 600, [], ["C-1"], {}, {"a": {}}, [[[]]]]
    names = ("decision_id", "outcome", "count", "campaign_id", "account", "joined")
    good: dict[str, Any] = {**acted(made), "campaign_id": "C-1", "account": "new", "joined": True}
    odd = [{**good, name: value} for name in names for value in values if name != "account" or value != ""]
    entries: dict[str, dict[str, Any] | None] = {f"1-{n}": item for n, item in enumerate(odd)}
    take(record, kind, {**entries, "2-0": None, "3-0": {}, "4-0": good})
    if kind == "usage":
        assert counted(record) >= 1
    else:
        assert {"account_id": "new"} in record.rows("SELECT account_id FROM joined")
