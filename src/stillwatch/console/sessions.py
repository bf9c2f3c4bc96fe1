"""Who is logged in: sessions kept in memory, codes that work once, and the mark that every form must carry."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass

from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import digest_of, who_has, who_holds

COOKIE = "stillwatch_session"
LASTS_S = 12 * 3600.0
"""A session ends so long after its log-in, and after a quarter of it without a request."""
CODE_LASTS_S = 15 * 60.0
_MOST = 1000
_MOST_WRONG = 20
_WRONG_WITHIN_S = 60.0


@dataclass
class Session:
    """One log-in. `csrf` is what its forms carry; `digest` is its token's, empty for a code's."""

    who: Who
    csrf: str
    digest: str
    began_at: float
    seen_at: float
    said: tuple[str, ...] = ()
    """What the next page says of what was done."""


class Sessions:
    """Sessions by the hash of their cookie; a restart ends them all."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}
        self._codes: dict[str, float] = {}
        self._wrong: list[float] = []

    def new_code(self) -> str:
        """A code that logs one person in, once, within 15 minutes, as the approver at this machine."""
        code = secrets.token_urlsafe(32)
        with self._lock:
            self._codes[_hash(code)] = self._clock() + CODE_LASTS_S
        return code

    def by_code(self, code: str) -> str | None:
        """The cookie of a new session; None where the code is none, was used or has run out."""
        with self._lock:
            until = self._codes.pop(_hash(code), None)
        if until is None or until < self._clock():
            return None
        return self._begin(Who("local", "approver"), "")

    def by_token(self, record: Record, token: str) -> str | None:
        """The cookie of a new session of the token's owner; None where it is none, is revoked or a gateway's."""
        now = self._clock()
        with self._lock:
            self._wrong = [at for at in self._wrong if at > now - _WRONG_WITHIN_S]
            if len(self._wrong) >= _MOST_WRONG:
                return None
        who = who_has(record, token)
        if who is None or who.role == "gateway":
            with self._lock:
                self._wrong.append(now)
            return None
        return self._begin(who, digest_of(token))

    def of(self, record: Record, cookie: str | None) -> Session | None:
        """The session of a cookie; None where there is none, it has run out or its token was revoked."""
        if not cookie:
            return None
        now, name = self._clock(), _hash(cookie)
        with self._lock:
            session = self._sessions.get(name)
            if session is None:
                return None
            if now > session.began_at + LASTS_S or now > session.seen_at + LASTS_S / 4:
                del self._sessions[name]
                return None
            session.seen_at = now
        if session.digest and who_holds(record, session.digest) != session.who:
            self.end(cookie)
            return None
        return session

    def end(self, cookie: str | None) -> None:
        """Ends a session."""
        with self._lock:
            self._sessions.pop(_hash(cookie or ""), None)

    def _begin(self, who: Who, digest: str) -> str:
        cookie, now = secrets.token_urlsafe(32), self._clock()
        with self._lock:
            if len(self._sessions) >= _MOST:
                oldest = min(self._sessions, key=lambda name: self._sessions[name].seen_at)
                del self._sessions[oldest]
            self._sessions[_hash(cookie)] = Session(who, secrets.token_urlsafe(24), digest, now, now)
        return cookie


def carries(session: Session, given: str) -> bool:
    """Whether a form carries its session's mark."""
    return hmac.compare_digest(session.csrf.encode(), given.encode("utf-8", "replace"))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
