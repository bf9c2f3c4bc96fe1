"""The doctor finds what was broken on purpose, says what to do, and mends only what loses nothing."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "store"))

from endured import call, command, unpack

from stillwatch.doctor import Ailment, examine
from stillwatch.doctor.examine import all_checks
from stillwatch.errors import UsageError
from stillwatch.store import locked, open_store
from stillwatch.store.indicators import Indicators

#: The released store's traffic is of the first two weeks of May 2026.
NOW = datetime.fromisoformat("2026-05-15T12:00:00+00:00").timestamp()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home in which nothing is wrong but what its logs lack."""
    home = unpack(tmp_path)
    open_store(home).close()
    sweeps = home / "history" / "sweeps.jsonl"
    sweeps.write_text(json.dumps({**json.loads(sweeps.read_text()), "at": "2026-05-15T11:00:00Z"}) + "\n")
    return home


def told(home: Path, check: str, **more: object) -> list[Ailment]:
    """What one check says."""
    now = more.pop("now", NOW)
    found = examine(home, now=now, environ={}, **more)  # type: ignore[arg-type]
    return [ailment for name, ailment in found.ailments if name == check]


def test_a_home_in_order_is_well_and_its_notes_are_of_what_was_not_logged(home: Path) -> None:
    found = examine(home, now=NOW, environ={}, deep=True)
    assert found.well, [a for _, a in found.ailments if a.severity != "note"]
    assert {"quarantine", "columns"} <= {ailment.where for _, ailment in found.ailments}
    (columns,) = [ailment for _, ailment in found.ailments if ailment.where == "columns"]
    assert "could not speak for that" in columns.what
    assert set(found.checks) == {
        file.stem for file in Path(all_checks()["parts"].__file__ or "").parent.glob("[a-z]*.py")
    }


def _sql(name: str, statement: str) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        with closing(sqlite3.connect(home / name)) as db:
            db.executescript(statement)

    return act


def _ledger(statement: str) -> Callable[[Path], None]:
    return _sql("ledger.sqlite", statement)


def _toml(text: str) -> Callable[[Path], object]:
    return lambda home: (home / "stillwatch.toml").write_text(text)


def _run_json(text: str) -> Callable[[Path], object]:
    return lambda home: (home / "findings" / "run.json").write_text(text)


def _part(kind: str) -> Callable[[Path], Path]:
    return lambda home: next((home / kind).glob("*.parquet"))


def _damage_ledger(home: Path) -> None:
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = db.execute("SELECT rootpage FROM sqlite_master WHERE name='accounts_seen'").fetchone()[0]
        size = db.execute("PRAGMA page_size").fetchone()[0]
        db.execute("PRAGMA journal_mode=DELETE")
    content = bytearray((home / "ledger.sqlite").read_bytes())
    content[(root - 1) * size + 8 : (root - 1) * size + 200] = os.urandom(192)
    (home / "ledger.sqlite").write_bytes(content)


def _fewer_rows(home: Path) -> None:
    file = _part("exchanges")(home)
    pq.write_table(pq.read_table(file, partitioning=None).slice(0, 7), file)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        db.execute("UPDATE parts SET bytes=? WHERE kind='exchanges'", (file.stat().st_size,))
        db.commit()


def _flip_a_byte(home: Path) -> None:
    file = _part("exchanges")(home)
    content = bytearray(file.read_bytes())
    content[200:3000] = os.urandom(2800)
    file.write_bytes(content)


def _change_audit(home: Path) -> None:
    _sql("decisions.sqlite", "DROP TRIGGER audit_stays; UPDATE audit SET who='nobody' WHERE seq=1")(home)


@pytest.mark.parametrize(
    ("check", "damage", "severity", "says"),
    [
        ("databases", _damage_ledger, "broken", "ledger.sqlite: is damaged"),
        ("databases", lambda home: (home / "ledger.sqlite").unlink(), "broken", "the ledger is gone"),
        ("databases", lambda h: (h / "decisions.sqlite").write_bytes(b"none" * 99), "broken", "cannot be opened"),
        ("databases", _ledger("UPDATE meta SET value='99' WHERE name='format'"), "broken", "newer version"),
        ("databases", _ledger("UPDATE meta SET value='0' WHERE name='format'"), "note", "is of format 0"),
        ("databases", _change_audit, "broken", "audit log: holds for 0 lines, then: line 1 was changed"),
        ("parts", lambda home: _part("exchanges")(home).unlink(), "broken", "is gone; 1,040 rows are lost"),
        ("parts", lambda home: _part("fingerprints")(home).write_bytes(b"x"), "broken", "has 1 bytes where the ledger"),
        ("parts", _fewer_rows, "broken", "has 7 rows where the ledger says 1,040"),
        ("parts", lambda home: (home / "exchanges" / "9.parquet").touch(), "note", "that no run made count"),
        ("parts", _ledger("UPDATE runs SET state='open'"), "warning", "an ingest was cut off (run 1)"),
        ("key_and_rights", lambda home: (home / "secret.key").unlink(), "broken", "the secret key is gone"),
        ("key_and_rights", lambda home: (home / "secret.key").write_bytes(b"x" * 32), "broken", "is another key"),
        ("key_and_rights", lambda home: (home / "secret.key").write_bytes(b"x"), "broken", "no key of 32 bytes"),
        ("key_and_rights", lambda home: (home / "secret.key").chmod(0o644), "broken", "a secret is among them"),
        ("key_and_rights", lambda home: (home / "ledger.sqlite").chmod(0o640), "warning", "can be read or changed"),
        ("findings", lambda home: (home / "findings" / "campaigns.parquet").unlink(), "warning", "nobody has looked"),
        ("findings", lambda home: (home / "findings" / "accounts.parquet").write_bytes(b"x"), "broken", "findings: "),
        ("findings", lambda home: (home / "findings" / "run.json").write_text("{"), "broken", "run.json is gone"),
        ("findings", _ledger("UPDATE parts SET rows=2000 WHERE kind='exchanges'"), "warning", "960 exchanges"),
        ("findings", lambda home: (home / "history" / "looks.unreadable").touch(), "warning", "got new ids"),
        ("settings_file", _toml("[calibrate]\npriro=1"), "broken", "'prior'"),
        ("settings_file", _toml("[calibrate]\nprior=7"), "broken", "must be"),
        ("settings_file", _toml("[patterns]\npacks=['no.yaml']"), "broken",
         "no.yaml"),
        ("settings_file", _toml("[decide]\npolicy='no.toml'"), "broken",
         "no such policy file"),
        ("settings_file", _toml("[signals.template_swep]\nx=1"), "broken",
         "no such signal"),
        ("inputs", _ledger("""UPDATE runs SET counts='{"read": 100, "quarantined": 30, "reasons":
         {"is not JSON": 30}}'"""), "warning", "30 of 100 rows (30.00%) were refused: is not JSON (30)"),
        ("inputs", _ledger("UPDATE parts SET max_at=max_at-864000000000"), "warning", "days ago"),
        ("inputs", _ledger("""INSERT INTO inputs VALUES('/old/a.jsonl', '{"mtime": 1700000000000000000}')
         """), "warning", "/old: nothing new for"),
        ("decisions", _sql("decisions.sqlite", "UPDATE decisions SET expires_at=1"), "note", "are not marked so"),
        ("versions", _run_json('{"versions": {"nowhere-to-be-found": "1"}}'),
         "broken", "is not installed"),
        ("clock", lambda home: (home / "history" / "sweeps.jsonl").write_text(
            '{"at": "2031-01-01T00:00:00Z", "campaigns": []}\n'), "warning", "after this machine's clock"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found_named_and_has_a_remedy(
    home: Path, check: str, damage: Callable[[Path], object], severity: str, says: str
) -> None:
    damage(home)
    found = [a for a in told(home, check) if says in f"{a.where}: {a.what}"]
    assert [ailment.severity for ailment in found] == [severity], told(home, check)
    assert found[0].do


def test_a_part_that_looks_whole_is_read_by_a_deep_look_only(home: Path) -> None:
    _flip_a_byte(home)
    assert told(home, "parts") == []
    assert [a.severity for a in told(home, "parts", deep=True)] == ["broken"]


def test_times_that_cannot_be_and_days_without_anything(home: Path) -> None:
    before = [a for a in told(home, "clock", now=NOW - 6 * 86_400) if "in the future" in a.what]
    assert [a.severity for a in before] == ["warning"]
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        (name,) = db.execute("SELECT name FROM parts WHERE kind='exchanges'").fetchone()
    table = pq.read_table(home / "exchanges" / name, partitioning=None)
    days = table.column("started_at").cast("date32").to_pylist()
    pq.write_table(table.filter([day.day not in (5, 6) for day in days]), home / "exchanges" / name)
    assert any("2 days lie without any exchange: 2026-05-05 to 2026-05-06" in a.what for a in told(home, "clock"))


def test_indicators_that_ran_out_and_decisions_that_nobody_renews(home: Path) -> None:
    kept = Indicators(home)
    kept.db.execute("INSERT INTO indicators(source, indicator, state, until_at) VALUES('peer', 'i-1', 'active', 5)")
    kept.close()
    with closing(sqlite3.connect(home / "decisions.sqlite")) as db:
        db.execute("UPDATE decisions SET state='active', mode='enforce', expires_at=?", (NOW + 200_000,))
        db.commit()
    later = NOW + 150_000
    says = {a.where: a.what for a in told(home, "decisions", now=later)}
    assert "1 of 1 of other providers ran out" in says["indicators"]
    assert "no sweep of the last day renews them" in says["decisions"]


def test_mending_removes_leftovers_narrows_rights_and_touches_nothing_else(home: Path) -> None:
    left = [
        home / "exchanges" / "000009-000001.parquet",
        home / "turns" / "x.writing",
        home / "findings" / ".run.1.new",
    ]
    for file in left:
        file.parent.mkdir(exist_ok=True)
        file.touch(0o600)
    (home / "scratch").mkdir(mode=0o700, exist_ok=True)
    (home / "scratch" / "old.tmp").touch(0o600)
    os.utime(home / "scratch" / "old.tmp", (1, 1))
    (home / "secret.key").chmod(0o644)
    _part("fingerprints")(home).write_bytes(b"x")
    kept = {file: file.read_bytes() for file in home.rglob("*.parquet") if file not in left}
    found = examine(home, now=NOW, environ={}, mend=True)
    assert len(found.mended) == 3, found.mended
    assert not any(file.exists() for file in (*left, home / "scratch" / "old.tmp"))
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert {file: file.read_bytes() for file in kept} == kept
    assert [a.severity for name, a in found.ailments if name == "parts"] == ["broken"]
    assert examine(home, now=NOW, environ={}, mend=True).mended == ()


def test_nothing_is_mended_under_somebody_who_writes(home: Path) -> None:
    left = home / "exchanges" / "000009-000001.parquet"
    left.touch(0o600)
    code = (
        "import sys, time; from pathlib import Path; from stillwatch.store import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None and writer.stdout.readline() == "held\n"
        found = examine(home, now=NOW, environ={}, mend=True)
        writer.kill()
    assert left.exists() and found.mended == ()
    assert [(a.where, f"process {writer.pid}" in a.what) for n, a in found.ailments if n == "locks"] == [("lock", True)]


def test_a_lock_whose_taker_is_dead_is_held_by_its_child(home: Path) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; from stillwatch.store import locked\n"
        "with locked(Path(sys.argv[1])):\n    if os.fork() == 0: time.sleep(60)\n    os.kill(os.getpid(), 9)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(home)], start_new_session=True)
    assert parent.wait(30) == -9
    try:
        (lock,) = [a for a in told(home, "locks") if a.where == "lock"]
        assert (lock.severity, f"process {parent.pid} that took it is gone" in lock.what) == ("warning", True)
    finally:
        os.killpg(parent.pid, 9)
    for _ in range(100):
        if not told(home, "locks"):
            break
        time.sleep(0.05)
    with locked(home):
        assert told(home, "parts") == []


def test_the_command_says_it_all_and_its_status(tmp_path: Path) -> None:
    unpack(tmp_path)
    asked = call(tmp_path, "doctor", "--home", "home", "--json")
    document = json.loads(asked.stdout)
    assert asked.returncode == 1 and not document["well"]  # the latest exchange is long ago
    assert {"severity", "check", "where", "what", "do", "mendable"} == set(document["findings"][0])
    shown = call(tmp_path, "doctor", "--home", "home", "--mend")
    assert "things were looked at: " in shown.stdout and shown.returncode == 1
    with pytest.raises(UsageError, match="no store here"):
        examine(tmp_path / "nowhere")
    assert (
        subprocess.run(command("doctor", "--home", "none"), cwd=tmp_path, capture_output=True, check=False).returncode
        == 2
    )
