"""The command as a process: it sweeps on schedule, says what is wrong once, survives, and ends when it is told."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from growing import Logs, RedisServer, Stream, Watch, free_port, record, stored, totals

from stillwatch.store.writing import locked

ACCOUNTS = "account_id,plan\na1,free\n"


@pytest.fixture
def logs(tmp_path: Path) -> Logs:
    return Logs(tmp_path / "logs")


def command(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "stillwatch", *args]
    return subprocess.run(line, cwd=cwd, capture_output=True, text=True, timeout=150, check=False)


def test_a_watch_sweeps_decides_answers_metrics_and_ends_cleanly(logs: Logs, tmp_path: Path) -> None:
    home, port, people = tmp_path / "home", free_port(), tmp_path / "people.csv"
    people.write_text(ACCOUNTS)
    logs.send([*(record(i) for i in range(200)), "no json"])
    watch = Watch(home, logs.source, "--every", "10s", "--after", "50", "--decide", "--accounts", str(people),
                  "--metrics-port", str(port))  # fmt: skip
    watch.until(lambda: watch.said("swept"))
    (first,) = watch.said("swept")
    assert (first["exchanges"], first["error"], first["decided"], first["rows_behind"]) == (200, "", 0, 0)
    assert (home / "findings" / "run.json").is_file() and (home / "decisions.sqlite").is_file()
    logs.send(record(i) for i in range(200, 260))
    watch.until(lambda: sum(swept["exchanges"] for swept in watch.said("swept")) == 260)
    refused = watch.said("quarantine")[0]
    assert (refused["rows"], refused["of"], refused["reason"]) == (1, 201, "is not JSON")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        metrics = answer.read().decode()
    assert 'stillwatch_watch_rows_total{outcome="kept"} 260.0' in metrics
    assert "stillwatch_watch_newest_row_age_seconds" in metrics
    assert f'stillwatch_watch_rows_behind{{source="{logs.source}"}} 0.0' in metrics
    told = command("watch", logs.source, "--home", str(home), cwd=tmp_path)
    assert told.returncode == 2 and "is watched already (process" in told.stderr and "try: " in told.stderr
    assert watch.end() == 0
    assert watch.said()[-1]["event"] == "stopped" and watch.said()[-1]["kept"] == 260
    assert watch.complaints() == ""
    again = command("ingest", logs.source, "--home", str(home), "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["read"] == 0


def test_a_line_a_sweep_for_people(logs: Logs, tmp_path: Path) -> None:
    logs.send(record(i) for i in range(20))
    line = [sys.executable, "-m", "stillwatch", "watch", logs.source, "--home", "home", "--batch", "0.2"]
    process = subprocess.Popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=100)
    assert "0 campaign(s), 0 new; 0 network(s); 20 new exchanges; 0 rows behind, newest row " in said
    assert "watching 1 source(s)" in complaints and "stopped; 20 exchanges were stored" in complaints
    assert process.returncode == 0


def test_a_source_that_is_away_is_said_once_and_read_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    home = tmp_path / "home"
    watch = Watch(home, f"redis://127.0.0.1:{port}/0?stream=calls", "--every", "30d")
    watch.until(lambda: watch.said("away"))
    (away,) = watch.said("away")
    assert away["where"] == f"redis://127.0.0.1:{port}/0?stream=calls" and "cannot be read" in away["what"]
    server = RedisServer(tmp_path, port)
    try:
        Stream(server).send(record(i) for i in range(10))
        watch.until(lambda: watch.said("back") and len(stored(home)) == 10)
        assert len(watch.said("away")) == 1
        assert watch.end() == 0
    finally:
        server.kill()


def test_another_command_gets_its_turn_and_the_watch_waits_for_its_own(logs: Logs, tmp_path: Path) -> None:
    home = tmp_path / "home"
    logs.send(record(i) for i in range(70))
    watch = Watch(home, logs.source, "--every", "30d")
    watch.until_stored(home, 70)
    other = tmp_path / "other.jsonl"
    other.write_text("".join(record(i) + "\n" for i in range(1000, 1010)))
    assert command("ingest", str(other), "--home", str(home), cwd=tmp_path).returncode == 0
    assert command("forget", "a3", "--home", str(home), cwd=tmp_path).returncode == 0
    logs.send([record(3), record(70)])
    watch.until(lambda: "e70" in stored(home))
    assert stored(home).count("e3") == 1, "who was forgotten comes back with what the source still sends"
    with locked(home, wait=20.0):
        logs.send([record(71)])
        watch.until(lambda: watch.said("store"))
    watch.until(lambda: "e71" in stored(home) and watch.said("back"))
    assert "is writing here" in watch.said("store")[0]["what"]
    assert watch.end() == 0
    assert len(stored(home)) == len(set(stored(home)))


def test_a_disk_that_takes_no_more_is_said_the_place_is_kept_and_reading_goes_on_when_there_is_room(
    logs: Logs, tmp_path: Path
) -> None:
    """The limit on a file's size stands for the full disk: parts and the ledger's log cannot be written."""
    home = tmp_path / "home"
    logs.send(record(i) for i in range(50))
    watch = Watch(home, logs.source, "--every", "30d")
    watch.until(lambda: watch.said("swept"))
    before = resource.prlimit(watch.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(watch.pid, resource.RLIMIT_FSIZE, (8192, before[1]))
    logs.send(record(i) for i in range(50, 5000))
    watch.until(lambda: watch.said("store"))
    assert len(stored(home)) == 50
    resource.prlimit(watch.pid, resource.RLIMIT_FSIZE, before)
    watch.until(lambda: watch.said("back"))
    watch.until_stored(home, 5000)
    assert watch.end() == 0
    assert len(watch.said("store")) == 1
    assert sorted(stored(home)) == sorted(f"e{i}" for i in range(5000))
    assert totals(home)["duplicates"] == 0


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["nowhere"], "'nowhere' is not there"),
        (["logs", "--every", "soon"], "'soon' is no time from 10s to 366d"),
        (["logs", "--policy", "p.toml"], "does nothing without --decide"),
        (["logs", "--format", "klingon"], "there is no log format 'klingon'"),
    ],
)
def test_a_watch_that_cannot_be_is_refused_at_once(logs: Logs, tmp_path: Path, args: list[str], says: str) -> None:
    told = command("watch", *args, cwd=tmp_path)
    assert told.returncode == 2 and says in told.stderr and "try: " in told.stderr
