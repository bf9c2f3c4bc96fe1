"""Evaluator, provider A and provider B as processes: tokens go out by TAXII, are found, and a sighting comes back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from providers import audit_of, home_in

from on_loopback import free_port
from share.towns import CANARY, account, home_with_logs, with_finding
from stillwatch.disclose.for_machines import serve

pytestmark = pytest.mark.slow
CARD, CAMPAIGN = "fp_ring_1Nq2Xt5E", "C-0badc0de00"


def run(home: Path, *words: object, code: int = 0, **environ: str) -> Any:
    """One command as a process; its JSON, or standard error where it fails with `code`."""
    done = subprocess.run(
        [sys.executable, "-m", "stillwatch", *map(str, words), "--home", str(home), *([] if code else ["--json"])],
        capture_output=True, text=True, timeout=300, env=os.environ | environ, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert CARD not in done.stdout + done.stderr, "no value is ever printed"
    return done.stderr if code else json.loads(done.stdout)


@contextmanager
def serving(home: Path, log: Path, *words: object) -> Iterator[str]:
    """A server as a process on loopback; its address."""
    port = free_port()
    with log.open("wb") as out:
        started = subprocess.Popen(
            [sys.executable, "-m", "stillwatch", *map(str, words), "--port", str(port), "--home", str(home)],
            stdout=out, stderr=out,
        )  # fmt: skip
        try:
            until = time.monotonic() + 120
            while " on http" not in log.read_text("utf-8") and started.poll() is None and time.monotonic() < until:
                time.sleep(0.1)
            time.sleep(1.0)
            assert started.poll() is None, log.read_text("utf-8")
            yield f"http://127.0.0.1:{port}"
        finally:
            started.terminate()
            started.wait(timeout=30)


def accounts_at(place: Path, ring: int, people: int) -> Path:
    """An accounts file: the ring pays with one card, everybody else with their own."""
    rows = [{"account_id": account(n), "payment_fingerprint": CARD} for n in range(ring)]
    rows += [{"account_id": account(n, "person"), "payment_fingerprint": f"fp_{n:06d}Qx7"} for n in range(people)]
    file = place / "accounts.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


def test_tokens_from_one_provider_to_another_and_a_sighting_back(tmp_path: Path) -> None:
    a, b, e = home_with_logs(tmp_path / "a"), home_with_logs(tmp_path / "b", ring=3, people=60), home_in(tmp_path / "e")
    at_a, at_b = accounts_at(tmp_path / "a", 20, 40), accounts_at(tmp_path / "b", 3, 60)
    with_finding(a)
    secrets = {n: run(e, "match", "pair", n, "--role", "evaluate")["secret"] for n in ("a", "b")}
    name_a, name_b = ("--set", "share.provider=Provider A"), ("--set", "share.provider=Provider B")
    held = tmp_path / "tokens.json"
    with (
        serving(e, tmp_path / "e.log", "match", "tokens", "serve", "--epoch-days", "7") as asked,
        serving(a, tmp_path / "a.log", "taxii", "serve") as url,
    ):
        made = run(a, "match", "tokens", "campaign", asked, CAMPAIGN, "--accounts", at_a, "--kinds", "payment", "--out",
                   held, "--as", "a", STILLWATCH_MATCH_SECRET=secrets["a"])  # fmt: skip
        assert made["tokens"] == {CAMPAIGN: 1} and CARD not in held.read_text("utf-8")
        given = run(a, "share", "out", CAMPAIGN, "--out", tmp_path / "out", "--tokens", held, "--by", "ann", *name_a)
        assert list(given["tokens"].values()) == [1] and given["draft"]
        (bundle,) = (json.loads(Path(f).read_text("utf-8")) for f in given["files"] if Path(f).name == "bundle.json")
        serve(a, bundle["objects"], time.time())  # as the gate does: its way is walked in tests/disclose and bench/
        token = run(a, "taxii", "token", "Provider B")["token"]
        pulled = run(b, "taxii", "pull", f"{url}/stillwatch/", "--source", "Provider A", *name_b,
                     STILLWATCH_TAXII_TOKEN=token)  # fmt: skip
        assert (pulled["active"], pulled["quarantined"]) == (2, {})
        found = run(b, "match", "tokens", "find", asked, "--accounts", at_b, "--kinds", "payment", "--as", "b", *name_b,
                    STILLWATCH_MATCH_SECRET=secrets["b"])  # fmt: skip
        (seen,) = found["indicators"]
        assert (seen["accounts"], seen["state"], found["asked"]) == (3, "active", 61)
        run(b, "hunt")
        told = run(b, "explain", account(0))
        assert "hold what the accounts of a harvest held that another provider saw" in json.dumps(told)
        pushed = run(b, "taxii", "push", f"{url}/stillwatch/", *name_b, STILLWATCH_TAXII_TOKEN=token)
        assert pushed["failure"] == 0
    heard = run(a, "share", "sightings")["sightings"]
    assert {(s["source"], s["campaign_id"]) for s in heard} == {("Provider B", CAMPAIGN)}
    assert len(heard) == 2, "of the templates and of the tokens"
    lines = [(x["who"], x["details"]["inputs"]) for x in audit_of(e) if x["what"] == "tokens evaluated"]
    assert lines == [("a", 1), ("b", 61)], "the evaluator knows who asked how many"
    for file in e.rglob("*"):
        raw = file.read_bytes() if file.is_file() else b""
        assert CARD.encode() not in raw and CANARY.encode() not in raw, "and not what"
    # Its master drawn anew stands for what a new epoch is: no token of before can match, and it is said.
    (e / "evaluator.key").unlink()
    with serving(e, tmp_path / "e2.log", "match", "tokens", "serve") as asked:
        after = run(b, "match", "tokens", "find", asked, "--accounts", at_b, "--kinds", "payment", "--as", "b", *name_b,
                    STILLWATCH_MATCH_SECRET=secrets["b"])  # fmt: skip
        assert (after["asked"], after["indicators"], len(after["of_another_key"])) == (0, [], 1)


def test_a_file_of_plain_hashes_does_not_leave(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home)
    held = tmp_path / "tokens.json"
    held.write_text(json.dumps({"campaigns": {campaign: {
        "evaluator": "ev-1", "suite": "RFC 9497 VOPRF ristretto255-SHA512", "key_id": "0" * 16, "epoch": 1,
        "ends_at": time.time() + 9e5, "values": ["5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"],
    }}}), "utf-8")  # fmt: skip
    words = ("share", "out", campaign, "--out", tmp_path / "o", "--tokens", held, "--set", "share.provider=A")
    told = run(home, *words, code=2)
    assert "a token that is a bare SHA-256" in told
    assert not (tmp_path / "o").exists()
