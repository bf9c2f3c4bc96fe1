"""Every released version's store opens, is brought to today's format, and gives the findings of a new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from endured import KEY, RELEASED, call, findings_of, small_world, unpack

from stillwatch.store import ledger, open_store
from stillwatch.store.formats import format_of

VERSIONS = sorted(file.name.removesuffix(".tar.gz") for file in RELEASED.glob("*.tar.gz"))


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_store_gives_the_findings_of_a_new_one(tmp_path: Path, version: str) -> None:
    old = unpack(small_world(tmp_path), version)
    new = tmp_path / "new"
    new.mkdir(mode=0o700)
    (new / "secret.key").write_bytes(KEY)
    records = ("--accounts", "accounts.jsonl", "--releases", "releases.csv")
    made = call(tmp_path, "sweep", "log.jsonl", *records, "--home", "new")
    assert made.returncode == 0, made.stderr
    (old / "history" / "campaigns.json").unlink()  # neither has looked before
    (old / "history" / "looks.json").unlink()
    again = call(tmp_path, "hunt", "--home", "home")
    assert again.returncode == 0, again.stderr
    assert findings_of(old) == findings_of(new)
    assert len(findings_of(old)["campaigns"]) == 1
    with closing(sqlite3.connect(old / "ledger.sqlite")) as db:
        assert format_of(db) == ledger.FORMAT


@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_store_takes_more_logs_and_keeps_its_decisions(tmp_path: Path, version: str) -> None:
    home = unpack(tmp_path, version)
    row = '{"exchange_id": "new-1", "account_id": "person-01", "model": "m", "started_at": "2026-05-20T10:00:00Z"}\n'
    (tmp_path / "more.jsonl").write_text(row)
    taken = call(tmp_path, "ingest", "more.jsonl", "--home", "home")
    assert taken.returncode == 0, taken.stderr
    store = open_store(home)
    assert store.totals()["kept"] == 1041
    store.close()
    listed = call(tmp_path, "audit", "--verify", "--home", "home")
    assert listed.returncode == 0, listed.stderr
    assert call(tmp_path, "decisions", "--ended", "--json", "--home", "home").stdout.count('"decision_id"') >= 1
