"""Two providers with homes, accounts files and a shared secret; an answering side on loopback, and a line to it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from on_loopback import served
from stillwatch.decide.record import Record, Who
from stillwatch.match.answers import Answering
from stillwatch.match.asks import Count, Outcome, match_with
from stillwatch.match.book import Book
from stillwatch.match.crossing import Workers
from stillwatch.match.sets import MatchSet, make_set
from stillwatch.match.terms import Terms
from stillwatch.match.wire import Line
from stillwatch.store import open_store

ANN = Who("Ann", "approver")
WORKERS = Workers(2)
"""One pool for all tests: starting processes is the slow part."""


def home_in(folder: Path) -> Path:
    """A home with an empty store."""
    open_store(folder, create=True).close()
    return folder


def accounts_file(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def payers(path: Path, first: int, count: int) -> Path:
    """An accounts file of customers whose payment tokens are numbered from `first`."""
    numbers = range(first, first + count)
    rows = [{"account_id": f"{path.stem}-{i}", "payment_fingerprint": f"fp_{i:06d}Qx"} for i in numbers]
    return accounts_file(path, rows)


def set_of(path: Path, first: int, count: int) -> MatchSet:
    return make_set([payers(path, first, count)], [], ["payment"])


def audit_of(home: Path) -> list[dict[str, Any]]:
    """The audit log's lines on matches, details parsed."""
    record = Record(home)
    try:
        assert record.verify_audit()[1] is None
        rows = record.rows("SELECT what, who, role, subject, details FROM audit ORDER BY seq")
    finally:
        record.close()
    return [{**row, "details": json.loads(row["details"])} for row in rows]


@dataclass
class Pair:
    """Provider B asks, provider A answers."""

    a_home: Path
    b_home: Path
    a_book: Book
    b_book: Book
    answering: Answering
    url: str
    secret: str
    told: list[str]

    def line(self, name: str = "b", secret: str = "", clock: Callable[[], float] = time.time) -> Line:
        return Line(self.url, name, secret or self.secret, timeout_s=30, clock=clock)

    def ask(
        self, found: MatchSet, *, consents: Callable[[Count], bool] = lambda count: False, line: Line | None = None,
        wait_s: float = 20.0, **terms: Any,
    ) -> Outcome:  # fmt: skip
        own = Terms(**{"limit": 1000, "least_size": 1, "least_common": 1, **terms})
        return match_with(
            self.b_book, line or self.line(), "a", found, own, WORKERS, ANN, consents=consents, wait_s=wait_s,
            poll_s=0.05,
        )  # fmt: skip

    def say_when_asked(self, yes: bool, states: tuple[str, ...] = ("asked",)) -> threading.Thread:
        """A person at A who gives a word as soon as a run waits for it."""

        def wait() -> None:
            until = time.monotonic() + 20
            left = list(states)
            while left and time.monotonic() < until:
                for run in self.a_book.runs():
                    if left and run["state"] == left[0]:
                        self.a_book.consent(ANN, run["run_id"], yes, time.time())
                        left.pop(0)
                        break
                time.sleep(0.02)

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        return thread


@contextmanager
def two_providers(folder: Path, found: MatchSet, **terms: Any) -> Iterator[Pair]:
    """A answers over `found` on loopback; B knows its secret."""
    a_home, b_home = home_in(folder / "a"), home_in(folder / "b")
    a_book, b_book = Book(a_home), Book(b_home)
    secret = a_book.pair(ANN, "b", "match", time.time())
    told: list[str] = []
    own = Terms(**{"limit": 1000, "least_size": 20, "least_common": 10, "consent": "cardinality", "runs": 50, **terms})
    answering = Answering(a_book, found, own, WORKERS, tell=told.append)
    # the pool is shared: what is closed here is only what this answering side started
    try:
        with served(answering.app()) as url:
            yield Pair(a_home, b_home, a_book, b_book, answering, url, secret, told)
    finally:
        answering.prepare_next().cancel()
        answering._beside.shutdown(wait=True, cancel_futures=True)
        answering._preparer.close()
