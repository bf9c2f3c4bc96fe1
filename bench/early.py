"""How much of a campaign was gone when it was first reported, looking hourly or daily, and false alarms of looking on.

python -m bench.early [--campaigns letter ...] [--seeds 411 412 413] [--cadences hourly daily] [--clean 3]

Every look is really made and leaves its memory in a home of its own for each cadence, so that what the detector
charges for repeated looks is paid; only looks with fewer than --least new exchanges of the campaign are passed over,
which can only delay a report (the price goes by fresh rows, not by the number of looks).
A home is fed as time goes: rows that came in since the look before, account records as they stood then.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.truth import FOUND_SHARE
from stillwatch.pipeline import hunt, ingest
from stillwatch.settings import load_settings
from stillwatch.simulate import simulate

#: Profile: scale, window in days after the lead. The full campaign has 1/scale of the accounts and of each hour.
CAMPAIGNS = {
    "letter": (0.008, 5.0), "february_minimax": (0.02, 5.0), "february_deepseek": (1.0, 5.0),
    "february_moonshot": (0.2, 3.0), "september_pools": (0.008, 2.0), "relay_moonshot": (0.03, 5.0),
    "relay_harness": (0.016, 3.0), "replay_xiaomi": (0.1, 6.0), "cleaner_zhipu": (0.25, 3.0),
    "bypass_search": (1.0, 6.0), "non_english": (0.4, 8.0), "quiet_ring": (1.0, 5.0),
}  # fmt: skip
CLEAN = (("ordinary", 0.006, 8.0), ("lookalikes", 0.2, 8.0))
LEAD_DAYS = 3.0


def looks(first: datetime, last: datetime, cadence: str) -> list[datetime]:
    """Times to look: hourly for 72 hours and every 6 hours after, or each midnight UTC; the last at or after `last`."""
    times: list[datetime] = []
    if cadence == "daily":
        at = first.replace(hour=0, minute=0, second=0, microsecond=0)
        while at < last:
            at += timedelta(days=1)
            times.append(at)
        return times
    at = first
    while at < last:
        at += timedelta(hours=1 if len(times) < 72 else 6)
        times.append(at)
    return times


def reported(findings: Iterable[dict[str, Any]], members: set[str], network: bool) -> bool:
    """Whether one finding of the right family holds at least a tenth of these accounts."""
    need = max(1.0, FOUND_SHARE * len(members))
    return bool(members) and any(
        len(members & set(f["account_ids"])) >= need for f in findings if (f["kind"] == "account_network") == network
    )


def as_known(records: Sequence[dict[str, Any]], at: datetime) -> list[dict[str, Any]]:
    """Account records as they stood at a time: those signed up by then, later bans not yet told."""
    out = []
    for r in records:
        if r.get("created_at") and datetime.fromisoformat(r["created_at"]) > at:
            continue
        if r.get("status_changed_at") and datetime.fromisoformat(r["status_changed_at"]) > at:
            r = {k: v for k, v in r.items() if k != "status_changed_at"} | {"status": "active"}
        out.append(r)
    return out


def watch(place: Path, cadence: str, least: int, cap: int) -> dict[str, Any]:
    """Looks until the world's campaign is reported, by all of its accounts and by those active so far."""
    truth = pq.read_table(place / "truth" / "accounts.parquet").to_pylist()
    members = {r["account_id"] for r in truth if r["campaign"]}
    logs = pq.read_table(place / "exchanges", columns=["account_id", "started_at"])
    stamps = logs["started_at"].cast("int64").to_numpy() / 1e6
    mine = pc.is_in(logs["account_id"], pc.cast(list_array(members), "string")).to_numpy() if members else None
    times = np.sort(stamps[mine]) if mine is not None else np.sort(stamps)
    owners = np.asarray(logs["account_id"].to_pylist(), object)
    home, feed = place / cadence, place / f"feed-{cadence}"
    settings = load_settings(home=home)
    feed.mkdir()
    whole = pq.read_table(place / "exchanges")
    records = [json.loads(line) for line in (place / "accounts.jsonl").read_text("utf-8").splitlines()]
    fed = 0.0
    first, last = (datetime.fromtimestamp(float(t), UTC) for t in (times[0], times[-1]))
    result: dict[str, Any] = {"cadence": cadence, "first": first.isoformat(), "accounts": len(members), "looks": 0,
                              "harvest": len(times), "of_active": None, "of_all": None, "false_looks": 0,
                              "false_network_looks": 0}  # fmt: skip
    before = 0
    for until in looks(first, last, cadence)[:cap]:
        so_far = int(np.searchsorted(times, until.timestamp()))
        if so_far - before < least:
            continue
        before = so_far
        fresh, known = feed / f"{result['looks']:04d}.parquet", feed / f"{result['looks']:04d}.jsonl"
        pq.write_table(whole.filter((stamps >= fed) & (stamps < until.timestamp())), fresh)
        known.write_text("".join(json.dumps(r) + "\n" for r in as_known(records, until)), "utf-8")
        fed = until.timestamp()
        ingest(home, [str(fresh)], settings=settings, accounts=[str(known)], releases=[str(place / "releases.csv")])
        hunt(home, settings=settings)
        result["looks"] += 1
        found = pq.read_table(home / "findings" / "campaigns.parquet").to_pylist()
        if not members:
            result["false_looks"] += any(f["kind"] != "account_network" for f in found)
            result["false_network_looks"] += any(f["kind"] == "account_network" for f in found)
            continue
        active = set(owners[mine & (stamps < until.timestamp())].tolist())
        at = {"hours": (until - first).total_seconds() / 3600, "exchanges": so_far, "share": so_far / len(times),
              "accounts_seen": len(active), "accounts_share": len(active) / len(members)}  # fmt: skip
        for name, whose in (("of_active", active), ("of_all", members)):
            if result[name] is None and reported(found, whose, False):
                result[name] = at
        if result["of_all"]:
            break
    return result


def list_array(names: Iterable[str]) -> Any:
    """The names as an Arrow array."""
    import pyarrow as pa

    return pa.array(sorted(names), pa.string())


def full_length(scale: float, profile: str, harvest: int, days: float) -> float:
    """Exchanges of the campaign at this scale over its published window, at the rate of the simulated days."""
    from stillwatch.simulate.world import natural_days

    return harvest / days * natural_days([profile])


def one(profile: str, scale: float, days: float, seed: int, cadences: Sequence[str], least: int, cap: int,
        clean: bool = False) -> list[dict[str, Any]]:  # fmt: skip
    """Simulates one world and watches it at each cadence."""
    place = Path(tempfile.mkdtemp(prefix="stillwatch-early-"))
    try:
        lead = 0.0 if clean else LEAD_DAYS
        simulate(place, (profile,), scale=scale, seed=seed, days=days + lead, lead_days=lead)
        rows = []
        for cadence in cadences:
            started = time.process_time()
            row = {"profile": profile, "scale": scale, "seed": seed, **watch(place, cadence, least, cap)}
            total = full_length(scale, profile, row["harvest"], days)
            for name in ("of_active", "of_all"):
                if row[name]:
                    row[name]["share_of_full_length"] = row[name]["exchanges"] / total
            rows.append({**row, "full_length_harvest": total, "cpu_seconds": time.process_time() - started})
        return rows
    finally:
        shutil.rmtree(place, ignore_errors=True)


def draw(rows: Sequence[dict[str, Any]], out: Path) -> None:
    """Share of the full-length harvest gone at first report, a dot a world; crosses were not reported."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = list(dict.fromkeys(r["profile"] for r in rows))
    figure, axis = plt.subplots(figsize=(7, 0.55 * len(names) + 1.4))
    for cadence, shift, colour in (("hourly", 0.12, "tab:blue"), ("daily", -0.12, "tab:orange")):
        mine = [r for r in rows if r["cadence"] == cadence]
        hit = [r for r in mine if r["of_active"]]
        axis.scatter([100 * r["of_active"]["share_of_full_length"] for r in hit],
                     [names.index(r["profile"]) + shift for r in hit], color=colour, label=cadence, s=22)  # fmt: skip
        lost = [names.index(r["profile"]) + shift for r in mine if not r["of_active"]]
        axis.scatter([100.0] * len(lost), lost, color=colour, marker="x")
    axis.set_yticks(range(len(names)), names)
    axis.set_ylim(-0.6, len(names) - 0.4)
    axis.set_xscale("log")
    axis.set_xlabel("% of the campaign's full harvest gone at first report (x: not reported)")
    axis.legend(fontsize=8)
    figure.tight_layout()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    plt.close(figure)


def main() -> None:
    """Watches the campaigns and the clean worlds, prints, leaves JSON and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaigns", nargs="*", default=list(CAMPAIGNS), choices=list(CAMPAIGNS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[411, 412, 413])
    parser.add_argument("--cadences", nargs="*", default=["hourly", "daily"], choices=["hourly", "daily"])
    parser.add_argument("--scale", type=float, help="for every campaign named, in place of its own")
    parser.add_argument(
        "--clean", type=int, default=2, help="campaign-free worlds a seed, swept daily: ordinary, look-alikes"
    )
    parser.add_argument("--least", type=int, default=20, help="new exchanges of the campaign for another look")
    parser.add_argument("--cap", type=int, default=84, help="most looks a world")
    parser.add_argument("--out", type=Path, default=Path("bench/figures/early.json"))
    parser.add_argument("--picture", type=Path, default=Path("docs/pictures/early.png"))
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in options.campaigns:
        scale, days = CAMPAIGNS[name]
        for seed in options.seeds:
            for r in one(name, options.scale or scale, days, seed, options.cadences, options.least, options.cap):
                rows.append(r)
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps({"campaigns": rows, "clean": []}, indent=1), "utf-8")
                print(f"{name} x{r['scale']:g} seed {seed} {r['cadence']}: {r['of_active'] or 'not reported'}, "
                      f"{r['looks']} looks, {r['cpu_seconds']:.0f} CPU s", flush=True)  # fmt: skip
    clean: list[dict[str, Any]] = []
    for seed in options.seeds:
        for n, world in enumerate(CLEAN[: options.clean]):
            clean += one(*world, seed + 1000 * n, ["daily"], 0, options.cap, clean=True)
    if clean:
        wrong = sum(r["false_looks"] > 0 for r in clean)
        print(f"{wrong} of {len(clean)} clean worlds ever reported, {sum(r['looks'] for r in clean)} looks")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"campaigns": rows, "clean": clean}, indent=1), "utf-8")
    if rows:
        draw(rows, options.picture)


if __name__ == "__main__":
    main()
