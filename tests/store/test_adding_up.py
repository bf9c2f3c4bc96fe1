"""Rows of one account and one value become one: counted, from the first sight to the last, unknown times left out."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pyarrow as pa

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import FINGERPRINTS
from stillwatch.store.parts import summed

SCHEMA = arrow_schema(FINGERPRINTS)
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def rows(count: int, luck: random.Random) -> list[dict[str, Any]]:
    out = []
    for _ in range(count):
        at = luck.choice([None, START + dt.timedelta(seconds=luck.randrange(1000))])
        value = luck.choice([-1, 0, 7, 2**62, -(2**63)])
        row = {"account": luck.randrange(9), "fingerprint": value, "n": luck.randint(1, 9)}
        out.append({**row, "first_at": at, "last_at": at})
    return out


def test_a_pair_seen_in_many_batches_is_one_row_with_its_first_and_last_sight() -> None:
    given = rows(600, random.Random(1))
    pieces = [pa.Table.from_pylist(given[i : i + 200], schema=SCHEMA) for i in (0, 200, 400)]
    wanted: dict[tuple[int, int], dict[str, Any]] = {}
    for row in given:
        one = wanted.setdefault((row["account"], row["fingerprint"]), {**row, "n": 0})
        one["n"] += row["n"]
        times = [at for at in (one["first_at"], one["last_at"], row["first_at"]) if at is not None]
        one["first_at"], one["last_at"] = min(times, default=None), max(times, default=None)
    assert summed("fingerprints", pa.concat_tables(pieces)).to_pylist() == list(wanted.values())


def test_nothing_adds_up_to_nothing() -> None:
    assert summed("fingerprints", SCHEMA.empty_table()).num_rows == 0
