"""A small world's rows with everything that a log can have wrong, in Parquet; homes that share a key."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import EXCHANGE

SCHEMA = arrow_schema(EXCHANGE)
KEY = bytes(range(7, 39))
START = datetime(2026, 3, 1, tzinfo=UTC)


def without_spark() -> str | None:
    """What is missing for tests that start Spark, or None."""
    try:
        import pyspark
    except ImportError:
        return "these tests need pyspark: pip install 'stillwatch[spark]'"
    if not pyspark.__version__.startswith("4.0"):
        return f"pyspark {pyspark.__version__} is not the tested one"
    java = os.environ.get("JAVA_HOME")
    if not (java and (Path(java) / "bin" / "java").exists()) and shutil.which("java") is None:
        return "these tests need Java 17 (Debian, Ubuntu: apt-get install openjdk-17-jre-headless)"
    return None


def rows(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    """Exchanges numbered from `first`: many accounts, histories, templates; `more` goes into each."""
    return [
        {
            "exchange_id": f"x{i}", "started_at": START + timedelta(minutes=7 * i), "account_id": f"customer-{i % 23}",
            "model": "big-1", "ip": f"10.0.{i % 5}.{i % 11}", "user_agent": f"client/{i % 3}", "status": 200,
            "temperature": (0.0001, 0.7, None)[i % 3], "top_p": 0.95, "max_tokens": 512, "output_tokens": 100 + i % 9,
            "messages": f'[{{"role":"user","content":"Tell me of river {i % 40} and lake {i % 7} in plain words"}},'
                        f'{{"role":"assistant","content":"It is long, {i % 13}."}},'
                        f'{{"role":"user","content":"Grade the answer to task {i % 50} from 1 to 10, step by step"}}]',
            "completion": f"It is long, {(i + 1) % 13}.", **more,
        }
        for i in range(first, first + count)
    ]  # fmt: skip


def write_logs(folder: Path) -> list[Path]:
    """Three files, two schemas: bad rows, ids twice in a file and over two, one good only later, odd names."""
    folder.mkdir(parents=True, exist_ok=True)
    bad = [
        {**rows(900, 1)[0], "exchange_id": None}, {**rows(901, 1)[0], "account_id": ""},
        {**rows(902, 1)[0], "account_id": "nobody-else", "status": -4}, {**rows(903, 1)[0], "temperature": 1e300},
    ]  # fmt: skip
    early = {**rows(250, 1)[0], "output_tokens": -1}
    a = pa.Table.from_pylist([*rows(0, 120), *bad, early, *rows(60, 3)], schema=SCHEMA)
    b = pa.Table.from_pylist([*rows(110, 130), *rows(250, 5)], schema=SCHEMA)
    lean = ["exchange_id", "started_at", "account_id", "model", "completion", "messages"]
    c = pa.Table.from_pylist(rows(300, 30), schema=SCHEMA).select(lean).append_column("note", pa.array(["n"] * 30))
    c = c.set_column(1, "started_at", c.column("started_at").cast(pa.timestamp("us")))
    files = [folder / name for name in ("a first.parquet", "b-müll[1].parquet", "c.parquet")]
    for file, table in zip(files, (a, b, c), strict=True):
        pq.write_table(table, file, row_group_size=64)
    return files


def new_home(path: Path) -> Path:
    """A folder with the key that all these homes share, so that what is kept can be compared."""
    path.mkdir(mode=0o700)
    (path / "secret.key").write_bytes(KEY)
    return path


def stored(home: Path) -> dict[str, Any]:
    """Everything that a home's store says, in an order of its own: rows by id, sums by account and value."""
    from stillwatch.store import open_store

    store = open_store(home)
    orders = {"exchanges": ["exchange_id"], "fingerprints": ["account", "fingerprint"], "turns": ["account", "turn"]}
    found: dict[str, Any] = {}
    for kind, order in orders.items():
        table = pa.concat_tables([store.part(kind, name) for name in store.ledger.part_rows(kind)])
        if kind != "exchanges":
            table = table.group_by(order).aggregate([("n", "sum"), ("first_at", "min"), ("last_at", "max")])
        found[kind] = table.sort_by([(name, "ascending") for name in order]).to_pylist()
    lines = [line for file in sorted((home / "quarantine").glob("*")) for line in file.read_text("utf-8").splitlines()]
    found |= {"accounts": store.account_ids().to_pylist(), "totals": store.totals(), "missing": store.missing(),
              "inputs": store.inputs(), "quarantine": sorted(lines)}  # fmt: skip
    store.close()
    return found


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    """The three files of `write_logs`."""
    return write_logs(tmp_path / "logs")
