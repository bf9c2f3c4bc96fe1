"""The commands end to end: A gives, B takes, a person decides, B tells, A hears; each act in the audit log."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from on_loopback import free_port
from share.towns import CANARY, account, home_with_logs, with_finding


def run(home: Path, *words: str, code: int = 0, without: str = "") -> Any:
    """One command as a process, `without` a package that is otherwise there; its JSON, or standard error."""
    start = f"import sys; sys.modules[{without!r}] = None\n" if without else "import sys\n"
    program = start + "from stillwatch.cli import main\nsys.argv[0] = 'stillwatch'\nmain()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words, "--home", str(home), *([] if code else ["--json"])],
        capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert CANARY not in done.stdout.replace(account(0), "") and CANARY not in done.stderr
    return done.stderr if code else json.loads(done.stdout)


def test_from_one_provider_to_another_and_back(tmp_path: Path) -> None:
    a, b = home_with_logs(tmp_path / "a"), home_with_logs(tmp_path / "b", ring=0, people=40, borrowed=12)
    name_a, name_b = ("--set", "share.provider=Provider A"), ("--set", "share.provider=Provider B")
    out = tmp_path / "out"
    given = run(a, "share", with_finding(a), "--out", str(out), "--by", "ann", *name_a)
    assert set(given["aliases"]) == {"C-0badc0de00"} and len(given["files"]) == 5 and given["draft"]
    taken = run(b, "share", "in", str(out / "draft" / "bundle.json"), "--source", "Provider A", *name_b)
    assert (taken["active"], taken["held"]) == (0, 1)
    (waiting,) = run(b, "share", "held")["indicators"]
    assert waiting["touched"] == 12
    done = run(b, "share", "approve", "Provider A", waiting["indicator"], "--reason", "all twelve looked at")
    assert done["state"] == "active"
    assert run(b, "share", "held")["indicators"] == []
    back = tmp_path / "back.json"
    assert run(b, "share", "sightings", "--out", str(back), *name_b)["sightings"] == 1
    assert run(a, "share", "in", str(back), "--source", "Provider B", *name_a)["sightings"] == 1
    (heard,) = run(a, "share", "sightings")["sightings"]
    assert (heard["source"], heard["campaign_id"]) == ("Provider B", "C-0badc0de00")
    assert (heard["low"], heard["high"]) == (12, 13)
    said = [line["what"] for line in run(b, "audit")["audit"]]
    assert {"indicators taken in", "indicator approved"} <= set(said)


def test_a_missing_extra_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home)
    named = ("--set", "share.provider=A")
    told = run(home, "share", campaign, "--out", str(tmp_path / "o"), *named, code=2, without="pymisp")
    assert "pip install 'stillwatch[share]'" in told
    stix = run(
        home, "share", campaign, "--out", str(tmp_path / "o"), "--format", "stix,sigma", *named, without="pymisp"
    )
    assert len(stix["files"]) == 2
    url = f"http://127.0.0.1:{free_port()}/"
    told = run(home, "taxii", "pull", url, "--source", "A", code=2, without="httpx")
    assert "pip install 'stillwatch[share]'" in told


def test_what_a_person_can_mend_is_told_with_a_hint(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home)
    out = ("--out", str(tmp_path / "o"))
    assert "[share] provider" in run(home, "share", campaign, *out, code=2)
    assert "no such campaign" in run(home, "share", "C-none", *out, "--set", "share.provider=A", code=2)
    assert "stix, misp, sigma" in run(home, "share", campaign, *out, "--format", "pdf", code=2)
    assert "no such file" in run(home, "share", "in", str(tmp_path / "none.json"), "--source", "A", code=2)
    assert "does not wait" in run(home, "share", "refuse", "A", "indicator--x", "--reason", "no", code=2)
    assert "cannot be asked" in run(home, "taxii", "pull", f"http://127.0.0.1:{free_port()}/", "--source", "A", code=3)
    assert "has no token" in run(home, "taxii", "token", "nobody", "--revoke", code=2)


def test_a_token_is_shown_once_and_listed_without_its_secret(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    made = run(home, "taxii", "token", "Provider B")["token"]
    assert made.startswith("sw_taxii_")
    (peer,) = run(home, "taxii", "peers")["peers"]
    assert peer["name"] == "Provider B" and made not in json.dumps(peer)
    assert made.encode() not in (home / "taxii.sqlite").read_bytes()
