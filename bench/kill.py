"""Kills a stillwatch at random moments, runs it again, and compares with a run that nobody disturbed.

python -m bench.kill [--moments 50] [--seed 1] [--job NAME ...] [--out bench/figures/kill.json]

Each job is a command as a process of its own, killed (signal 9, with all of its children) at a moment drawn evenly from
the time that it takes undisturbed. Then the same command runs to its end, and what a person would look at afterwards
must be the same: the three tables of findings after sorting (ids included), the ids of the exchanges stored, the counts
of the ledger, and no file left over. A new job is one entry of JOBS.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

HERE = Path(__file__).parent
RELEASED = HERE.parent / "tests" / "store" / "released"
#: Small chunks and few small parts, so that a small log takes many commits and joins its parts at the end.
SMALL = """
import sys
from stillwatch import intake
from stillwatch.ingest import lines
from stillwatch.store import formats, ledger, writing
lines.BLOCK_ROWS, intake.CHUNK_ROWS, writing.MOST_SMALL, writing.SMALL_ROWS = 100, 100, 4, 10_000
"""
#: Two formats to come, each of many changes: where a kill lands between them, the next opening goes on.
FORMATS_TO_COME = """
first = int(ledger.FORMAT)
def change(number):
    def work(db, home):
        db.execute(f"CREATE TABLE later_{number}(name TEXT, rows INTEGER)")
        for _ in range(40_000):
            db.execute(f"INSERT INTO later_{number} SELECT name, rows FROM parts")
    return work
ledger.STEPS += tuple(formats.Step(str(first + i), str(first + i + 1), "to come", change(i)) for i in range(2))
ledger.FORMAT = str(first + 2)
"""
RUN = "from stillwatch.cli import main\nmain()\n"


@dataclass(frozen=True)
class Job:
    """A command (its arguments), what must be there before it, and what is run after it before looking."""

    name: str
    moments: int
    command: tuple[str, ...]
    before: Callable[[Path, Path], None] = lambda made, place: None
    after: tuple[tuple[str, ...], ...] = ()
    code: str = SMALL
    home: str = "home"


_LOGS = ("log.jsonl", "--accounts", "accounts.jsonl", "--releases", "releases.csv")


def _swept(made: Path, place: Path) -> None:
    shutil.copytree(made / "swept", place / "home")


def _ten_parts(made: Path, place: Path) -> None:
    shutil.copytree(made / "parts", place / "home")


def _released(made: Path, place: Path) -> None:
    with tarfile.open(RELEASED / "0.1.0.tar.gz") as tar:
        tar.extractall(place, filter="data")


def _backed_up(made: Path, place: Path) -> None:
    shutil.copytree(made / "swept", place / "home")
    shutil.copytree(made / "backup", place / "backup")


JOBS = (
    Job("ingest", 10, ("ingest", *_LOGS, "--home", "home"), after=(("hunt", "--home", "home"),)),
    Job("sweep", 11, ("sweep", *_LOGS, "--home", "home")),
    Job("sweep of a second week", 7, ("sweep", "second.jsonl", *_LOGS, "--home", "home"), _swept),
    Job("joining of parts", 5, ("ingest", "second.jsonl", "--home", "home"), _ten_parts,
        (("hunt", "--home", "home"),)),
    Job("compact", 3, ("compact", "--home", "home"), _ten_parts, (("hunt", "--home", "home"),)),
    Job("migration", 5, ("hunt", "--home", "home"), _released, code=SMALL + FORMATS_TO_COME),
    Job("backup to a folder", 4, ("backup", "--home", "home", "--to", "backup"), _backed_up,
        (("restore", "--from", "backup", "--home", "new"), ("hunt", "--home", "new")), home="new"),
    Job("restore", 2, ("restore", "--from", "backup", "--home", "new"), _backed_up, (("hunt", "--home", "new"),),
        home="new"),
    Job("forget", 3, ("forget", "harvest-03", "--home", "home"), _swept, (("hunt", "--home", "home"),)),
)  # fmt: skip


def run(place: Path, args: tuple[str, ...], code: str = SMALL) -> subprocess.Popen[str]:
    """The command as a process with a group of its own."""
    path = os.pathsep.join([str(HERE.parent / "src"), os.environ.get("PYTHONPATH", "")])
    environ = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-c", code + RUN, *args], cwd=place, env=environ, text=True, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: subprocess.Popen[str], what: str) -> None:
    """Waits; a command that fails here is what this bench is for."""
    _, err = process.communicate(timeout=600)
    if process.returncode:
        raise SystemExit(f"{what}: status {process.returncode}\n{err[-3000:]}")


def seen(home: Path) -> dict[str, Any]:
    """What must be the same: findings sorted, exchanges stored, counts, what lies about."""
    out: dict[str, Any] = {}
    for name in ("campaigns", "accounts", "evidence"):
        rows = pq.read_table(home / "findings" / f"{name}.parquet").to_pylist()
        out[name] = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
    with closing(sqlite3.connect(home / "ledger.sqlite")) as db:
        parts = {kind: {n for (n,) in db.execute("SELECT name FROM parts WHERE kind=?", (kind,))}
                 for kind in ("exchanges", "fingerprints", "turns")}  # fmt: skip
        out["accounts_seen"] = db.execute("SELECT count(*) FROM accounts_seen").fetchone()[0]
        out["open runs"] = db.execute("SELECT count(*) FROM runs WHERE state='open'").fetchone()[0]
        counts = [json.loads(text) for (text,) in db.execute("SELECT counts FROM runs WHERE state='done'")]
        out["counts"] = {n: sum(c.get(n, 0) for c in counts) for n in ("read", "kept", "quarantined", "duplicates")}
    ids: list[str] = []
    for name in sorted(parts["exchanges"]):
        ids += pq.read_table(home / "exchanges" / name, columns=["exchange_id"]).column(0).to_pylist()
    out["exchanges"] = sorted(ids)
    left = [f.relative_to(home).as_posix() for kind, names in parts.items() for f in (home / kind).glob("*")
            if f.name not in names]  # fmt: skip
    left += [f.relative_to(home).as_posix() for f in home.rglob("*") if f.name.endswith((".new", ".writing"))]
    out["left over"] = sorted(left)
    return out


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """What is not the same, in words; figures that differ in the last places only count as a difference too."""
    return [
        f"{name}: {len(expected[name])} expected, {len(found[name])} found, "
        f"{len(set(expected[name]) ^ set(found[name]))} rows differ"
        if isinstance(expected[name], list) else f"{name}: {expected[name]} expected, {found[name]} found"
        for name in expected
        if expected[name] != found[name]
    ]  # fmt: skip


def prepare(made: Path) -> None:
    """Logs of two weeks, a home that was swept, one of ten small parts, and a backup of the first."""
    subprocess.run([sys.executable, str(RELEASED / "small_world.py"), str(made)], check=True)
    lines = (made / "log.jsonl").read_text("utf-8").splitlines()
    more = lines[len(lines) // 2 :]
    (made / "log.jsonl").write_text("\n".join(lines[: len(lines) // 2]) + "\n", "utf-8")
    (made / "second.jsonl").write_text("\n".join(more) + "\n", "utf-8")
    place = made / "at"
    place.mkdir()
    _inputs(made, place)
    finish(run(place, ("ingest", *_LOGS, "--home", "parts"), SMALL + "writing.MOST_SMALL = 1000\n"), "prepare")
    finish(run(place, ("sweep", *_LOGS, "--home", "home")), "prepare")
    finish(run(place, ("backup", "--home", "home", "--to", "backup")), "prepare")
    (place / "parts").rename(made / "parts")
    (place / "home").rename(made / "swept")
    (place / "backup").rename(made / "backup")


def _inputs(made: Path, place: Path) -> None:
    for name in ("log.jsonl", "second.jsonl", "accounts.jsonl", "releases.csv"):
        shutil.copy2(made / name, place / name)


def _set_up(job: Job, made: Path, place: Path) -> None:
    shutil.rmtree(place, ignore_errors=True)  # the same path each time: the ledger knows inputs by it
    place.mkdir()
    _inputs(made, place)
    job.before(made, place)


def _to_the_end(job: Job, place: Path, *, again: bool) -> None:
    process = run(place, job.command, job.code)
    _, err = process.communicate(timeout=600)
    # What was done before the kill may have been all of it: then the command says that there is nothing left to do.
    done = again and process.returncode == 2 and ("is there already" in err or "nothing here names" in err)
    if process.returncode and not done:
        raise SystemExit(f"{job.name}: status {process.returncode}\n{err[-3000:]}")
    for args in job.after:
        finish(run(place, args, job.code), job.name)


def measure(job: Job, made: Path, place: Path, moments: int, chance: random.Random) -> dict[str, Any]:
    """One job: undisturbed once, then killed so many times."""
    _set_up(job, made, place)
    began = time.perf_counter()
    finish(run(place, job.command, job.code), job.name)
    seconds = time.perf_counter() - began
    for args in job.after:
        finish(run(place, args, job.code), job.name)
    expected = seen(place / job.home)
    killed, tries, wrong = 0, 0, []
    while killed < moments and tries < 4 * moments:  # one that was done before its moment came is not counted
        tries += 1
        _set_up(job, made, place)
        moment = chance.uniform(0.0, 0.95 * seconds)
        process = run(place, job.command, job.code)
        began = time.perf_counter()
        try:
            process.wait(timeout=moment)
            seconds = min(seconds, time.perf_counter() - began)  # the machine was busier before
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            killed += 1
        process.stderr.close()  # type: ignore[union-attr]
        _to_the_end(job, place, again=True)
        if faults := differences(expected, seen(place / job.home)):
            wrong.append({"at_s": round(moment, 3), "of_s": round(seconds, 3), "differs": faults})
    return {"job": job.name, "seconds": round(seconds, 2), "killed": killed, "too_late": tries - killed,
            "same": tries - len(wrong), "wrong": wrong, "campaigns": len(expected["campaigns"]),
            "exchanges": len(expected["exchanges"])}  # fmt: skip


def main() -> None:
    """Measures and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--moments", type=int, default=sum(job.moments for job in JOBS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--job", action="append", choices=[job.name for job in JOBS])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    chosen = [job for job in JOBS if not given.job or job.name in given.job]
    chance = random.Random(given.seed)
    whole = sum(job.moments for job in JOBS)
    rows = []
    with tempfile.TemporaryDirectory(prefix="kill-") as folder:
        made = Path(folder) / "made"
        made.mkdir()
        prepare(made)
        print("| job | takes, s | killed | same findings afterwards |\n|---|---|---|---|")
        for job in chosen:
            moments = max(1, round(job.moments * given.moments / whole))
            row = measure(job, made, Path(folder) / "place", moments, chance)
            rows.append(row)
            print(f"| {row['job']} | {row['seconds']} | {row['killed']} "
                  f"| {row['same']} of {row['killed'] + row['too_late']} |", flush=True)  # fmt: skip
            for fault in row["wrong"]:
                print(f"  {fault}", flush=True)
    if given.out:
        given.out.write_text(json.dumps({"seed": given.seed, "jobs": rows}, indent=1) + "\n", "utf-8")
    if any(row["wrong"] for row in rows):
        raise SystemExit("not the same everywhere")


if __name__ == "__main__":
    main()
