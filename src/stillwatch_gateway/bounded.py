"""What a judge remembers, each with a bound: who joined a campaign, token buckets, and counts to be reported."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

FIRST_REQUESTS = 3
MOST_JOINED, MOST_CAMPAIGNS_EACH, MOST_BUCKETS, MOST_COUNTS = 100_000, 8, 100_000, 20_000


class _Locked:
    def __init__(self) -> None:
        self._lock = threading.Lock()

    def renew_lock(self) -> None:
        """For a forked child: another thread of the parent may have held the lock."""
        self._lock = threading.Lock()


class Joined(_Locked):
    """Accounts that joined a campaign here; when full, who was seen longest ago is forgotten."""

    def __init__(self, most: int = MOST_JOINED) -> None:
        super().__init__()
        self._most = most
        self._of: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._of)

    def get(self, account: str) -> tuple[str, ...]:
        """The campaigns that this account joined."""
        campaigns = self._of.get(account, ())
        if campaigns:
            with self._lock:
                if account in self._of:
                    self._of.move_to_end(account)
        return campaigns

    def add(self, account: str, campaign: str) -> bool:
        """The account joins; whether that is new."""
        with self._lock:
            campaigns = self._of.get(account, ())
            if campaign in campaigns:
                return False
            self._of[account] = (*campaigns, campaign)[-MOST_CAMPAIGNS_EACH:]
            self._of.move_to_end(account)
            if len(self._of) > self._most:
                self._of.popitem(last=False)
            return True


class Met(_Locked):
    """How often an account that nobody knew was met here; who was not seen for longest is forgotten, and met anew."""

    def __init__(self, most: int = MOST_JOINED) -> None:
        super().__init__()
        self._most = most
        self._times: OrderedDict[str, int] = OrderedDict()

    def again(self, account: str) -> int:
        """Which of its requests this is, from 1."""
        with self._lock:
            times = self._times.get(account, 0) + 1
            self._times[account] = times
            self._times.move_to_end(account)
            if len(self._times) > self._most:
                self._times.popitem(last=False)
            return times

    def times(self, account: str) -> int:
        """How many of its requests were met."""
        return self._times.get(account, 0)


class Gathered(_Locked):
    """Different marks of a campaign among an account's latest requests; who was not seen for longest is forgotten."""

    def __init__(self, least: int, within: int, most: int = MOST_JOINED) -> None:
        super().__init__()
        self._least, self._within, self._most = least, within, most
        self._marks: OrderedDict[tuple[str, str], dict[int, int]] = OrderedDict()

    def enough(self, account: str, campaign: str, mark: int, request: int) -> bool:
        """Whether it sent `least` different ones among its latest `within` requests, this one (a count) the last."""
        key = (account, campaign)
        with self._lock:
            marks = {m: at for m, at in self._marks.get(key, {}).items() if request - at < self._within}
            if mark in marks or len(marks) < self._least:
                marks[mark] = request
            self._marks[key] = marks
            self._marks.move_to_end(key)
            if len(self._marks) > self._most:
                self._marks.popitem(last=False)
            return len(marks) >= self._least


class Buckets(_Locked):
    """Token buckets: each fills at a rate per minute up to one minute's worth (at least one); made full."""

    def __init__(self, steady: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        super().__init__()
        self._steady, self._most = steady, most
        self._left: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, key: object, per_minute: float) -> bool:
        """Take one token from the bucket of `key`; False where there is none."""
        size = max(per_minute, 1.0)
        with self._lock:
            now = self._steady()
            left, at = self._left.get(key, (size, now))
            left = min(size, left + max(now - at, 0.0) * per_minute / 60)
            taken = left >= 1
            self._left[key] = (left - 1 if taken else left, now)
            self._left.move_to_end(key)
            if len(self._left) > self._most:
                self._left.popitem(last=False)
            return taken


class Tally(_Locked):
    """Counts by a key of named parts, with the first and last time, until they are taken away to be reported."""

    def __init__(self, names: tuple[str, ...], clock: Callable[[], float], most: int = MOST_COUNTS) -> None:
        super().__init__()
        self._names, self._clock, self._most = names, clock, most
        self._counts: dict[tuple[Any, ...], list[float]] = {}
        self.dropped = 0

    def add(self, key: tuple[Any, ...]) -> None:
        """Count one; dropped, and that counted, when there are too many different keys."""
        now = self._clock()
        with self._lock:
            count = self._counts.get(key)
            if count is not None:
                count[0] += 1
                count[2] = now
            elif len(self._counts) < self._most:
                self._counts[key] = [1, now, now]
            else:
                self.dropped += 1

    def take(self) -> list[dict[str, Any]]:
        """All counts as plain dictionaries; the tally begins anew."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return [
            dict(zip(self._names, key, strict=True)) | {"count": int(count), "first_at": first, "last_at": last}
            for key, (count, first, last) in counts.items()
        ]
