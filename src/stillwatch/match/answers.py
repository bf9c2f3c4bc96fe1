"""The answering side: hides its set under a fresh key for each run, answers once, and shows order only by consent."""

from __future__ import annotations

import re
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from starlette.applications import Starlette

from stillwatch.decide.record import Who
from stillwatch.errors import UsageError
from stillwatch.match import crossing
from stillwatch.match.book import DAY_S, OPEN, Book
from stillwatch.match.commitment import NONCE_BYTES, commit
from stillwatch.match.crossing import Workers
from stillwatch.match.door import SMALL_BODY, Call, Desk, Refused, open_door
from stillwatch.match.left import leave_matches
from stillwatch.match.sets import MatchSet
from stillwatch.match.spelling import KINDS
from stillwatch.match.terms import PROTOCOL, Terms
from stillwatch.match.wire import sha256

ELEMENT_BYTES = 40


@dataclass(frozen=True)
class _Session:
    """What a run needs that no disk may hold: gone when the process ends, and the run with it."""

    run_id: str
    peer: str
    their_size: int
    kinds: tuple[str, ...]
    nonce: bytes
    began_at: float
    key: bytes = b""
    setup: bytes = b""
    answered: tuple[bytes, ...] = ()
    busy: bool = False


class Answering:
    """The answering side over one set. `tell` gets a line for the person at this machine."""

    def __init__(
        self, book: Book, found: MatchSet, terms: Terms, workers: Workers, *,
        clock: Callable[[], float] = time.time, tell: Callable[[str], None] = lambda line: None,
    ) -> None:  # fmt: skip
        self.book, self.found, self.terms, self.workers = book, found, terms.check(), workers
        self.clock, self.tell = clock, tell
        self._lock = threading.RLock()
        self._sessions: dict[str, _Session] = {}
        self._beside = ThreadPoolExecutor(1)
        self._preparer = Workers(1, niceness=10)
        self._next: Future[tuple[bytes, bytes]] | None = None
        book.tidy(clock())
        self.prepare_next()

    def close(self) -> None:
        """Ends the processes."""
        self._beside.shutdown(wait=False, cancel_futures=True)
        self._preparer.close()
        self.workers.close()

    def prepare_next(self) -> Future[tuple[bytes, bytes]]:
        """A fresh key and the set under it, for the next run; made beside, a minute or two for a million tokens."""
        with self._lock:
            if self._next is None:
                self._next = self._beside.submit(self._preparer.prepare, self.found.tokens, self.terms.limit)
            return self._next

    def app(self) -> Starlette:
        """The routes."""
        run = "/v1/match/runs/{run_id}"
        large = self.terms.limit * ELEMENT_BYTES + SMALL_BODY
        desks: list[Desk] = [
            ("POST", "/v1/match/begin", "match", SMALL_BODY, self.begin),
            ("GET", run, "match", 0, self.state),
            ("GET", f"{run}/set", "match", 0, self.set),
            ("POST", f"{run}/request", "match", large, self.request),
            ("POST", f"{run}/count", "match", SMALL_BODY, self.count),
            ("POST", f"{run}/reveal", "match", SMALL_BODY, self.reveal),
            ("GET", f"{run}/answer", "match", 0, self.answer),
            ("POST", f"{run}/matches", "match", large, self.matches),
            ("POST", f"{run}/end", "match", SMALL_BODY, self.end),
        ]
        return open_door(self.book, desks, self.clock)

    def begin(self, call: Call) -> dict[str, Any]:
        """Terms, sizes and commitments, before anything that depends on a set."""
        said, now = call.json(), self.clock()
        size, kinds, theirs = said.get("size"), said.get("kinds"), said.get("commitment")
        if said.get("protocol") != PROTOCOL:
            raise UsageError("protocol", f"is not {PROTOCOL}", "both sides need the same version")
        if not isinstance(kinds, list) or not all(isinstance(k, str) and k in KINDS for k in kinds):
            raise UsageError("kinds", "are not of ours", f"of {', '.join(KINDS)}")
        if not isinstance(size, int) or isinstance(size, bool) or not isinstance(theirs, str):
            raise UsageError("size", "or commitment is missing", "send both")
        if not re.fullmatch("[0-9a-f]{64}", theirs):
            raise UsageError("commitment", "is no SHA-256", "send the commitment to the set")
        agreed = tuple(kind for kind in self.found.sizes if kind in kinds)
        if not agreed:
            have = ", ".join(self.found.sizes)
            raise UsageError("kinds", f"none is matchable on both sides (here: {have})", "agree on kinds first")
        if not self.terms.least_size <= size <= self.terms.limit:
            raise UsageError("size", f"must lie between {self.terms.least_size:,} and {self.terms.limit:,}",
                             "match a smaller set, or agree on another limit")  # fmt: skip
        self.book.use(call.peer.name, now, self.terms.period_days * DAY_S, {"runs": (1, self.terms.runs)})
        self._end_others(call.peer.name, now)
        nonce, run_id = secrets.token_bytes(NONCE_BYTES), f"M-{secrets.token_hex(8)}"
        own = commit(self.found.tokens, nonce)
        state = "waiting" if self.terms.consent == "ask" else "ready"
        facts = {
            "kinds": list(agreed), "own_size": len(self.found.tokens), "their_size": size, "own_commitment": own,
            "their_commitment": theirs, "least_common": self.terms.least_common, "limit": self.terms.limit,
        }  # fmt: skip
        with self._lock:
            self._sessions[run_id] = _Session(run_id, call.peer.name, size, agreed, nonce, now)
        opening = {"nonce": nonce.hex(), "key": "", "most": self.terms.limit}
        self.book.begin(run_id, "answers", call.peer.name, state, now, facts, opening)
        self._audit(call, "match begun", run_id, **facts)
        if state == "waiting":
            self.tell(f"{call.peer.name} asks how many of its {size:,} tokens are also here: "
                      f"stillwatch match consent {run_id} --yes|--no")  # fmt: skip
        self.prepare_next()
        return {
            "run_id": run_id, "kinds": list(agreed), "size": len(self.found.tokens), "commitment": own,
            "least_common": self.terms.least_common, "limit": self.terms.limit, "consent": self.terms.consent,
            "protocol": PROTOCOL,
        }  # fmt: skip

    def state(self, call: Call) -> dict[str, Any]:
        """Where a run stands; `ready` once its set is prepared under a key of its own."""
        session = self._session(call)
        state = str(self.book.run(session.run_id, "answers")["state"])
        if state == "ready" and not session.setup:
            return {"state": "ready" if self._assign(session) else "preparing"}
        return {"state": state}

    def set(self, call: Call) -> bytes:
        """Our set under this run's key, compressed: no element can be read out of it, only asked for by a run."""
        session = self._session(call, "ready")
        if not session.setup and not self._assign(session):
            raise UsageError("set", "is being prepared", "ask for the run's state until it is ready")
        return self._sessions[session.run_id].setup

    def request(self, call: Call) -> bytes:
        """The asking side's set under its key; answered once, sorted, so that only the count can be learned."""
        session = self._session(call, "ready")
        points = crossing.elements_of(call.body, "Request", session.their_size)
        with self._lock:
            session = self._sessions[session.run_id]
            if session.busy or session.answered or not session.setup:
                raise UsageError("request", "a run answers one request, after its set was fetched", "begin a new run")
            session = self._sessions[session.run_id] = replace(session, busy=True)
        try:
            made = self.workers.answer(points, session.key)
        finally:
            with self._lock:
                self._sessions[session.run_id] = session = replace(session, busy=False)
        with self._lock:
            self._sessions[session.run_id] = replace(session, answered=tuple(made))
        self._move(call, session, "answered", their_message=sha256(call.body))
        self._audit(call, "match answered", session.run_id, their_message=sha256(call.body), elements=len(points))
        return crossing.response_of(sorted(made))

    def count(self, call: Call) -> dict[str, Any]:
        """What the asking side counted. Below the agreed least nothing further is answered."""
        session = self._session(call, "answered")
        common = call.json().get("count")
        most = min(session.their_size, len(self.found.tokens))
        if not isinstance(common, int) or isinstance(common, bool) or not 0 <= common <= most:
            raise UsageError("count", f"must lie between 0 and {most:,}", "send what was counted")
        below = common < self.terms.least_common
        alarm = self.terms.alarm(common, len(self.found.tokens), session.their_size)
        self._move(call, session, "below" if below else "counted", count=common, alarm=alarm)
        self._audit(call, "match counted", session.run_id, count=common, below=below, alarm=alarm)
        if below:
            self._drop(session.run_id)
        self.prepare_next()
        return {"below": below, "alarm": alarm}

    def reveal(self, call: Call) -> dict[str, Any]:
        """The asking side consents to matches and asks for ours; a person answers."""
        session = self._session(call, "counted")
        facts = self.book.run(session.run_id, "answers")["facts"]
        if self.terms.consent == "never":
            self._move(call, session, "refused")
            self._audit(call, "match reveal refused", session.run_id, why="consent is never")
            self._drop(session.run_id)
            return {"state": "refused"}
        self._move(call, session, "asked")
        self._audit(call, "match reveal asked", session.run_id, count=facts["count"], alarm=facts["alarm"])
        alarm = f" ALARM: more than {self.terms.share_alarm:.0%} of the smaller set." if facts["alarm"] else ""
        self.tell(f"{call.peer.name} says that {facts['count']:,} are common and consents to show which.{alarm} "
                  f"Your word: stillwatch match consent {session.run_id} --yes|--no")  # fmt: skip
        return {"state": "asked"}

    def answer(self, call: Call) -> bytes:
        """The same answer in the order of its request: the very set that was counted, since it is not sent again."""
        session = self._session(call, "agreed")
        self._move(call, session, "revealed")
        self._audit(call, "match revealed", session.run_id, elements=len(session.answered))
        return crossing.response_of(session.answered)

    def matches(self, call: Call) -> dict[str, Any]:
        """The asking side's matches, so that we have them too; what it said before must be true of them."""
        session = self._session(call, "revealed")
        tokens = call.json().get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            raise UsageError("tokens", "are no list of tokens", "send the matches")
        facts = self.book.run(session.run_id, "answers")["facts"]
        ours = self.found.known(tokens, session.kinds)
        strange = len([t for t in tokens if t not in ours])
        sound = not strange and len(set(tokens)) == len(tokens) == facts["count"]
        result = leave_matches(self.book.home, session.run_id, call.peer.name, self.found, set(tokens) & ours)
        self._move(call, session, "done" if sound else "disputed", results=result["matches"], strange=strange)
        self._audit(call, "match done" if sound else "match disputed", session.run_id, results=result["matches"],
                    strange=strange, count=facts["count"])  # fmt: skip
        self._drop(session.run_id)
        if sound:
            self.tell(f"{session.run_id}: {result['matches']:,} matches, {len(result['accounts']):,} of our accounts: "
                      f"{result['file']}")  # fmt: skip
        else:
            self.tell(f"{session.run_id}: DISPUTED: {call.peer.name} counted {facts['count']:,} and showed "
                      f"{len(tokens):,}, {strange:,} of them not here. Ask it to open its set.")  # fmt: skip
        return {"sound": sound}

    def end(self, call: Call) -> dict[str, Any]:
        """The asking side wants no more."""
        session = self._session(call)
        self._move(call, session, "ended")
        self._audit(call, "match ended", session.run_id, why=str(call.json().get("why", ""))[:100])
        self._drop(session.run_id)
        return {"state": "ended"}

    def _session(self, call: Call, *states: str) -> _Session:
        with self._lock:
            session = self._sessions.get(call.run_id)
        if session is None or session.peer != call.peer.name:
            raise Refused(404, "run", "there is no such run, or it is over", "begin a new run")
        if self.clock() - session.began_at > self.terms.open_minutes * 60:
            self._move(call, session, "expired")
            self._drop(session.run_id)
            raise Refused(404, "run", "there is no such run, or it is over", "begin a new run")
        now = str(self.book.run(session.run_id, "answers")["state"])
        if states and now not in states:
            raise UsageError("run", f"is {now}; this takes {' or '.join(states)}", "keep to the order of the protocol")
        return session

    def _assign(self, session: _Session) -> bool:
        """Gives a run the prepared set; False where that is not ready yet."""
        with self._lock:
            if self._sessions[session.run_id].setup:
                return True
            ready = self.prepare_next()
            if not ready.done():
                return False
            self._next = None
            key, setup = ready.result()
            self._sessions[session.run_id] = replace(session, key=key, setup=setup)
        opening = {"nonce": session.nonce.hex(), "key": key.hex(), "most": self.terms.limit}
        self.book.set(session.run_id, "answers", self.clock(), "ready", own_message=sha256(setup))
        self.book.keep_opening(session.run_id, "answers", opening)
        return True

    def _end_others(self, peer: str, now: float) -> None:
        """A peer has one run at a time: a new one ends what a broken line left open."""
        with self._lock:
            left = [s.run_id for s in self._sessions.values() if s.peer == peer]
            for run_id in left:
                del self._sessions[run_id]
        for run_id in left:
            if self.book.run(run_id, "answers")["state"] in OPEN:
                self.book.set(run_id, "answers", now, "broken off")
                self.book.audit(Who(peer, "peer"), "match broken off", run_id, now, why="a new run was begun")

    def _drop(self, run_id: str) -> None:
        with self._lock:
            self._sessions.pop(run_id, None)

    def _move(self, call: Call, session: _Session, state: str, **facts: Any) -> None:
        self.book.set(session.run_id, "answers", self.clock(), state, **facts)

    def _audit(self, call: Call, what: str, run_id: str, **details: Any) -> None:
        self.book.audit(Who(call.peer.name, "peer"), what, run_id, self.clock(), **details)
