"""A campaign's shingles are looked for after the request, in a background thread with a bounded queue."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection

from stillwatch_gateway.kernel import shingles_of
from stillwatch_gateway.quiet import Faults, give_way

LONGEST_QUEUE = 512


class ShingleSearch:
    """Hands what it finds to ``found(account, marks)``. The thread starts with the first text; when the queue is full
    a text is dropped and counted (`dropped`)."""

    def __init__(
        self, found: Callable[[str, list[int]], None], faults: Faults, *, limit: int, longest: int = LONGEST_QUEUE
    ) -> None:
        self._found, self._faults, self._limit, self._longest = found, faults, limit, longest
        self._queue: deque[tuple[str, str, Collection[int]]] = deque()
        self._thread: threading.Thread | None = None
        self.dropped = 0
        self.renew()

    def renew(self) -> None:
        """For a forked child, which has no thread and whose locks may be held."""
        self._wake = threading.Event()
        self._starting = threading.Lock()
        self._thread = None
        self._stopped = self._busy = False
        self._queue.clear()

    def ask(self, account: str, text: str, marks: Collection[int]) -> None:
        """Look for `marks` in the text, soon."""
        if len(self._queue) >= self._longest:
            self.dropped += 1
            return
        self._queue.append((account, text[: self._limit + 1], marks))
        if self._thread is None:
            self._start()
        if not self._wake.is_set():
            self._wake.set()

    def settle(self, seconds: float) -> bool:
        """Wait until the queue is empty and the last text done."""
        until = time.monotonic() + seconds
        while self._queue or self._busy:
            if time.monotonic() > until:
                return False
            time.sleep(0.0005)
        return True

    def stop(self) -> None:
        """End the thread; what is queued is dropped."""
        self._stopped = True
        self._wake.set()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(5)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._work, name="stillwatch-shingles", daemon=True)
                self._thread.start()

    def _work(self) -> None:
        while not self._stopped:
            self._wake.wait()
            self._wake.clear()
            while self._queue and not self._stopped:
                self._busy = True
                try:
                    account, text, marks = self._queue.popleft()
                    hits = [
                        mark for mark in dict.fromkeys(shingles_of(text, self._limit, pause=give_way)) if mark in marks
                    ]
                    if hits:
                        self._found(account, hits)
                except Exception as error:
                    self._faults.note("shingles", error)
                self._busy = False
                give_way()
