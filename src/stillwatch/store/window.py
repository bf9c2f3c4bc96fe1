"""A span of the store as Ibis tables: the one place where hunting reads from disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute

from stillwatch.arrow_types import arrow_schema
from stillwatch.records.tables import FINGERPRINTS, KEPT, TURNS
from stillwatch.store.sharers import Shared, shared_values

Expression = Callable[[Any], Any]


@dataclass
class Window:
    """Exchanges from `since` (inclusive) to `until` (exclusive), with what is known of their accounts.

    `exchanges`, `fingerprints` and `turns` are Ibis tables in the layouts KEPT, FINGERPRINTS, TURNS (the
    latter two are summed over part files, so a window cuts them by their first and last sight).
    `accounts` is KEPT_ACCOUNT with the account number as `account`. Times are UTC.
    """

    con: Any
    exchanges: Any
    fingerprints: Any
    turns: Any
    account_ids: pa.Table
    accounts: pa.Table
    releases: pa.Table
    since: datetime | None = None
    until: datetime | None = None
    status_changes: pa.Table | None = None
    indicators: pa.Table | None = None
    """Marks that other providers shared and that hold now, in `store.indicators.MARKS`."""
    notes: dict[str, float] = field(default_factory=dict)
    streams: bool = False
    """Whether rows come cheaply to this process: then values meet here, else in the engine."""
    _tables: int = 0

    @classmethod
    def over(
        cls,
        exchange_files: list[Path],
        fingerprint_files: list[Path],
        turn_files: list[Path],
        *,
        account_ids: pa.Table,
        accounts: pa.Table,
        releases: pa.Table,
        status_changes: pa.Table | None = None,
        indicators: pa.Table | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        memory_gib: float = 2.0,
        threads: int = 2,
        scratch: Path | None = None,
    ) -> Window:
        """A window over registered part files. `scratch` takes what does not fit into `memory_gib`."""
        con = ibis.duckdb.connect()
        con.raw_sql(f"SET memory_limit='{memory_gib:.2f}GiB'")
        con.raw_sql(f"SET threads={int(threads)}")
        con.raw_sql("SET TimeZone='UTC'")
        con.raw_sql("SET preserve_insertion_order=false")
        if scratch is not None:
            scratch.mkdir(parents=True, exist_ok=True)
            con.con.execute("SET temp_directory=?", [str(scratch)])

        def table(files: list[Path], layout: Any, name: str) -> Any:
            if not files:
                con.con.register(name, arrow_schema(layout).empty_table())
                return con.table(name)
            return con.read_parquet([str(file) for file in files], table_name=name)

        exchanges = table(exchange_files, KEPT, "exchanges")
        fingerprints = table(fingerprint_files, FINGERPRINTS, "fingerprints")
        turns = table(turn_files, TURNS, "turns")
        return cls.between(
            con, exchanges, fingerprints, turns, account_ids=account_ids, accounts=accounts, releases=releases,
            since=since, until=until, status_changes=status_changes, indicators=indicators, streams=True,
        )

    @classmethod
    def between(
        cls,
        con: Any,
        exchanges: Any,
        fingerprints: Any,
        turns: Any,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        **beside: Any,
    ) -> Window:
        """A window over Ibis tables of any backend, cut to its span; `beside` are the tables that are Arrow's."""
        if since is not None:
            exchanges = exchanges.filter(exchanges.started_at >= since)
            fingerprints = fingerprints.filter(fingerprints.last_at >= since)
            turns = turns.filter(turns.last_at >= since)
        if until is not None:
            exchanges = exchanges.filter(exchanges.started_at < until)
            fingerprints = fingerprints.filter(fingerprints.first_at < until)
            turns = turns.filter(turns.first_at < until)
        return cls(
            con=con, exchanges=exchanges, fingerprints=fingerprints, turns=turns, since=since, until=until, **beside
        )

    def sums(self, expressions: Mapping[str, Expression]) -> pa.Table:
        """One pass over the exchanges: for each account the named aggregates, column `account` first."""
        t = self.exchanges
        return t.group_by("account").aggregate(**{k: f(t) for k, f in expressions.items()}).to_pyarrow()

    def shared(self, value: Expression, *, source: str = "exchanges", of: Sequence[str] = ()) -> Shared:
        """Who holds which value, as edges for values that at least two accounts hold. Values never meet pairwise.

        `of`: the columns that a costly `value` is made of, so that it is made once for each combination of them.
        """
        t = self.exchanges if source == "exchanges" else getattr(self, source)
        n = ibis.literal(1, "int32") if source == "exchanges" else t.n
        if of:
            t = t.group_by(["account", *of]).aggregate(times=t.count() if source == "exchanges" else t.n.sum())
            n = t.times.cast("int32")
        t = t.select("account", value=value(t), n=n)
        t = t.filter(t.value.notnull())
        if self.streams and t.value.type().is_integer():
            rows = int(t.count().to_pyarrow().as_py())
            return shared_values(lambda: self.batches(t, 1 << 20), rows, self._account_room())
        return self._shared_by_query(t)

    def _account_room(self) -> int:
        numbers_held = self.account_ids.column("account")
        return int(pa.compute.max(numbers_held).as_py() or 0) + 1 if len(numbers_held) else 1

    def _shared_by_query(self, t: Any) -> Shared:
        """The same by the engine itself: for values that are no numbers, and where rows had better not travel."""
        held = t.group_by(["account", "value"]).aggregate(n=t.n.sum())
        self._tables += 1
        name = f"held_{self._tables}"
        held = self.con.create_table(name, held, temp=True)
        holders = held.group_by("value").aggregate(df=held.count())
        edges = held.semi_join(holders.filter(holders.df > 1), "value").to_pyarrow()
        breadth = held.group_by("account").aggregate(held=held.count(), rows=held.n.sum()).to_pyarrow()
        self._let_go(name)
        of_account, rows = (np.zeros(self._account_room(), dtype=np.int64) for _ in range(2))
        at = np.asarray(breadth.column("account"))
        of_account[at] = numbers(breadth.column("held"))
        rows[at] = numbers(breadth.column("rows"))
        values = edges.column("value")
        plain = (
            np.asarray(values.cast(pa.string()).to_pylist(), dtype=str)
            if pa.types.is_string(values.type) or pa.types.is_large_string(values.type)
            else np.asarray(values.cast(pa.int64()))
        )
        distinct, column = np.unique(plain, return_inverse=True)
        account, n = np.asarray(edges.column("account"), dtype=np.int32), numbers(edges.column("n"))
        return Shared(account, column.astype(np.int32), n.astype(np.float32), distinct, of_account, rows)

    def _let_go(self, name: str) -> None:
        self.con.con.execute(f"DROP TABLE {name}")  # a name of ours; Ibis' own drop breaks with newer SQLGlot

    def batches(self, expression: Any, rows: int = 262_144) -> Iterator[pa.RecordBatch]:
        """An Ibis expression's rows, a batch at a time."""
        yield from expression.to_pyarrow_batches(chunk_size=rows)

    def ids(self) -> dict[int, str]:
        """Account number to account_id."""
        return dict(
            zip(
                self.account_ids.column("account").to_pylist(),
                self.account_ids.column("account_id").to_pylist(),
                strict=True,
            )
        )

    def close(self) -> None:
        """Gives memory and scratch space back."""
        self.con.disconnect()


def numbers(column: pa.ChunkedArray, fill: float = 0.0) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A numeric Arrow column as float64 with nulls filled."""
    return np.asarray(column.cast(pa.float64()).fill_null(fill).to_numpy(zero_copy_only=False), dtype=float)
