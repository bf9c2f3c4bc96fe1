"""The way in over HTTP: who asks, is it new, is it whole, may this role; answers are signed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stillwatch.decide.record import Who
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.match import signing
from stillwatch.match.book import Book, Peer

SMALL_BODY = 1 << 16


@dataclass(frozen=True)
class Call:
    """One request that holds: `peer` asked, with `body`, of the run that the path names."""

    peer: Peer
    body: bytes
    run_id: str

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; UsageError where it is none."""
        try:
            read = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            read = None
        if not isinstance(read, dict):
            raise UsageError("body", "is no JSON object", "send what the protocol says")
        return read


class Refused(StillwatchError):
    """A request that gets a status of its own."""

    def __init__(self, status: int, where: str, what: str, hint: str = "") -> None:
        super().__init__(where, what, hint)
        self.status = status


#: (method, path, role, longest body in bytes, what is done: bytes go as they are, all else as JSON)
Desk = tuple[str, str, str, int, Callable[[Call], Any]]


def open_door(book: Book, desks: list[Desk], clock: Callable[[], float] = time.time, **more: Any) -> Starlette:
    """An application with these desks. Who is not known, or was heard before, is told so and no more."""

    def route(desk: Desk) -> Route:
        method, path, role, longest, work = desk

        async def handle(request: Request) -> Response:
            peer: Peer | None = None
            signature = request.headers.get(signing.SIGNATURE, "")
            try:
                peer = await run_in_threadpool(_known, book, request)
                _may(peer, request, role, clock())
                body = await _body(request, longest)
                if hashlib.sha256(body).hexdigest() != request.headers.get(signing.BODY):
                    raise Refused(400, "body", "is not the one that was signed")
                nonce = request.headers.get(signing.NONCE, "")
                if not await run_in_threadpool(book.first_time, f"{peer.name}:{nonce}", clock(), 4 * signing.WINDOW_S):
                    raise Refused(409, "request", "was sent before", "every request is made anew")
                run_id = str(request.path_params.get("run_id", ""))
                made = await run_in_threadpool(work, Call(peer, body, run_id))
                status, out = 200, made if isinstance(made, bytes) else json.dumps(made).encode()
            except StillwatchError as error:
                status = error.status if isinstance(error, Refused) else 409 if isinstance(error, UsageError) else 503
                out = json.dumps({"where": error.where, "what": error.what, "hint": error.hint}).encode()
                if peer is not None and status != 404:
                    told = {"status": status, "why": f"{error.where}: {error.what}"[:300], "path": path}
                    who, run = Who(peer.name, "peer"), str(request.path_params.get("run_id", ""))
                    await run_in_threadpool(lambda: book.audit(who, "match refused", run, clock(), **told))
            headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
            if peer is not None:
                headers[signing.SIGNATURE] = signing.answer_signature(peer.secret, signature, status, out)
            return Response(out, status, headers, "application/octet-stream")

        return Route(path, handle, methods=[method])

    return Starlette(routes=[route(desk) for desk in desks], **more)


def _known(book: Book, request: Request) -> Peer:
    """The peer behind a request; all that is wrong with who asks is one answer, so that names cannot be tried."""
    peer = book.peer(request.headers.get(signing.PEER, ""))
    if peer is None or not signing.request_holds(peer.secret, request.method, request.url.path, request.headers):
        raise Refused(401, "peer", "no secret that holds", "pair first: stillwatch match pair NAME")
    return peer


def _may(peer: Peer, request: Request, role: str, now: float) -> None:
    nonce = request.headers.get(signing.NONCE, "")
    try:
        in_time = abs(float(request.headers.get(signing.TIME, "")) - now) <= signing.WINDOW_S
    except ValueError:
        in_time = False
    if not in_time or not 16 <= len(nonce) <= 64:
        raise Refused(401, "peer", "the request is too old, or the clocks are apart", "set both clocks; ask again")
    if peer.role != role:
        raise Refused(403, "peer", f"this takes the role {role}", f"stillwatch match pair NAME --role {role}")


async def _body(request: Request, longest: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > longest:
            raise Refused(413, "body", f"longer than {longest:,} bytes", "send less at once")
        parts.append(part)
    return b"".join(parts)
