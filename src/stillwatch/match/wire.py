"""Asking a peer over HTTP: every request is signed, and no answer counts that is not."""

from __future__ import annotations

import hashlib
import http.client
import json
import secrets
import ssl
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from stillwatch.errors import OutsideError, UsageError
from stillwatch.match import signing
from stillwatch.match.book import role_of

LONGEST_WORDS = 1 << 20


class Line:
    """A line to one peer. `name`: as the peer knows us; `secret`: shared with it."""

    def __init__(
        self, url: str, name: str, secret: str, *, timeout_s: float = 120.0, clock: Callable[[], float] = time.time
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(url[:100], "is no address of a peer", "http://HOST:PORT or https://HOST")
        if role_of(secret) is None:
            raise UsageError("--token-file", "holds no secret of a peer", "stillwatch match pair NAME makes one")
        self.url, self.name, self._secret, self._timeout, self._clock = url, name, secret.strip(), timeout_s, clock
        self._host, self._tls, self._root = (
            parts.netloc.rpartition("@")[2],
            parts.scheme == "https",
            parts.path.rstrip("/"),
        )
        self.sent = self.received = 0

    def words(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """A JSON question and its answer."""
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.raw(method, path, raw, LONGEST_WORDS)
        try:
            read = json.loads(answer)
        except ValueError:
            read = None
        if not isinstance(read, dict):
            raise OutsideError(self.url, "answered what is no JSON object", "ask the peer which version it runs")
        return read

    def raw(self, method: str, path: str, body: bytes, longest: int) -> bytes:
        """One exchange of bytes. UsageError where the peer refuses, OutsideError where it is gone or not itself."""
        headers = signing.request_headers(
            self.name, self._secret, method, path, body, self._clock(), secrets.token_hex(16)
        )
        status, answer, signature = self._exchange(method, path, body, headers, longest)
        self.sent += len(body)
        self.received += len(answer)
        whole = signing.answer_holds(self._secret, headers[signing.SIGNATURE], status, answer, signature)
        if status == 401 and not whole:
            raise UsageError(self.url, "does not know us by this name and secret", "pair again: stillwatch match pair")
        if not whole:
            raise OutsideError(self.url, "answered without proving that it is the peer", "check address and secret")
        if status == 200:
            return answer
        told = json.loads(answer)
        raise UsageError(f"peer: {told['where']}"[:200], str(told["what"])[:300], str(told["hint"])[:300])

    def _exchange(
        self, method: str, path: str, body: bytes, headers: dict[str, str], longest: int
    ) -> tuple[int, bytes, str]:
        if self._tls:
            context = ssl.create_default_context()
            link: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, timeout=self._timeout, context=context
            )
        else:
            link = http.client.HTTPConnection(self._host, timeout=self._timeout)
        try:
            link.request(method, self._root + path, body, headers)
            answer = link.getresponse()
            read = answer.read(longest + 1)
            if len(read) > longest:
                raise OutsideError(self.url, f"answered more than {longest:,} bytes", "ask the peer")
            return answer.status, read, answer.headers.get(signing.SIGNATURE, "")
        except (OSError, http.client.HTTPException) as error:
            what = f"is gone or cannot be reached ({type(error).__name__})"
            raise OutsideError(self.url, what, "start the run anew when it is back") from error
        finally:
            link.close()


def sha256(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()
