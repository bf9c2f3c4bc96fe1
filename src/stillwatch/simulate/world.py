"""Builds a world: gathers its profiles, plays it hour by hour, and writes logs, accounts, releases and truth."""

from __future__ import annotations

import importlib
import json
import pkgutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.errors import OutsideError, UsageError
from stillwatch.simulate import profiles as shelf
from stillwatch.simulate.bundles import PUBLISHED_ACCOUNTS, together
from stillwatch.simulate.calls import exchanges
from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.evasion import Evasion, changed
from stillwatch.simulate.hours import conversations, expected
from stillwatch.simulate.people import People, settle
from stillwatch.simulate.stage import Stage

PART_ROWS = 60_000
START = datetime(2026, 4, 22, tzinfo=UTC)
NEVER_DROPPED = ("exchange_id", "started_at", "account_id", "model")
Progress = Callable[[float, str], None]


def found_profiles() -> dict[str, Any]:
    """Every profile module, by name, found by walking the shelf."""
    names = sorted(m.name for m in pkgutil.iter_modules(shelf.__path__))
    return {name: importlib.import_module(f"{shelf.__name__}.{name}") for name in names}


def profiles() -> dict[str, str]:
    """Name and one line of every profile, bundles included."""
    return {name: module.DESCRIPTION for name, module in found_profiles().items()}


def share_of(asked: str) -> tuple[str, float]:
    """A profile's name and its own share of the world's scale: ``letter@0.01`` is a hundredth of the letter."""
    name, at, share = asked.partition("@")
    try:
        value = float(share) if at else 1.0
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise UsageError("--profile", f"{asked!r:.60} has no share between 0 and 100", "for example: letter@0.01")
    return name, value


def cast(stage: Stage, names: Sequence[str]) -> list[Cohort]:
    """The cohorts of the named profiles; campaigns on their own get ordinary customers beside them."""
    modules = found_profiles()
    cohorts: list[Cohort] = []
    for asked in names:
        name, share = share_of(asked)
        if name not in modules:
            raise UsageError("--profile", f"no profile called {name!r:.60}", "one of: " + ", ".join(modules))
        cohorts += together(stage, [(name, share)])
    alone = [PUBLISHED_ACCOUNTS[name] for name in names if name in PUBLISHED_ACCOUNTS]
    if alone and len(alone) == len(names):
        cohorts += together(stage, [("ordinary", max(0.01, 4 * sum(alone) / 100_000))])
    return cohorts


def natural_days(names: Sequence[str]) -> float:
    """The longest window that the named profiles ask for."""
    modules = found_profiles()
    named = [share_of(asked)[0] for asked in names]
    return float(max((modules[n].DAYS for n in named if n in modules), default=14))


def play(
    stage: Stage, people: Sequence[People], seed: int, part_rows: int = PART_ROWS
) -> Iterator[tuple[Any, list[tuple[int, Any]], float]]:
    """Tables of the world in order of time, each with (cohort number, exchanges by account position), and the
    share done.
    """
    weekday = stage.start.weekday()
    total_hours = int(np.ceil(stage.days * 24))
    rngs = [np.random.default_rng([seed, 17, i]) for i in range(len(people))]
    begin, step = 0, 1
    while begin < total_hours:
        step = 1
        while begin + step < total_hours and step < 960:
            longer = np.arange(begin, min(begin + step * 2, total_hours))
            if sum(float(expected(p, longer, weekday, seed).sum()) for p in people) > part_rows:
                break
            step *= 2
        hours = np.arange(begin, min(begin + step, total_hours))
        tables: list[Any] = []
        counts: list[tuple[int, Any]] = []
        for number, crowd in enumerate(people):
            rng = rngs[number]
            kinds = crowd.cohort.traffic
            turns = float(np.average([t.turns for t in kinds], weights=[t.weight for t in kinds]))
            account, at = conversations(
                crowd, hours, weekday, turns, rng, zlib.crc32((stage.label + crowd.cohort.name).encode())
            )
            if not len(account):
                continue
            order = np.argsort(at, kind="stable")
            account, at = account[order], at[order]
            weights = np.array(
                [[t.weight if t.from_day * 24 <= hour < t.until_day * 24 else 0.0 for t in kinds] for hour in hours]
            )
            chances = np.cumsum(weights, axis=1) / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
            kind = (rng.random(len(at))[:, None] >= chances[(at.astype(np.int64) - begin)]).sum(axis=1)
            for k, traffic in enumerate(kinds):
                mine = kind == k
                if not mine.any():
                    continue
                table = exchanges(stage, crowd, traffic, account[mine], at[mine], rng)
                tables.append(table)
                codes = pc.index_in(table["account_id"], pa.array(crowd.ids)).to_numpy()
                counts.append((number, np.bincount(codes, minlength=len(crowd.ids))))
        if tables:
            whole = pa.concat_tables(tables).combine_chunks()
            yield (
                whole.take(pc.sort_indices(whole, [("started_at", "ascending"), ("exchange_id", "ascending")])),
                counts,
                (begin + step) / total_hours,
            )
        begin += step


def _columns_kept(rng: np.random.Generator, wild: bool) -> tuple[set[str], set[str]]:
    """Columns that this provider doesn't log, of exchanges and of accounts."""
    if not wild:
        return set(), set()
    groups = [
        ({"ip", "asn", "country"}, 0.15),
        ({"client_fingerprint"}, 0.15),
        ({"user_agent"}, 0.08),
        ({"session_id"}, 0.1),
        ({"end_user_id"}, 0.1),
        ({"tools"}, 0.08),
        ({"reasoning_tokens"}, 0.1),
        ({"temperature", "top_p", "max_tokens"}, 0.08),
        ({"completion"}, 0.1),
        ({"key_id"}, 0.1),
    ]
    lost = {name for names, p in groups if rng.random() < p for name in names}
    fields = [
        ("payment_fingerprint", 0.12),
        ("device_fingerprint", 0.2),
        ("signup_ip", 0.15),
        ("phone_hash", 0.25),
        ("email_shape", 0.2),
        ("referrer", 0.3),
        ("verification", 0.1),
    ]
    return lost, {name for name, p in fields if rng.random() < p}


def simulate(
    out: Path,
    profiles: Sequence[str] = ("demo",),
    *,
    scale: float = 1.0,
    seed: int = 0,
    days: float | None = None,
    progress: Progress | None = None,
    evasion: Evasion | None = None,
    lead_days: float = 0.0,
) -> dict[str, Any]:
    """Write a world below `out` and return its figures.

    The same profiles, scale, seed and days give the same files. `scale` multiplies the accounts of every
    profile and leaves
    the volume of each account alone; ``NAME@SHARE`` gives one profile its own share of it. `evasion` and `lead_days`
    change campaigns only: how they hide, and days of clean traffic before they begin. Raises UsageError on an
    unknown profile or a senseless number, OutsideError where `out` cannot be written.
    Source of the numbers: each profile's docstring, repeated in ``WORLD.md``.
    """
    if not profiles:
        raise UsageError("--profile", "no profile named", "for example: --profile demo")
    if not 0 < scale <= 100:
        raise UsageError(
            "--scale", f"{scale} is not between 0 and 100", "1 is the published size; 0.01 a hundredth of it"
        )
    window = natural_days(profiles) if days is None else float(days)
    if not 0 < window <= 400:
        raise UsageError("days", f"{window} is not between 0 and 400", "leave it out for the published window")
    rng = np.random.default_rng([seed, zlib.crc32("|".join(profiles).encode()), round(scale * 1e6)])
    stage = Stage(rng, scale, START, window, wild=any(share_of(p)[0] == "mixed" for p in profiles))
    if stage.wild:
        stage.flat = bool(rng.random() < 0.12)
        stage.start = START + timedelta(days=int(rng.integers(0, 120)))
    cohorts = changed(cast(stage, profiles), evasion, lead_days)
    people = [settle(stage, c, np.random.default_rng([seed, 5, i])) for i, c in enumerate(cohorts)]
    lost, lost_fields = _columns_kept(rng, stage.wild)
    try:
        (out / "exchanges").mkdir(parents=True, exist_ok=True)
        (out / "truth").mkdir(exist_ok=True)
        totals = [np.zeros(len(p.ids), np.int64) for p in people]
        rows = part = 0
        for table, counts, done in play(stage, people, seed):
            for number, each in counts:
                totals[number] += each
            kept = table.drop_columns(
                [name for name in table.column_names if name in lost and name not in NEVER_DROPPED]
            )
            pq.write_table(
                kept, out / "exchanges" / f"part-{part:05d}.parquet", compression="zstd", compression_level=1
            )
            rows, part = rows + len(table), part + 1
            if progress:
                progress(done, f"{rows:,} exchanges")
        figures = _write_truth(
            out, stage, people, totals, np.random.default_rng([seed, 23]), lost, lost_fields, list(profiles), seed, rows
        )
        if evasion or lead_days:
            figures["evasion"] = {**(evasion or Evasion()).as_dict(), "lead_days": lead_days}
            with (out / "WORLD.md").open("a", encoding="utf-8") as file:
                file.write(f"\n## Evasion\n\nThe campaigns evade or begin later: {json.dumps(figures['evasion'])}.\n")
        return figures
    except OSError as error:
        raise OutsideError(
            str(out), f"cannot be written ({error.strerror})", "choose another folder with --out"
        ) from error


def _write_truth(
    out: Path,
    stage: Stage,
    people: Sequence[People],
    totals: Sequence[Any],
    rng: np.random.Generator,
    lost: set[str],
    lost_fields: set[str],
    names: list[str],
    seed: int,
    rows: int,
) -> dict[str, Any]:
    """Accounts in shuffled order, releases, truth, and the note on what is real; the world's figures."""
    entries = [
        (record, crowd.cohort, int(total[i]))
        for crowd, total in zip(people, totals, strict=True)
        for i, record in enumerate(crowd.records)
    ]
    entries = [entries[i] for i in rng.permutation(len(entries))]
    with (out / "accounts.jsonl").open("w", encoding="utf-8") as file:
        for record, _, _ in entries:
            file.write(json.dumps({k: v for k, v in record.items() if v is not None and k not in lost_fields}) + "\n")
    lines = [
        "model,released_at",
        *(f"{model},{stage.when(day).strftime('%Y-%m-%dT%H:%M:%SZ')}" for day, model in stage.releases),
    ]
    (out / "releases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    truth = pa.table(
        {
            "account_id": pa.array([r["account_id"] for r, _, _ in entries], pa.string()),
            "role": pa.array([c.role for _, c, _ in entries], pa.string()),
            "campaign": pa.array([c.campaign for _, c, _ in entries], pa.string()),
            "network": pa.array([c.network for _, c, _ in entries], pa.string()),
            "cohort": pa.array([c.name for _, c, _ in entries], pa.string()),
            "exchanges": pa.array([n for _, _, n in entries], pa.int64()),
        }
    )
    pq.write_table(truth, out / "truth" / "accounts.parquet")
    campaigns = [
        {
            "name": name,
            **about,
            "accounts": sum(c.campaign == name or c.network == name for _, c, _ in entries),
            "exchanges": sum(n for _, c, n in entries if c.campaign == name or c.network == name),
        }
        for name, about in stage.campaigns.items()
    ]
    (out / "truth" / "campaigns.json").write_text(json.dumps(campaigns, indent=1) + "\n", encoding="utf-8")
    modules = found_profiles()
    used = {c.name for _, c, _ in entries} | {share_of(n)[0] for n in names}
    notes = "\n".join(f"## {n}\n\n{(modules[n].__doc__ or '').strip()}\n" for n in sorted(used) if n in modules)
    (out / "WORLD.md").write_text(
        f"# A simulated world\n\nProfiles {', '.join(names)}; scale {stage.scale}; seed {seed}; "
        f"{stage.days:g} days from {stage.start:%Y-%m-%d}.\n\n"
        "No person, account, address or answer in it is real. Answers are short stand-ins, while token "
        "counts are drawn as if they had their full length. "
        "Counts, windows and methods marked as published come from public reports, which are the "
        "accusers' claims; everything else is assumed.\n\n"
        f"Not logged by this provider: {', '.join(sorted(lost | lost_fields)) or 'nothing left out'}.\n\n{notes}",
        encoding="utf-8",
    )
    return {
        "profiles": names,
        "scale": stage.scale,
        "seed": seed,
        "days": stage.days,
        "exchanges": rows,
        "accounts": len(entries),
        "campaigns": campaigns,
        "not_logged": sorted(lost | lost_fields),
    }
