"""A small town of hand-made traffic: accounts, their records and exchanges, straight in the store's layouts.

Hashes are plain numbers: what is equal is equal, what is not is not. A behaviour (`people`, `harvest`) is a
function that returns the account numbers it made, so a test reads like a list of who lives in town.
"""

from __future__ import annotations

import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.actors.book import Book, open_book
from stillwatch.actors.view import View, as_one
from stillwatch.arrow_types import arrow_schema
from stillwatch.records.rules import TECHNIQUES, Rule
from stillwatch.records.tables import FINGERPRINTS, KEPT, KEPT_ACCOUNT, RELEASE, TURNS
from stillwatch.signals import extra_sums, measure
from stillwatch.store.indicators import MARKS, TOKEN
from stillwatch.store.window import Window

Array = np.ndarray[Any, Any]
#: A Monday, 00:00 UTC.
START = datetime(2026, 3, 2, tzinfo=UTC)
START_US = int(START.timestamp() * 1e6)
HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US

#: One strong rule for each technique, and one that the innocent match as well.
RULES = tuple(
    Rule(code, f"{technique}_{name}", technique, technique, "en", "x", ("AML.T0024.002",), "many", strength=strength)
    for start, name, strength in ((1, "plain", 1.0), (101, "common", 0.2))
    for code, technique in enumerate(TECHNIQUES, start)
)
CODE = {technique: code for code, technique in enumerate(TECHNIQUES, 1)}


def mixed(kind: str, number: Any) -> Array:
    """A hash of (kind, number), the same on every run (SplitMix64)."""
    with np.errstate(over="ignore"):
        x = np.asarray(number).astype(np.uint64) + np.uint64(zlib.crc32(kind.encode())) * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (x ^ (x >> np.uint64(31))).astype(np.int64)


class Traffic:
    """Collects accounts and exchanges; `book()` reads them as the hunt does."""

    def __init__(self, seed: int = 1, days: float = 14.0) -> None:
        self.rng = np.random.default_rng(seed)
        self.days = days
        self.records: list[dict[str, Any]] = []
        self.parts: list[pa.Table] = []
        self.fingerprints: list[pa.Table] = []
        self.turns: list[pa.Table] = []
        self.releases: list[dict[str, Any]] = []
        self.templates: list[Array] = []
        """What each harvest's prompts begin with, in the order in which they came."""
        self.indicators: pa.Table | None = None
        self._made = 0

    # -- values -----------------------------------------------------------------------------------------
    def fresh(self, n: int, kind: str = "fresh") -> Array:
        """n values that nobody else holds."""
        self._made += n
        return mixed(kind, np.arange(self._made - n, self._made))

    def drawn(self, n: int, values: Any) -> Array:
        """n values drawn evenly from a few."""
        return self.rng.choice(np.asarray(values), n)

    def topics(self, n: int, centre: int, flip: float = 0.15) -> Array:
        """SimHashes around a centre: each bit differs from it with a chance of `flip`."""
        bits = (np.uint64(centre) >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
        bits = bits[None, :] ^ (self.rng.random((n, 64)) < flip).astype(np.uint64)
        return (bits << np.arange(64, dtype=np.uint64)).sum(axis=1, dtype=np.uint64).astype(np.int64)

    # -- times, in microseconds ---------------------------------------------------------------------------
    def by_clock(self, n: int, first_day: float = 0.0, days: float | None = None) -> Array:
        """Evenly over day and night."""
        span = (self.days - first_day) if days is None else days
        at = START_US + (first_day + span * (np.arange(n) + self.rng.random(n)) / n) * DAY_US
        return at.astype(np.int64)

    def by_life(self, n: int, first_day: float = 0.0, days: float | None = None, wakes: float = 7.0) -> Array:
        """In bouts of about six, between waking and sixteen hours later, each day as it pleases."""
        span = (self.days - first_day) if days is None else days
        bouts = max(n // 6, 1)
        day = np.floor(self.rng.random(bouts) * max(span - 1.0, 1.0)) + np.floor(first_day)
        at = day * 24.0 + wakes + 14.0 * self.rng.beta(2.0, 2.0, bouts)
        hours = at[self.rng.integers(0, bouts, n)] + self.rng.exponential(0.25, n)
        return (START_US + hours * HOUR_US).astype(np.int64)

    # -- accounts and rows ----------------------------------------------------------------------------------
    def accounts(self, count: int, **record: Any) -> Array:
        """`count` new accounts with records of their own; a keyword is one value for all or one for each."""
        numbers = np.arange(len(self.records), len(self.records) + count)
        for i, number in enumerate(numbers.tolist()):
            row: dict[str, Any] = {
                "account_id": f"acct-{number:05d}", "plan": "pro", "kind": "individual", "verification": "phone",
                "created_at": START_US - int(self.rng.uniform(20, 400) * DAY_US), "email_domain": 77,
                "email_shape": "a" * int(self.rng.integers(3, 12)) + "9" * int(self.rng.integers(0, 5)),
                "payment_kind": "card", "signup_country": "US", "status": "active", "account": number,
            }  # fmt: skip
            row |= {name: int(mixed(name, number)) for name in ("email", "phone", "payment", "device")}
            row |= {"signup_ip": int(mixed("ip", number)), "signup_net": int(mixed("net", number))}
            for name, value in record.items():
                one = value[i] if isinstance(value, (list, tuple, np.ndarray)) else value
                row[name] = one.item() if isinstance(one, np.generic) else one
            self.records.append(row)
        return numbers

    def send(self, account: Any, at: Array, **columns: Any) -> None:
        """Exchanges of one account (or one for each row). A column is a value, an array, or None for unknown."""
        n = len(at)
        account = np.broadcast_to(np.asarray(account), n)
        words = {name: self.fresh(n, name) for name in ("prompt", "masked", "opening", "closing", "completion")}
        row: dict[str, Any] = {
            "exchange_id": [f"x{self._made + i}" for i in range(n)], "started_at": at, "account": account,
            "model": "tern-1", "channel": "first_party", **words, "topic": self.rng.integers(-(2**63), 2**63, n),
            "key": mixed("key", account), "session": self.fresh(n, "session"), "ip": mixed("ip", account),
            "net": mixed("net", account), "client": mixed("client", account), "country": "US",
            "prompt_chars": 200, "prompt_words": 40, "completion_chars": 900, "turns": 1, "assistant_turns": 0,
            "parts_unread": 0, "patterns": [], "system_patterns": [], "finish_reason": "stop", "input_tokens": 60,
            "output_tokens": 300, "temperature": 1.0, "max_tokens": 1024, "n": 1, "logprobs": False, "stream": True,
            "status": 200, "script": "Latn", "language": "en",
        } | columns  # fmt: skip
        self.parts.append(_table(KEPT, row, n))

    def mark_fingerprints(self, account: Any, values: Any, n: int = 1) -> None:
        """Rows of the fingerprint table."""
        self.fingerprints.append(self._held(FINGERPRINTS, "fingerprint", account, values, n, 5.0))

    def told_by_others(self, *campaigns: Any, confidence: float = 0.8) -> None:
        """What another provider shared: for each campaign, openings of its prompts."""
        rows = [
            {"campaign": number, "kind": "opening", "value": int(value), "confidence": confidence}
            for number, values in enumerate(campaigns) for value in np.asarray(values).tolist()
        ]  # fmt: skip
        self.indicators = pa.Table.from_pylist(rows, schema=MARKS)

    def held_by(self, accounts: Any, *, campaign: int = 0, kind: str = "payment", n: int = 1, confidence: float = 0.8
    ) -> None:  # fmt: skip
        """Accounts that hold `n` tokens of what a foreign campaign's accounts held, beside what was told before."""
        rows = [
            {"campaign": campaign, "kind": TOKEN + kind, "value": int(account), "confidence": confidence}
            for account in np.asarray(accounts).tolist() for _ in range(n)
        ]  # fmt: skip
        before = [] if self.indicators is None else [self.indicators]
        self.indicators = pa.concat_tables([*before, pa.Table.from_pylist(rows, schema=MARKS)])

    def quote(self, account: Any, turns: Any, day: float = 5.0) -> None:
        """Assistant turns in an account's inbound histories, first seen on a day."""
        self.turns.append(self._held(TURNS, "turn", account, turns, 1, day))

    def _held(self, layout: Any, name: str, account: Any, values: Any, n: int, day: float) -> pa.Table:
        values = np.asarray(values)
        at = START_US + int(day * DAY_US)
        account = np.broadcast_to(np.asarray(account), len(values))
        row = {"account": account, name: values, "n": n, "first_at": at, "last_at": at + HOUR_US}
        return _table(layout, row, len(values))

    # -- behaviours ---------------------------------------------------------------------------------------
    def people(self, count: int, each: int = 60, *, record: dict[str, Any] | None = None, **columns: Any) -> Array:
        """People: own words and matters, bouts by day, most of it in conversation, own address and card."""
        numbers = self.accounts(count, **(record or {}))
        for number in numbers.tolist():
            n = max(int(self.rng.lognormal(np.log(each), 1.0)), 8)
            talk = self.rng.random(n) < 0.6
            turns = np.where(talk, 3 + 2 * self.rng.integers(0, 4, n), 1)
            own = {
                "turns": turns, "assistant_turns": (turns - 1) // 2,
                "history": [int(h) if t else None for h, t in zip(self.fresh(n, "history"), talk, strict=True)],
                "temperature": float(self.rng.choice([0.3, 0.7, 1.0])), "max_tokens": self.drawn(n, [512, 1024, 4096]),
                "topic": self.topics(n, int(mixed("matter", number).astype(np.uint64)), flip=0.4),
            }  # fmt: skip
            wakes = float(self.rng.uniform(5, 11))
            self.send(number, self.by_life(n, wakes=wakes), **(own | columns))
        return numbers

    def harvest(self, count: int, each: int = 60, *, record: dict[str, Any] | None = None, templates: int = 4,
                **columns: Any) -> Array:  # fmt: skip
        """A harvest: items dealt from one queue into a few templates, by the clock, one load for all."""
        numbers = self.accounts(count, **(record or {}))
        shared = self.fresh(templates, "template")
        self.templates.append(shared)
        centre = int(self.rng.integers(0, 2**63))
        for number in numbers.tolist():
            own = {"opening": self.drawn(each, shared), "topic": self.topics(each, centre), "max_tokens": 8192}
            self.send(number, self.by_clock(each), **(own | columns))
        return numbers

    # -- reading --------------------------------------------------------------------------------------------
    def window(self, shuffle: int | None = None, nulls: tuple[str, ...] = (), **span: Any) -> Window:
        """A window over the town's parts; `shuffle` puts all rows in another order, `nulls` forgets columns."""
        folder = Path(tempfile.mkdtemp(prefix="town-"))
        account_nulls = {c.removeprefix("account.") for c in nulls if c.startswith("account.")}
        files: dict[str, list[Path]] = {}
        for name, parts in (("exchanges", self.parts), ("fingerprints", self.fingerprints), ("turns", self.turns)):
            files[name] = []
            if not parts:
                continue
            table = pa.concat_tables(parts)
            if shuffle is not None:
                table = table.take(pa.array(np.random.default_rng(shuffle).permutation(len(table))))
            for column in set(nulls) & set(table.column_names):
                at = table.schema.get_field_index(column)
                table = table.set_column(at, table.schema.field(at), pa.nulls(len(table), table.schema.field(at).type))
            files[name] = [folder / f"{name}.parquet"]
            pq.write_table(table, files[name][0], row_group_size=5_000)
        records = [{k: None if k in account_nulls else v for k, v in row.items()} for row in self.records]
        schema = arrow_schema(KEPT_ACCOUNT).append(pa.field("account", pa.int32()))
        ids = {"account": [r["account"] for r in self.records], "account_id": [r["account_id"] for r in self.records]}
        return Window.over(
            files["exchanges"], files["fingerprints"], files["turns"],
            account_ids=pa.table(ids, schema=pa.schema([("account", pa.int32()), ("account_id", pa.string())])),
            accounts=pa.Table.from_pylist(records, schema=schema),
            releases=pa.Table.from_pylist(self.releases, schema=arrow_schema(RELEASE)),
            indicators=self.indicators, **span,
        )  # fmt: skip

    def book(self, shuffle: int | None = None, nulls: tuple[str, ...] = (), **span: Any) -> Book:
        """The book of the town."""
        window = self.window(shuffle, nulls, **span)
        try:
            return open_book(window, extra_sums(), RULES)
        finally:
            window.close()


def _table(layout: Any, row: dict[str, Any], n: int) -> pa.Table:
    schema = arrow_schema(layout)
    unknown = set(row) - set(schema.names)
    if unknown:
        raise KeyError(f"no such column: {sorted(unknown)}")
    return pa.table([_column(row.get(f.name), f.type, n) for f in schema], schema=schema)


def _column(value: Any, kind: pa.DataType, n: int) -> pa.Array:
    if value is None:
        return pa.nulls(n, kind)
    if pa.types.is_list(kind):
        rows = value if len(value) and isinstance(value[0], (list, tuple)) else [list(value)] * n
        return pa.array(rows, kind)
    if pa.types.is_timestamp(kind):
        return pa.array(np.broadcast_to(np.asarray(value, dtype=np.int64), n), pa.int64()).cast(kind)
    if isinstance(value, np.ndarray):
        return pa.array(value).cast(kind)
    if isinstance(value, list):
        return pa.array(value, kind)
    return pa.repeat(pa.scalar(value, kind), n)


def groups(book: Book, *members: Any) -> View:
    """Each set of account numbers as one actor, in the order given."""
    at = {int(number): i for i, number in enumerate(book.numbers)}
    return as_one(book, [np.sort(np.asarray([at[int(m)] for m in part])) for part in members])


def bits_of(town: Traffic, name: str, *members: Any) -> list[float]:
    """What one signal holds against each of some groups."""
    return [float(b) for b in measure(groups(town.book(), *members))[name].bits]


def says_of(town: Traffic, name: str, *members: Any) -> list[str]:
    """Its sentence on each of some groups."""
    opinion = measure(groups(town.book(), *members))[name]
    return [opinion.says(i) for i in range(len(members))]
