"""Decisions that end before the next sweep leave a gap, and `decide` says so; where they outlast it, it is silent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from decide.place import policy, record_in
from stillwatch.campaigns.track import SWEEPS_FILE, remember_sweep
from stillwatch.cli.menu import menu
from stillwatch.decide.lapses import lapses
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.store import open_store


def _swept(home: Path, *at: str) -> None:
    for one in at:
        remember_sweep(home / SWEEPS_FILE, one, [])


@pytest.mark.parametrize(("hours", "gap"), [(24, True), (35.9, True), (36, False), (72, False)])
def test_decisions_that_end_before_the_next_sweep_are_named_and_others_are_not(
    tmp_path: Path, hours: float, gap: bool
) -> None:
    _swept(tmp_path, "2026-02-01T00:00:00Z", "2026-02-08T00:00:00Z", "2026-02-09T12:00:00Z")
    found = lapses(tmp_path, policy(more=f"expires_hours = {hours}"))
    assert found.hours_apart == 36.0
    assert found.rules == (("row",) if gap else ())
    assert ("36.0 h apart" in found.says() and "decisions of row" in found.says()) if gap else found.says() == ""


@pytest.mark.parametrize("at", [(), ("2026-02-01T00:00:00Z",), ("2026-02-01T00:00:00Z", "not a time")])
def test_without_two_sweeps_nothing_is_said(tmp_path: Path, at: tuple[str, ...]) -> None:
    _swept(tmp_path, *at)
    found = lapses(tmp_path, policy(more="expires_hours = 1"))
    assert (found.hours_apart, found.rules, found.says()) == (None, (), "")


def test_decide_says_it_on_standard_error_and_in_its_document(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    from stillwatch.arrow_types import arrow_schema

    home = tmp_path / "home"
    record_in(home).close()
    open_store(home, create=True).close()
    (home / "findings").mkdir(exist_ok=True)
    for name, layout in (("campaigns", CAMPAIGNS), ("accounts", ACCOUNTS), ("evidence", EVIDENCE)):
        pq.write_table(arrow_schema(layout).empty_table(), home / "findings" / f"{name}.parquet")
    (home / "findings" / "run.json").write_text("{}", "utf-8")
    _swept(home, "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z")
    told = CliRunner().invoke(menu, ["decide", "--home", str(home)], catch_exceptions=False)
    assert told.stderr.startswith("decide: the last two sweeps lie 672.0 h apart") and told.stderr.count("\n") == 1
    document = json.loads(CliRunner().invoke(menu, ["decide", "--home", str(home), "--json"]).stdout)
    assert document["hours_between_sweeps"] == 672.0 and document["rules_that_lapse"]
