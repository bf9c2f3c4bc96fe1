"""Two processes in one home: one key, no customer who comes back, nothing half written that stays."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch import pipeline
from stillwatch.intake import take_in
from stillwatch.settings import Settings
from stillwatch.store import home as homes
from stillwatch.store import open_store
from stillwatch.store.writing import FINDINGS_LOCK, locked


def filled(folder: Path, days: float = 0.0) -> Path:
    log = folder / "log.jsonl"
    log.write_text("".join(
        json.dumps({"exchange_id": f"e{i}", "account_id": ("zebra-77", "other-1")[i % 2], "model": "m",
                    "started_at": f"2026-05-01T{i % 24:02}:00:00Z", "prompt": f"Name the moons of planet {i}."}) + "\n"
        for i in range(60)))  # fmt: skip
    take_in(folder / "home", [str(log)], keep_text_days=days)
    return folder / "home"


def test_the_loser_of_two_first_runs_uses_the_winners_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, keys = homes.write_key, []

    def late(path: Path, key: bytes, **more: Any) -> None:
        real(path, b"w" * 32)
        keys.append(key)
        real(path, key, **more)

    monkeypatch.setattr(homes, "write_key", late)
    assert open_store(tmp_path / "home", create=True).key == b"w" * 32 != keys[0]
    assert [f.name for f in (tmp_path / "home").glob("*.writing")] == []


def test_first_runs_at_once_agree_on_a_key(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from stillwatch.store import open_store\n" \
           "print(open_store(Path(sys.argv[1]), create=True).key.hex())"
    command = [sys.executable, "-c", code, str(tmp_path / "home")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1


def test_a_customer_forgotten_during_a_hunt_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = filled(tmp_path)
    real, hunts = pipeline.hunt_window, []

    def hunted(*args: Any, **keywords: Any) -> Any:
        found = real(*args, **keywords)
        if not hunts:
            pipeline.forget(home, "zebra-77")
        hunts.append(found)
        return found

    monkeypatch.setattr(pipeline, "hunt_window", hunted)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    pipeline.hunt(home, settings=Settings(), since=since)
    assert len(hunts) == 2
    assert pq.read_table(home / "findings" / "accounts.parquet").column("account_id").to_pylist() == ["other-1"]
    assert [f.name for f in home.rglob("*") if f.is_file() and b"zebra-77" in f.read_bytes()] == []
    assert json.loads((home / "findings" / "run.json").read_text())["since"] == "2026-01-01T00:00:00Z"


def test_a_hunt_writes_beside_an_ingest_and_removes_expired_text(tmp_path: Path) -> None:
    home = filled(tmp_path, days=1e-9)
    assert list((home / "text").iterdir())
    with locked(home):
        pipeline.hunt(home, settings=Settings())
    assert list((home / "text").iterdir())
    pipeline.hunt(home, settings=Settings())
    assert list((home / "text").iterdir()) == []


def test_what_was_half_written_is_cleared_unless_somebody_writes_it(tmp_path: Path) -> None:
    home = filled(tmp_path)
    left = [home / "findings" / ".accounts.77.new", home / "history" / "campaigns.new"]
    for file in left:
        file.write_text("zebra-77")
    with locked(home, FINDINGS_LOCK):
        take_in(home, [str(tmp_path / "log.jsonl")])
    assert all(file.exists() for file in left)
    pipeline.forget(home, "zebra-77")
    assert not any(file.exists() for file in left)


def test_a_sweep_leaves_what_it_read_passed_over_and_could_not_read(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    filled(tmp_path)
    (tmp_path / "log.jsonl").rename(logs / "log.jsonl")
    (logs / "other.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "people.jsonl").write_text('{"account_id": "other-1", "allow": true}\n')
    found = pipeline.sweep(
        tmp_path / "new", [str(logs)], settings=Settings(), accounts=[str(tmp_path / "people.jsonl")]
    )
    run = json.loads((tmp_path / "new" / "findings" / "run.json").read_text())
    assert [Path(file["path"]).name for file in run["passed_over"]] == ["other.jsonl"]
    assert (run["accounts_file"]["read"], run["accounts_file"]["set_unknown"]) == (1, {"allow": 1})
    assert run["durations"]["ingest_seconds"] > 0 and found.run["rows"]["kept"] == 60
