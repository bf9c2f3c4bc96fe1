"""The asking side: one run against a peer, from commitments to the count, and by both sides' consent to the matches."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from stillwatch.decide.record import Who
from stillwatch.errors import OutsideError, StillwatchError, UsageError
from stillwatch.match import crossing
from stillwatch.match.book import Book
from stillwatch.match.commitment import NONCE_BYTES, commit
from stillwatch.match.crossing import Workers
from stillwatch.match.left import leave_matches
from stillwatch.match.sets import MatchSet
from stillwatch.match.spelling import KINDS
from stillwatch.match.terms import PROTOCOL, Terms
from stillwatch.match.wire import Line, sha256

MOST_THEIRS = 20_000_000
_SMALL = 1 << 16


@dataclass(frozen=True)
class Count:
    """What the person is asked to consent upon."""

    run_id: str
    common: int
    own_size: int
    their_size: int
    alarm: bool


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `state` is below, counted (no consent here), refused (none there), done or disputed."""

    run_id: str
    state: str
    kinds: tuple[str, ...]
    own_size: int
    their_size: int
    common: int
    alarm: bool
    matches: int = 0
    accounts: int = 0
    file: str = ""
    bytes_sent: int = 0
    bytes_received: int = 0
    seconds: dict[str, float] = field(default_factory=dict)


def match_with(
    book: Book, line: Line, peer: str, found: MatchSet, terms: Terms, workers: Workers, who: Who, *,
    consents: Callable[[Count], bool], wait_s: float = 3600.0, clock: Callable[[], float] = time.time,
    poll_s: float = 1.0,
) -> Outcome:  # fmt: skip
    """One run. `consents` says whether the peer may be shown which are common (and so we). Errors of the peer or the
    line end the run, with a line in the audit log; UsageError where the peer refuses or is not what it said."""
    terms.check()
    run = _Run(book, line, peer, found, terms, workers, who, wait_s, clock, poll_s)
    try:
        return run.through(consents)
    except (StillwatchError, KeyboardInterrupt) as error:
        why = f"{error.where}: {error.what}"[:300] if isinstance(error, StillwatchError) else "interrupted"
        run.broken(why)
        raise


class _Run:
    def __init__(
        self, book: Book, line: Line, peer: str, found: MatchSet, terms: Terms, workers: Workers, who: Who,
        wait_s: float, clock: Callable[[], float], poll_s: float,
    ) -> None:  # fmt: skip
        self.book, self.line, self.peer, self.terms, self.workers, self.who = book, line, peer, terms, workers, who
        self.found, self.wait_s, self.clock, self.poll_s = found, wait_s, clock, poll_s
        self.run_id = ""
        self.facts: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}

    def through(self, consents: Callable[[Count], bool]) -> Outcome:
        theirs = self._begin()
        path = f"/v1/match/runs/{self.run_id}"
        key = bytes.fromhex(self.key)
        tokens = self.found.tokens
        self._wait(path, {"ready"})
        setup = self._timed("fetch the set", lambda: self.line.raw("GET", f"{path}/set", b"", theirs * 9 + _SMALL))
        crossing.check_setup(setup, theirs, self.limit)
        request = self._timed("request", lambda: self.workers.request(tokens, key))
        longest = len(tokens) * 40 + _SMALL
        answer = self._timed("answer", lambda: self.line.raw("POST", f"{path}/request", request, longest))
        self._set("answered", own_message=sha256(request), their_message=sha256(setup))
        points = crossing.elements_of(answer, "Response", len(tokens))
        # the answer is sorted: these places say how many, and nothing of which of ours
        hits = {points[place] for place in self._timed("count", lambda: self.workers.common(points, key, setup))}
        common = len(hits)
        below = common < self.least
        alarm = self.terms.alarm(common, len(tokens), theirs)
        self.line.words("POST", f"{path}/count", {"count": common})
        self._set("below" if below else "counted", count=common, alarm=alarm)
        self._audit("match counted", count=common, below=below, alarm=alarm)
        counted = Count(self.run_id, common, len(tokens), theirs, alarm)
        if below:
            return self._outcome("below", counted)
        if not consents(counted):
            self.line.words("POST", f"{path}/end", {"why": "no consent"})
            self._audit("match ended", why="no consent here")
            return self._outcome("counted", counted)
        self._audit("match consent given", about="matches")
        state = str(self.line.words("POST", f"{path}/reveal", {"consents": True}).get("state"))
        if state == "refused" or self._wait(path, {"agreed", "refused"}) == "refused":
            self._set("refused")
            self._audit("match reveal refused", why="no consent there")
            return self._outcome("refused", counted)
        shown = self._timed("ordered answer", lambda: self.line.raw("GET", f"{path}/answer", b"", longest))
        ordered = crossing.elements_of(shown, "Response", len(tokens))
        if sorted(ordered) != sorted(points):
            raise UsageError("answer", "is not the one that was counted", "the peer did not keep to the protocol")
        matches = [token for token, point in zip(tokens, ordered, strict=True) if point in hits]
        sound = bool(self.line.words("POST", f"{path}/matches", {"tokens": matches}).get("sound"))
        result = leave_matches(self.book.home, self.run_id, self.peer, self.found, matches)
        state = "done" if sound and len(matches) == common else "disputed"
        self._set(state, results=len(matches))
        self._audit(f"match {state}", results=len(matches), count=common)
        return self._outcome(state, counted, len(matches), len(result["accounts"]), result["file"])

    def broken(self, why: str) -> None:
        """Writes down that the run ended early, and tells the peer where it can still be told."""
        if self.run_id:
            with suppress(StillwatchError):
                self.line.words("POST", f"/v1/match/runs/{self.run_id}/end", {"why": "broken off"})
            self._set("broken off")
            self._audit("match broken off", why=why)
        else:
            self.book.audit(self.who, "match broken off", self.line.url[:200], self.clock(), why=why)

    def _begin(self) -> int:
        """Exchanges terms and commitments; the peer's size."""
        found = self.found
        self.nonce, self.key = secrets.token_bytes(NONCE_BYTES), crossing.fresh_key().hex()
        own = commit(found.tokens, self.nonce)
        if len(found.tokens) > self.terms.limit:
            raise UsageError("--limit", f"our set has {len(found.tokens):,} tokens", "match fewer kinds or campaigns")
        said = self.line.words(
            "POST", "/v1/match/begin",
            {"protocol": PROTOCOL, "kinds": list(found.sizes), "size": len(found.tokens), "commitment": own},
        )  # fmt: skip
        try:
            kinds = tuple(str(k) for k in said["kinds"])
            size, self.limit = int(said["size"]), int(said["limit"])
            self.least = max(int(said["least_common"]), self.terms.least_common)
            run_id, theirs = str(said["run_id"]), str(said["commitment"])
        except (KeyError, TypeError, ValueError) as error:
            raise OutsideError(
                self.line.url, "answered what is no beginning", "ask the peer for its version"
            ) from error
        shape = run_id[:2] == "M-" and run_id[2:].isalnum() and len(run_id) <= 40 and len(theirs) == 64
        if not shape or not set(kinds) <= set(KINDS) or not 0 < size <= MOST_THEIRS or not 0 < self.limit <= 10**6:
            raise OutsideError(self.line.url, "answered what is no beginning", "ask the peer for its version")
        self.run_id = run_id
        self.facts = {
            "kinds": list(kinds), "own_size": len(found.tokens), "their_size": size, "own_commitment": own,
            "their_commitment": theirs, "least_common": self.least, "limit": self.limit, "url": self.line.url[:200],
        }  # fmt: skip
        opening = {"nonce": self.nonce.hex(), "key": self.key, "most": self.limit}
        self.book.begin(run_id, "asks", self.peer, "begun", self.clock(), self.facts, opening)
        self._audit("match begun", **self.facts)
        return size

    def _wait(self, path: str, for_: set[str]) -> str:
        """Asks until the run has one of these states."""
        began = time.monotonic()
        while True:
            state = str(self.line.words("GET", path).get("state"))
            if state in for_:
                self.seconds["waiting"] = self.seconds.get("waiting", 0.0) + time.monotonic() - began
                return state
            if state not in ("waiting", "preparing", "ready", "asked"):
                raise UsageError("peer", f"ended the run ({state[:40]})", "ask the peer why")
            if time.monotonic() - began > self.wait_s:
                raise OutsideError(self.line.url, f"gave no word in {self.wait_s:g} s", "agree on a time; run it again")
            time.sleep(self.poll_s)

    def _timed(self, name: str, work: Callable[[], Any]) -> Any:
        began = time.monotonic()
        made = work()
        self.seconds[name] = time.monotonic() - began
        return made

    def _set(self, state: str, **facts: Any) -> None:
        self.book.set(self.run_id, "asks", self.clock(), state, **facts)

    def _audit(self, what: str, **details: Any) -> None:
        self.book.audit(self.who, what, self.run_id, self.clock(), peer=self.peer, **details)

    def _outcome(self, state: str, count: Count, matches: int = 0, accounts: int = 0, file: str = "") -> Outcome:
        return Outcome(
            self.run_id, state, tuple(self.facts["kinds"]), count.own_size, count.their_size, count.common, count.alarm,
            matches, accounts, file, self.line.sent, self.line.received, dict(self.seconds),
        )  # fmt: skip
