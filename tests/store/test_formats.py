"""Formats go up step by step, each whole or not at all; a newer one is refused with words that help."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from endured import unpack

from stillwatch.decide.record import Record
from stillwatch.errors import UsageError
from stillwatch.store import locked, open_store
from stillwatch.store.formats import Step, bring_up, format_of
from stillwatch.store.indicators import Indicators
from stillwatch.store.ledger import Ledger

SCHEMA = "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT);\nCREATE TABLE IF NOT EXISTS a(x INTEGER);"


def fill(number: int) -> Step:
    def change(db: sqlite3.Connection, home: Path) -> None:
        db.execute(f"CREATE TABLE made_{number}(home TEXT)")
        db.execute(f"INSERT INTO made_{number} VALUES(?)", (home.name,))

    return Step(str(number), str(number + 1), f"makes table {number}", change)


def made(place: Path) -> Path:
    path = place / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        bring_up(db, path, schema=SCHEMA, current="1")
    return path


def test_a_new_file_has_the_latest_format_and_takes_no_steps(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        assert bring_up(db, path, schema=SCHEMA, current="3", steps=[fill(1), fill(2)]) == []
        assert format_of(db) == "3"


def test_steps_are_taken_in_order_and_once(tmp_path: Path) -> None:
    path = made(tmp_path)
    for expected in (["1", "2"], []):
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            way = bring_up(db, path, schema=SCHEMA, current="3", steps=[fill(2), fill(1)], alone=True)
            assert [step.since for step in way] == expected
            assert db.execute("SELECT home FROM made_2").fetchall() == [(tmp_path.name,)]
            assert format_of(db) == "3"


def test_a_step_that_fails_leaves_the_format_before_it_and_nothing_of_itself(tmp_path: Path) -> None:
    path = made(tmp_path)

    def fail(db: sqlite3.Connection, home: Path) -> None:
        db.execute("CREATE TABLE half(x)")
        raise RuntimeError("no")

    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        with pytest.raises(RuntimeError):
            bring_up(db, path, schema=SCHEMA, current="3", steps=[fill(1), Step("2", "3", "fails", fail)])
        assert format_of(db) == "2"
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}
        assert names == {"meta", "a", "made_1"}
        bring_up(db, path, schema=SCHEMA, current="3", steps=[fill(1), fill(2)])
        assert format_of(db) == "3"


_KILLED = """
import os, sqlite3, sys
from pathlib import Path
from stillwatch.store.formats import Step, bring_up
path = Path(sys.argv[1])
def first(db, home):
    db.execute("CREATE TABLE made_1(x)")
def second(db, home):
    db.execute("CREATE TABLE made_2(x)")
    db.execute("INSERT INTO made_2 VALUES(1)")
    if sys.argv[2] == "kill": os.kill(os.getpid(), 9)
db = sqlite3.connect(path, isolation_level=None)
db.execute("PRAGMA journal_mode=WAL")
schema = "CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value TEXT);"
bring_up(db, path, schema=schema, current="3", steps=[Step("1", "2", "", first), Step("2", "3", "", second)])
"""


def test_killed_within_a_step_the_next_opening_goes_on_from_the_step_before(tmp_path: Path) -> None:
    path = made(tmp_path)
    command = [sys.executable, "-c", _KILLED, str(path)]
    assert subprocess.run([*command, "kill"], timeout=60, check=False).returncode == -9
    with closing(sqlite3.connect(path)) as db:
        assert format_of(db) == "2"
    assert subprocess.run([*command, "on"], timeout=60, check=False).returncode == 0
    with closing(sqlite3.connect(path)) as db:
        assert format_of(db) == "3"
        assert db.execute("SELECT count(*) FROM made_2").fetchone() == (1,)


def test_nobody_changes_a_format_under_somebody_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = made(tmp_path)
    monkeypatch.setattr("stillwatch.store.formats.LOCK_WAIT", 0.0)
    with closing(sqlite3.connect(path, isolation_level=None)) as db, locked(tmp_path):
        with pytest.raises(UsageError, match="another stillwatch is writing here"):
            bring_up(db, path, schema=SCHEMA, current="2", steps=[fill(1)], alone=True)
        assert format_of(db) == "1"


@pytest.mark.parametrize("name", ["ledger.sqlite", "decisions.sqlite", "indicators.sqlite"])
@pytest.mark.parametrize(("written", "says"), [("99", "newer version"), ("next", "another version")])
def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path, name: str, written: str, says: str) -> None:
    home = unpack(tmp_path)
    Indicators(home).close()
    with closing(sqlite3.connect(home / name)) as db:
        db.execute("UPDATE meta SET value=? WHERE name='format'", (written,))
        db.execute("DROP TABLE IF EXISTS releases")
        db.commit()
    openers = {"ledger.sqlite": lambda: Ledger(home / name), "decisions.sqlite": lambda: Record(home),
               "indicators.sqlite": lambda: Indicators(home)}  # fmt: skip
    with pytest.raises(UsageError, match=says) as refused:
        openers[name]()
    assert "restore a backup" in refused.value.hint
    with closing(sqlite3.connect(home / name)) as db:
        assert format_of(db) == written
        assert not db.execute("SELECT 1 FROM sqlite_master WHERE name='releases'").fetchone()


def test_a_key_that_is_not_the_stores_own_is_refused(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    open_store(home).close()  # from now on the ledger knows its key
    (home / "secret.key").write_bytes(b"x" * 32)
    with pytest.raises(UsageError, match="not the key that this store was hashed with"):
        open_store(home)


def test_a_rotated_key_is_the_stores_own(tmp_path: Path) -> None:
    home = unpack(tmp_path)
    store = open_store(home)
    old = store.key
    store.rotate_key()
    store.close()
    assert open_store(home).key != old
    (home / "secret.key").write_bytes(old)
    with pytest.raises(UsageError, match="not the key"):
        open_store(home)
