"""Both sides prove themselves on every message, with a secret that never crosses the wire.

A request carries HMAC-SHA-256 over method, path, time, a nonce and the body's hash; the answer one over the request's
own signature, the status and its body: nobody else can send, change or repeat one. It hides nothing; encryption on the
way is TLS, at a reverse proxy.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

WINDOW_S = 300.0
"""How far clocks may be apart; a nonce is remembered for longer than that."""
PEER, TIME, NONCE, BODY, SIGNATURE = (
    "x-match-peer",
    "x-match-time",
    "x-match-nonce",
    "x-match-body",
    "x-match-signature",
)


def _key(secret: str, direction: str) -> bytes:
    return hmac.digest(secret.encode(), f"stillwatch match 1 {direction}".encode(), "sha256")


def request_signature(secret: str, method: str, path: str, at: str, nonce: str, body_sha256: str) -> str:
    """Hex signature of a request."""
    text = "\n".join((method, path, at, nonce, body_sha256))
    return hmac.digest(_key(secret, "asks"), text.encode("utf-8", "replace"), "sha256").hex()


def request_headers(
    peer: str, secret: str, method: str, path: str, body: bytes, now: float, nonce: str
) -> dict[str, str]:
    """The headers of a signed request."""
    at, digest = f"{now:.3f}", hashlib.sha256(body).hexdigest()
    signature = request_signature(secret, method, path, at, nonce, digest)
    return {PEER: peer, TIME: at, NONCE: nonce, BODY: digest, SIGNATURE: signature}


def request_holds(secret: str, method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether a request's signature is right (its time and nonce are looked at apart)."""
    wanted = request_signature(
        secret, method, path, headers.get(TIME, ""), headers.get(NONCE, ""), headers.get(BODY, "")
    )
    return hmac.compare_digest(wanted.encode(), headers.get(SIGNATURE, "").encode("utf-8", "replace"))


def answer_signature(secret: str, request: str, status: int, body: bytes) -> str:
    """Hex signature of the answer to a request that had the signature `request`."""
    text = f"{request}\n{status}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.digest(_key(secret, "answers"), text.encode("utf-8", "replace"), "sha256").hex()


def answer_holds(secret: str, request: str, status: int, body: bytes, signature: str) -> bool:
    """Whether an answer is the peer's own, to this very request."""
    return hmac.compare_digest(
        answer_signature(secret, request, status, body).encode(), signature.encode("utf-8", "replace")
    )
