"""A run that is killed loses nothing and doubles nothing; the next one goes on where it was."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.intake import take_in
from stillwatch.store import open_store
from stillwatch.store.writing import locked

_SCRIPT = """
import os, sys
from pathlib import Path
from stillwatch import intake
from stillwatch.ingest import lines
from stillwatch.store import ledger, parts, writing
lines.BLOCK_ROWS, intake.CHUNK_ROWS = 100, 100
where, home, log = sys.argv[1:]
seen = 0
def bomb(real):
    def call(*args, **kwargs):
        global seen
        seen += 1
        if seen == 3: os.kill(os.getpid(), 9)
        return real(*args, **kwargs)
    return call
if where == "part": writing.write_part = bomb(writing.write_part)
if where == "summed": writing.summed = bomb(writing.summed)
if where == "quarantine": writing.Writer._write_quarantine = bomb(writing.Writer._write_quarantine)
if where == "commit": ledger.Ledger.transaction = bomb(ledger.Ledger.transaction)
if where == "folder": parts.sync_folder = bomb(parts.sync_folder)
intake.take_in(Path(home), [log], dialect="exchange")
"""


def _log(path: Path) -> None:
    row = {"started_at": "2026-05-01T10:00:00Z", "model": "m", "prompt": "Name the moons of this planet, please."}
    rows = [json.dumps({**row, "exchange_id": f"e{i}", "account_id": f"a{i % 7}"}) for i in range(1000)]
    path.write_text("\n".join([*rows[:500], "no json", *rows[500:]]) + "\n")


@pytest.mark.parametrize("where", ["part", "summed", "quarantine", "commit", "folder"])
def test_killed_anywhere_each_id_is_stored_once(tmp_path: Path, where: str) -> None:
    home, log = tmp_path / "home", tmp_path / "log.jsonl"
    _log(log)
    killed = subprocess.run([sys.executable, "-c", _SCRIPT, where, str(home), str(log)], timeout=60, check=False)
    assert killed.returncode == -9
    take_in(home, [str(log)], dialect="exchange")
    store = open_store(home)
    ids = [i for f in store.exchange_files() for i in pq.read_table(f, columns=["exchange_id"]).column(0).to_pylist()]
    assert sorted(ids) == sorted(f"e{i}" for i in range(1000))
    totals = store.totals()
    assert (totals["read"], totals["kept"], totals["quarantined"], totals["duplicates"]) == (1001, 1000, 1, 0)
    on_disk = {f.name for f in (home / "exchanges").iterdir()}
    assert on_disk == {f.name for f in store.exchange_files()}
    quarantined = [x for f in (home / "quarantine").iterdir() for x in f.read_text().splitlines()]
    assert len(quarantined) == 1
    assert take_in(home, [str(log)], dialect="exchange").read == 0


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    _log(log)
    take_in(tmp_path / "home", [str(log)], dialect="exchange")
    with locked(tmp_path / "home"), pytest.raises(UsageError, match=r"process \d+"):
        take_in(tmp_path / "home", [str(log)], dialect="exchange")


def test_forgotten_means_gone_and_rotated_means_unknown(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    _log(log)
    take_in(tmp_path / "home", [str(log)], dialect="exchange")
    store = open_store(tmp_path / "home")
    assert store.forget("a3")["exchanges"] == 143
    assert "a3" not in store.account_ids().column("account_id").to_pylist()
    assert store.totals()["kept"] == 857
    old = store.key
    store.rotate_key()
    again = open_store(tmp_path / "home")
    assert again.key != old and len(again.key) == 32
    prompts = [pq.read_table(file).column("prompt") for file in again.exchange_files()]
    assert [len(column) - column.null_count for column in prompts] == [0]


def test_a_forgotten_account_is_in_no_file_of_the_home(tmp_path: Path) -> None:
    home, log = tmp_path / "home", tmp_path / "log.jsonl"
    log.write_text("\n".join(
        json.dumps({"exchange_id": f"e{i}", "account_id": ("zebra-77", "other-1")[i % 2], "model": "m",
                    "started_at": "2026-05-01T10:00:00Z", "prompt": "Name the moons of this planet."})
        for i in range(40)))  # fmt: skip
    take_in(home, [str(log)], dialect="exchange")
    latest = home / "history" / "latest"
    latest.mkdir(parents=True)
    ids = ["zebra-77", "other-1"]
    (home / "history" / "campaigns.json").write_text(json.dumps([{"account_ids": ids}, {"account_ids": ids[:1]}]))
    pq.write_table(pa.table({"account_id": ids}), latest / "ties.parquet")
    pq.write_table(pa.table({"account_ids": [ids], "accounts": [2]}), home / "findings" / "campaigns.parquet")
    store = open_store(home)
    with pytest.raises(UsageError, match="nothing here names 'zebra-7'"):
        store.forget("zebra-7")
    touched = store.forget("zebra-77")
    assert (touched["history_campaigns"], touched["history_ties"], touched["findings_campaigns"]) == (2, 1, 1)
    store.close()
    files = [f for f in home.rglob("*") if f.is_file()]
    tables = [pq.read_table(f, partitioning=None).to_pylist() for f in files if f.suffix == ".parquet"]
    assert "other-1" in repr(tables)
    assert "zebra-77" not in repr(tables)
    assert [f.name for f in files if b"zebra-77" in f.read_bytes()] == []
    assert [f.name for f in (home / "exchanges").iterdir() if f.stat().st_mode & 0o077] == []
    assert (home / "ledger.sqlite").stat().st_mode & 0o077 == 0


def test_accounts_are_hashed_kept_in_place_and_their_suspension_is_dated(tmp_path: Path) -> None:
    home, log, people = tmp_path / "home", tmp_path / "log.jsonl", tmp_path / "people.csv"
    _log(log)
    people.write_text("account_id,org_id,signup_ip,status\na1,acme,192.0.2.9,active\n")
    assert take_in(home, [str(log)], accounts=[people]).accounts["changed"] == 1
    people.write_text("account_id,status,status_changed_at\na1,suspended,2026-05-02T00:00:00Z\n")
    take_in(home, [str(log)], accounts=[people])
    store = open_store(home)
    (record,) = store.accounts().to_pylist()
    assert record["status"] == "suspended" and isinstance(record["org"], int) and isinstance(record["signup_net"], int)
    (change,) = store.status_changes().to_pylist()
    assert (change["status"], change["at"].isoformat()) == ("suspended", "2026-05-02T00:00:00+00:00")
    assert b"acme" not in (home / "ledger.sqlite").read_bytes()
