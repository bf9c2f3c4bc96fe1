"""`--engine` says in a line what it lacks, and touches nothing."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from conftest import SCHEMA, rows
from stillwatch.cli.menu import menu
from stillwatch.errors import UsageError
from stillwatch.spark.intake import take_in_on_spark


def swept(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(menu, ["sweep", *args])
    return done.exit_code, done.output + str(done.exception)


def test_another_format_and_an_engine_do_not_go_together(tmp_path: Path) -> None:
    code, said = swept("log", "--engine", "local[1]", "--format", "litellm", "--home", str(tmp_path / "h"))
    assert code == 2
    assert "reads the exchange format only" in said
    assert not (tmp_path / "h").exists()


def test_without_pyspark_the_command_that_installs_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyspark", "pyspark.errors", "pyspark.sql"):
        monkeypatch.setitem(sys.modules, name, None)
    code, said = swept("log", "--engine", "local[1]", "--home", str(tmp_path / "h"))
    assert code == 2
    assert "needs pyspark" in said
    assert not (tmp_path / "h").exists()


def test_text_is_not_kept_by_spark_and_lines_are_not_read_by_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="keep_text"):
        take_in_on_spark(None, tmp_path / "home", ["log"], keep_text_days=3.0)
    log = tmp_path / "log.jsonl"
    log.write_text('{"exchange_id": "1"}\n')
    with pytest.raises(UsageError, match="is no Parquet"):
        take_in_on_spark(None, tmp_path / "home", [str(log)])
    lean = tmp_path / "lean.parquet"
    pq.write_table(pa.Table.from_pylist(rows(0, 2), schema=SCHEMA).drop_columns(["model"]), lean)
    with pytest.raises(UsageError, match="lacks model"):
        take_in_on_spark(None, tmp_path / "home", [str(lean)])
