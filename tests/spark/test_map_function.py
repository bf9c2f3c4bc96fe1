"""The function that runs on an executor leaves what the embedded intake leaves, without any Spark."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import KEY, new_home, rows, stored, write_logs
from stillwatch.intake import take_in
from stillwatch.patterns import load_rules
from stillwatch.spark.text_pass import ACCOUNT, AT, INPUT, TIE, Task, good_rows, text_pass
from stillwatch.store import open_store
from stillwatch.store.arrived import Arrived, next_run, register
from stillwatch.store.parts import Part

RULES = tuple(load_rules())


def placed(file: Path, number: int, accounts: dict[str, int], rows: int) -> list[pa.RecordBatch]:
    """A file as Spark hands it over: columns in its order, each row's place, the account's number."""
    table = pq.read_table(file)
    who = [accounts.get(name) for name in table.column("account_id").to_pylist()]
    table = table.append_column(INPUT, pa.array(np.full(len(table), number, dtype=np.int32)))
    table = table.append_column(AT, pa.array(np.arange(len(table)))).append_column(
        TIE, pa.array(np.zeros(len(table), int))
    )
    return table.append_column(ACCOUNT, pa.array(who, pa.int32())).to_batches(max_chunksize=rows)


@pytest.mark.parametrize("batch_rows", [7, 100_000])
def test_what_executors_write_is_what_one_machine_writes(tmp_path: Path, batch_rows: int) -> None:
    log = write_logs(tmp_path / "logs")[2]
    bad = tmp_path / "logs" / "d.parquet"
    lines = rows(500, 60)
    lines[3]["status"], lines[9]["temperature"], lines[11]["account_id"] = -4, 1e300, ""
    pq.write_table(pa.Table.from_pylist(lines), bad)
    alone, spread = new_home(tmp_path / "alone"), new_home(tmp_path / "spread")
    take_in(alone, [str(log), str(bad)], rules=RULES, max_malformed_share=0.5)
    accounts = {row["account_id"]: row["account"] for row in stored(alone)["accounts"]}
    store = open_store(spread, create=True)
    task = Task(str(spread), next_run(store), KEY, RULES, (str(log), str(bad)), chunk_rows=40)
    told: list[dict[str, Any]] = []
    for number, file in enumerate((log, bad)):
        for report in text_pass(task)(iter(placed(file, number, accounts, batch_rows))):
            told += [json.loads(text) for text in report.column(0).to_pylist()]
    arrived = Arrived(accounts=[(n, name) for name, n in accounts.items()])
    for line in told:
        arrived.parts.append(([Part(*part) for part in line["parts"]], line["missing"]))
        arrived.pieces += [line["piece"]] if line["piece"] else []
    register(store, task.run, arrived)
    store.close()
    one, many = stored(alone), stored(spread)
    for kind in ("exchanges", "fingerprints", "turns", "accounts", "quarantine", "missing"):
        assert many[kind] == one[kind], kind
    assert len(one["quarantine"]) == 2
    assert sum(line["dropped"].get("temperature", 0) for line in told) == 1
    assert not [f.name for f in spread.rglob("*") if f.name.endswith((".piece", ".writing"))]


def test_rows_that_break_a_rule_do_not_compete_for_their_id(tmp_path: Path) -> None:
    file = write_logs(tmp_path / "logs")[0]
    batches = [batch.drop_columns([ACCOUNT]) for batch in placed(file, 4, {}, 50)]
    good = pa.Table.from_batches(list(good_rows(iter(batches)))).to_pylist()
    assert len(good) == pq.read_metadata(file).num_rows - 4
    assert "x250" not in {row["exchange_id"] for row in good}
    assert [row[AT] for row in good if row["exchange_id"] == "x61"] == [61, 126]
    assert {row[INPUT] for row in good} == {4}


def test_a_task_that_found_nothing_says_nothing(tmp_path: Path) -> None:
    task = Task(str(new_home(tmp_path / "home")), 1, KEY, RULES, ("log",))
    empty = pa.RecordBatch.from_pylist([], schema=pa.schema([(INPUT, pa.int32())]))
    assert list(text_pass(task)(iter([empty]))) == []


def test_the_key_travels_with_a_task_and_shows_in_no_description_of_it(tmp_path: Path) -> None:
    task = Task(str(tmp_path), 1, KEY, (), ("log",))
    assert pickle.loads(pickle.dumps(task)).key == KEY
    assert repr(KEY) not in repr(task) and KEY.hex() not in repr(task)
