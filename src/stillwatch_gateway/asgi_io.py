"""Reading and answering over bare ASGI: bodies with a bound, JSON answers, health, a bearer token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Scope = Mapping[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]


async def read_body(receive: Receive, most: int) -> tuple[bytes, list[Message], bool]:
    """The body up to `most` bytes (whole messages, so a little over), these messages, and whether that is all."""
    parts: list[bytes] = []
    seen: list[Message] = []
    size = 0
    while True:
        message = await receive()
        seen.append(message)
        if message.get("type") != "http.request":
            return b"".join(parts), seen, False
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if not message.get("more_body", False):
            return b"".join(parts), seen, size <= most
        if size > most:
            return b"".join(parts), seen, False


def replayed(seen: list[Message], receive: Receive) -> Receive:
    """A `receive` that first gives what was read already."""
    left = iter(seen)

    async def again() -> Message:
        for message in left:
            return message
        return await receive()

    return again


async def send_json(send: Send, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
    """One JSON answer; header values must be plain ASCII."""
    body = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
    lines = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    lines += [(name.encode("ascii"), value.encode("ascii", "replace")) for name, value in (headers or {}).items()]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


def door(answer: App) -> App:
    """An app that answers the server's start and stop and `/health` itself and has `answer` do all other HTTP calls."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http" and scope["path"] == "/health":
            await send_json(send, 200, {"status": "ok"})
        elif scope["type"] == "http":
            await answer(scope, receive, send)

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return


def header(scope: Scope, name: str) -> str | None:
    """The one value of a request header; None where it is missing, empty or given more than once."""
    wanted = name.lower().encode("latin-1")
    found = [value for key, value in scope.get("headers", ()) if key.lower() == wanted]
    if len(found) != 1 or not found[0]:
        return None
    return bytes(found[0]).decode("utf-8", "replace")


def authorised(scope: Scope, token: str) -> bool:
    """Whether the call bears the token (as bearer or `x-api-key`); True where none is set."""
    if not token:
        return True
    given = header(scope, "authorization") or ""
    given = given[7:] if given[:7].lower() == "bearer " else header(scope, "x-api-key") or ""
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode("utf-8", "replace"))


def json_object(body: bytes) -> dict[str, Any] | None:
    """A JSON object; None where the bytes are none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
