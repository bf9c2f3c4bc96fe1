"""What stands before every page: which hosts and origins may ask, how much they may send, and what browsers may do."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 256 << 10
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Wall:
    """Refuses strange hosts (a name that somebody pointed at loopback), strange origins and long bodies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        fault = self._fault(headers, scope["method"])

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out[name] = value
                out.setdefault("Cache-Control", "no-store")
            await send(message)

        if fault is not None:
            await PlainTextResponse(fault[1], fault[0])(scope, receive, sent)
        else:
            await self._app(scope, receive, sent)

    def _fault(self, headers: Headers, method: str) -> tuple[int, str] | None:
        if self._hosts and host_of(headers.get("host", "")) not in self._hosts:
            return 400, "This console does not answer to that name.\n"
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 12 or int(length) > LONGEST_BODY:
            return 413, "Too much at once.\n"
        if method not in ("GET", "HEAD"):
            if "content-length" not in headers:
                return 411, "Say how long it is.\n"
            origin = headers.get("origin")
            if origin is not None and urlsplit(origin).netloc != headers.get("host"):
                return 403, "Not from another site.\n"
        return None


def host_of(given: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    if given.startswith("["):
        return given.partition("]")[0].lower() + "]"
    return given.partition(":")[0].lower()
