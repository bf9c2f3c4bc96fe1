"""What is too old goes by the day, and a home that was fed for weeks holds and finds what a fresh one would."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import pipeline
from stillwatch.campaigns.track import Remembered, recent
from stillwatch.intake import take_in
from stillwatch.settings import CampaignSettings, Settings, StoreSettings
from stillwatch.store import compact, newest, open_store, retire
from stillwatch.store import retention as retaining

FIRST = datetime(2026, 4, 1, tzinfo=UTC)
DAYS = 12


def _line(day: int, i: int, at: datetime | None = None) -> str:
    started = at or FIRST + timedelta(days=day, minutes=9 * i)
    words = " ".join(f"word{(day * 31 + i * 7 + k) % 90}" for k in range(12))
    ring = i % 4 == 0
    prompt = f"Write a step by step solution of task {day}-{i} and rate it." if ring else words
    row: dict[str, Any] = {
        "exchange_id": f"e{day}-{i}-{started.year}", "account_id": f"{'ring' if ring else 'user'}-{i % 20:02}",
        "model": "m", "started_at": started.isoformat(), "prompt": prompt, "ip": f"10.0.{i % 20}.1",
    }  # fmt: skip
    return json.dumps(row) + "\n"


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A log a day."""
    folder = tmp_path_factory.mktemp("logs")
    files = []
    for day in range(DAYS):
        files.append(folder / f"day-{day:02}.jsonl")
        files[-1].write_text("".join(_line(day, i) for i in range(150)))
    return files


def _rows(home: Path, kind: str) -> list[tuple[Any, ...]]:
    store = open_store(home)
    names = dict(zip(*store.account_ids().to_pydict().values(), strict=True))
    tables = [store.part(kind, name) for name in store.ledger.part_rows(kind)]
    store.close()
    if not tables:
        return []
    columns = pa.concat_tables(tables).to_pydict()
    columns["account"] = [names[number] for number in columns["account"]]
    keyed = {name for name in columns if name not in ("started_at", "account", "n", "first_at", "last_at")}
    keyed -= {"exchange_id", "opening", "closing", "fingerprint", "topic", "prompt_chars", "patterns"}
    return sorted(zip(*(map(repr, values) for name, values in columns.items() if name not in keyed), strict=True))


def _retired(home: Path, days: float) -> dict[str, int]:
    store = open_store(home)
    try:
        return retire(store, days)
    finally:
        store.close()


@pytest.mark.parametrize("in_one_go", [False, True], ids=["a log a day", "all logs at once"])
def test_what_is_left_is_what_a_home_that_never_saw_the_old_days_holds(
    logs: list[Path], tmp_path: Path, in_one_go: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retaining, "SMALL_ROWS", 100)
    fed, fresh = tmp_path / "fed", tmp_path / "fresh"
    for home, some in ((fed, logs), (fresh, logs[DAYS - 4 :])):
        for batch in [some] if in_one_go else [[file] for file in some]:
            take_in(home, [str(file) for file in batch])
    gone = _retired(fed, 3)
    assert gone["exchanges"] == 150 * (DAYS - 4)
    assert _rows(fed, "exchanges") == _rows(fresh, "exchanges")
    held = {(row[0], row[1]) for row in _rows(fresh, "fingerprints")}
    assert held <= {(row[0], row[1]) for row in _rows(fed, "fingerprints")}
    if not in_one_go:
        assert _rows(fed, "fingerprints") == _rows(fresh, "fingerprints")
    assert _retired(fed, 3) == dict.fromkeys(gone, 0)
    assert not list((fed / "exchanges").glob("*.writing"))
    assert take_in(fed, [str(file) for file in logs]).read == 0


def test_a_home_fed_day_by_day_with_a_rolling_window_finds_what_a_fresh_one_finds(
    logs: list[Path], tmp_path: Path
) -> None:
    settings = Settings(store=StoreSettings(retention_days=5), campaigns=CampaignSettings(window_days=4))
    fed, fresh = tmp_path / "fed", tmp_path / "fresh"
    for file in logs:
        found = pipeline.sweep(fed, [str(file)], settings=settings)
    pipeline.ingest(fresh, [str(file) for file in logs], settings=settings)
    again = pipeline.hunt(fresh, settings=Settings(campaigns=CampaignSettings(window_days=4)))
    assert found.run["since"] == again.run["since"]
    assert found.run["rows"]["read"] == 150 * DAYS
    assert found.accounts.sort_by("account_id").equals(again.accounts.sort_by("account_id"))
    kept = sum(row["exchanges"] for row in found.accounts.to_pylist())
    assert 150 * 4 - 2 <= kept <= 150 * 4 + 2
    assert len(list((fed / "exchanges").glob("*.parquet"))) == 6


def test_neither_a_row_from_the_future_nor_a_clock_that_jumps_throws_the_present_away(
    logs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "odd.jsonl"
    odd.write_text("".join(_line(0, i, datetime(2300, 1, 1, tzinfo=UTC)) for i in range(2)))
    home = tmp_path / "home"
    take_in(home, [str(logs[0])])
    take_in(home, [str(odd)], max_malformed_share=1.0)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2199, 1, 1, tzinfo=UTC)

    for clock in (datetime, Later):
        monkeypatch.setattr(retaining, "datetime", clock)
        store = open_store(home)
        latest = newest(store)
        store.close()
        assert latest is not None and latest.date() == FIRST.date()
        assert _retired(home, 2)["exchanges"] == 0


def test_compact_joins_small_files_and_says_so(logs: list[Path], tmp_path: Path) -> None:
    home = tmp_path / "home"
    for file in logs:
        take_in(home, [str(file)])
    before = _rows(home, "exchanges")
    (home / "stillwatch.toml").write_text("[store]\nretention_days = 30\n")
    command = [sys.executable, "-m", "stillwatch", "compact", "--home", str(home)]
    told = json.loads(subprocess.run([*command, "--json"], capture_output=True, text=True, check=True).stdout)
    assert told["joined"]["exchanges"] == DAYS and told["retention_days"] == 30.0
    assert len(list((home / "exchanges").glob("*.parquet"))) == 1
    assert _rows(home, "exchanges") == before
    words = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert words == "Kept: 30 days. Removed: nothing. Small files joined: 0.\n"


def test_a_part_that_cannot_be_written_loses_nothing(
    logs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    take_in(home, [str(file) for file in logs])
    before = _rows(home, "exchanges")

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(pq, "write_table", full)
        with pytest.raises(Exception, match="cannot be written"):
            _retired(home, 3)
    assert _rows(home, "exchanges") == before
    store = open_store(home)
    compact(store)
    store.close()
    assert _retired(home, 3)["exchanges"] == 150 * (DAYS - 4)


def test_campaigns_that_nobody_reported_for_long_are_forgotten_only_where_asked() -> None:
    def seen(at: str) -> Remembered:
        return Remembered("C-1", "distillation", ["a"], [], at, at)

    memory = [seen("2026-01-01T00:00:00+00:00"), seen("2026-05-30T00:00:00+00:00"), seen("unreadable")]
    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert recent(memory, 0, now) == memory
    assert recent(memory, 30, now) == memory[1:]
