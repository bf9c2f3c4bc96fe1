"""Two providers as their operators would run them: commands in processes of their own, over loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from providers import audit_of, home_in, payers

from on_loopback import free_port

pytestmark = pytest.mark.slow


def stillwatch(*args: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "stillwatch", *map(str, args)], capture_output=True, text=True, timeout=120,
        env={**os.environ, **environ}, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


@contextmanager
def serving(*args: object, says: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command that serves, from when it says so."""
    with log.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "stillwatch", *map(str, args)], stderr=out, stdout=out)
        try:
            until = time.monotonic() + 60
            while says not in log.read_text("utf-8") and process.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            assert process.poll() is None, log.read_text("utf-8")
            time.sleep(0.5)
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def workers_of(program: int) -> list[int]:
    """Processes that a program started to do its arithmetic."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        words = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        if int(words[1]) == program and b"spawn_main" in stat.with_name("cmdline").read_bytes():
            found.append(int(stat.parent.name))
    return found


@pytest.fixture
def homes(tmp_path: Path) -> tuple[Path, Path, Path]:
    """(A's home, B's home, a file with the secret that A made for B)."""
    a, b, secret = home_in(tmp_path / "a"), home_in(tmp_path / "b"), tmp_path / "secret"
    made = stillwatch("match", "pair", "b", "--home", a)
    assert made.returncode == 0, made.stderr
    secret.write_text(made.stdout, "utf-8")
    return a, b, secret


def test_a_match_from_the_command_line_and_its_dispute(tmp_path: Path, homes: tuple[Path, Path, Path]) -> None:
    a, b, secret = homes
    ours, theirs = payers(tmp_path / "ours.jsonl", 350, 120), payers(tmp_path / "theirs.jsonl", 0, 400)
    port, log = free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    serve = ("match", "serve", "--accounts", theirs, "--kinds", "payment,phone", "--consent", "cardinality",
             "--limit", 1000, "--port", port, "--home", a)  # fmt: skip
    asking = ("match", "with", url, "--as", "b", "--token-file", secret, "--accounts", ours, "--kinds", "payment",
              "--home", b, "--json")  # fmt: skip
    with serving(*serve, says="Answering", log=log):
        counted = stillwatch(*asking)
        assert counted.returncode == 0, counted.stderr
        assert (json.loads(counted.stdout)["state"], json.loads(counted.stdout)["common"]) == ("counted", 50)
        run = subprocess.Popen([sys.executable, "-m", "stillwatch", *map(str, asking), "--reveal", "--yes"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        until = time.monotonic() + 60
        while "consents to show which" not in log.read_text("utf-8") and time.monotonic() < until:
            time.sleep(0.1)
        run_id = log.read_text("utf-8").rpartition("match consent ")[2].split()[0]
        assert stillwatch("match", "consent", run_id, "--yes", "--home", a).returncode == 0
        out, err = run.communicate(timeout=60)
        assert run.returncode == 0, err
    outcome = json.loads(out)
    assert (outcome["state"], outcome["matches"], outcome["run_id"]) == ("done", 50, run_id)
    assert len(json.loads((a / "matches" / f"{run_id}.json").read_text("utf-8"))["accounts"]) == 50
    assert "phone: not matchable" in log.read_text("utf-8")

    opening = tmp_path / "opening.json"
    opened = stillwatch(
        "match", "open", run_id, "--out", opening, "--accounts", ours, "--kinds", "payment", "--home", b
    )
    assert opened.returncode == 0, opened.stderr
    assert json.loads(stillwatch("match", "check", opening, "--home", a, "--json").stdout)["holds"] is True
    document = json.loads(opening.read_text("utf-8"))
    document["tokens"] = document["tokens"][:-1]
    opening.write_text(json.dumps(document), "utf-8")
    assert "not the one that was committed to" in stillwatch("match", "check", opening, "--home", a).stdout
    changed = stillwatch("match", "open", run_id, "--out", tmp_path / "x", "--accounts", theirs, "--kinds", "payment",
                         "--home", b)  # fmt: skip
    assert changed.returncode == 2 and "do not make the set of that run" in changed.stderr


def test_killed_in_the_middle_neither_side_shows_anything_and_the_next_run_works(
    tmp_path: Path, homes: tuple[Path, Path, Path]
) -> None:
    a, b, secret = homes
    ours, theirs = payers(tmp_path / "ours.jsonl", 350, 120), payers(tmp_path / "theirs.jsonl", 0, 400)
    port = free_port()
    serve = ("match", "serve", "--accounts", theirs, "--kinds", "payment", "--consent", "cardinality", "--limit", 1000,
             "--port", port, "--home", a)  # fmt: skip
    asking = ("match", "with", f"http://127.0.0.1:{port}", "--as", "b", "--token-file", secret, "--accounts", ours,
              "--kinds", "payment", "--home", b)  # fmt: skip
    first = tmp_path / "first"
    with serving(*serve, says="Answering", log=first) as server:
        run = subprocess.Popen([sys.executable, "-m", "stillwatch", *map(str, asking), "--reveal", "--yes"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # fmt: skip
        until = time.monotonic() + 60
        while "consents to show which" not in first.read_text("utf-8") and time.monotonic() < until:
            time.sleep(0.1)
        began = workers_of(server.pid)
        server.kill()
        server.wait(20)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 3 and "gone" in err
    time.sleep(3)
    assert began and not [pid for pid in began if Path(f"/proc/{pid}").exists()], "the set goes with its program"
    assert not (a / "matches").exists() and not (b / "matches").exists()
    assert audit_of(b)[-1]["what"] == "match broken off"
    with serving(*serve, says="Answering", log=tmp_path / "second"):
        again = stillwatch(*asking)
    assert again.returncode == 0 and "50 common" in again.stdout, again.stderr
    assert "match broken off" in [line["what"] for line in audit_of(a)]


def test_tokens_from_the_command_line_and_the_check_that_refuses_hashes(tmp_path: Path) -> None:
    home, port, values = home_in(tmp_path / "e"), free_port(), tmp_path / "values"
    secret = stillwatch("match", "pair", "b", "--role", "evaluate", "--home", home).stdout.strip()
    values.write_text("Ann+1@example.org\nbo@example.org\n", "utf-8")
    with serving("match", "tokens", "serve", "--port", port, "--home", home, says="Evaluating", log=tmp_path / "log"):
        made = stillwatch("match", "tokens", "make", f"http://127.0.0.1:{port}", "--kind", "email", "--from", values,
                          "--as", "b", STILLWATCH_MATCH_SECRET=secret)  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert len(made.stdout.splitlines()) == 2
    feed = tmp_path / "feed"
    feed.write_text(made.stdout, "utf-8")
    assert stillwatch("match", "tokens", "check", feed).returncode == 0
    feed.write_text(made.stdout + "9b74c9897bac770ffc029102a200c5de\n", "utf-8")
    refused = stillwatch("match", "tokens", "check", feed)
    assert refused.returncode == 2 and "line 3: is a bare MD5" in refused.stdout


def test_off_loopback_it_wants_tls_in_front(tmp_path: Path) -> None:
    home = home_in(tmp_path / "a")
    customers = payers(tmp_path / "x.jsonl", 0, 30)
    told = stillwatch("match", "serve", "--accounts", customers, "--kinds", "payment", "--limit", 100,
                      "--host", "0.0.0.0", "--home", home)  # fmt: skip
    assert told.returncode == 2 and "is not loopback" in told.stderr and "reverse proxy" in told.stderr
