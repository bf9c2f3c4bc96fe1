"""Two providers with one attacker: what B finds with A's indicators that it would not have found alone.

python -m bench.two_providers [--seeds 682 ...] [--profiles NAME ...] [--sizes 0 4 8] [--out FILE]

One simulated world is cut in two: A has most of a campaign's accounts and half of everybody else, B has a few of the
campaign's accounts and the other half. Everything runs as processes: an evaluator of tokens; A sweeps, makes tokens of
what the campaign's accounts share, reports, shares both, has two approve, publishes through the release gate and serves
TAXII on loopback; B sweeps alone, pulls, approves what is held for a person, hunts again (with the templates only),
looks its accounts up in A's tokens, hunts a third time (with both), and pushes its sightings; A lists them. 0 of the
campaign's accounts at B shows what A's indicators do to the innocent. Both halves come from one world, so that a shared
card has one fingerprint at both: that is so only where both use one payment processor.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.truth import GUILTY, truth_of, wilson
from stillwatch.simulate import simulate
from stillwatch.store import open_store

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "two_providers.json"
PROFILES = ("quiet_ring@0.3", "february_moonshot@0.1", "letter@0.002")
BESIDE = ("ordinary@0.02", "lookalikes@0.1")
SIZES = (0, 4, 8)
DAYS = 14.0
REPORT_FROM = 55.0
#: What an account holds; prompts are asked through public fingerprints.
KINDS = "payment,email,phone,device,network"
WAYS = ("alone", "marks", "tokens")
#: What a person answers for before anything is released. Nobody in it exists.
MATTER = """
author = "Analyst A"
pap = "PAP:GREEN"
[publisher]
name = "Provider A"
contact = "disclosure@a.example"
[[recipients]]
name = "Provider B"
kind = "member"
tier = "members"
[legal]
statute = "contract and computer-misuse law of the publisher's seat"
in_force_checked_on = {today}
checked_by = "Counsel C"
non_terms_elements = ["identities made to look like strangers"]
[review]
by = "Privacy reviewer P"
on = {today}
outcome = "no personal information"
[antitrust]
counsel = "Counsel C"
sign_off_id = "CS-1"
approved_shape_sha256 = "{shape}"
[ai_assistance]
level = "generated-and-reviewed"
reviewed_by = "Analyst B"
[appeal]
contact = "appeals@a.example"
[corrections]
contact = "errors@a.example"
"""


def run(*words: str, home: Path | None, token: str = "", secret: str = "") -> str:
    """One command as a process of its own; its standard output. RuntimeError where it fails."""
    name = "B" if home is not None and home.parent.name.startswith("B") else "A"
    environ = os.environ | {"STILLWATCH_SHARE__PROVIDER": f"Provider {name}", "STILLWATCH_STORE__THREADS": "1"}
    if token:
        environ |= {"STILLWATCH_TAXII_TOKEN": token, "STILLWATCH_TOKEN": token}
    if secret:
        environ["STILLWATCH_MATCH_SECRET"] = secret
    command = [sys.executable, "-m", "stillwatch", *words, *([] if home is None else ["--home", str(home)])]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=3600)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])}: {done.stderr[-600:]}")
    return done.stdout


@contextmanager
def serving(home: Path, *words: str, path: str = "/taxii2/") -> Iterator[str]:
    """A server (`words`) as a process on loopback; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stillwatch", *words, "--port", str(port), "--home", str(home)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=os.environ | {"STILLWATCH_SHARE__PROVIDER": "Provider A"})  # fmt: skip
    try:
        until = time.monotonic() + 600
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2)
            except urllib.error.HTTPError:
                break  # it answers, and asks who we are
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait(timeout=20)


def cut(world: Path, place: Path, ids: set[str]) -> tuple[Path, Path]:
    """(logs, account records) of some of a world's accounts."""
    (place / "logs").mkdir(parents=True)
    wanted = pa.array(sorted(ids))
    for file in sorted((world / "exchanges").glob("*.parquet")):
        table = pq.read_table(file)
        pq.write_table(table.filter(pc.is_in(table["account_id"], wanted)), place / "logs" / file.name)
    lines = [
        x for x in (world / "accounts.jsonl").read_text("utf-8").splitlines() if json.loads(x)["account_id"] in ids
    ]
    (place / "accounts.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    return place / "logs", place / "accounts.jsonl"


def sweep(world: Path, place: Path, ids: set[str]) -> Path:
    """Cuts, sweeps and returns the home."""
    logs, accounts = cut(world, place, ids)
    home = place / "home"
    releases = world / "releases.csv"
    run("sweep", str(logs), "--accounts", str(accounts), "--releases", str(releases), home=home)
    return home


def flagged(home: Path, members: set[str]) -> dict[str, int]:
    """Of the campaign's accounts and of all others, those whose score reaches the report's."""
    table = pq.read_table(home / "findings" / "accounts.parquet", columns=["account_id", "score"]).to_pylist()
    high = {row["account_id"] for row in table if row["score"] >= REPORT_FROM}
    return {"caught": len(high & members), "others": len(high - members), "accounts": len(table)}


def one_world(profile: str, seed: int, sizes: Sequence[int], place: Path) -> list[dict[str, Any]]:
    """One world: a row for each size of B's part of the campaign."""
    world = place / "world"
    simulate(world, (profile, *BESIDE), seed=seed, days=DAYS)
    truth, _ = truth_of(world)
    name = profile.partition("@")[0]
    bad = sorted(a for a, r in truth.items() if r["role"] in GUILTY and r["exchanges"] > 0)
    good = sorted(a for a, r in truth.items() if r["role"] not in GUILTY)
    rng = np.random.default_rng([seed, 17])
    bad, good = rng.permutation(bad).tolist(), rng.permutation(good).tolist()
    most = max(sizes)
    a_home = sweep(world, place / "A", {*bad[most:], *good[: len(good) // 2]})
    found = json.loads(run("campaigns", "--json", home=a_home))["campaigns"]
    ids = [c["campaign_id"] for c in found if c["kind"] != "account_network"]
    head = {"profile": name, "seed": seed, "at_a": len(bad) - most, "found_at_a": len(ids)}
    if not ids:
        return [head | {"at_b": n} for n in sizes]
    evaluator = place / "evaluator"
    open_store(evaluator, create=True).close()
    with serving(evaluator, "match", "tokens", "serve", "--inputs-a-day", "1000000", path="/v1/tokens/key") as asked:
        given = _given(a_home, ids, asked, evaluator, place)
        token = run("taxii", "token", "Provider B", home=a_home).strip()
        secret = _paired(evaluator, "b")
        rows: list[dict[str, Any]] = []
        with serving(a_home, "taxii", "serve") as url:
            for n in sizes:
                members = set(bad[:n])
                home = sweep(world, place / f"B{n}", {*members, *good[len(good) // 2 :]})
                row = head | given | {"at_b": n} | _at_b(home, members, f"{url}/stillwatch/", token, asked, secret)
                rows.append(row)
                seen = json.loads(run("share", "sightings", "--json", home=a_home))["sightings"]
                row["sightings_at_a"] = len(seen)
                print(json.dumps(row), flush=True)
    return rows


def _paired(evaluator: Path, member: str) -> str:
    return run("match", "pair", member, "--role", "evaluate", home=evaluator).strip()


def _given(a_home: Path, ids: Sequence[str], asked: str, evaluator: Path, place: Path) -> dict[str, Any]:
    """A makes tokens of what its campaign's accounts share, and publishes them with the templates."""
    held = place / "tokens.json"
    made = json.loads(run(
        "match", "tokens", "campaign", asked, *ids, "--accounts", str(a_home.parent / "accounts.jsonl"), "--kinds",
        KINDS, "--out", str(held), "--as", "a", "--json", home=a_home, secret=_paired(evaluator, "a"),
    ))  # fmt: skip
    _released(a_home, ids, held, place)
    return {"tokens_given": sum(made["tokens"].values())}


def _released(home: Path, ids: Sequence[str], tokens: Path, place: Path) -> None:
    """A's campaigns as a package that two approve and that passes every rule of the gate; TAXII serves it from then."""
    package, matter = str(place / "package"), place / "matter.toml"
    shape = json.loads(run("release", "shape", "--json", home=None))["sha256"]
    matter.write_text(MATTER.format(today=time.strftime("%Y-%m-%d", time.gmtime()), shape=shape), "utf-8")
    run("report", *ids, "--out", package, "--matter", str(matter), "--no-pdf", home=home)
    run("share", "out", *ids, "--out", package, "--format", "stix,sigma", "--tokens", str(tokens), home=home)
    for step, name in (("approve", "Approver One"), ("approve", "Approver Two"), ("publish", "Publisher")):
        run("release", step, package, home=home, token=run("token", name, "approver", home=home).strip())


def _at_b(home: Path, members: set[str], url: str, token: str, asked: str, secret: str) -> dict[str, Any]:
    """B alone, with A's templates, and with A's tokens too."""
    alone = flagged(home, members)
    taken = json.loads(run("taxii", "pull", url, "--source", "Provider A", "--json", home=home, token=token))
    held = _approve(home)
    run("hunt", home=home)
    marks = flagged(home, members)
    began = time.perf_counter()
    seen = json.loads(run(
        "match", "tokens", "find", asked, "--accounts", str(home.parent / "accounts.jsonl"), "--kinds", KINDS,
        "--limit", "1000000", "--as", "b", "--json", home=home, secret=secret,
    ))  # fmt: skip
    find_s = time.perf_counter() - began
    held_by_tokens = _approve(home)
    run("hunt", home=home)
    pushed = json.loads(run("taxii", "push", url, "--json", home=home, token=token))
    return {
        "alone": alone, "marks": marks, "tokens": flagged(home, members), "indicators": taken["active"] + taken["held"],
        "held": held, "held_by_tokens": held_by_tokens, "quarantined": sum(taken["quarantined"].values()),
        "asked": seen["asked"], "holders": sum(one["accounts"] for one in seen["indicators"]),
        "find_s": round(find_s, 2), "pushed": pushed["success"],
    }  # fmt: skip


def _approve(home: Path) -> int:
    """A person's yes to whatever waits: the worst that a person could do. How many waited."""
    waiting = json.loads(run("share", "held", "--json", home=home))["indicators"]
    for one in waiting:
        run("share", "approve", one["source"], one["indicator"], "--reason", "looked at", home=home)
    return len(waiting)


def summed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """By profile and B's part of the campaign: worlds, campaigns found (half of its accounts) and innocents touched,
    alone, with templates, and with tokens too; `all` over the profiles."""
    out: list[dict[str, Any]] = []
    names = [*dict.fromkeys(r["profile"] for r in rows), "all"]
    for name, n in ((name, n) for name in names for n in sorted({r["at_b"] for r in rows})):
        here = [r for r in rows if r["at_b"] == n and name in (r["profile"], "all") and "alone" in r]
        if not here:
            continue
        one: dict[str, Any] = {
            "profile": name,
            "at_b": n,
            "worlds": len(here),
            "held": sum(r["held"] > 0 for r in here),
        }
        for way in WAYS:
            found = sum(n > 0 and r[way]["caught"] >= 0.5 * n for r in here)
            others, accounts = sum(r[way]["others"] for r in here), sum(r[way]["accounts"] - n for r in here)
            one[way] = {
                "found": found, "found_95": [round(x, 3) for x in wilson(found, len(here))],
                "accounts_caught": sum(r[way]["caught"] for r in here), "innocent_flagged": others,
                "innocent": accounts, "innocent_95": [round(x, 6) for x in wilson(others, accounts)],
            }  # fmt: skip
        one["sightings_came_back"] = sum(r["sightings_at_a"] > 0 for r in here)
        out.append(one)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Runs every world and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[682, 683, 684])
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for profile in asked.profiles:
            with tempfile.TemporaryDirectory(prefix="two-providers-") as place:
                rows += one_world(profile, seed, sorted(asked.sizes), Path(place))
            figures = {"seeds": asked.seeds, "profiles": asked.profiles, "summed": summed(rows), "rows": rows}
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(json.dumps(summed(rows), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
