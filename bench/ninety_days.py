"""Ninety days in one go: campaigns come, fail over and go; a home is swept each day by a fresh process.

python -m bench.ninety_days [--days 90] [--keep 30] [--seed 721] [--scale 1] [--out FILE]

Each day the day's log is written and `stillwatch sweep` run on the folder, with a rolling window and retention of
--keep days. Told of each day: CPU seconds of the process, its peak memory, the size of the home, what was reported.
At the end: cost by day against the size of the window, and whether each campaign kept one id.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.early import as_known
from stillwatch.simulate import simulate

ROOT = Path(__file__).resolve().parent.parent
_FOUND_SHARE = 0.1


@dataclass(frozen=True)
class Guest:
    """A campaign that comes on a day: profile, scale, first day, days that it stays."""

    profile: str
    scale: float
    first_day: int
    days: int


GUESTS = (
    Guest("letter", 0.003, 8, 30), Guest("september_pools", 0.004, 25, 14), Guest("quiet_ring", 0.35, 34, 20),
    Guest("february_deepseek", 0.4, 48, 12), Guest("relay_moonshot", 0.02, 58, 25), Guest("letter", 0.002, 70, 20),
)  # fmt: skip


@dataclass
class Town:
    """Exchanges in order of time, account records, and of each guest the accounts."""

    exchanges: pa.Table
    accounts: list[dict[str, Any]]
    guests: dict[str, frozenset[str]]
    start: datetime


def settle(days: int, seed: int, scale: float, guests: Sequence[Guest]) -> Town:
    """Ordinary customers and look-alikes for the whole time, campaigns of worlds of their own moved to their day."""
    with tempfile.TemporaryDirectory(prefix="stillwatch-town-") as scratch:
        base = Path(scratch) / "base"
        simulate(base, (f"ordinary@{0.004 * scale}", f"lookalikes@{0.05 * scale}"), seed=seed, days=float(days))
        tables = [pq.read_table(base / "exchanges")]
        accounts = [json.loads(line) for line in (base / "accounts.jsonl").read_text("utf-8").splitlines()]
        start = tables[0].column("started_at")
        first = pc.min(start).as_py().astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        found: dict[str, frozenset[str]] = {}
        for number, guest in enumerate(guests):
            if guest.first_day >= days:
                continue
            place = Path(scratch) / f"guest-{number}"
            simulate(place, (guest.profile,), scale=guest.scale * scale, seed=seed + 1 + number, days=float(guest.days))
            truth = pq.read_table(place / "truth" / "accounts.parquet")
            mine = truth.filter(pc.is_valid(truth.column("campaign"))).column("account_id")
            table = pq.read_table(place / "exchanges")
            table = table.filter(pc.is_in(table.column("account_id"), mine))
            begun = pc.min(table.column("started_at")).as_py().astimezone(UTC)
            move = first + timedelta(days=guest.first_day) - begun.replace(hour=0, minute=0, second=0, microsecond=0)
            at, field = table.schema.get_field_index("started_at"), table.schema.field("started_at")
            moved = pc.add(table.column("started_at"), pa.scalar(move, pa.duration("us")))
            tables.append(table.set_column(at, field, moved.cast(field.type)))
            ids = set(mine.to_pylist())
            found[f"{number}-{guest.profile}"] = frozenset(ids)
            for line in (place / "accounts.jsonl").read_text("utf-8").splitlines():
                record = json.loads(line)
                if record["account_id"] in ids:
                    for name in ("created_at", "status_changed_at"):
                        if record.get(name):
                            record[name] = (datetime.fromisoformat(record[name]) + move).isoformat()
                    accounts.append(record)
    whole = pa.concat_tables(tables, promote_options="default")
    order = pc.sort_indices(whole, [("started_at", "ascending"), ("exchange_id", "ascending")])
    return Town(whole.take(order), accounts, found, first)


#: Runs a command and tells of it; in between, because a child's peak memory begins at what its parent holds.
_SHIM = """
import json, os, sys, time
began = time.monotonic()
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "w") as told:
    json.dump([os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1048576,
               time.monotonic() - began], told)
"""


def run(command: list[str], told: Path) -> tuple[float, float, float]:
    """(CPU seconds, peak GiB, wall seconds) of a process; RuntimeError where it fails. `told`: a file to write to."""
    shim = [sys.executable, "-c", _SHIM, str(told), *command]
    done = subprocess.run(shim, capture_output=True, text=True, check=True)
    status, cpu, peak, wall = json.loads(told.read_text("utf-8"))
    if status:
        raise RuntimeError(f"{command[1:5]}: {(done.stdout + done.stderr)[-2000:]}")
    return cpu, peak, wall


def live(town: Town, days: int, keep: int, place: Path) -> list[dict[str, Any]]:
    """A row for each day."""
    logs, home, known = place / "logs", place / "home", place / "accounts.jsonl"
    logs.mkdir(parents=True)
    stamps = town.exchanges.column("started_at").cast(pa.int64()).to_numpy() / 1e6
    settings = ["--set", f"store.retention_days={keep}", "--set", f"campaigns.window_days={keep}"]
    rows: list[dict[str, Any]] = []
    for day in range(days):
        since, until = town.start + timedelta(days=day), town.start + timedelta(days=day + 1)
        a, b = np.searchsorted(stamps, [since.timestamp(), until.timestamp()])
        pq.write_table(town.exchanges.slice(a, b - a), logs / f"{since:%Y-%m-%d}.parquet")
        known.write_text("".join(json.dumps(r) + "\n" for r in as_known(town.accounts, until)), "utf-8")
        command = [sys.executable, "-m", "stillwatch", "sweep", str(logs), "--home", str(home)]
        cpu, peak, wall = run([*command, "--accounts", str(known), *settings, "--json"], place / "told.json")
        facts = json.loads((home / "findings" / "run.json").read_text("utf-8"))
        reported = pq.read_table(home / "findings" / "campaigns.parquet").to_pylist()
        said = []
        for campaign in reported:
            inside = set(campaign["account_ids"])
            whose = [(len(inside & ids), name) for name, ids in town.guests.items() if inside & ids]
            said.append({
                "id": campaign["campaign_id"], "kind": campaign["kind"], "accounts": len(inside),
                "guest": max(whose)[1] if whose else None, "guest_accounts": max(whose)[0] if whose else 0,
            })  # fmt: skip
        rows.append({
            "day": day, "exchanges": int(b - a), "cpu_s": cpu, "peak_gib": peak, "wall_s": wall,
            "ingest_s": facts["durations"].get("ingest_seconds"), "hunt_s": facts["durations"]["hunt_seconds"],
            "stored": facts["rows"]["kept"], "accounts": facts["accounts"],
            "home_mib": sum(f.stat().st_size for f in home.rglob("*") if f.is_file()) / 1024**2,
            "files": sum(1 for f in home.rglob("*") if f.is_file()), "reported": said,
        })  # fmt: skip
        if sys.stderr.isatty() or day % 10 == 9:
            print(f"day {day + 1}: {cpu:.1f} CPU s, {peak:.2f} GiB, {len(said)} reported", file=sys.stderr, flush=True)
    return rows


def sums(rows: Sequence[dict[str, Any]], town: Town, keep: int) -> dict[str, Any]:
    """Mean cost in the first and the last third of the days with a full window; ids of each guest; false ones."""
    full = [r for r in rows if r["day"] >= keep]
    third = max(len(full) // 3, 1)
    guests: dict[str, Any] = {}
    for name, ids in town.guests.items():
        days = [
            (r["day"], c["id"]) for r in rows for c in r["reported"]
            if c["guest"] == name and c["kind"] != "account_network" and c["guest_accounts"] >= _FOUND_SHARE * len(ids)
        ]  # fmt: skip
        guests[name] = {
            "accounts": len(ids), "ids": sorted({i for _, i in days}), "days_reported": len({d for d, _ in days}),
            "first_reported_day": days[0][0] if days else None,
        }  # fmt: skip
    mean = {
        name: {k: float(np.mean([r[k] for r in part])) for k in ("cpu_s", "peak_gib", "home_mib", "stored", "files")}
        for name, part in (("first_third", full[:third]), ("last_third", full[-third:])) if part
    }  # fmt: skip
    false = sorted({c["id"] for r in rows for c in r["reported"] if c["guest"] is None})
    return {"guests": guests, "full_window": mean, "false_ids": false}


def picture(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """CPU seconds, memory, stored rows and reported campaigns by day."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    days = [r["day"] for r in rows]
    figure, axes = plt.subplots(4, 1, figsize=(8, 7.4), sharex=True)
    for axis, key, label in (
        (axes[0], "cpu_s", "CPU s a day"), (axes[1], "peak_gib", "peak GiB"), (axes[2], "stored", "stored rows"),
    ):  # fmt: skip
        axis.plot(days, [r[key] for r in rows], color="#2b6cb0", lw=1.6)
        axis.set_ylim(0)
        axis.set_ylabel(label)
        axis.grid(alpha=0.25)
    named = sorted({c["guest"] for r in rows for c in r["reported"] if c["guest"]})
    for place, name in enumerate(named):
        seen = [r["day"] for r in rows if any(c["guest"] == name for c in r["reported"])]
        axes[3].scatter(seen, [place] * len(seen), s=12, color="#c05621")
    axes[3].set_yticks(range(len(named)), [name.split("-", 1)[1].replace("_", " ") for name in named])
    axes[3].set_ylim(-0.6, max(len(named) - 0.4, 0.6))
    axes[3].set_xlabel("day")
    axes[3].set_ylabel("reported")
    figure.align_ylabels()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Lives through the days and writes figures and a picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--keep", type=int, default=30)
    parser.add_argument("--seed", type=int, default=721)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=ROOT / "bench" / "figures" / "ninety_days.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "ninety_days.png")
    options = parser.parse_args()
    town = settle(options.days, options.seed, options.scale, GUESTS)
    place = Path(tempfile.mkdtemp(prefix="stillwatch-days-"))
    try:
        rows = live(town, options.days, options.keep, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    told = sums(rows, town, options.keep)
    figures = {"days": options.days, "keep": options.keep, "seed": options.seed, **told,
               "guest_days": [guest.first_day for guest in GUESTS], "rows": rows}  # fmt: skip
    options.out.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    picture(rows, options.picture)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
