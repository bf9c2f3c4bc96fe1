"""The journal writes what was put, turns over, survives a full disk and a moved file, and holds no secret."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from stillwatch_gateway.journal import LONGEST_LINE, Journal, JournalSettings, line_of
from stillwatch_gateway.settings import GatewaySettings


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"exchange_id": f"x-{number}", "started_at": "2026-03-01T00:00:00Z", "account_id": "a", "model": "m", **more}


def ids(*paths: Path) -> list[str]:
    return [json.loads(line)["exchange_id"] for path in paths for line in path.read_bytes().splitlines()]


def test_rows_come_out_in_the_order_they_were_put(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "log.jsonl"
    journal = Journal(JournalSettings(path))
    for number in range(500):
        journal.put(row(number, prompt="naïve 你 \ud83d"))
    assert journal.flush()
    assert ids(path) == [f"x-{number}" for number in range(500)]
    assert path.stat().st_mode & 0o077 == 0, "prompts are for nobody else's eyes"
    assert journal.counts() == {"written": 500, "dropped": 0, "failed": 0}


def test_a_full_file_is_turned_over_and_the_oldest_goes(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    journal = Journal(JournalSettings(path, max_bytes=1000, keep=2))
    for number in range(60):
        journal.put(row(number))
    assert journal.flush()
    held = [path.with_name("log.jsonl.2"), path.with_name("log.jsonl.1"), path]
    assert sorted(tmp_path.iterdir()) == sorted(held)
    numbers = ids(*held)
    assert numbers == [f"x-{number}" for number in range(60 - len(numbers), 60)]
    assert all(one.stat().st_size <= 1000 for one in held)


def test_a_file_that_was_moved_away_is_followed_by_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    now = [0.0]
    journal = Journal(JournalSettings(path), clock=lambda: now[0])
    journal.put(row(1))
    assert journal.flush()
    path.rename(tmp_path / "taken.jsonl")
    now[0] = 1.5
    journal.put(row(2))
    assert journal.flush()
    assert (ids(tmp_path / "taken.jsonl"), ids(path)) == (["x-1"], ["x-2"])


def test_a_full_disk_is_counted_told_once_a_minute_and_over_when_it_is_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "log.jsonl"
    path.symlink_to("/dev/full")
    now = [0.0]
    journal = Journal(JournalSettings(path), clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            journal.put(row(number, prompt="a secret of a customer"))
        assert journal.flush()
    assert journal.counts() == {"written": 0, "dropped": 0, "failed": 50}
    assert len(caplog.records) == 1 and "OSError 28" in caplog.text and "secret" not in caplog.text
    path.unlink()
    journal.put(row(50))
    assert journal.flush()
    assert ids(path) == ["x-50"]


def test_a_disk_that_fills_in_the_middle_of_a_line_spoils_that_line_only(tmp_path: Path) -> None:
    script = """
import resource, signal, sys
from pathlib import Path
from stillwatch_gateway.journal import Journal, JournalSettings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
journal = Journal(JournalSettings(Path(sys.argv[1])))
one = {"exchange_id": "x", "started_at": "2026-03-01T00:00:00Z", "account_id": "a", "model": "m", "prompt": "p" * 200}
for _ in range(10):
    journal.put(one)
journal.flush()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.put(one)
journal.flush()
print(journal.written, journal.failed)
"""
    path = tmp_path / "log.jsonl"
    told = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, timeout=60)
    assert told.stdout.split() == ["4", "7"], told.stderr
    lines = path.read_bytes().splitlines()
    assert [line.endswith(b"}") for line in lines] == [True, True, True, False, True]
    assert json.loads(lines[-1])["exchange_id"] == "x"


def test_a_full_queue_drops_rows_and_never_waits(tmp_path: Path) -> None:
    pipe = tmp_path / "slow"
    subprocess.run(["mkfifo", str(pipe)], check=True)  # nobody reads: opening it waits for ever
    journal = Journal(JournalSettings(pipe, queue_rows=10))
    began = time.perf_counter()
    for number in range(1000):
        journal.put(row(number, prompt="x" * 20_000))
    assert time.perf_counter() - began < 1.0
    assert journal.dropped >= 950


def test_a_disk_that_does_not_answer_is_told_although_the_writer_is_stuck(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pipe = tmp_path / "slow"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    now = [0.0]
    journal = Journal(JournalSettings(pipe), clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for number in range(40):
            journal.put(row(number, prompt="a secret of a customer" * 1000))
        while journal.counts()["written"] == 0:
            time.sleep(0.01)
        assert not journal.flush(0.5) and "does not answer" not in caplog.text
        journal._tell("something else, shortly before")
        caplog.clear()
        now[0] = 11.0
        for number in range(40):
            journal.put(row(number))
    assert caplog.text.count("does not answer") == 1 and "secret" not in caplog.text


def test_long_conversations_that_wait_for_the_disk_do_not_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stillwatch_gateway.journal.MOST_WAITING_CHARS", 1_000_000)
    pipe = tmp_path / "slow"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    journal = Journal(JournalSettings(pipe))
    long = [{"role": "user", "content": [{"type": "text", "text": "x" * 100_000}]}]
    for number in range(500):
        journal.put(row(number, messages=long))
    assert journal.dropped > 400, "64 rows and a million characters wait, no more"
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    while journal.counts()["written"] + journal.dropped < 500:
        with contextlib.suppress(BlockingIOError):
            os.read(reader, 1 << 20)
    os.close(reader)
    assert journal.flush()
    dropped = journal.dropped
    for number in range(5):
        journal.put(row(number, messages=long))
    assert journal.dropped == dropped, "what was written no longer counts"


def test_without_text_no_prompt_or_answer_is_written_and_a_credential_never() -> None:
    full = row(1, messages=[{"role": "user", "content": "PROMPT"}], prompt="PROMPT", system="PROMPT",
               completion="PROMPT", input_tokens=3, secret_fields={"raw": "KEY"}, authorization="KEY")  # fmt: skip
    assert b"PROMPT" not in line_of(full, text=False) and b'"input_tokens":3' in line_of(full, text=False)
    assert line_of(full).count(b"PROMPT") == 4
    assert b"KEY" not in line_of(full)


def test_a_conversation_beyond_all_measure_is_left_out_and_said_so() -> None:
    long = row(1, messages=[{"role": "user", "content": "x" * LONGEST_LINE}], completion="y" * 10)
    read = json.loads(line_of(long))
    assert "messages" not in read and read["completion"] == "y" * 10
    assert read["stillwatch"] == {"shortened": True}


def test_a_forked_worker_writes_its_own_rows(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from stillwatch_gateway.journal import Journal, JournalSettings
journal = Journal(JournalSettings(Path(sys.argv[1])))
one = {"exchange_id": "parent", "started_at": "2026-03-01T00:00:00Z", "account_id": "a", "model": "m"}
journal.put(one)
journal.flush()
if os.fork() == 0:
    journal.put({**one, "exchange_id": "child"})
    os._exit(0 if journal.flush() else 1)
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
    path = tmp_path / "log.jsonl"
    assert subprocess.run([sys.executable, "-c", script, str(path)], timeout=60).returncode == 0
    assert ids(path) == ["parent", "child"]


def test_settings_of_the_gateway_name_the_file_or_its_folder(tmp_path: Path) -> None:
    inside = JournalSettings.of(GatewaySettings(log=tmp_path, log_text=False, log_max_mb=1, log_keep=3))
    assert inside == JournalSettings(tmp_path / "exchanges.jsonl", False, 1 << 20, 3)
    assert JournalSettings.of(GatewaySettings()).path is None
    Journal(JournalSettings()).put(row(1))
    assert not list(tmp_path.iterdir())
