"""A full disk, a disk that cannot be written, a clock that went back, two at once: clear words, and nothing is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from endured import call, command, findings_of, small_world, unpack

from stillwatch.store import open_store

_LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
"""
_MOUNTED = """
set -u
mkdir disk && mount -t tmpfs -o size=$1 none disk && chmod 700 disk || exit 99
shift; "$@" > out 2> err; echo $? > status
cp -r disk kept
"""


def on_a_small_disk(place: Path, size: str, *args: str) -> tuple[int, str] | None:
    """Status and errors of a command whose home `disk/home` is on a file system of its own; None where mounting is
    refused. What it left is in `kept`."""
    script = ["unshare", "-rm", "sh", "-c", _MOUNTED, "sh", size, *command(*args)]
    try:
        done = subprocess.run(script, cwd=place, capture_output=True, timeout=240, check=False)
    except FileNotFoundError:
        return None
    if done.returncode or not (place / "status").exists():
        return None
    return int((place / "status").read_text()), (place / "err").read_text()


def test_on_a_full_disk_an_ingest_says_so_and_the_next_one_goes_on(tmp_path: Path) -> None:
    small_world(tmp_path)
    assert call(tmp_path, "ingest", "log.jsonl", "--home", "roomy/home").returncode == 0
    needed = sum(file.stat().st_size for file in (tmp_path / "roomy").rglob("*") if file.is_file()) // 1024
    for size in (f"{needed * tenths // 10}k" for tenths in (4, 6, 8)):
        place = tmp_path / size
        place.mkdir()
        small_world(place)
        full = on_a_small_disk(place, size, "ingest", "log.jsonl", "--home", "disk/home")
        if full is None:  # mounting is refused here: a limit on the size of files stands in for it
            done = call(place, "ingest", "log.jsonl", "--home", "kept/home", code=_LIMITED)
            full = done.returncode, done.stderr
        status, said = full
        assert status == 3, said
        where, hint = said.strip().split("\n")
        assert ": " in where and hint.startswith("try: ")
        again = call(place, "ingest", "log.jsonl", "--home", "kept/home")
        assert again.returncode == 0, again.stderr
        store = open_store(place / "kept" / "home")
        assert (store.totals()["read"], store.totals()["kept"]) == (1041, 1040)
        assert {f.name for f in (store.home / "exchanges").iterdir()} == {f.name for f in store.exchange_files()}


@pytest.mark.parametrize("args", [("hunt", "--home", "home"), ("forget", "harvest-03", "--home", "home")])
def test_a_file_that_cannot_grow_loses_nothing(tmp_path: Path, args: tuple[str, ...]) -> None:
    home = unpack(tmp_path)
    assert call(tmp_path, "hunt", "--home", "home").returncode == 0  # as today's version finds
    before = findings_of(home)
    full = call(tmp_path, *args, code=_LIMITED.replace("20_000", "2_000"))
    assert full.returncode == 3, full.stderr
    assert full.stderr.count("\n") == 2 and "\ntry: " in full.stderr
    again = call(tmp_path, *args)
    assert again.returncode == 0, again.stderr
    if args[0] == "hunt":
        assert findings_of(home) == before


_READ_ONLY = """
set -u
mount --bind home home && mount -o remount,bind,ro home || exit 99
for command in "sweep log.jsonl --home home" "hunt --home home" "decide --home home" "forget harvest-03 --home home" \
    "campaigns --home home" "doctor --home home" "backup --home home --to saved"; do
    "$1" -m stillwatch $command > out 2> err; echo "$?|$command|$(tail -n 2 err | tr '\\n' ' ')" >> said
done
"""


def test_a_home_that_cannot_be_written_is_read_looked_over_and_backed_up(tmp_path: Path) -> None:
    home = unpack(small_world(tmp_path))
    done = subprocess.run(["unshare", "-rm", "sh", "-c", _READ_ONLY, "sh", sys.executable], cwd=tmp_path, check=False)
    if done.returncode == 99 or not (tmp_path / "said").exists():  # mounting is refused here: rights stand in for it
        home.chmod(0o500)
        done = call(tmp_path, "hunt", "--home", "home")
        home.chmod(0o700)
        assert done.returncode in (0, 3)  # root may write there all the same
        return
    said = [line.split("|") for line in (tmp_path / "said").read_text().splitlines()]
    status = {command.split()[0]: int(number) for number, command, _ in said}
    writing = ("sweep", "hunt", "decide", "forget")
    assert [status[name] for name in (*writing, "campaigns", "doctor", "backup")] == [3, 3, 3, 3, 0, 1, 0], said
    for _, command_line, words in said:
        if command_line.split()[0] in writing:
            assert "read-only" in words or "Read-only" in words, words
            assert "try: " in words and "restore" not in words, words
    assert call(tmp_path, "restore", "--from", "saved", "--home", "new").returncode == 0
    assert findings_of(tmp_path / "new") == findings_of(home)


_BACK = "import time\nreal = time.time\ntime.time = lambda: real() - 20 * 86_400"


def test_a_clock_that_went_back_loses_no_rows_of_today(tmp_path: Path) -> None:
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    row = '{{"exchange_id": "e{0}", "account_id": "a", "model": "m", "started_at": "{1}"}}\n'
    times = [now - timedelta(days=40 - i) if i < 39 else now for i in range(40)]
    lines = [row.format(i, at.strftime("%Y-%m-%dT%H:%M:%SZ")) for i, at in enumerate(times)]
    (tmp_path / "one.jsonl").write_text("".join(lines[:38]))
    assert call(tmp_path, "ingest", "one.jsonl", "--home", "home").returncode == 0
    (tmp_path / "two.jsonl").write_text("".join(lines))
    back = call(
        tmp_path, "ingest", "two.jsonl", "--home", "home", "--set", "ingest.max_malformed_share=0.5", code=_BACK
    )
    assert back.returncode == 2
    assert "stands before the last run here" in back.stderr and "set the clock" in back.stderr
    assert call(tmp_path, "ingest", "two.jsonl", "--home", "home").returncode == 0
    assert open_store(tmp_path / "home").totals()["kept"] == 40


def test_two_sweeps_at_once_end_as_one(tmp_path: Path) -> None:
    small_world(tmp_path)
    args = ("sweep", "log.jsonl", "--accounts", "accounts.jsonl", "--releases", "releases.csv", "--home", "home")
    both = [
        subprocess.Popen(command(*args), cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=240)[1] for process in both]
    assert {process.returncode for process in both} in ({0}, {0, 2}), said
    for process, words in zip(both, said, strict=True):
        if process.returncode:
            assert "another stillwatch is writing here (process " in words and "wait until it is done" in words
    store = open_store(tmp_path / "home")
    assert (store.totals()["kept"], store.totals()["duplicates"]) == (1040, 0)
    once = findings_of(tmp_path / "home")
    assert call(tmp_path, *args).returncode == 0
    assert findings_of(tmp_path / "home") == once
    assert len(once["campaigns"]) == 1
