"""The book of a window: for each account its sums, hours, topics, rules matched and marks, as arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numba
import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from stillwatch.actors.foreign import Foreign, foreign_matches
from stillwatch.actors.marks import KINDS, MarkTable
from stillwatch.records.rules import Rule
from stillwatch.store.window import Expression, Window, numbers

Array = np.ndarray[Any, Any]

_HOUR_US = 3_600_000_000
_COVERAGE = (
    "model",
    "channel",
    "org",
    "key",
    "end_user",
    "session",
    "ip",
    "client",
    "tools",
    "prompt",
    "system",
    "completion",
    "history",
    "finish_reason",
    "output_tokens",
    "temperature",
    "max_tokens",
    "logprobs",
    "status",
    "patterns",
    "country",
    "turns",
    "topic",
)


def _known(column: str) -> Expression:
    return lambda t: t[column].count()


#: Sums that more than one signal needs. Each is an aggregate over an account's exchanges.
SUMS: dict[str, Expression] = {
    "n": lambda t: t.count(),
    "first_us": lambda t: t.started_at.min(),
    "last_us": lambda t: t.started_at.max(),
    "answered": lambda t: (t.status.isnull() | (t.status < 400)).sum(),
    "refused": lambda t: t.finish_reason.isin(["refusal", "content_filter", "safety", "blocked"]).sum(),
    "cut_off": lambda t: t.finish_reason.isin(["length", "max_tokens"]).sum(),
    "blocked": lambda t: t.status.isin([401, 403, 429]).sum(),
    "failed": lambda t: (t.status >= 500).sum(),
    "output_tokens": lambda t: t.output_tokens.cast("int64").sum(),
    "prompt_chars": lambda t: t.prompt_chars.cast("int64").sum(),
    "conversing": lambda t: (t.turns > 2).sum(),
    "with_history": lambda t: (t.assistant_turns > 0).sum(),
    "asked_logprobs": lambda t: t.logprobs.sum(),
    **{f"known_{column}": _known(column) for column in _COVERAGE},
}


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add_topics(position: Array, topic: Array, sums: Array, counts: Array) -> None:
    for i in range(position.shape[0]):
        p = position[i]
        bits = topic[i]
        counts[p] += 1
        for b in range(64):
            if (bits >> b) & 1:
                sums[p, b] += 1.0
            else:
                sums[p, b] -= 1.0


@dataclass
class Book:
    """Everything hunting needs of a window. Row i of each array is the account `ids[i]`."""

    ids: list[str]
    numbers: Array
    sums: dict[str, Array]
    hours: sp.csr_matrix
    """accounts x hours since `hour0` (hours since 1970, UTC): exchanges."""
    hour0: int
    topics: Array
    """accounts x 64: sum over exchanges of the SimHash bits as +1 / -1."""
    topic_rows: Array
    rules: sp.csr_matrix
    """accounts x rule codes: exchanges whose last user message or system prompt matched."""
    models: sp.csr_matrix
    model_names: list[str]
    marks: dict[str, MarkTable]
    customer: dict[str, Array]
    """Account records aligned with `ids` (object arrays; None where unknown)."""
    known: dict[str, float] = field(default_factory=dict)
    """Share of exchanges in which a column is known; account columns as `account.NAME`: share of accounts."""
    releases: list[tuple[str, int]] = field(default_factory=list)
    """Models released inside the window (name, microseconds since 1970); `pivots` has one column for each."""
    pivots: dict[str, Array] = field(default_factory=dict)
    """accounts x releases: exchanges in the day and a half after (`after`), of these to the new model
    (`moved`), and in the three days before (`before`)."""
    rulebook: dict[int, Rule] = field(default_factory=dict)
    turns_seen: Array = field(default_factory=lambda: np.zeros(0))
    """Assistant turns in inbound histories that could be asked about (see `_foreign_turns`)."""
    turns_foreign: Array = field(default_factory=lambda: np.zeros(0))
    """Of these, turns that equal no completion returned in the store."""
    turns_borrowed: Array = field(default_factory=lambda: np.zeros(0))
    """Of these, turns that equal a completion returned to other accounts only."""
    foreign: Foreign = field(default_factory=Foreign)
    """Matches with marks that other providers shared."""

    @property
    def accounts(self) -> int:
        """Accounts in the window."""
        return len(self.ids)

    @property
    def n(self) -> Array:
        """Exchanges of each account."""
        return self.sums["n"]

    def column_known(self, column: str) -> Array:
        """Share of each account's exchanges in which a column is known."""
        return np.asarray(self.sums[f"known_{column}"] / np.maximum(self.n, 1.0))


def open_book(window: Window, extra_sums: Mapping[str, Expression], rules: Sequence[Rule] = ()) -> Book:
    """Reads a window once for each kind of mark and once for all sums; nothing in it is account x account."""
    releases = _releases_inside(window)
    sums_table = window.sums({**SUMS, **extra_sums, **_around_releases(releases)})
    order = np.argsort(np.asarray(sums_table.column("account")), kind="stable")
    sums_table = sums_table.take(pa.array(order))
    account_numbers = np.asarray(sums_table.column("account"), dtype=np.int32)
    count = len(account_numbers)
    lookup = np.full(int(account_numbers.max()) + 1 if count else 1, -1, dtype=np.int32)
    lookup[account_numbers] = np.arange(count, dtype=np.int32)
    names = window.ids()
    sums: dict[str, Array] = {}
    for name in sums_table.column_names[1:]:
        column = sums_table.column(name)
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        sums[name] = numbers(column)
    hours, hour0 = _hours(window, lookup, count)
    topics, topic_rows = _topics(window, lookup, count)
    customer = _customers(window, account_numbers, names)
    models, model_names = _models(window, lookup, count)
    book = Book(
        ids=[names[int(number)] for number in account_numbers],
        numbers=account_numbers,
        sums=sums,
        hours=hours,
        hour0=hour0,
        topics=topics,
        topic_rows=topic_rows,
        rules=_rules(window, lookup, count),
        models=models,
        model_names=model_names,
        marks={},
        customer=customer,
        releases=releases,
        pivots=_pivots(sums, len(releases)),
        rulebook={rule.code: rule for rule in rules},
    )
    book.foreign = foreign_matches(window, lookup, count)
    book.turns_seen, book.turns_foreign, book.turns_borrowed = _inherited_turns(window, lookup, book)
    total = max(float(book.n.sum()), 1.0)
    for column in _COVERAGE:
        book.known[column] = float(sums[f"known_{column}"].sum() / total)
    for column, values in customer.items():
        book.known[f"account.{column}"] = float(np.mean([v is not None for v in values])) if count else 0.0
    for kind in KINDS:
        if kind.source == "account":
            table = _account_marks(kind, customer, count)
        else:
            shared = window.shared(kind.value, source=kind.source, of=kind.of)
            table = MarkTable.build(
                kind, count, lookup[shared.account], shared.column, shared.values, shared.n,
                shared.held[account_numbers], shared.rows[account_numbers],
            )  # fmt: skip
            del shared  # hundreds of millions of edges must not wait beside the next kind's
        book.marks[kind.name] = table
    return book


def _hours(window: Window, lookup: Array, count: int) -> tuple[sp.csr_matrix, int]:
    t = window.exchanges
    t = t.select("account", hour=t.started_at.epoch_seconds() // 3600)
    table = t.group_by(["account", "hour"]).aggregate(n=t.count()).to_pyarrow()
    hour = np.asarray(table.column("hour").cast(pa.int64()))
    hour0 = int(hour.min()) if len(hour) else 0
    width = int(hour.max()) - hour0 + 1 if len(hour) else 1
    rows = lookup[np.asarray(table.column("account"))]
    matrix = sp.csr_matrix(
        (numbers(table.column("n")).astype(np.float32), (rows, (hour - hour0).astype(np.int32))), shape=(count, width)
    )
    return matrix, hour0


def _topics(window: Window, lookup: Array, count: int) -> tuple[Array, Array]:
    t = window.exchanges
    sums = np.zeros((count, 64), dtype=np.float32)
    counts = np.zeros(count)
    for batch in window.batches(t.filter(t.topic.notnull()).select("account", "topic")):
        if batch.num_rows:
            position = lookup[np.asarray(batch.column(0), dtype=np.int32)]
            _add_topics(position, np.asarray(batch.column(1), dtype=np.int64), sums, counts)
    return sums, counts


def _rules(window: Window, lookup: Array, count: int) -> sp.csr_matrix:
    t = window.exchanges
    total: sp.csr_matrix = sp.csr_matrix((count, 32768), dtype=np.float32)
    both = t.filter((t.patterns.length() > 0) | (t.system_patterns.length() > 0))
    empty = t.patterns.filter(lambda x: x < 0)
    merged = both.select(
        "account", code=both.patterns.fill_null(empty).union(both.system_patterns.fill_null(empty)).unnest()
    )
    table = merged.group_by(["account", "code"]).aggregate(n=merged.count()).to_pyarrow()
    if table.num_rows:
        total = sp.csr_matrix(
            (
                numbers(table.column("n")).astype(np.float32),
                (lookup[np.asarray(table.column("account"))], np.asarray(table.column("code"), dtype=np.int32)),
            ),
            shape=(count, 32768),
        )
    return total


def _models(window: Window, lookup: Array, count: int) -> tuple[sp.csr_matrix, list[str]]:
    t = window.exchanges
    table = t.group_by(["account", "model"]).aggregate(n=t.count()).to_pyarrow()
    names, column = np.unique(
        np.asarray(table.column("model").fill_null("").to_pylist(), dtype=str), return_inverse=True
    )
    matrix = sp.csr_matrix(
        (numbers(table.column("n")).astype(np.float32), (lookup[np.asarray(table.column("account"))], column)),
        shape=(count, max(len(names), 1)),
    )
    return matrix, [str(name) for name in names]


def _customers(window: Window, account_numbers: Array, names: dict[int, str]) -> dict[str, Array]:
    table = window.accounts
    position = {name: i for i, name in enumerate(table.column("account_id").to_pylist())}
    at = np.asarray([position.get(names[int(number)], -1) for number in account_numbers], dtype=np.int64)
    customer: dict[str, Array] = {"recorded": np.asarray([True if i >= 0 else None for i in at], dtype=object)}
    for column in table.column_names:
        if column in ("account_id", "account"):
            continue
        data = table.column(column)
        if pa.types.is_timestamp(data.type):
            data = data.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
        values = [*data.to_pylist(), None]
        customer[column] = np.asarray([values[i] for i in at], dtype=object)
    pairs = zip(customer["email_domain"], customer["email_shape"], strict=True)
    customer["email_pattern"] = np.asarray(
        [None if d is None or s is None else f"{d}:{s}" for d, s in pairs], dtype=object
    )
    customer["signup_hour"] = np.asarray(
        [None if v is None else int(v // _HOUR_US) for v in customer["created_at"]], dtype=object
    )
    return customer


def _account_marks(kind: Any, customer: dict[str, Array], count: int) -> MarkTable:
    values = kind.value(customer)
    known = np.asarray([v is not None for v in values], dtype=bool)
    rows = np.flatnonzero(known)
    plain = np.asarray([str(values[i]) for i in rows], dtype=str)
    if len(rows):
        _, inverse, df = np.unique(plain, return_inverse=True, return_counts=True)
        keep = df[inverse] > 1
    else:
        keep = np.zeros(0, dtype=bool)
    held = known.astype(float)
    values, column = np.unique(plain[keep], return_inverse=True)
    return MarkTable.build(kind, count, rows[keep], column, values, np.ones(int(keep.sum())), held, held)


_MOST_RELEASES = 12


def _releases_inside(window: Window) -> list[tuple[str, int]]:
    """The newest releases that fall between the first and the last exchange."""
    table = window.releases
    if table.num_rows == 0:
        return []
    t = window.exchanges
    span = t.aggregate(a=t.started_at.min(), b=t.started_at.max()).to_pyarrow()
    first, last = (span.column(c).cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())[0].as_py() for c in ("a", "b"))
    if first is None:
        return []
    at = table.column("released_at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    pairs = zip(table.column("model").to_pylist(), at, strict=True)
    inside = sorted({(m, int(w)) for m, w in pairs if m and w is not None and first + 6 * _HOUR_US <= w <= last})
    return sorted(inside, key=lambda pair: -pair[1])[:_MOST_RELEASES]


def _around_releases(releases: list[tuple[str, int]]) -> dict[str, Expression]:
    expressions: dict[str, Expression] = {}
    for i, (model, when) in enumerate(releases):
        at = datetime.fromtimestamp(when / 1e6, tz=UTC)
        until, since = at + timedelta(hours=36), at - timedelta(hours=72)

        def after(t: Any, a: datetime = at, b: datetime = until) -> Any:
            return ((t.started_at >= a) & (t.started_at < b)).sum()

        def moved(t: Any, a: datetime = at, b: datetime = until, m: str = model) -> Any:
            return ((t.started_at >= a) & (t.started_at < b) & (t.model == m)).sum()

        def before(t: Any, a: datetime = since, b: datetime = at) -> Any:
            return ((t.started_at >= a) & (t.started_at < b)).sum()

        expressions |= {f"after_{i}": after, f"moved_{i}": moved, f"before_{i}": before}
    return expressions


def _pivots(sums: dict[str, Array], releases: int) -> dict[str, Array]:
    if not releases:
        return {}
    return {
        name: np.stack([sums.pop(f"{name}_{i}") for i in range(releases)], axis=1)
        for name in ("after", "moved", "before")
    }


_GRACE = timedelta(days=2)
_MOST_HOLDERS = 20


def _inherited_turns(window: Window, lookup: Array, book: Book) -> tuple[Array, Array, Array]:
    """(seen, foreign, borrowed): distinct assistant turns in inbound histories, by where they came from.

    Asked only of turns first seen two days after the window began, since older conversations quote answers
    that no longer are in the store; an answer that many accounts got (a refusal, a greeting) says nothing.
    """
    count = book.accounts
    none = np.zeros(count)
    t = window.exchanges
    start = t.started_at.min().to_pyarrow().as_py()
    if start is None:
        return none, none, none
    turns = window.turns
    # Turns are summed part by part: an old conversation that goes on has a late first sight in a later part.
    turns = turns.group_by(["account", "turn"]).aggregate(first_at=turns.first_at.min())
    turns = turns.filter(turns.first_at >= start + _GRACE).select("account", "turn")
    given = t.filter(t.completion.notnull()).select("account", "completion")
    given = given.semi_join(turns, given.completion == turns.turn).distinct()
    holders = given.group_by("completion").aggregate(df=given.count())
    common = holders.filter(holders.df > _MOST_HOLDERS)
    rare = turns.anti_join(common, turns.turn == common.completion)
    own = rare.semi_join(given, (rare.turn == given.completion) & (rare.account == given.account))
    any_given = rare.semi_join(given, rare.turn == given.completion)

    def by_account(table: Any) -> Array:
        out = np.zeros(count)
        counted = table.group_by("account").aggregate(n=table.count()).to_pyarrow()
        out[lookup[np.asarray(counted.column("account"), dtype=np.int32)]] = numbers(counted.column("n"))
        return out

    seen, ours, anybodys = by_account(rare), by_account(own), by_account(any_given)
    return seen, seen - anybodys, anybodys - ours
