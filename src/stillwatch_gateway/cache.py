"""The decisions that a gateway knows, in memory: an immutable snapshot that one writer swaps and readers never lock.

A change copies only the maps that it touches (a dictionary of 100,000 entries copies in about a millisecond), so a
reader sees a delta whole or not at all. Expiry is asked at every look-up and never depends on tidying up.
"""

from __future__ import annotations

import sys
import threading
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from operator import gt
from typing import NamedTuple

from stillwatch_gateway.deltas import Delta
from stillwatch_gateway.quiet import give_way
from stillwatch_gateway.wire import Decision, account_number

LEAP_S = 3600.0
"""A wall clock that gained so much more than the steady clock since the last delta was moved, and isn't believed."""
LATE_ANSWER_S = 5.0
"""What the service says of the time is old by its answer's way; so much less than we reckoned is put down to that."""
MOST_DECISIONS = 1_000_000

Ids = tuple[str, ...]


def steady_time() -> float:
    """Seconds of a clock that nobody sets; on Linux it goes on while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What held at one moment. Maps lead from what a request shows to ids in `decisions`; nobody may change them.

    `exchange`, `key`, `account`, `organisation`: by the scope's value; `members`: account → campaign decisions that
    cover it; `campaigns`: campaign id → its decisions; `marks`: unsigned fingerprint → campaign decisions; `known`:
    sorted account numbers, or None where no list was loaded.
    """

    decisions: dict[str, Decision] = field(default_factory=dict)
    exchange: dict[str, Ids] = field(default_factory=dict)
    key: dict[str, Ids] = field(default_factory=dict)
    account: dict[str, Ids] = field(default_factory=dict)
    organisation: dict[str, Ids] = field(default_factory=dict)
    members: dict[str, Ids] = field(default_factory=dict)
    campaigns: dict[str, Ids] = field(default_factory=dict)
    marks: dict[int, Ids] = field(default_factory=dict)
    known: array[int] | None = None
    known_tag: str = ""

    def is_known(self, account: str) -> bool | None:
        """Whether the provider knew this account when the list was made; None without a list."""
        if self.known is None:
            return None
        number = account_number(account)
        at = bisect_left(self.known, number)
        return at < len(self.known) and self.known[at] == number


class _Anchor(NamedTuple):
    """The service's time when it was last heard, and both clocks at that moment; `age`: how old it was already."""

    now: float
    wall: float
    steady: float
    age: float


class Cache:
    """Decisions and known accounts. `snapshot` may be read from any thread; writers take turns.

    The time is the service's, carried on by this machine's clocks: the later of the wall clock and the steady clock, or
    the steady clock alone where the wall clock went back or leapt ahead by more than an hour. So moving the clock makes
    no decision live longer than its expiry.
    """

    def __init__(
        self, *, clock: Callable[[], float] = time.time, steady: Callable[[], float] = steady_time,
        most_decisions: int = MOST_DECISIONS,
    ) -> None:  # fmt: skip
        self.snapshot = Snapshot()
        self.cursor: int | None = None
        self.bad_decisions = 0
        self.changes = 0
        self._clock, self._steady, self._most = clock, steady, most_decisions
        self._anchor: _Anchor | None = None
        self._lock = threading.Lock()

    def now(self) -> float:
        """Epoch seconds as the service counts them."""
        wall, anchor = self._clock(), self._anchor
        if anchor is None:
            return wall
        by_steady = anchor.now + self._steady() - anchor.steady
        by_wall = anchor.now + wall - anchor.wall
        return by_wall if by_steady < by_wall <= by_steady + LEAP_S else by_steady

    def age_s(self) -> float | None:
        """Seconds since the service was last heard; None: never."""
        anchor = self._anchor
        return None if anchor is None else self._steady() - anchor.steady + anchor.age

    def heard(self, now: float | None, *, age_s: float = 0.0) -> None:
        """The service's clock says `now` (None: it did not say). `age_s`: this was learnt so long ago."""
        wall, steady, before = self._clock(), self._steady(), self._anchor
        if now is None:
            now = wall
        elif before is not None:
            reckoned = before.now + steady - before.steady
            now = reckoned if now < reckoned <= now + LATE_ANSWER_S else now
        self._anchor = _Anchor(now, wall, steady, age_s)

    def apply(self, delta: Delta) -> int:
        """Take over a delta; how many decisions changed. Its bad decisions are counted and passed over.

        A decision that the delta meant to replace by a bad one stays as it was, until its expiry.
        """
        with self._lock:
            self.heard(delta.now, age_s=delta.age_s)
            old = self.snapshot
            changed = 0
            if delta.reset:
                keep = {one: old.decisions[one] for one in delta.bad_ids if one in old.decisions}
                edit = _Edit(Snapshot(known=old.known, known_tag=old.known_tag))
                for decision in keep.values():
                    edit.put(decision)
            else:
                edit = _Edit(old)
            for decision in delta.upsert:
                if len(edit.decisions) >= self._most and decision.decision_id not in edit.decisions:
                    self.bad_decisions += 1
                    continue
                edit.put(decision)
                changed += 1
            for one in delta.delete:
                changed += edit.drop(one)
            self.bad_decisions += delta.bad
            if changed or delta.reset:
                self.snapshot = edit.done()
                self.changes += 1
            self.cursor = delta.cursor
            return changed

    def drop_expired(self) -> int:
        """Forget what has expired, to free its memory; how many."""
        with self._lock:
            now = self.now()
            gone = [one.decision_id for one in self.snapshot.decisions.values() if one.expires_at <= now]
            if gone:
                edit = _Edit(self.snapshot)
                for one in gone:
                    edit.drop(one)
                self.snapshot = edit.done()
                self.changes += 1
            return len(gone)

    def set_known(self, raw: bytes, tag: str) -> None:
        """The accounts that the provider knows: sorted little-endian 64-bit account numbers. ValueError if not that."""
        if len(raw) % 8:
            raise ValueError("known accounts: eight bytes each")
        numbers = array("Q")
        numbers.frombytes(raw)
        if sys.byteorder == "big":
            numbers.byteswap()
        # In pieces: the interpreter serves no other thread during one call, and a million take 40 ms.
        for first in range(0, len(numbers), 8192):
            piece = numbers[first : first + 8193]
            if any(map(gt, piece, piece[1:])):
                raise ValueError("known accounts: sorted")
            give_way()
        with self._lock:
            self.snapshot = replace(self.snapshot, known=numbers, known_tag=tag)
            self.changes += 1

    def renew_lock(self) -> None:
        """For a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()


class _Edit:
    """The next snapshot: maps of the old one until they are written to."""

    def __init__(self, old: Snapshot) -> None:
        self._old = old
        self._maps: dict[str, dict[str | int, Ids]] = {}
        self.decisions = old.decisions.copy()

    def put(self, decision: Decision) -> None:
        before = self.decisions.get(decision.decision_id)
        self.decisions[decision.decision_id] = decision
        after = set(_places(decision))
        if before is not None:
            gone = set(_places(before))
            self._take_out(decision.decision_id, gone - after)
            after -= gone
        only = (decision.decision_id,)
        for name, value in after:
            places = self._map(name)
            there = places.get(value)
            places[value] = only if there is None else (*there, decision.decision_id)

    def drop(self, decision_id: str) -> int:
        decision = self.decisions.pop(decision_id, None)
        if decision is None:
            return 0
        self._take_out(decision_id, set(_places(decision)))
        return 1

    def done(self) -> Snapshot:
        return replace(self._old, decisions=self.decisions, **self._maps)  # type: ignore[arg-type]

    def _map(self, name: str) -> dict[str | int, Ids]:
        if name not in self._maps:
            self._maps[name] = getattr(self._old, name).copy()
        return self._maps[name]

    def _take_out(self, decision_id: str, where: set[tuple[str, str | int]]) -> None:
        for name, value in where:
            places = self._map(name)
            left = tuple(one for one in places[value] if one != decision_id)
            if left:
                places[value] = left
            else:
                del places[value]


def _places(decision: Decision) -> Iterator[tuple[str, str | int]]:
    """Each (map, key) under which a decision is found."""
    if decision.scope != "campaign":
        yield decision.scope, decision.value
        return
    yield "campaigns", decision.campaign_id or decision.value
    for member in decision.members:
        yield "members", member
    for mark in decision.marks:
        yield "marks", mark
