"""One world simulated, swept in this process and compared with its truth; all that the accuracy benches keep of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import scipy.sparse as sp

import stillwatch
from bench.truth import GUILTY, compare_rows, truth_of
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.chance import MatchedChance
from stillwatch.campaigns.choose import Chooser
from stillwatch.campaigns.hunt import Hunted
from stillwatch.campaigns.hunt import hunt as hunt_window
from stillwatch.patterns import load_rules
from stillwatch.pipeline import ingest
from stillwatch.settings import Settings, StoreSettings
from stillwatch.simulate import simulate
from stillwatch.store import open_store

Array = np.ndarray[Any, Any]
REPORT_FROM = 55.0
PRIOR = 0.2

#: What changes none of the figures: how findings are shown.
_SHOWS = ("cli", "console", "decide", "report", "service", "share", "drill.py", "__main__.py")


@dataclass(frozen=True)
class World:
    """Profiles, each with its own share of the published size, days played, and whom the world is about."""

    profiles: tuple[str, ...]
    days: float | None = None
    about: tuple[str, ...] = ()
    """Names of the campaigns that the world is about; empty: there is none to be found."""


#: Columns taken out of the written files: of the exchanges, and of the account records (by prefix).
MISSING: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "nothing": ((), ()),
    "addresses": (("ip", "asn", "country"), ("signup_ip", "signup_country")),
    "payment": ((), ("payment_",)),
    "prompts": (("messages", "prompt", "system", "completion"), ()),
}


@cache
def code_version() -> str:
    """A hash of everything that a figure depends on: the package without its doors, and this bench's measuring."""
    root = Path(stillwatch.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in root.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        name = path.relative_to(root)
        if name.parts[0] not in _SHOWS:
            digest.update(str(name).encode() + b"\0" + path.read_bytes())
    for name in ("worlds.py", "truth.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()[:16]


def settings() -> Settings:
    """The default settings with one thread, so that two worlds can run side by side."""
    return Settings(store=StoreSettings(threads=1))


def without_columns(place: Path, missing: str) -> None:
    """Takes a set of columns out of a written world's exchanges and accounts."""
    exchanges, accounts = MISSING[missing]
    if exchanges:
        for file in sorted((place / "exchanges").glob("*.parquet")):
            table = pq.read_table(file)
            kept = table.drop_columns([c for c in exchanges if c in table.column_names])
            pq.write_table(kept, file, compression="zstd", compression_level=1)
    if accounts:
        path = place / "accounts.jsonl"
        records = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        kept_records = [{k: v for k, v in r.items() if not k.startswith(accounts)} for r in records]
        path.write_text("".join(json.dumps(r) + "\n" for r in kept_records), "utf-8")


def make(world: World, seed: int, place: Path) -> dict[str, Any]:
    """Simulates a world below `place`, whatever lay there before; the figures that simulate gives."""
    shutil.rmtree(place, ignore_errors=True)
    return simulate(place, world.profiles, seed=seed, days=world.days)


def take_in(place: Path, home: Path) -> None:
    """Ingests a simulated world into a home of its own."""
    shutil.rmtree(home, ignore_errors=True)
    releases = [str(p) for p in (place / "releases.csv",) if p.exists()]
    ingest(home, [str(place / "exchanges")], settings=settings(), accounts=[str(place / "accounts.jsonl")],
           releases=releases)  # fmt: skip


def hunt(home: Path, prior: float = PRIOR) -> Hunted:
    """A hunt over all that a home holds, its result kept in memory."""
    store = open_store(home)
    window = store.window(None, None, memory_gib=2.5, threads=1)
    try:
        return hunt_window(window, load_rules(), calibration=Calibration.load(), prior=prior, report_from=REPORT_FROM)
    finally:
        window.close()


def findings_of(hunted: Hunted) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Account scores (percent) by id, and reported groups in the shape of findings/campaigns.parquet."""
    scored = dict(zip(hunted.book.ids, (100.0 * hunted.scores.p).tolist(), strict=True))
    found = []
    for r in hunted.reported:
        c = r.chosen
        ids = [hunted.book.ids[m] for m in c.candidate.members]
        found.append({"campaign_id": r.campaign_id, "kind": c.kind, "score": 100.0 * c.p, "account_ids": ids,
                      "accounts": len(ids), "false_alarm_rate": r.false_alarm_rate})  # fmt: skip
    return scored, found


def maximal(members: Sequence[Array], accounts: int) -> Array:
    """Whether each group (positions of accounts, no two alike) lies wholly inside no other."""
    if not members:
        return np.zeros(0, dtype=bool)
    indptr = np.concatenate([[0], np.cumsum([len(m) for m in members])])
    held = sp.csr_matrix((np.ones(indptr[-1], np.float32), np.concatenate(members), indptr), (len(members), accounts))
    common = sp.csr_matrix(held @ held.T)
    common.setdiag(0)
    most = np.asarray(common.max(axis=1).todense()).ravel()
    return np.asarray(most < np.diff(indptr))


def groups_of(hunted: Hunted, truth: dict[str, dict[str, Any]], prior: float = PRIOR) -> dict[str, list[Any]]:
    """Every weighed candidate: scores, size, truth, whether reported; `false_alarm_rate` where maximal and legitimate.

    The rate is asked as the hunt asks it, with the group itself left out of those it is compared with.
    """
    book, found, weighed = hunted.book, hunted.candidates, hunted.weighed
    calibration = hunted.calibration
    guilty = np.asarray([truth[a]["role"] in GUILTY for a in book.ids], dtype=float)
    operated = np.asarray([bool(truth[a]["network"] or truth[a]["campaign"]) for a in book.ids], dtype=float)
    p, hand = calibration.guilt(weighed, prior), calibration.coordinated(weighed)
    biggest = maximal([c.members for c in found], book.accounts)
    inside = np.zeros(book.accounts, dtype=bool)
    for r in hunted.reported:
        inside[r.chosen.candidate.members] = True
    chance = MatchedChance(book, found, weighed, inside, {})
    rows: dict[str, list[Any]] = {k: [] for k in ("p", "hand", "size", "guilty", "operated", "formed_by", "how",
                                                  "maximal", "taken", "false_alarm_rate")}  # fmt: skip
    for i, c in enumerate(found):
        share, own = float(guilty[c.members].mean()), float(operated[c.members].mean())
        rate = None
        if biggest[i] and share == 0.0:
            alike = chance.like(c.size)
            rate = calibration.false_alarm_rate(float(p[i]), p[alike[alike != i]].tolist(), prior)
        values = (float(p[i]), float(hand[i]), c.size, share, own, "+".join(sorted(c.formed_by)), c.how,
                  bool(biggest[i]), float(inside[c.members].mean()), rate)  # fmt: skip
        for name, value in zip(rows, values, strict=True):
            rows[name].append(value)
    return rows


def settled_groups(hunted: Hunted, truth: dict[str, dict[str, Any]], prior: float = PRIOR) -> list[dict[str, Any]]:
    """The groups that the hunt would settle on if it reported from 1 %: none overlap, as calibration was fitted."""
    calibration = hunted.calibration
    inside = np.zeros(hunted.book.accounts, dtype=bool)
    for r in hunted.reported:
        inside[r.chosen.candidate.members] = True
    chance = MatchedChance(hunted.book, hunted.candidates, hunted.weighed, inside, {})
    p = calibration.guilt(hunted.weighed, prior)
    out = []
    chooser = Chooser(hunted.book, calibration, prior, 0.01, {})
    for c in chooser.harvests(hunted.candidates, hunted.weighed):
        positions = c.candidate.members
        members = [truth[hunted.book.ids[m]] for m in positions]
        guilty = sum(r["role"] in GUILTY for r in members) / len(members)
        names = [str(r["campaign"] or r["network"] or r["cohort"]) for r in members]
        rate = None
        if guilty == 0.0:
            others = [i for i in chance.like(c.candidate.size)
                      if np.isin(positions, hunted.candidates[i].members).mean() < 0.5]  # fmt: skip
            rate = calibration.false_alarm_rate(c.p, p[others].tolist(), prior)
        out.append({"p": c.p, "size": len(members), "guilty": guilty, "kind": c.kind, "false_alarm_rate": rate,
                    "name": max(sorted(set(names)), key=names.count)})  # fmt: skip
    return out


def compared(hunted: Hunted, truth: dict[str, dict[str, Any]], campaigns: list[dict[str, Any]]) -> dict[str, Any]:
    """`compare_rows`, and what calibration and the look-alikes' count need besides."""
    scored, found = findings_of(hunted)
    row = compare_rows(scored, found, truth, campaigns, report_from=REPORT_FROM)
    cohorts: dict[str, list[str]] = {}
    for a, r in truth.items():
        if r["role"] == "legitimate":
            cohorts.setdefault(str(r["cohort"]), []).append(a)
    accused: dict[str, dict[str, Any]] = {}
    for name, ids in sorted(cohorts.items()):
        own = set(ids)
        flagged = sum(scored.get(a, 0.0) >= REPORT_FROM for a in ids)
        majority = any(f["kind"] != "account_network" and sum(a in own for a in f["account_ids"]) > 0.5 * f["accounts"]
                       for f in found)  # fmt: skip
        called = flagged >= 0.1 * len(ids) or majority
        accused[name] = {"accounts": len(ids), "flagged": flagged, "called": bool(called)}
    reported = [
        {"p": f["score"] / 100.0, "kind": f["kind"], "accounts": f["accounts"],
         "false_alarm_rate": f["false_alarm_rate"],
         "guilty": sum(truth[a]["role"] in GUILTY for a in f["account_ids"]) / f["accounts"],
         "operated": sum(bool(truth[a]["network"] or truth[a]["campaign"]) for a in f["account_ids"]) / f["accounts"]}
        for f in found
    ]  # fmt: skip
    accounts: dict[str, list[int]] = {}
    for a, s in scored.items():
        key = f"{s / 100.0:.2f}"
        pair = accounts.setdefault(key, [0, 0])
        pair[truth[a]["role"] in GUILTY] += 1
    return {**row, "cohorts": accused, "reported": reported, "account_scores": accounts}


def _kept(groups: dict[str, list[Any]], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({k: pa.array(v) for k, v in groups.items()}), file, compression="zstd")


def measure(
    name: str, world: World, seed: int, folder: Path, rows: Path, missing: Sequence[str]
) -> list[dict[str, Any]]:
    """One world, swept once for each set of missing columns (first `nothing`, where asked for); a row for each.

    Every weighed candidate of a world with everything logged goes to `rows`/candidates/NAME-SEED.parquet.
    """
    whole, place = folder / f"{name}-{seed}", folder / f"{name}-{seed}-swept"
    out: list[dict[str, Any]] = []
    started = time.process_time()
    figures = make(world, seed, whole)
    simulated = time.process_time() - started
    for lack in missing:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(whole, place)
        without_columns(place, lack)
        made = time.process_time()
        take_in(place, place / "home")
        hunted = hunt(place / "home")
        swept = time.process_time()
        truth, campaigns = truth_of(place)
        row: dict[str, Any] = {"world": name, "seed": seed, "missing": lack, "exchanges": figures["exchanges"],
                               "days": figures["days"], **compared(hunted, truth, campaigns),
                               "groups": len(hunted.candidates)}  # fmt: skip
        if lack == "nothing":  # only these are calibration's
            _kept(groups_of(hunted, truth), rows / "candidates" / f"{name}-{seed}.parquet")
            row["settled"] = settled_groups(hunted, truth)
        row |= {
            "cpu_simulate": 0.0 if out else simulated,
            "cpu_sweep": swept - made,
            "cpu_judge": time.process_time() - swept,
        }
        out.append(row)
        shutil.rmtree(place, ignore_errors=True)
    shutil.rmtree(whole, ignore_errors=True)
    return out


@contextmanager
def patched(target: Any, name: str, value: Callable[..., Any]) -> Iterator[None]:
    """Sets an attribute for as long as the block runs."""
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)
