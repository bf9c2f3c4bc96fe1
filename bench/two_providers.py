"""Two providers with one attacker: what B finds with A's indicators that it would not have found alone.

python -m bench.two_providers [--seeds 681 ...] [--profiles NAME ...] [--sizes 3 5 8 12] [--out FILE]

One simulated world is cut in two: A has most of a campaign's accounts and half of everybody else, B has a few of the
campaign's accounts and the other half. Everything runs as processes: A sweeps, reports, shares, has two approve,
publishes through the release gate and serves TAXII on loopback; B sweeps alone, pulls, approves what is held for a
person, hunts again, and pushes its sightings; A lists them. `none` of the campaign's accounts at B shows what A's
indicators do to the innocent.
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

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "bench" / "figures" / "two_providers.json"
PROFILES = ("letter@0.01", "quiet_ring@0.3", "february_moonshot@0.1")
BESIDE = ("ordinary@0.02", "lookalikes@0.1")
SIZES = (0, 3, 5, 8, 12)
DAYS = 14.0
REPORT_FROM = 55.0
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


def run(*words: str, home: Path | None, token: str = "") -> str:
    """One command as a process of its own; its standard output. CalledProcessError where it fails."""
    name = "B" if home is not None and home.parent.name.startswith("B") else "A"
    environ = os.environ | {"STILLWATCH_SHARE__PROVIDER": f"Provider {name}", "STILLWATCH_STORE__THREADS": "1"}
    if token:
        environ |= {"STILLWATCH_TAXII_TOKEN": token, "STILLWATCH_TOKEN": token}
    command = [sys.executable, "-m", "stillwatch", *words, *([] if home is None else ["--home", str(home)])]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=900)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words[:3])}: {done.stderr[-600:]}")
    return done.stdout


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """A's TAXII server as a process on loopback; its API root."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "stillwatch", "taxii", "serve", "--port", str(port), "--home", str(home)]
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=os.environ | {"STILLWATCH_SHARE__PROVIDER": "Provider A"})  # fmt: skip
    try:
        until = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/taxii2/", timeout=2)
            except urllib.error.HTTPError:
                break  # it answers, and asks for a token
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/stillwatch/"
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


def released(home: Path, ids: Sequence[str], place: Path) -> None:
    """A's campaigns as a package that two approve and that passes every rule of the gate; TAXII serves it from then."""
    package, matter = str(place / "package"), place / "matter.toml"
    shape = json.loads(run("release", "shape", "--json", home=None))["sha256"]
    matter.write_text(MATTER.format(today=time.strftime("%Y-%m-%d", time.gmtime()), shape=shape), "utf-8")
    run("report", *ids, "--out", package, "--matter", str(matter), "--no-pdf", home=home)
    run("share", "out", *ids, "--out", package, "--format", "stix,sigma", home=home)
    for step, name in (("approve", "Approver One"), ("approve", "Approver Two"), ("publish", "Publisher")):
        run("release", step, package, home=home, token=run("token", name, "approver", home=home).strip())


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
    rows: list[dict[str, Any]] = []
    head = {"profile": name, "seed": seed, "at_a": len(bad) - most, "found_at_a": len(ids)}
    if not ids:
        return [head | {"at_b": n} for n in sizes]
    released(a_home, ids, place)
    token = run("taxii", "token", "Provider B", home=a_home).strip()
    with serving(a_home) as url:
        for n in sizes:
            members = set(bad[:n])
            home = sweep(world, place / f"B{n}", {*members, *good[len(good) // 2 :]})
            alone = flagged(home, members)
            began = time.perf_counter()
            taken = json.loads(run("taxii", "pull", url, "--source", "Provider A", "--json", home=home, token=token))
            pull_s = time.perf_counter() - began
            waiting = json.loads(run("share", "held", "--json", home=home))["indicators"]
            for one in waiting:
                run("share", "approve", one["source"], one["indicator"], "--reason", "looked at", home=home)
            run("hunt", home=home)
            together = flagged(home, members)
            pushed = json.loads(run("taxii", "push", url, "--json", home=home, token=token))
            seen = json.loads(run("share", "sightings", "--json", home=a_home))["sightings"]
            rows.append(head | {
                "at_b": n, "alone": alone, "together": together, "active": taken["active"], "held": len(waiting),
                "quarantined": sum(taken["quarantined"].values()), "pull_s": round(pull_s, 2),
                "pushed": pushed["success"], "sightings_at_a": len(seen),
            })  # fmt: skip
            print(json.dumps(rows[-1]), flush=True)
    return rows


def summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """By B's part of the campaign: worlds, campaigns found (half of its accounts) alone and together, the innocent."""
    out: dict[str, Any] = {}
    for n in sorted({r["at_b"] for r in rows}):
        here = [r for r in rows if r["at_b"] == n and "alone" in r]
        if not here:
            continue
        out[str(n)] = {"worlds": len(here), "held": sum(r["held"] > 0 for r in here)}
        for which in ("alone", "together"):
            found = sum(n > 0 and r[which]["caught"] >= 0.5 * n for r in here)
            others, accounts = sum(r[which]["others"] for r in here), sum(r[which]["accounts"] - n for r in here)
            out[str(n)][which] = {
                "found": found, "found_95": [round(x, 3) for x in wilson(found, len(here))],
                "accounts_caught": sum(r[which]["caught"] for r in here), "innocent_flagged": others,
                "innocent": accounts, "innocent_95": [round(x, 6) for x in wilson(others, accounts)],
            }  # fmt: skip
        out[str(n)]["sightings_came_back"] = sum(r["sightings_at_a"] > 0 for r in here)
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """Runs every world and writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[681, 682, 683, 684])
    parser.add_argument("--profiles", nargs="+", default=list(PROFILES))
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args(argv)
    rows: list[dict[str, Any]] = []
    for seed in asked.seeds:
        for profile in asked.profiles:
            with tempfile.TemporaryDirectory(prefix="two-providers-") as place:
                rows += one_world(profile, seed, sorted(asked.sizes), Path(place))
            figures = {"seeds": asked.seeds, "profiles": asked.profiles, "sizes": summed(rows), "rows": rows}
            asked.out.parent.mkdir(parents=True, exist_ok=True)
            asked.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")
    print(json.dumps(summed(rows), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
