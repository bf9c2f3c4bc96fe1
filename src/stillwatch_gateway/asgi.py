"""Middleware for any ASGI app that serves a model: judges each call, refuses, trims what a request asks for.

Who calls is taken from headers that it is told to trust (those that your own front sets and strips from clients), or
from a function of the scope. It edits requests, not answers: reasoning is not withheld here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from stillwatch_gateway.asgi_io import (
    App,
    Message,
    Receive,
    Scope,
    Send,
    header,
    json_object,
    read_body,
    replayed,
    send_json,
)
from stillwatch_gateway.asked import last_user_text
from stillwatch_gateway.assembly import Assembly, assembled
from stillwatch_gateway.judge import Caller, Verdict
from stillwatch_gateway.refusals import decision_headers, refusal_of
from stillwatch_gateway.trimming import trim_request

_ANSWERS = ("reasoning", "reasoning-shortened")
_LENGTHS = (b"content-length", b"transfer-encoding")
_FORMS = (
    ("/chat/completions", "chat"),
    ("/completions", "chat"),
    ("/messages", "messages"),
    ("/responses", "responses"),
)


@dataclass(frozen=True, slots=True)
class TrustedHeaders:
    """Names of the headers that say who calls. A header that a client could set itself must not be named here."""

    account: str = ""
    key: str = ""
    organisation: str = ""

    def caller(self, scope: Scope) -> Caller:
        """Who calls; a header given twice counts as missing."""
        one = [header(scope, name) if name else None for name in (self.account, self.key, self.organisation)]
        return Caller(one[0] or one[1], one[1], one[2])


class StillwatchMiddleware:
    """Wraps `app`. ValueError where neither `headers` names an account or key nor `caller` is given.

    `paths`: prefixes of the paths that are judged (all, where empty). Bodies of up to `most_bytes` are read and passed
    on byte for byte; a longer one is passed on too, and only who calls is judged.
    """

    def __init__(
        self,
        app: App,
        *,
        headers: TrustedHeaders | None = None,
        caller: Callable[[Scope], Caller] | None = None,
        assembly: Assembly | None = None,
        paths: Iterable[str] = (),
        most_bytes: int = 4 << 20,
    ) -> None:
        if caller is None and (headers is None or not (headers.account or headers.key)):
            raise ValueError("headers or caller: who calls must come from somewhere that is trusted")
        self._app = app
        self._caller = caller or (headers or TrustedHeaders()).caller
        self._assembly = assembly or assembled()
        self._paths = tuple(paths)
        self._most_bytes = most_bytes
        self.faults = self._assembly.faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection; anything but a judged HTTP call is handed through untouched."""
        if scope["type"] != "http" or (self._paths and not scope["path"].startswith(self._paths)):
            await self._app(scope, receive, send)
            return
        seen: list[Message] = []
        body: dict[str, Any] | None = None
        if scope["method"] in ("POST", "PUT", "PATCH"):
            raw, seen, whole = await read_body(receive, self._most_bytes)
            body = json_object(raw) if whole else None
        verdict = self._judge(scope, body)
        told: dict[str, str] = {}
        if verdict is not None:
            refusal = refusal_of(verdict.action, verdict.decision, verify_url=self._assembly.settings.verify_url)
            if refusal is not None:
                await send_json(send, refusal.status, {"error": refusal.error}, refusal.headers)
                return
            scope, seen, told = self._trimmed(scope, seen, body, verdict)
        await self._app(scope, replayed(seen, receive), _with_headers(send, told) if told else send)

    def _judge(self, scope: Scope, body: dict[str, Any] | None) -> Verdict | None:
        try:
            text = last_user_text(body) if body is not None else None
            return self._assembly.judge.judge(self._caller(scope), text)
        except Exception as error:
            self.faults.note("asgi judge", error)
            return None

    def _trimmed(
        self, scope: Scope, seen: list[Message], body: dict[str, Any] | None, verdict: Verdict
    ) -> tuple[Scope, list[Message], dict[str, str]]:
        decision = verdict.decision
        if verdict.action != "trim" or decision is None or body is None:
            return scope, seen, {}
        try:
            form = next((form for end, form in _FORMS if scope["path"].rstrip("/").endswith(end)), "")
            withheld = [one for one in trim_request(body, decision.limits, form) if one not in _ANSWERS]
            if not withheld:
                return scope, seen, {}
            raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
            lines = [(name, value) for name, value in scope["headers"] if name.lower() not in _LENGTHS]
            changed = {**scope, "headers": [*lines, (b"content-length", str(len(raw)).encode())]}
            whole: list[Message] = [{"type": "http.request", "body": raw, "more_body": False}]
            return changed, whole, decision_headers(decision, withheld)
        except Exception as error:
            self.faults.note("asgi trim", error)
            return scope, seen, {}


def _with_headers(send: Send, told: dict[str, str]) -> Send:
    added = [(name.encode("ascii"), value.encode("ascii", "replace")) for name, value in told.items()]

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        await send(message)

    return sending
