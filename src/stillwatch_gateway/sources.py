"""Where decisions come from, over HTTP: the decision service's own interface, with bounds on size and time."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from http.client import HTTPException, HTTPMessage
from typing import IO, Any, Protocol
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, Request, build_opener

from stillwatch_gateway.deltas import LONGEST_DELTA, Delta, read_delta
from stillwatch_gateway.settings import GatewaySettings

LONGEST_RULES = 16 << 20
_SLOWEST_S = 120.0
_PIECE = 1 << 16


class SourceError(Exception):
    """The source could not be asked or gave no sensible answer; says which, never what it said."""


class RefusedError(SourceError):
    """The source refuses us (401, 403): a matter of settings."""


class Source(Protocol):
    """What a follower asks of a source. All methods raise SourceError, OSError or WireError."""

    name: str

    def next_delta(self, cursor: int | None, wait_s: float) -> Delta | None:
        """What changed since `cursor`, waiting up to `wait_s` for a change; None: nothing heard."""

    def known(self, tag: str) -> tuple[bytes, str] | None:
        """The known accounts and the list's tag; None where `tag` is still the latest, or there is no list."""

    def rules(self) -> object | None:
        """The pattern rules as parsed JSON; None where they have not changed, or there are none."""

    def post(self, kind: str, items: Sequence[dict[str, Any]]) -> None:
        """Hand in `usage` or `sightings`."""


class HttpSource:
    """The decision service at ``settings.url``. Does not follow redirects: they would carry the token elsewhere."""

    def __init__(self, settings: GatewaySettings) -> None:
        if settings.url is None:
            raise SourceError("no address of a decision service")
        self.name = settings.url
        self._settings = settings
        self._opener = build_opener(_NoRedirects)
        self._rules_tag = ""
        self._answered = 0.0

    def next_delta(self, cursor: int | None, wait_s: float) -> Delta | None:
        """``GET /v1/decisions/stream``; a cursor of None asks from the beginning."""
        path = f"/v1/decisions/stream?cursor={cursor or 0}&wait={wait_s:g}"
        asked = self._answered = time.monotonic()
        raw, _ = self._ask(path, longest=LONGEST_DELTA, wait_s=wait_s)
        if raw is None:
            return None
        delta = read_delta(raw)
        if delta.now is None:
            return delta
        # Time went by while the answer was read, and before, on its way or in a queue: a clock of ours that is ahead by
        # no more than the asking took may well be right, and a decision may end early but never late.
        now, wall = delta.now + time.monotonic() - self._answered, time.time()
        return delta._replace(now=wall if now < wall <= now + self._answered - asked else now)

    def known(self, tag: str) -> tuple[bytes, str] | None:
        """``GET /v1/known``, with the tag as ``If-None-Match``."""
        raw, headers = self._ask("/v1/known", longest=LONGEST_DELTA, headers={"If-None-Match": tag} if tag else {})
        return None if raw is None else (raw, _tag(headers))

    def rules(self) -> object | None:
        """``GET /v1/rules``, with the tag of the last answer."""
        asked = {"If-None-Match": self._rules_tag} if self._rules_tag else {}
        raw, headers = self._ask("/v1/rules", longest=LONGEST_RULES, headers=asked)
        if raw is None:
            return None
        self._rules_tag = _tag(headers)
        try:
            parsed: object = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise SourceError("the rules are no JSON") from error
        return parsed

    def post(self, kind: str, items: Sequence[dict[str, Any]]) -> None:
        """``POST /v1/usage`` or ``/v1/sightings``: ``{"items": [...]}``."""
        body = json.dumps({"items": list(items)}).encode()
        self._ask(f"/v1/{quote(kind)}", longest=1 << 20, body=body, headers={"Content-Type": "application/json"})

    def _ask(
        self, path: str, *, longest: int, wait_s: float = 0.0, body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[bytes | None, HTTPMessage | None]:  # fmt: skip
        """Body and headers of the answer; (None, None) for 304 and 404."""
        token = self._settings.bearer()
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = f"Bearer {token}"
        request = Request(f"{self._settings.url}{path}", data=body, headers=sent)  # http or https: settings see to it.
        try:
            with self._opener.open(request, timeout=wait_s + 10) as answer:
                if "stream" in path:
                    self._answered = time.monotonic()
                return _read(answer, longest, time.monotonic() + wait_s + _SLOWEST_S), answer.headers
        except HTTPError as error:
            error.close()
            if error.code in (401, 403):
                raise RefusedError(f"HTTP {error.code}") from None
            if error.code in (304, 404) and body is None and "stream" not in path:
                return None, None
            raise SourceError(f"HTTP {error.code}") from None
        except (HTTPException, ValueError) as error:
            raise SourceError(type(error).__name__) from error


def _tag(headers: HTTPMessage | None) -> str:
    return "" if headers is None else str(headers.get("ETag", ""))[:256]


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _read(answer: IO[bytes], longest: int, until: float) -> bytes:
    whole = bytearray()  # Not a list of pieces: their memory would not go back to the system.
    while piece := answer.read1(_PIECE) if hasattr(answer, "read1") else answer.read(_PIECE):
        whole += piece
        if len(whole) > longest:
            raise SourceError("the answer is too long")
        if time.monotonic() > until:
            raise SourceError("the answer is too slow")
    # `read1` says nothing of an answer that ends early, and half a list of known accounts looks like a whole one.
    if getattr(answer, "length", None):
        raise SourceError("the answer is cut off")
    return bytes(whole)
