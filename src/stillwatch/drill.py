"""Drill: synthetic campaigns spliced into a copy of one's own sketched logs, to learn what would have been found."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from stillwatch.errors import UsageError
from stillwatch.pipeline import hunt, ingest
from stillwatch.records.tables import ACCOUNT, EXCHANGE
from stillwatch.settings import Settings
from stillwatch.simulate import synthetic_campaign
from stillwatch.store import open_store

KINDS = ("distillation", "no_shared_infrastructure", "relay", "replay", "slow")
_FOUND_SHARE = 0.1
_HOUR_US = 3_600_000_000


def drill(
    home: Path, *, settings: Settings, kinds: Sequence[str] = ("distillation", "no_shared_infrastructure"),
    accounts: Sequence[int] = (30, 300), exchanges_per_account: Sequence[int] = (100,), repeats: int = 1,
    seed: int = 0, progress: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Splices campaigns into a copy of `home`, hunts, and writes DIR/drill.json.

    The copy has hard links of the sketched parts and the same key; columns that the home's own logs lack are
    taken from the synthetic exchanges too. A campaign counts as found when a tenth of its accounts are in one
    finding; `recall` is the share of its accounts that score 55 or more. Raises UsageError on an empty home.
    """
    unknown = [k for k in kinds if k not in KINDS]
    if unknown:
        raise UsageError("drill", f"no campaign is of kind {unknown[0]!r}", "one of " + ", ".join(KINDS))
    store = open_store(home)
    columns, missing = _columns(store.missing(), int(store.totals()["kept"]))
    start, end = _span(store.exchange_files())
    rows: list[dict[str, Any]] = []
    for kind in kinds:
        for size in accounts:
            for each in exchanges_per_account:
                for repeat in range(repeats):
                    if progress:
                        progress({"step": f"drill: {kind}, {size:,} accounts, {each:,} exchanges each"})
                    logs, people = synthetic_campaign(
                        kind, accounts=size, exchanges=size * each, start=start, end=end,
                        seed=seed * 1009 + repeat * 31 + len(rows), columns=columns,
                    )  # fmt: skip
                    rows.append({"kind": kind, "accounts": size, "exchanges_per_account": each, "tried": 1,
                                 **_try(home, settings, logs, people)})  # fmt: skip
    result = {
        "rows": _summed(rows), "at": datetime.now(UTC).isoformat(timespec="seconds"), "missing_columns": missing,
        "accounts_in_home": int(store.account_ids().num_rows), "prior": settings.calibrate.prior,
    }  # fmt: skip
    (home / "drill.json").write_text(json.dumps(result, indent=1), "utf-8")
    return result


def _columns(missing: dict[str, int], kept: int) -> tuple[set[str], list[str]]:
    """Contract columns that at least a fifth of the home's rows know, and the names of those that lack."""
    names = [c.name for c in (*EXCHANGE, *ACCOUNT)]
    lacking = sorted(n for n in set(names) if missing.get(n, 0) > 0.8 * max(kept, 1))
    return set(names) - set(lacking), lacking


def _span(files: Sequence[Path]) -> tuple[datetime, datetime]:
    low, high = np.inf, -np.inf
    for file in files:
        at = pq.read_table(file, columns=["started_at"]).column(0).cast("int64").to_numpy()
        if len(at):
            low, high = min(low, float(at.min())), max(high, float(at.max()))
    if not np.isfinite(low):
        raise UsageError("drill", "the home holds no exchanges", "sweep some logs first")
    high = max(high, low + 24 * _HOUR_US)
    return tuple(datetime.fromtimestamp(x / 1e6, tz=UTC) for x in (low, high))  # type: ignore[return-value]


def _try(home: Path, settings: Settings, logs: Any, people: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stillwatch-drill-", dir=home.parent) as folder:
        copy = Path(folder) / "home"
        _copy(home, copy)
        pq.write_table(logs, Path(folder) / "exchanges.parquet")
        pq.write_table(people, Path(folder) / "accounts.parquet")
        ingest(copy, [str(Path(folder) / "exchanges.parquet")], settings=settings, dialect="exchange",
               accounts=[str(Path(folder) / "accounts.parquet")])  # fmt: skip
        findings = hunt(copy, settings=settings, remember=False)
    planted = set(logs.column("account_id").to_pylist())
    groups = findings.campaigns.select(["kind", "account_ids"]).to_pylist()
    inside = [len(planted & set(g["account_ids"])) for g in groups if g["kind"] != "account_network"]
    scored = findings.accounts.select(["account_id", "score"]).to_pylist()
    least = settings.campaigns.report_from
    caught = sum(1 for row in scored if row["account_id"] in planted and row["score"] >= least)
    found = max(inside, default=0) >= _FOUND_SHARE * len(planted)
    return {"found": int(found), "recall": caught / max(len(planted), 1)}


def _copy(home: Path, copy: Path) -> None:
    """A home beside the first: tables linked (they are never changed in place), ledger, key and settings copied."""
    copy.mkdir(parents=True)
    for entry in home.iterdir():
        if entry.name in ("findings", "history", "quarantine", "text") or entry.name.startswith("lock"):
            continue
        if entry.is_dir():
            shutil.copytree(entry, copy / entry.name, copy_function=_link)
        else:
            shutil.copy2(entry, copy / entry.name)


def _link(source: str, target: str) -> str:
    try:
        Path(target).hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)
    return target


def _summed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    out: dict[tuple[str, int, int], dict[str, Any]] = {}
    for row in rows:
        key = (row["kind"], row["accounts"], row["exchanges_per_account"])
        if key not in out:
            out[key] = {**row, "recall": 0.0, "found": 0, "tried": 0}
        out[key]["found"] += row["found"]
        out[key]["recall"] += row["recall"]
        out[key]["tried"] += 1
    for row in out.values():
        row["recall"] /= row["tried"]
    return list(out.values())
