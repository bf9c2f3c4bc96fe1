"""Follows the decision service in background threads, so that no request ever waits for the network.

One thread keeps the decisions fresh; another fetches the known accounts and rules, hands in what was counted, and keeps
the cache on disk; new rules are compiled in a third. All are daemons, catch everything, and back off with jitter while
the service does not answer.
"""

from __future__ import annotations

import logging
import os
import random
import threading
import time
import weakref
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from stillwatch_gateway import cache_file
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.judge import Judge
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.sources import HttpSource, RefusedError, Source
from stillwatch_gateway.wire import WireError

SHORTEST_BACKOFF_S, LONGEST_BACKOFF_S = 0.25, 20.0
SHORTEST_ROUND_S = 1.0
"""A service that answers at once without a change is asked again after this."""
SAVE_EVERY_S, TIDY_EVERY_S = 30.0, 600.0
MOST_PENDING, MOST_POSTED = 20_000, 1000
MALFORMED_BEFORE_RESET = 3


class Follower:
    """Keeps ``judge.cache`` fresh. `start` returns at once; `wait_ready` waits for the first answer."""

    def __init__(self, cache: Cache, judge: Judge, *, settings: GatewaySettings, source: Source | None = None) -> None:
        self._cache, self._judge, self._settings = cache, judge, settings
        self._faults = judge.faults
        self._source = _source(settings) if source is None else source
        self._mark = blake2b(self._source.name.encode(), digest_size=8).hexdigest()
        self._known_wanted = ""
        self._pending: dict[str, list[dict[str, Any]]] = {"usage": [], "sightings": []}
        self._saved = cache.changes
        self._renew()
        self._running = False
        _restart_after_fork(self)

    def start(self) -> None:
        """Begin to follow. Does nothing where it already does."""
        if self._running:
            return
        self._running = True
        self._stopping.clear()
        self._threads[:] = [
            threading.Thread(target=work, name=f"stillwatch-{name}", daemon=True)
            for name, work in (("decisions", self._follow), ("errands", self._run_errands))
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Stop following; hand in and save what is left, as far as `timeout_s` allows."""
        if not self._running:
            return
        self._running = False
        self._stopping.set()
        self._errand.set()
        until = time.monotonic() + timeout_s
        # The thread that waits for a delta may sit in a long poll; it is a daemon and changes nothing any more.
        self._threads[1].join(max(until - time.monotonic(), 0.0))

    def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the service has answered once; False when it has not by then."""
        return self._ready.wait(timeout_s)

    def _renew(self) -> None:
        self._stopping = threading.Event()
        self._errand = threading.Event()
        self._ready = threading.Event()
        self._loaded = threading.Event()
        self._threads: list[threading.Thread] = []
        self._compiling: threading.Thread | None = None

    def _follow(self) -> None:
        stopping = self._stopping
        if self._cache.cursor is None:
            self._guarded("cache file", self._load)
        self._loaded.set()
        failed = malformed = 0
        while not stopping.is_set():
            began = time.monotonic()
            changed = 0
            try:
                # Three answers that make no sense: ask for everything.
                cursor = None if malformed >= MALFORMED_BEFORE_RESET else self._cache.cursor
                delta = self._source.next_delta(cursor, self._settings.wait_s)
                if stopping.is_set():
                    return
                if delta is not None:
                    if delta.bad:
                        self._faults.note("bad decisions in a delta")
                    changed = self._cache.apply(delta)
                    if delta.known is not None and delta.known != self._known_wanted:
                        self._known_wanted = delta.known
                        self._errand.set()
                    self._ready.set()
                failed = malformed = 0
            except RefusedError as error:
                failed += 1
                self._refused(error)
            except WireError as error:
                failed, malformed = failed + 1, malformed + 1
                self._faults.note("malformed delta", error)
            except Exception as error:
                failed += 1
                self._faults.note("decision service", error)
            if failed:
                pause = min(LONGEST_BACKOFF_S, SHORTEST_BACKOFF_S * 2 ** min(failed, 10)) * (0.5 + random.random() / 2)
            else:
                pause = 0.02 if changed else SHORTEST_ROUND_S - (time.monotonic() - began)
            stopping.wait(max(pause, 0.0))

    def _run_errands(self) -> None:
        stopping = self._stopping
        self._loaded.wait()
        due = {"known": 0.0, "post": 0.0, "save": 0.0, "tidy": time.monotonic() + TIDY_EVERY_S}
        every = {
            "known": self._settings.known_every_s, "post": self._settings.post_every_s,
            "save": SAVE_EVERY_S, "tidy": TIDY_EVERY_S,
        }  # fmt: skip
        errands: dict[str, Callable[[], None]] = {
            "known": self._fetch, "post": self._post, "save": self._save, "tidy": self._tidy,
        }  # fmt: skip
        due["post"] = time.monotonic() + every["post"]
        while not stopping.is_set():
            now = time.monotonic()
            if self._errand.is_set():
                self._errand.clear()
                due["known"] = now
            for name, errand in errands.items():
                if due[name] <= now and not stopping.is_set():
                    due[name] = now + every[name]
                    self._guarded(name, errand)
            self._errand.wait(max(min(due.values()) - time.monotonic(), 0.05))
        self._guarded("post", self._post)
        self._guarded("save", self._save)

    def _guarded(self, place: str, errand: Callable[[], object]) -> None:
        try:
            errand()
        except RefusedError as error:
            self._refused(error)
        except Exception as error:
            self._faults.note(place, error)

    def _refused(self, error: Exception) -> None:
        self._faults.note(
            "decision service refuses us", error, level=logging.ERROR,
            hint="STILLWATCH_GATEWAY_TOKEN or _TOKEN_FILE: a token of the role that gateways have",
        )  # fmt: skip

    def _load(self) -> None:
        if self._settings.cache_dir is not None:
            cache_file.load(self._cache, self._settings.cache_dir, self._mark)
            self._saved = self._cache.changes

    def _save(self) -> None:
        if self._settings.cache_dir is not None and self._cache.changes != self._saved:
            changes = self._cache.changes
            cache_file.save(self._cache, self._settings.cache_dir, self._mark)
            self._saved = changes

    def _tidy(self) -> None:
        self._cache.drop_expired()

    def _fetch(self) -> None:
        tag = self._cache.snapshot.known_tag
        answer = self._source.known(tag)
        if answer is not None and (answer[1] != tag or not tag):
            self._cache.set_known(*answer)
        if self._compiling is not None and self._compiling.is_alive():
            return
        rules = self._source.rules()
        if rules is not None:
            # Compiling a hundred rules takes ten seconds, and longer where many workers start at once.
            self._compiling = threading.Thread(
                target=self._guarded, args=("rules", lambda: self._judge.rules.set_rules(rules)),
                name="stillwatch-rules", daemon=True,
            )  # fmt: skip
            self._compiling.start()

    def _post(self) -> None:
        for kind, taken in (("usage", self._judge.take_usage()), ("sightings", self._judge.take_sightings())):
            waiting = self._pending[kind]
            waiting += taken
            if len(waiting) > MOST_PENDING:
                self._judge.reports_dropped += len(waiting) - MOST_PENDING
                del waiting[:-MOST_PENDING]
            while waiting:
                self._source.post(kind, waiting[:MOST_POSTED])
                del waiting[:MOST_POSTED]


def _source(settings: GatewaySettings) -> Source:
    if settings.redis is not None:
        from stillwatch_gateway.shared_cache import RedisSource

        return RedisSource(settings)
    return HttpSource(settings)


def _restart_after_fork(follower: Follower) -> None:
    """A forked child has none of its parent's threads: it follows by itself."""
    if not hasattr(os, "register_at_fork"):
        return
    ref = weakref.ref(follower)

    def restart() -> None:
        one = ref()
        if one is not None:
            running, one._running = one._running, False
            one._renew()
            if running:
                one.start()

    os.register_at_fork(after_in_child=restart)
