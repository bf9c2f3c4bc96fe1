"""Commands that run the pipeline pass on what they were given, and show what came back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import hand_made as made
import pytest
from click.testing import CliRunner, Result

import stillwatch
from stillwatch.cli import terminal
from stillwatch.cli.menu import menu
from stillwatch.records.tables import ACCOUNT
from stillwatch.report.findings import Findings


@dataclass(frozen=True)
class Taken:
    """What an ingest reports, made by hand."""

    read: int = 1000
    kept: int = 990
    quarantined: int = 10
    duplicates: int = 0
    reasons: dict[str, int] = field(default_factory=lambda: {"model: missing": 10})
    unknown_fields: dict[str, int] = field(default_factory=lambda: {"\x1b[2Jfoo": 3})


class Pipeline:
    """Stands in for `stillwatch.pipeline`, `drill` and `simulate`: remembers calls, returns what was made by hand."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.found: Findings = made.findings()

    def answer(self, name: str, result: Callable[[], Any]) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            self.calls.append((name, args, keywords))
            return result()

        return call


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Pipeline:
    fake = Pipeline()
    drilled = {"rows": [{"kind": "slow", "accounts": 20, "exchanges_per_account": 50, "found": 1, "tried": 2,
                         "recall": 0.5}], "missing_columns": ["ip"]}
    answers: dict[str, dict[str, Callable[[], Any]]] = {
        "pipeline": {"sweep": lambda: fake.found, "hunt": lambda: fake.found, "ingest": Taken,
                     "forget": lambda: {"exchanges": 12, "parts": 2}},
        "drill": {"drill": lambda: drilled},
        "simulate": {"simulate": lambda: {"exchanges": 99}, "profiles": lambda: {"demo": "all", "letter": "one"}},
    }
    for module_name, functions in answers.items():
        module = ModuleType(f"stillwatch.{module_name}")
        for name, result in functions.items():
            setattr(module, name, fake.answer(name, result))
        monkeypatch.setitem(sys.modules, f"stillwatch.{module_name}", module)
        monkeypatch.setattr(stillwatch, module_name, module, raising=False)
    monkeypatch.chdir(tmp_path)
    return fake


def ask(*args: str) -> Result:
    return CliRunner().invoke(menu, list(args), catch_exceptions=False)


def test_sweep_passes_on_every_option(pipeline: Pipeline, tmp_path: Path) -> None:
    for name in ("a.csv", "r.csv", "m.yaml"):
        (tmp_path / name).write_text("x")
    result = ask("sweep", "logs/", "-", "*.jsonl", "--accounts", "a.csv", "--releases", "r.csv", "--format", "litellm",
                 "--map", "m.yaml", "--home", "h", "--since", "2026-01-02", "--until", "2026-01-03T04:05:06+02:00",
                 "--set", "calibrate.prior=0.5")
    assert result.exit_code == 0
    name, args, keywords = pipeline.calls[0]
    assert name == "sweep"
    assert args == (Path("h"), ("logs/", "-", "*.jsonl"))
    assert keywords["accounts"] == ["a.csv"]
    assert keywords["releases"] == ["r.csv"]
    assert (keywords["dialect"], keywords["field_map"]) == ("litellm", Path("m.yaml"))
    assert keywords["since"] == datetime(2026, 1, 2, tzinfo=UTC)
    assert keywords["until"] == datetime(2026, 1, 3, 2, 5, 6, tzinfo=UTC)
    assert keywords["settings"].calibrate.prior == 0.5
    assert keywords["progress"] is None


def test_sweep_says_what_was_read_what_is_missing_what_was_found_and_what_to_do_next(pipeline: Pipeline) -> None:
    text = " ".join(ask("sweep", "x", "--home", "h").stdout.split())
    for words in ("Read 100,000 rows from 2 files, kept 99,000", "800 quarantined", "started_at: not a time (790)",
                  "Not in these logs: ip.", "session_id (61%)", "could not speak", "3 campaigns (431 accounts)",
                  "1 account network", "stillwatch explain sw-ring --home h"):
        assert words in text


def test_a_sweep_without_an_accounts_file_says_what_one_would_tell(pipeline: Pipeline) -> None:
    names = [c.name for c in ACCOUNT if c.name not in ("account_id", "org_id", "status")]
    pipeline.found = made.tables([], [], [], {"rows": {"kept": 100}, "missing": dict.fromkeys([*names, "ip"], 100)})
    text = " ".join(ask("hunt").stdout.split())
    assert "Not in these logs: ip." in text
    assert "--accounts FILE" in text
    some = {"payment_fingerprint": 100, "prompt": 100, "allow": 100, "asn": 80}
    pipeline.found = made.tables([], [], [], {"rows": {"kept": 100}, "missing": some})
    text = " ".join(ask("hunt").stdout.split())
    assert "Not in the accounts file: payment_fingerprint." in text
    assert "Mostly missing: asn (80%)." in text
    assert "prompt" not in text
    assert "allow" not in text


def test_sweep_as_json_is_the_contracts_findings(pipeline: Pipeline) -> None:
    result = ask("sweep", "x", "--json")
    document = json.loads(result.stdout)
    assert list(document) == ["campaigns", "accounts", "evidence", "run"]
    assert len(document["accounts"]) == 771
    assert document["evidence"][0]["facts"] == {"prompts": 1200.0, "share": 0.973}
    assert document["campaigns"][0]["last_seen"] == "2026-02-11T05:00:00Z"
    assert result.stderr == ""


@pytest.mark.parametrize("name", sorted(made.HOSTILE))
def test_sweep_of_hostile_findings_is_harmless(pipeline: Pipeline, name: str) -> None:
    pipeline.found = made.hostile(made.HOSTILE[name])
    for args in (("sweep", "x"), ("hunt", "--json")):
        result = ask(*args)
        assert result.exit_code == 0
        assert all(c == "\n" or c.isprintable() or c == "\u00a0" for c in result.stdout)


def test_nothing_found_says_how_sure_that_is(pipeline: Pipeline, tmp_path: Path) -> None:
    pipeline.found = made.quiet()
    text = " ".join(ask("hunt", "--home", "h").stdout.split())
    assert "Nothing found." in text
    assert "stillwatch drill --home h" in text
    (tmp_path / "h").mkdir()
    (tmp_path / "h" / "drill.json").write_text(json.dumps({
        "at": "2026-03-01T00:00:00Z", "missing_columns": ["ip"],
        "rows": [{"kind": "slow", "accounts": 30, "exchanges_per_account": 100, "found": 9, "tried": 10, "recall": 1}],
    }))
    text = " ".join(ask("hunt", "--home", "h").stdout.split())
    assert "A drill on 2026-03-01" in text
    assert "slow, 30 accounts of 100 exchanges each: found 9 of 10." in text
    assert "missing: ip." in text


def test_hunt_as_json_of_no_findings_is_still_the_whole_document(pipeline: Pipeline) -> None:
    pipeline.found = made.tables([], [], [], {"since": datetime(2026, 1, 1, tzinfo=UTC), "x": float("nan")})
    document = json.loads(ask("hunt", "--json").stdout)
    assert document == {"campaigns": [], "accounts": [], "evidence": [],
                        "run": {"since": "2026-01-01T00:00:00Z", "x": None}}


def test_ingest_says_what_was_kept_and_why_not(pipeline: Pipeline) -> None:
    text = ask("ingest", "x").stdout
    assert "Read 1,000 rows, kept 990, 10 quarantined." in text
    assert "model: missing (10)" in text
    assert "foo" in text
    assert "\x1b" not in text
    assert json.loads(ask("ingest", "x", "--json").stdout)["kept"] == 990


def test_what_was_not_taken_is_on_the_screen(pipeline: Pipeline) -> None:
    people = {"read": 5, "kept": 3, "quarantined": 2, "reasons": {"account_id: is missing": 2},
              "set_unknown": {"allow": 1}}
    run = {"rows": {"read": 9, "kept": 9, "set_unknown": {"temperature": 4}}, "accounts_file": people,
           "passed_over": [{"path": "/logs/other.json", "why": "no log format was recognised"}]}
    pipeline.found = made.tables([], [], [], run)
    text = " ".join(ask("sweep", "x").stdout.split())
    for words in ("taken as unknown: temperature (4)",
                  "5 records, 3 accounts, 2 not taken (account_id: is missing (2))",
                  "so unknown: allow (1)", "Passed over", "other.json"):
        assert words in text


def test_drill_forget_and_simulate_show_what_came_back(pipeline: Pipeline, tmp_path: Path) -> None:
    text = ask("drill", "--kind", "slow", "--accounts", "20", "--exchanges-per-account", "50").stdout
    assert "50%" in text
    assert "These logs lack: ip." in text
    keywords = pipeline.calls[-1][2]
    assert (keywords["kinds"], keywords["accounts"], keywords["exchanges_per_account"]) == (("slow",), (20,), (50,))
    (tmp_path / ".stillwatch").mkdir()
    assert "exchanges 12" in ask("forget", "acct-1").stdout
    assert pipeline.calls[-1][1] == (Path(".stillwatch"), "acct-1")
    assert "stillwatch sweep w/exchanges" in ask("simulate", "--out", "w", "--seed", "4").stdout
    assert pipeline.calls[-1][2]["seed"] == 4
    assert json.loads(ask("simulate", "--list", "--json").stdout)["profiles"] == {"demo": "all", "letter": "one"}
    wrong = ask("simulate", "--out", "w", "--profile", "leter")
    assert wrong.exit_code == 2
    assert "--profile letter" in wrong.stderr


def test_demo_explains_draws_and_cleans_up_behind_itself(pipeline: Pipeline, tmp_path: Path) -> None:
    homes: list[Path] = []

    def swept(home: Path, *args: Any, **keywords: Any) -> Findings:
        homes.append(home)
        made.leave(home, made.findings())
        return made.findings()

    sys.modules["stillwatch.pipeline"].sweep = swept  # type: ignore[attr-defined]
    text = ask("demo").stdout
    for words in ("nothing of it is real", "sw-ring", "How to contest this", "stillwatch-demo/page.html", "next:"):
        assert words in text
    assert (tmp_path / "stillwatch-demo" / "page.html").stat().st_size > 10_000
    assert not homes[0].exists()
    document = json.loads(ask("demo", "--home", "kept", "--json", "--out", "p.html").stdout)
    assert document["explanation"]["id"] == "sw-ring"
    assert (tmp_path / "kept" / "findings").is_dir()


def test_progress_is_shown_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    with terminal.progress() as told:
        assert told is None
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress() as told:
        assert told is not None
        told({"step": "reading \x1b[2J", "rows": 32768})
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "reading" in shown.err
    assert "rows 32,768" in shown.err
    assert "\x1b[2J" not in shown.err
    assert shown.err.endswith("\r\x1b[2K")


def test_a_simulation_tells_its_progress_in_shares() -> None:
    told: list[Any] = []
    by_share = terminal.by_share(told.append)
    assert by_share is not None
    by_share(0.25, "1,000 exchanges")
    assert terminal.progress_line(told[0], 2.0) == "simulating, 25% · 1,000 exchanges · 2 s"
    assert terminal.by_share(None) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02t03:04:05z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02 03:04", datetime(2026, 1, 2, 3, 4, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789-05:30", datetime(2026, 1, 2, 8, 34, 5, 123456, tzinfo=UTC)),
        ("", None), ("now", None), ("2026-1-2", None), ("2026-02-30", None), ("2026-01-02T25:00:00Z", None),
        ("2026-W01-1", None), ("0001-01-01T00:00:00+14:00", None), ("9999-12-31T23:59:59-14:00", None),
        ("2026-01-02T03:04:05Z; drop table x", None), ("1767312000", None),
    ],
)
def test_times_are_dates_or_rfc_3339(pipeline: Pipeline, text: str, moment: datetime | None) -> None:
    result = ask("hunt", "--since", text)
    if moment is None:
        assert result.exit_code == 2
        assert "is not a time such as" in result.stderr
        assert pipeline.calls == []
    else:
        assert result.exit_code == 0
        assert pipeline.calls[0][2]["since"] == moment
