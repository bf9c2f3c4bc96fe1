"""The command line keeps its contract: statuses, two lines of error, one JSON document."""

from __future__ import annotations

import errno
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import hand_made as made
import pytest
from click.testing import CliRunner, Result

from stillwatch.cli.menu import COMMANDS, menu
from stillwatch.errors import OutsideError, UsageError


def ask(*args: str) -> Result:
    return CliRunner().invoke(menu, list(args))


def two_lines(result: Any) -> tuple[str, str]:
    """The error of a command: `where: what`, then `try: hint`."""
    assert result.stdout == ""
    lines = result.stderr.strip().split("\n")
    assert len(lines) == 2, result.stderr
    assert ": " in lines[0]
    assert lines[1].startswith("try: ")
    return lines[0], lines[1]


def leaves(command: click.Command | None, *path: str) -> list[tuple[str, ...]]:
    """The commands in a group, as they are called; one that is no group is itself."""
    if not isinstance(command, click.Group):
        return [path]
    return [leaf for name, inner in command.commands.items() for leaf in leaves(inner, *path, name)]


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_a_help(command: str) -> None:
    result = ask(command, "--help")
    assert result.exit_code == 0
    assert "Usage: " in result.output
    with click.Context(menu) as ctx:
        whole = menu.get_command(ctx, command)
    for path in leaves(whole, command):
        assert "--json" in ask(*path, "--help").output, path


@pytest.mark.parametrize(("said", "meant"), [
    (("approve", "D-1", "--reason", "x"), "--note"), (("refuse", "D-1", "--note", "x"), "--reason"),
    (("lift", "D-1", "--note", "x"), "--reason"), (("approve", "D-1", "--notes", "x"), "--note"),
    (("decisions", "--reason", "x"), None),
])  # fmt: skip
def test_an_option_of_a_neighbouring_command_is_answered_with_this_ones_own(
    said: tuple[str, ...], meant: str | None
) -> None:
    done = subprocess.run([sys.executable, "-m", "stillwatch", *said], capture_output=True, text=True, check=False)
    what, hint = two_lines(done)
    assert done.returncode == 2 and "No such option" in what
    assert hint == f"try: stillwatch {said[0]} {meant}" if meant else not hint.endswith(("--note", "--reason"))


def test_without_a_command_the_help_is_shown() -> None:
    result = ask()
    assert result.exit_code == 0
    for command in COMMANDS:
        assert command in result.output


def test_the_help_comes_at_once(run: Any) -> None:
    best = 9.0
    for _ in range(5):
        began = time.perf_counter()
        result = run("--help")
        best = min(best, time.perf_counter() - began)
    assert result.returncode == 0
    assert best < 0.5


def test_the_help_imports_nothing_heavy() -> None:
    code = "import sys; sys.argv=['stillwatch','--help']\nfrom stillwatch.cli import main\n" \
           "try: main()\nexcept SystemExit: pass\n" \
           "print([m for m in ('pyarrow','duckdb','ibis','numba','scipy','rich','jinja2') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert out.strip().endswith("[]")


@pytest.mark.parametrize(
    ("args", "where", "hint"),
    [
        (("campaing",), "'campaing'", "stillwatch campaigns"),
        (("zzz",), "'zzz'", "--help"),
        (("sweep",), "LOGS", "--help"),
        (("sweep", "x", "--sincee", "2026-01-01"), "--sincee", "--since"),
        (("sweep", "x", "--since", "yesterday"), "--since", "--help"),
        (("sweep", "x", "--since", "2026-13-01"), "--since", "--help"),
        (("sweep", "x", "--since", "20260101"), "--since", "--help"),
        (("hunt", "--since", "2026-02-01", "--until", "2026-01-01"), "--until", "after"),
        (("sweep", "x", "--accounts", "none.csv"), "none.csv", "check the path"),
        (("sweep", "x", "--set", "calibrate.priro=1"), "priro", "stillwatch settings"),
        (("sweep", "x", "--set", "nonsense"), "nonsense", "--set"),
        (("sweep", "x", "--settings", "none.toml"), "none.toml", "--settings"),
        (("explain",), "ID", "--help"),
        (("campaigns", "--home", "none"), "none", "stillwatch sweep"),
        (("explain", "x", "--home", "none"), "none", "stillwatch sweep"),
        (("page", "--home", "none"), "none", "stillwatch sweep"),
        (("forget", "a", "--home", "none"), "none", "--home"),
        (("forget", "a\udcff", "--home", "none"), "ACCOUNT", "UTF-8"),
        (("explain", "\udcff", "--home", "none"), "ID", "UTF-8"),
        (("campaigns", "--home", ""), "--home", "--help"),
        (("simulate",), "--out", "--out DIR"),
        (("simulate", "--out", "d", "--scale", "0"), "--scale", "--help"),
        (("drill", "--repeats", "many"), "--repeats", "--help"),
        (("settings", "--set", "signals.template_swep.min_prompts=2"), "template_swep", "stillwatch settings"),
        (("patterns", "none.yaml"), "none.yaml", "check the path"),
        (("signals", "template_swep"), "template_swep", "stillwatch signals"),
    ],
)
def test_what_the_caller_can_mend_is_two_lines_and_status_2(
    args: tuple[str, ...], where: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = ask(*args)
    assert result.exit_code == 2
    first, second = two_lines(result)
    assert where in first
    assert hint in second
    assert list(tmp_path.iterdir()) == []


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Result:
    """`campaigns`, with `error` raised inside."""
    from stillwatch.report import findings

    def broken(home: Path) -> None:
        raise error

    monkeypatch.setattr(findings, "read_findings", broken)
    return ask("campaigns")


class _DatabaseError(Exception):
    """What duckdb raises, as far as a door can see."""

    __module__ = "duckdb"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/disk/x"), 3, "free some space"),
        (PermissionError(errno.EACCES, "Permission denied", "/disk/x"), 3, "who may read"),
        (OSError("bare"), 3, "check the disk"),
        (MemoryError(), 3, "window"),
        (sqlite3.OperationalError("database is locked"), 3, "--home"),
        (_DatabaseError("IO Error: Could not read 'private value'\nmore"), 3, "check the disk"),
        (_DatabaseError("Out of Memory Error: failed"), 3, "store.memory_gib"),
        (OutsideError("here", "is broken", "another"), 3, "another"),
        (UsageError("here", "is wrong", "another"), 2, "another"),
        (KeyboardInterrupt(), 130, "same command"),
    ],
)
def test_failures_have_a_status_and_a_hint(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int, says: str
) -> None:
    result = failing(monkeypatch, error)
    assert result.exit_code == status
    _, second = two_lines(result)
    assert says in second
    assert "private value" not in result.stderr


def test_a_bug_of_ours_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    result = failing(monkeypatch, ZeroDivisionError("ours"))
    assert isinstance(result.exception, ZeroDivisionError)


def test_hostile_text_in_an_error_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in made.HOSTILE.values():
        result = failing(monkeypatch, UsageError(text, text, text))
        assert result.exit_code == 2
        assert all(c == "\n" or c.isprintable() for c in result.stderr)
        assert len(result.stderr) < 5000


def test_campaigns_as_json_is_one_document_highest_score_first(home: Path, run: Any) -> None:
    result = run("campaigns", "--home", str(home), "--json")
    assert (result.returncode, result.stderr) == (0, "")
    rows = json.loads(result.stdout)["campaigns"]
    assert [r["campaign_id"] for r in rows] == ["sw-ring", "sw-net", "sw-fleet", "sw-relay"]
    assert rows[0]["first_seen"] == "2026-02-02T00:00:00Z"
    assert rows[1]["false_alarm_rate"] is None
    assert len(rows[0]["account_ids"]) == rows[0]["accounts"] == 30


def test_campaigns_as_a_table_names_each_and_what_to_do_next(home: Path) -> None:
    result = ask("campaigns", "--home", str(home))
    assert result.exit_code == 0
    for word in ("sw-ring", "97.3", "almost certain", "account network", "stillwatch explain ID"):
        assert word in result.output


def test_explain_works_on_campaigns_and_accounts(home: Path, run: Any) -> None:
    for id in ("sw-ring", "acct-0000", "acct-0900"):
        result = run("explain", id, "--home", str(home))
        assert (result.returncode, result.stderr) == (0, "")
        assert "How to contest this" in result.stdout
        document = json.loads(run("explain", id, "--home", str(home), "--json").stdout)
        assert document["id"] == id
        assert document["contest"]


def test_explain_of_an_unknown_id_names_near_ones(home: Path) -> None:
    result = ask("explain", "sw-rnig", "--home", str(home))
    assert result.exit_code == 2
    assert "sw-ring" in two_lines(result)[1]


def test_page_writes_a_file(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "p.html"
    result = ask("page", "--home", str(home), "--out", str(out), "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["bytes"] == out.stat().st_size > 10_000


def test_settings_prints_what_holds_and_where_it_came_from(run: Any, tmp_path: Path) -> None:
    (tmp_path / "stillwatch.toml").write_text("[calibrate]\nprior = 0.1\n")
    environ = {"STILLWATCH_STORE__THREADS": "3"}
    text = run("settings", environ=environ).stdout
    assert "prior = 0.1  # " in text
    assert "threads = 3  # STILLWATCH_STORE__THREADS" in text
    document = json.loads(run("settings", "--json", "--set", "calibrate.prior=0.2", environ=environ).stdout)
    assert document["settings"]["calibrate"]["prior"] == 0.2
    assert len(document["sha256"]) == 64


def test_signals_lists_every_signal_with_its_look_alikes() -> None:
    from stillwatch.signals import all_signals

    listed = json.loads(ask("signals", "--json").stdout)["signals"]
    assert [s["name"] for s in listed] == [s.name for s in all_signals()]
    assert all(s["also_seen_in"] for s in listed)
    markdown = ask("signals", "--markdown").stdout
    for s in all_signals():
        assert f"## {s.name}\n" in markdown
    assert "Also seen in:" in ask("signals", "template_sweep").stdout


@pytest.mark.parametrize("name", sorted(made.HOSTILE))
def test_hostile_findings_are_harmless_in_every_command(name: str, tmp_path: Path) -> None:
    text = made.HOSTILE[name]
    made.leave(tmp_path, made.hostile(text))
    made.hostile_pictures(tmp_path, text)
    (tmp_path / "findings" / "run.json").write_text(json.dumps(made.hostile(text).run))
    for args in (("campaigns",), ("campaigns", "--json"), ("explain", text), ("explain", text, "--json")):
        result = CliRunner().invoke(menu, [*args, "--home", str(tmp_path)])
        assert result.exit_code == 0, result.output[-500:]
        assert all(c == "\n" or c.isprintable() or c == "\u00a0" for c in result.stdout)
        if "--json" in args:
            assert text in json.dumps(json.loads(result.stdout), ensure_ascii=False) or any(
                text in str(v) for v in walk(json.loads(result.stdout))
            )


def walk(value: Any) -> list[Any]:
    """Every string in a JSON document."""
    if isinstance(value, dict):
        return [x for k, v in value.items() for x in (k, *walk(v))]
    if isinstance(value, list):
        return [x for v in value for x in walk(v)]
    return [value]


def test_a_closed_pipe_is_quiet(home: Path, tmp_path: Path) -> None:
    many = [made.campaign(f"c{i}", "t" * 200, 60.0, "likely", "distillation", ["x"] * 50) for i in range(2000)]
    made.leave(home, made.tables(many, [], [], {}))
    command = f"{sys.executable} -m stillwatch campaigns --json --home {home}; echo status $? >&2"
    result = subprocess.run(["sh", "-c", f"{{ {command}; }} | head -c 10"], capture_output=True, text=True, timeout=60)
    assert result.stderr == "status 0\n"


def test_an_interrupt_ends_with_130(home: Path, tmp_path: Path) -> None:
    code = (
        "import signal, time, sys\nfrom stillwatch.report import findings\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "def wait(home):\n    print('ready', flush=True)\n    time.sleep(30)\n"
        "findings.read_findings = wait\nsys.argv = ['stillwatch', 'campaigns']\n"
        "from stillwatch.cli import main\nmain()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in error


def test_a_full_disk_is_status_3(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/dev/full").exists():  # only Linux has a disk that is always full
        full_disk = failing(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
        assert full_disk.exit_code == 3
        return
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "stillwatch", "campaigns", "--json", "--home", str(home)]
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert result.returncode == 3
    assert "try: free some space" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_a_standard_output_nothing_breaks(home: Path) -> None:
    command = f"{sys.executable} -m stillwatch campaigns --json --home {home} >&-"
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_findings_that_are_damaged_are_told_without_a_traceback(home: Path, run: Any) -> None:
    (home / "findings" / "evidence.parquet").write_bytes(b"PAR1" + os.urandom(200))
    result = run("explain", "sw-ring", "--home", str(home))
    assert result.returncode == 3
    assert "evidence.parquet" in two_lines(result)[0]
    (home / "findings" / "evidence.parquet").unlink()
    assert run("campaigns", "--home", str(home)).returncode == 2
