"""From a finding to a folder that a recipient can verify, by commands alone."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cases import base
from stillwatch.cli.menu import menu
from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import make_token
from stillwatch.disclose.matter import read_matter
from stillwatch.disclose.shape import shape_sha256

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str, token: str = "") -> tuple[int, str]:
    runner = CliRunner(env={"STILLWATCH_TOKEN": token or None})
    told = runner.invoke(menu, list(words))
    assert told.exception is None or isinstance(told.exception, SystemExit), told.exception
    return told.exit_code, told.output + (told.stderr if told.stderr_bytes else "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    (home / "secret.key").write_bytes(b"k" * 32)
    return home


def token(home: Path, name: str) -> str:
    return make_token(Record(home), Who("root", "approver"), name, "approver", time.time())


def renewed(package: Path) -> None:
    """The case's dates, moved to today: the command line goes by the real clock."""
    today = time.strftime("%Y-%m-%d", time.gmtime())
    file = package / "disclosure.json"
    content = json.loads(file.read_text("utf-8"))
    content["created_at"] = f"{today}T00:00:00Z"
    content["legal"]["in_force_checked_on"] = content["privacy"]["review"]["on"] = today
    file.write_text(json.dumps(content), "utf-8")


def test_a_package_goes_through_the_gate_by_commands(home: Path, tmp_path: Path) -> None:
    package = base("february", tmp_path)
    renewed(package)
    where = ("--home", str(home))
    status, said = run("release", "check", str(package), *where)
    assert status == 2 and "I3  FAIL" in said and "F1  PASS" in said and "fails I2, I3" in said
    for name in ("Approver One", "Approver Two"):
        status, said = run("release", "approve", str(package), *where, token=token(home, name))
        assert status == 0 and name in said
    sent = tmp_path / "sent"
    status, said = run("release", "publish", str(package), "--to", str(sent), *where, token=token(home, "Publisher"))
    assert status == 0, said
    assert run("release", "check", str(package), *where)[0] == 0
    status, said = run("release", "verify", str(sent), "--key", str(home / "release.pub"), "--json")
    assert status == 0 and json.loads(said)["withheld"] == ["evidence/snapshot.json"]
    status, said = run("release", "withdraw", str(package), "--reason", "wrong", *where, token=token(home, "P2"))
    assert status == 0 and "withdrawn" in said
    assert run("release", "check", str(package), *where)[0] == 2


def test_a_wrong_token_and_a_planted_canary_are_refused(home: Path, tmp_path: Path) -> None:
    package = base("february", tmp_path)
    renewed(package)
    status, said = run("release", "approve", str(package), "--home", str(home), token="sw_approver_guess")
    assert status == 2 and "none that holds" in said
    (tmp_path / "canaries.txt").write_text("in the words of the post\n")
    status, said = run("release", "check", str(package), "--home", str(home), "--canaries",
                       str(tmp_path / "canaries.txt"))  # fmt: skip
    assert status == 2 and "holds a planted canary" in said


def test_the_field_list_that_counsel_approves_is_printed() -> None:
    assert shape_sha256() in run("release", "shape")[1]


def test_a_dossier_by_command() -> None:
    records = ROOT / "tests" / "entity" / "records"
    status, said = run("entity", "Nordlicht Modelle AG", "--from", str(records / "lei-records.json"), "--from",
                       str(records / "submissions.json"), "--matter", "distillation")  # fmt: skip
    assert status == 0
    assert "5299000FICTION000A01" in said and "Candidates, not the same:" in said and "allegations" in said


def test_the_matter_file_of_the_page_is_one(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "disclosure.md").read_text("utf-8")
    example = re.search(r"^```toml\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    assert example is not None
    (tmp_path / "matter.toml").write_text(example[1], "utf-8")
    read = read_matter(tmp_path / "matter.toml")
    assert read["named"][0]["approved_phrase"].startswith("operators affiliated with")
