"""A real Spark session takes logs in: the home is the one that a single machine would have left."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import SCHEMA, START, new_home, rows, stored, without_spark
from stillwatch.errors import UsageError
from stillwatch.intake import take_in
from stillwatch.patterns import load_rules
from stillwatch.store import open_store

pytestmark = pytest.mark.slow
RULES = tuple(load_rules())


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    assert not (why := without_spark()), why
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    opened = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4").config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.session.timeZone", "America/New_York")
        .getOrCreate()
    )  # fmt: skip
    yield opened
    opened.stop()


def test_files_with_every_fault_leave_the_same_store_and_the_two_engines_take_turns(
    session: Any, tmp_path: Path, logs: list[Path]
) -> None:
    from stillwatch.spark.intake import take_in_on_spark
    from stillwatch.spark.session import spark_session

    alone, spread = new_home(tmp_path / "alone"), new_home(tmp_path / "spread")
    asked = [str(file) for file in logs]
    one = take_in(alone, asked, rules=RULES, max_malformed_share=0.5)
    with spark_session(session) as ours:
        assert ours.conf.get("spark.sql.session.timeZone") == "UTC"
        many = take_in_on_spark(ours, spread, asked, rules=RULES, max_malformed_share=0.5)
        for name in (
            "read",
            "kept",
            "quarantined",
            "duplicates",
            "reasons",
            "missing",
            "set_unknown",
            "unknown_fields",
        ):
            assert getattr(many, name) == getattr(one, name), name
        assert one.duplicates == 3 + 10 and one.quarantined == 4
        assert stored(spread) == stored(alone)

        more = tmp_path / "logs" / "later.parquet"
        pq.write_table(pa.Table.from_pylist([*rows(400, 9), *rows(5, 4)], schema=SCHEMA), more)
        take_in(alone, [*asked, str(more)], rules=RULES, max_malformed_share=0.5)
        again = take_in_on_spark(ours, spread, [*asked, str(more)], rules=RULES, max_malformed_share=0.5)
        assert (again.read, again.kept, again.duplicates) == (13, 9, 4)
        assert sum(bool(file.get("unchanged")) for file in again.files) == 3
        assert stored(spread) == stored(alone)
    assert session.conf.get("spark.sql.session.timeZone") == "America/New_York"
    last = tmp_path / "logs" / "last.parquet"
    pq.write_table(pa.Table.from_pylist(rows(405, 9), schema=SCHEMA), last)
    for home in (alone, spread):
        assert take_in(home, [str(last)], rules=RULES).duplicates == 4
    assert stored(spread) == stored(alone)


def test_of_a_tables_equal_ids_the_earliest_counts_and_equal_rows_count_once(session: Any, tmp_path: Path) -> None:
    from stillwatch.spark.intake import take_in_on_spark
    from stillwatch.spark.session import spark_session

    late = [{**row, "started_at": row["started_at"] + timedelta(days=1), "model": "late"} for row in rows(3, 4)]
    with spark_session(session) as ours:
        ours.createDataFrame(pa.Table.from_pylist([*late, *rows(0, 20), *rows(8, 2)], schema=SCHEMA)).repartition(
            3
        ).createOrReplaceTempView("calls")
        report = take_in_on_spark(ours, tmp_path / "home", ["table:calls"], rules=RULES)
        assert (report.read, report.kept, report.duplicates) == (26, 20, 6)
        again = take_in_on_spark(ours, tmp_path / "home", ["table:calls"], rules=RULES)
        assert (again.kept, again.duplicates) == (0, 26)
    kept = stored(tmp_path / "home")
    assert {row["model"] for row in kept["exchanges"]} == {"big-1"}
    assert min(row["started_at"] for row in kept["exchanges"]) == START
    assert [row["account_id"] for row in kept["accounts"]] == [f"customer-{i}" for i in range(20)]


def test_a_run_that_is_mostly_malformed_leaves_only_its_quarantine(session: Any, tmp_path: Path) -> None:
    from stillwatch.spark.intake import take_in_on_spark

    bad = tmp_path / "bad.parquet"
    pq.write_table(pa.Table.from_pylist([*rows(0, 5), *rows(10, 5, status=-1)], schema=SCHEMA), bad)
    place = tmp_path / "shared"
    with pytest.raises(UsageError, match="5 of 10 rows are malformed, most often status: is negative"):
        take_in_on_spark(session, tmp_path / "home", [str(bad)], rules=RULES, place=str(place))
    assert list(place.rglob("*.parquet")) == []
    assert len((place / "quarantine" / "run-000001.jsonl").read_text().splitlines()) == 5
    take_in_on_spark(session, tmp_path / "home", [str(bad)], rules=RULES, place=str(place), max_malformed_share=0.6)
    store = open_store(tmp_path / "home")
    assert [file.resolve().parent for file in store.exchange_files()] == [place / "exchanges"]
    assert store.account_ids().num_rows == 5
    with pytest.raises(UsageError, match="another home"):
        take_in_on_spark(session, tmp_path / "other", [str(bad)], rules=RULES, place=str(place))
