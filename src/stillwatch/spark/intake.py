"""The driver's side of a text pass on Spark: who is who, which of equal ids counts, what the executors wrote counts."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.intake import Beside, IntakeReport
from stillwatch.records.rules import Rule
from stillwatch.spark.inputs import Frame, Inputs, open_inputs
from stillwatch.spark.place import settle
from stillwatch.spark.text_pass import (
    ACCOUNT,
    AT,
    INPUT,
    PLACES,
    TIE,
    Task,
    file_hashes,
    good_rows,
    text_pass,
)
from stillwatch.store import Store, locked, open_store
from stillwatch.store.arrived import Arrived, next_run, register, reject
from stillwatch.store.parts import KINDS, Part

_ID_HASH = "_id_hash"
_REPORT = "body string"
_GOOD = f"exchange_id string, {INPUT} int, {AT} long, {TIE} long"
_KEEP_TEXT = "the Spark engine keeps no text: set ingest.keep_text=0, or sweep without --engine"


def take_in_on_spark(
    session: Any, home: Path, logs: Sequence[Any], *, accounts: Sequence[str | Path] = (),
    releases: Sequence[str | Path] = (), max_malformed_share: float = 0.05, keep_text_days: float = 0.0,
    rules: Sequence[Rule] = (), place: str = "",
) -> IntakeReport:  # fmt: skip
    """`intake.take_in` with the text pass on a session's executors; the home is the same afterwards.

    `logs` are Parquet (paths, addresses), `table:NAME`, or Spark frames in the contract's columns. All of the
    run counts or nothing. UsageError as of the embedded intake, and where text is to be kept; Spark's own errors.
    """
    started = time.perf_counter()
    if keep_text_days > 0:
        raise UsageError("[ingest] keep_text", "is not served by --engine", _KEEP_TEXT)
    leave = [Path(home), *(Path(path) for path in (*accounts, *releases))]
    beside = Beside.read(accounts, releases, max_malformed_share)
    store = open_store(Path(home), create=True)
    try:
        with locked(store.home):
            run = next_run(store)
            shared = settle(store.home, place)
            inputs = open_inputs(session, logs, known=store.ledger.positions(), leave=leave)
            if not inputs.frames and inputs.passed and not inputs.unchanged:
                raise UsageError("LOGS", "no log was recognised", "docs/contract.md has the columns of Parquet logs")
            task = Task(str(shared), run, store.key, tuple(rules), inputs.labels,
                        frozenset(n for frame in inputs.frames if frame.dated for n in frame.numbers))  # fmt: skip
            arrived, missing = _sketched(session, store, inputs, task)
            read, bad = arrived.counts["read"], arrived.counts["quarantined"]
            if read and bad > max_malformed_share * read:
                reject(store, run, arrived)
                reason, count = arrived.reasons.most_common(1)[0]
                what = f"{bad:,} of {read:,} rows are malformed, most often {reason} ({count:,})"
                raise UsageError("LOGS", f"{what}; nothing of this run is kept", "docs/contract.md has the columns")
            if inputs.frames:
                register(store, run, arrived)
            told = beside.keep(store, int(time.time() * 1e6))
        files = [{"path": label, **arrived.positions.get(label, {})} for label in inputs.labels]
        for file in files:
            file["read"] = file.get("rows", 0)
        files += [{"path": label, "unchanged": True, "read": 0} for label in inputs.unchanged]
        files += [{"path": label, "read": 0, "skipped": why} for label, why in inputs.passed]
        return IntakeReport(
            **{name: arrived.counts[name] for name in ("read", "kept", "quarantined", "duplicates")},
            reasons=dict(arrived.reasons.most_common()), files=files, missing=dict(missing),
            unknown_fields=dict(arrived.unknown_fields.most_common()), set_unknown=dict(arrived.set_unknown),
            accounts=told["accounts"], releases=told["releases"], seconds=time.perf_counter() - started,
        )  # fmt: skip
    finally:
        store.close()


def _sketched(session: Any, store: Store, inputs: Inputs, task: Task) -> tuple[Arrived, Counter[str]]:
    """Runs the pass over every frame: what arrived, not yet registered, and the rows kept that lack each column."""
    from pyspark.sql import functions as F

    arrived, missing = Arrived(), Counter[str]()
    if not inputs.frames:
        return arrived, missing
    frames, twice = _without_doubles(session, store, inputs.frames)
    numbers, new = _account_numbers(session, store, frames)
    lines: list[dict[str, Any]] = []
    extra: dict[int, tuple[str, ...]] = {}
    for frame in frames:
        extra.update(dict.fromkeys(frame.numbers, frame.extra))
        numbered = frame.data.join(
            F.broadcast(numbers), F.col("account_id").cast("string") == F.col("_account_id"), "left"
        ).drop("_account_id")
        done = numbered.mapInArrow(text_pass(task), _REPORT).toArrow()
        lines += [json.loads(text) for text in done.column(0).to_pylist()]
    per_input = {name: Counter[int]() for name in ("kept", "quarantined")}
    for line in sorted(lines, key=lambda line: line["first"]):
        if line["parts"]:
            arrived.parts.append(([Part(*part) for part in line["parts"]], line["missing"]))
        if line["piece"]:
            arrived.pieces.append(line["piece"])
        missing.update(line["missing"])
        arrived.reasons.update(line["reasons"])
        arrived.set_unknown.update(line["dropped"])
        for name, counter in per_input.items():
            counter.update({int(number): n for number, n in line[name].items()})
    for number, label in enumerate(inputs.labels):
        kept, bad, doubled = per_input["kept"][number], per_input["quarantined"][number], twice[number]
        expected = inputs.rows.get(number, kept + bad + doubled)
        assert kept + bad + doubled == expected, f"{kept + bad + doubled} rows came back of {expected}"
        here = {"kept": kept, "quarantined": bad, "duplicates": doubled}
        arrived.counts.update({"read": kept + bad + doubled, **here})
        arrived.unknown_fields.update(dict.fromkeys(extra.get(number, ()), kept + bad + doubled))
        before = inputs.positions.get(label, {"offset": 0, "sha256": None, "bytes": None})
        arrived.positions[label] = {
            **before, **here, "rows": kept + bad + doubled, "dialect": "exchange", "defect": None,
        }  # fmt: skip
    for number, digest in _hashes(session, inputs).items():
        label = inputs.labels[number]
        done_at = {"sha256": digest, "bytes": arrived.positions[label]["size"], "done": True}
        arrived.positions[label].update(done_at)
    arrived.accounts = new if not (arrived.counts["quarantined"] or twice) else _seen(session, task, arrived, new)
    return arrived, missing


def _without_doubles(
    session: Any, store: Store, frames: Sequence[Frame]
) -> tuple[list[Frame], Counter[int]]:  # fmt: skip
    """Frames without rows whose exchange_id is in the store or stands earlier; how many of each input went.

    Only rows that keep every rule compete, as in the embedded intake. Hashes of ids decide who is looked at: most ids
    occur once, and their texts are read once.
    """
    from pyspark.sql import Window as Over
    from pyspark.sql import functions as F

    def hashed(data: Any) -> Any:
        text = F.col("exchange_id").cast("string")
        return data.withColumn(_ID_HASH, F.when(text.isNotNull(), F.xxhash64(text)))

    ids = [hashed(frame.data.select("exchange_id")).select(_ID_HASH) for frame in frames]
    stored = [str(file.resolve()) for file in store.exchange_files()]
    here = ids[0]
    for more in ids[1:]:
        here = here.unionAll(more)
    contested = here.where(F.col(_ID_HASH).isNotNull()).groupBy(_ID_HASH).count().where("count > 1").select(_ID_HASH)
    old = session.read.parquet(*stored).select("exchange_id").distinct() if stored else None
    if old is not None:
        known = hashed(old).select(_ID_HASH)
        contested = contested.unionAll(here.join(known, _ID_HASH, "left_semi")).distinct()
    contested = contested.persist()
    try:
        if contested.isEmpty():
            return list(frames), Counter()
        twice: Counter[int] = Counter()
        clean, good = [], None
        for frame in frames:
            data = hashed(frame.data)
            if frame.dated:
                # Rows that are equal to the last letter have one place: one of them goes on.
                unsure = data.join(contested, _ID_HASH, "left_semi")
                single = unsure.dropDuplicates([_ID_HASH, AT, TIE])
                twice[frame.numbers[0]] += unsure.count() - single.count()
                data = data.join(contested, _ID_HASH, "left_anti").unionByName(single)
            asked = data.join(contested, _ID_HASH, "left_semi").drop(_ID_HASH)
            rows = asked.mapInArrow(good_rows, _GOOD)
            good = rows if good is None else good.unionAll(rows)
            clean.append(data.drop(_ID_HASH))
        if good is None:
            return list(frames), Counter()
        order = Over.partitionBy("exchange_id").orderBy(*PLACES)
        ranked = good.withColumn("_rank", F.row_number().over(order))
        if old is not None:
            ranked = ranked.join(old.withColumn("_old", F.lit(True)), "exchange_id", "left")
            losers = ranked.where("_rank > 1 or _old")
        else:
            losers = ranked.where("_rank > 1")
        losers = losers.select(*PLACES).persist()
        counted = losers.groupBy(INPUT).count().toArrow()
        twice.update(dict(zip(*(counted.column(i).to_pylist() for i in (0, 1)), strict=True)))
        kept = [
            replace(frame, data=data.join(losers, list(PLACES), "left_anti"))
            for frame, data in zip(frames, clean, strict=True)
        ]
        return kept, twice
    finally:
        contested.unpersist()


def _account_numbers(session: Any, store: Store, frames: Sequence[Frame]) -> tuple[Any, list[tuple[int, str]]]:
    """A Spark table `_account_id`, `_account` of every account in the frames, and which of them are new.

    New ones are numbered in the order of their first rows, as the embedded intake numbers them.
    """
    from pyspark.sql import functions as F

    named = None
    for frame in frames:
        some = frame.data.select(F.col("account_id").cast("string").alias("_account_id"), *PLACES)
        named = some if named is None else named.unionAll(some)
    assert named is not None
    first = named.where(F.col("_account_id").isNotNull()).groupBy("_account_id").agg(
        F.min(F.struct(*PLACES)).alias("first"))  # fmt: skip
    found = first.orderBy("first").select("_account_id").toArrow().column(0).to_pylist()
    known = dict(store.ledger.db.execute("SELECT account_id, number FROM accounts_seen"))
    number = max(known.values(), default=-1) + 1
    new = [(number + i, name) for i, name in enumerate(name for name in found if name not in known)]
    known.update({name: n for n, name in new})
    table = pa.table(
        {"_account_id": pa.array(found, pa.string()), ACCOUNT: pa.array([known[name] for name in found], pa.int32())}
    )
    return session.createDataFrame(table), new


def _seen(session: Any, task: Task, arrived: Arrived, new: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Of new accounts those that have an exchange: rows that are quarantined name nobody."""
    files = [
        str(Path(task.home) / KINDS[0] / p.name) for parts, _ in arrived.parts for p in parts if p.kind == KINDS[0]
    ]
    if not files:
        return []
    held = set(session.read.parquet(*files).select("account").distinct().toArrow().column(0).to_pylist())
    return [(number, name) for number, name in new if number in held]


def _hashes(session: Any, inputs: Inputs) -> dict[int, str]:
    """SHA-256 of each input that is a file, read by the executors."""
    if not inputs.files:
        return {}
    numbers = list(inputs.files)
    paths = [str(inputs.files[number]) for number in numbers]
    asked = session.createDataFrame([(i,) for i in range(len(numbers))], "number int")
    spread = asked.repartition(min(len(numbers), 64))
    done = spread.mapInArrow(file_hashes(paths), "number int, sha256 string").toArrow()
    return {numbers[n]: text for n, text in zip(*(done.column(i).to_pylist() for i in (0, 1)), strict=True)}
