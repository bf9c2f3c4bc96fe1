"""A home's window on Spark: the parts as Spark tables, the expressions unchanged, results through Arrow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from ibis.backends.pyspark import Backend

from stillwatch.records.tables import FINGERPRINTS, KEPT, TURNS
from stillwatch.store import Store
from stillwatch.store.indicators import active_marks
from stillwatch.store.window import Window

_SPARK_TYPES = {
    "string": "string", "timestamp": "timestamp", "int16": "short", "int32": "int", "int64": "bigint",
    "float32": "float", "float64": "double", "bool": "boolean", "list<int16>": "array<short>",
}  # fmt: skip
ROWS_AT_ONCE = 1 << 24
"""Rows that `batches` brings to the driver at a time."""


class SparkTables(Backend):  # type: ignore[misc]
    """Ibis on a Spark session. Its own way to Arrow leads through pandas, where a null makes numbers inexact."""

    def to_pyarrow(self, expr: Any, /, *, params: Any = None, limit: Any = None, **kwargs: Any) -> Any:
        """A result as an Arrow table in the expression's types (a scalar or column where it is one)."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        found = self._session.sql(self.compile(table, params=params, limit=limit)).toArrow()
        return expr.__pyarrow_result__(found.cast(table.schema().to_pyarrow()))

    def create_table(self, name: str, /, obj: Any = None, *, temp: Any = None, **kwargs: Any) -> Any:
        """With `temp` a view that is kept on the executors until `forget`."""
        if not temp:
            return super().create_table(name, obj, temp=temp, **kwargs)
        self._run_pre_execute_hooks(obj)
        frame = self._session.sql(self.compile(obj)).persist()
        frame.createOrReplaceTempView(name)
        self._kept = {**getattr(self, "_kept", {}), name: frame}
        return self.table(name)

    def forget(self, name: str) -> None:
        """Gives back what `create_table(temp=True)` holds."""
        self._session.catalog.dropTempView(name)
        self._kept.pop(name).unpersist()

    def disconnect(self) -> None:
        """The session is its owner's to stop."""


class SparkWindow(Window):
    """A window whose tables lie in a Spark session."""

    def batches(self, expression: Any, rows: int = 262_144) -> Iterator[pa.RecordBatch]:
        """An Ibis expression's rows with a column `account`, a slice of the accounts at a time."""
        count = int(expression.count().to_pyarrow().as_py())
        slices = 1 + count // ROWS_AT_ONCE
        for i in range(slices):
            part = expression if slices == 1 else expression.filter(expression.account % slices == i)
            yield from part.to_pyarrow().to_batches(max_chunksize=rows)

    def _let_go(self, name: str) -> None:
        self.con.forget(name)


def window_on_spark(session: Any, store: Store, since: datetime | None = None, until: datetime | None = None) -> Window:
    """`Store.window`, read by Spark; the parts must lie where the executors see them. Close it after use."""
    SparkTables.register_options()
    con = SparkTables().connect(session)

    def table(files: list[Path], layout: Any, name: str) -> Any:
        schema = ", ".join(f"`{column.name}` {_SPARK_TYPES[column.type]}" for column in layout)
        if files:
            frame = session.read.schema(schema).parquet(*(str(file.resolve()) for file in files))
        else:
            frame = session.createDataFrame([], schema)
        frame.createOrReplaceTempView(name)
        return con.table(name)

    return SparkWindow.between(
        con,
        table(store.exchange_files(since, until), KEPT, "exchanges"),
        table(store.fingerprint_files(since, until), FINGERPRINTS, "fingerprints"),
        table(store.turn_files(since, until), TURNS, "turns"),
        account_ids=store.account_ids(), accounts=store.accounts(), releases=store.releases(),
        status_changes=store.status_changes(), since=since, until=until,
        indicators=active_marks(store.home, time.time()),
    )  # fmt: skip


__all__ = ["SparkTables", "SparkWindow", "window_on_spark"]
