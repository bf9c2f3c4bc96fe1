"""Killed while it hunts, migrates, backs up, restores or forgets: the next run ends as if nothing had happened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from endured import call, findings_of, kill_at, small_world, unpack

from stillwatch.store import open_store
from stillwatch.store.formats import format_of

_HUNT = ("hunt", "--home", "home")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What a hunt finds that nobody disturbed."""
    place = tmp_path_factory.mktemp("undisturbed")
    unpack(place)
    assert call(place, *_HUNT).returncode == 0
    return findings_of(place / "home")


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        ("pyarrow.parquet", "write_table", 1),
        ("stillwatch.pipeline", "write_pictures", 0),
        ("stillwatch.pipeline", "write_memory", 0),
        ("stillwatch.pipeline", "write_looks", 0),
        ("stillwatch.pipeline", "remember_sweep", 0),
    ],
)
def test_a_hunt_that_was_killed_while_it_wrote(
    tmp_path: Path, undisturbed: dict[str, list[str]], module: str, name: str, after: int
) -> None:
    home = unpack(tmp_path)
    assert call(tmp_path, *_HUNT, code=kill_at(module, name, after)).returncode == -9
    again = call(tmp_path, *_HUNT)
    assert again.returncode == 0, again.stderr
    assert findings_of(home) == undisturbed


_TO_COME = """
from stillwatch.store import formats, ledger
def change(db, home):
    for number in range(200):
        db.execute(f"CREATE TABLE later_{number}(x)")
        mark(number)
def mark(number):
    return number
first = int(ledger.FORMAT)
ledger.STEPS += (formats.Step(str(first), str(first + 1), "to come", change),)
ledger.FORMAT = str(first + 1)
"""


def test_a_migration_that_was_killed(tmp_path: Path, undisturbed: dict[str, list[str]]) -> None:
    home = unpack(tmp_path)
    before = format_of(sqlite3.connect(home / "ledger.sqlite"))
    killed = _TO_COME.replace("return number", "return number if number < 120 else __import__('os').kill(0, 9)")
    assert call(tmp_path, *_HUNT, code=killed, start_new_session=True).returncode == -9
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        assert not any(name.startswith("later_") for name in tables)
        known = format_of(db)
        assert known is not None and before is not None and int(known) >= int(before)
    again = call(tmp_path, *_HUNT, code=_TO_COME)
    assert again.returncode == 0, again.stderr
    assert findings_of(home) == undisturbed
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'later!_%' ESCAPE '!'").fetchone() == (
            200,
        )


@pytest.mark.parametrize("at", ["_copy_database", "_keep", "sync_folder", "_write_whole", "_told"])
def test_a_backup_that_was_killed_leaves_the_one_before_it(tmp_path: Path, at: str) -> None:
    home = unpack(tmp_path)
    saving = ("backup", "--home", "home", "--to", "saved")
    assert call(tmp_path, *saving).returncode == 0
    row = '{"exchange_id": "new-1", "account_id": "person-01", "model": "m", "started_at": "2026-05-20T10:00:00Z"}\n'
    (tmp_path / "more.jsonl").write_text(row)
    assert call(tmp_path, "ingest", "more.jsonl", "--home", "home").returncode == 0
    assert call(tmp_path, *saving, code=kill_at("stillwatch.store.backup", at)).returncode == -9
    assert call(tmp_path, "restore", "--from", "saved", "--home", "old").returncode == 0
    assert open_store(tmp_path / "old").totals()["kept"] == (1041 if at == "_told" else 1040)
    assert call(tmp_path, *saving).returncode == 0
    assert call(tmp_path, "restore", "--from", "saved", "--home", "new").returncode == 0
    assert open_store(tmp_path / "new").totals() == open_store(home).totals()
    assert sorted(path.name for path in (tmp_path / "saved").iterdir()) == ["files", "lock", "manifest.json"]


@pytest.mark.parametrize(("what", "at"), [("backup", "_member"), ("restore", "_check_databases")])
def test_a_tar_file_or_a_home_is_there_whole_or_not_at_all(tmp_path: Path, what: str, at: str) -> None:
    unpack(tmp_path)
    saving = ("backup", "--home", "home", "--to", "saved.tar")
    putting = ("restore", "--from", "saved.tar", "--home", "new")
    if what == "backup":
        assert call(tmp_path, *saving, code=kill_at("stillwatch.store.backup", at, 3)).returncode == -9
        assert not (tmp_path / "saved.tar").exists()
    assert call(tmp_path, *saving).returncode == 0
    if what == "restore":
        assert call(tmp_path, *putting, code=kill_at("stillwatch.store.restore", at)).returncode == -9
        assert not (tmp_path / "new").exists()
    assert call(tmp_path, *putting).returncode == 0
    assert findings_of(tmp_path / "new") == findings_of(tmp_path / "home")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("module", "name", "after"),
    [
        ("stillwatch.pipeline", "open_store", 0),
        ("stillwatch.store.forgetting", "_from_findings", 0),
        ("stillwatch.store.ledger", "Ledger.transaction", 3),
    ],
)
def test_a_customer_is_forgotten_wholly_by_the_second_try(tmp_path: Path, module: str, name: str, after: int) -> None:
    home = unpack(small_world(tmp_path))
    forgetting = ("forget", "harvest-03", "--home", "home")
    assert call(tmp_path, *forgetting, code=kill_at(module, name, after)).returncode == -9
    again = call(tmp_path, *forgetting)
    assert again.returncode == 0, again.stderr
    assert [file.name for file in home.rglob("*") if file.is_file() and b"harvest-03" in file.read_bytes()] == []
    assert "nothing here names" in call(tmp_path, *forgetting).stderr
