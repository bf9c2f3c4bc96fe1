"""An embedded TAXII 2.1 server: what we share, for peers with a token, and a place where they hand things in.

Source: OASIS TAXII 2.1 (10 June 2021), sections 4 and 5.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from stillwatch.decide.record import Who
from stillwatch.listening import listen
from stillwatch.settings import Settings
from stillwatch.share.collections import Asked, Collections, Peer, version_of
from stillwatch.share.incoming import take_in
from stillwatch.share.reading import Received, parsed

MEDIA = "application/taxii+json;version=2.1"
LONGEST_BODY = 8 << 20
MOST_AT_ONCE = 1000
ROOT = "stillwatch"
_STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?Z")
_STATUS_ID = re.compile(r"[0-9a-f-]{36}")
_TITLES = {
    400: "The request is not what it should be", 401: "Who are you?", 403: "Not yours", 404: "There is no such thing",
    405: "Not here", 406: "Not in that form", 413: "Too large", 415: "Not in that form",
}  # fmt: skip


def create_app(home: Path, settings: Settings, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """The server over a home. Every route asks for a token, as a bearer token or as a password of HTTP Basic."""
    app = FastAPI(title="stillwatch TAXII server", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.home, app.state.settings, app.state.clock = home, settings, clock
    _errors(app)
    _about(app)
    _objects(app)
    return app


def _collections(request: Request) -> Iterator[Collections]:
    kept = Collections(request.app.state.home)
    try:
        yield kept
    finally:
        kept.close()


Kept = Annotated[Collections, Depends(_collections)]


def _peer(request: Request, kept: Kept) -> Peer:
    """Who asks. Form comes first: a request in a form that is not spoken here is answered so, whoever sent it."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = given.strip()
    if scheme.lower() == "basic":
        try:
            token = base64.b64decode(token, validate=True).decode("utf-8", "replace").partition(":")[2]
        except (binascii.Error, ValueError):
            token = ""
    peer = kept.who_has(token) if scheme.lower() in ("basic", "bearer", "token") and token else None
    if peer is None:
        raise HTTPException(401, "no token, or none that holds", {"WWW-Authenticate": 'Basic realm="taxii"'})
    accepts = [part.strip().replace(" ", "") for part in request.headers.get("accept", "*/*").split(",")]
    known = ("*/*", "application/*", "application/taxii+json", MEDIA)
    if not any(part.split(";q=")[0] in known for part in accepts):
        raise HTTPException(406, f"this server speaks {MEDIA}")
    return peer


Asker = Annotated[Peer, Depends(_peer)]


def _right(kept: Collections, peer: Peer, collection: str, right: str) -> None:
    """403 where a peer lacks a right; 404 where it may not even know of the collection."""
    found = next((c for c in kept.seen_by(peer) if c["id"] == collection), None)
    if found is None:
        raise HTTPException(404, "there is no such collection")
    if not found[right]:
        raise HTTPException(403, f"this collection is not open to you for that ({right})")


def _answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(document), status, headers, MEDIA)


def _errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        body = {"title": _TITLES.get(error.status_code, "It failed"), "description": str(error.detail),
                "http_status": str(error.status_code)}  # fmt: skip
        return _answer(body, error.status_code, dict(error.headers or {}))

    @app.middleware("http")
    async def quiet(request: Request, call_next: Any) -> Response:
        response: Response = await call_next(request)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response


def _about(app: FastAPI) -> None:
    @app.get("/taxii2/")
    def discovery(request: Request, peer: Asker) -> Response:
        root = f"{str(request.base_url).rstrip('/')}/{ROOT}/"
        share = request.app.state.settings.share
        who = {"title": share.provider or "stillwatch", "api_roots": [root], "default": root}
        return _answer(who | ({"contact": share.contact} if share.contact else {}))

    @app.get(f"/{ROOT}/")
    def api_root(peer: Asker) -> Response:
        return _answer({"title": "Distillation indicators", "versions": [MEDIA], "max_content_length": LONGEST_BODY})

    @app.get(f"/{ROOT}/status/{{status_id}}/")
    def status(status_id: str, peer: Asker, kept: Kept) -> Response:
        found = kept.status(peer, status_id) if _STATUS_ID.fullmatch(status_id) else None
        if found is None:
            raise HTTPException(404, "there is no such status")
        return _answer(found)

    @app.get(f"/{ROOT}/collections/")
    def collections(peer: Asker, kept: Kept) -> Response:
        seen = [c | {"media_types": ["application/stix+json;version=2.1"]} for c in kept.seen_by(peer)]
        return _answer({"collections": seen} if seen else {})

    @app.get(f"/{ROOT}/collections/{{collection}}/")
    def one(collection: str, peer: Asker, kept: Kept) -> Response:
        found = next((c for c in kept.seen_by(peer) if c["id"] == collection), None)
        if found is None:
            raise HTTPException(404, "there is no such collection")
        return _answer(found | {"media_types": ["application/stix+json;version=2.1"]})


def _objects(app: FastAPI) -> None:
    base = f"/{ROOT}/collections/{{collection}}"

    @app.get(f"{base}/manifest/")
    def manifest(collection: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_read")
        return _page(kept, collection, asked_of(request), lambda row: {
            "id": row["id"], "date_added": _stamp(row["added_at"]), "version": row["version"],
            "media_type": "application/stix+json;version=2.1",
        })  # fmt: skip

    @app.get(f"{base}/objects/")
    def objects(collection: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_read")
        return _page(kept, collection, asked_of(request), _body)

    @app.get(f"{base}/objects/{{object_id}}/")
    def by_id(collection: str, object_id: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_read")
        _there(kept, collection, object_id)
        return _page(kept, collection, asked_of(request, (object_id,)), _body)

    @app.get(f"{base}/objects/{{object_id}}/versions/")
    def versions(collection: str, object_id: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_read")
        _there(kept, collection, object_id)
        asked = asked_of(request, (object_id,), version=("all",))
        return _page(kept, collection, asked, lambda row: row["version"], name="versions")

    @app.delete(f"{base}/objects/{{object_id}}/")
    def delete(collection: str, object_id: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_write")
        asked = asked_of(request, (object_id,), version=None if "match[version]" in request.query_params else ("all",))
        if not kept.remove(collection, asked, peer.name):
            raise HTTPException(404, "there is no such object of yours")
        return _answer({})

    @app.post(f"{base}/objects/")
    async def add(collection: str, request: Request, peer: Asker, kept: Kept) -> Response:
        _right(kept, peer, collection, "can_write")
        if request.headers.get("content-type", "").replace(" ", "") not in (MEDIA, "application/taxii+json"):
            raise HTTPException(415, f"send {MEDIA}")
        document, fault = parsed(await _bounded(request))
        found = document.get("objects") if isinstance(document, dict) else None
        if fault or not isinstance(found, list):
            raise HTTPException(400, fault or "an envelope has a list of objects")
        if len(found) > MOST_AT_ONCE:
            raise HTTPException(413, f"more than {MOST_AT_ONCE} objects at once")
        body = await run_in_threadpool(_handed_in, request.app, kept, collection, peer, found)
        return _answer(body, 202)


def _handed_in(app: FastAPI, kept: Collections, collection: str, peer: Peer, found: list[Any]) -> dict[str, Any]:
    """Takes in what a peer sent and says what came of each object; what breaks a rule is not kept."""
    now = app.state.clock()
    who = Who(f"taxii: {peer.name}", "analyst")
    taken = take_in(app.state.home, Received(objects=found), peer.name, app.state.settings, who, now=now)
    whole = [
        o for o in found if isinstance(o, dict) and isinstance(o.get("id"), str) and isinstance(o.get("type"), str)
    ]
    good = [o for o in whole if o["id"] not in taken.refused_ids] if taken.refused_ids or not taken.quarantined else []
    kept.add(collection, good, peer.name, now)
    body: dict[str, Any] = {
        "id": str(uuid.uuid4()), "status": "complete", "request_timestamp": _stamp(now), "total_count": len(found),
        "success_count": len(good), "failure_count": len(found) - len(good), "pending_count": 0,
        "successes": [{"id": o["id"], "version": version_of(o)} for o in good],
        "failures": [{"id": i, "version": _stamp(now), "message": why} for i, why in taken.refused_ids.items()],
    }  # fmt: skip
    kept.keep_status(peer, body)
    return body


async def _bounded(request: Request) -> bytes:
    length = request.headers.get("content-length", "")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > LONGEST_BODY:
        raise HTTPException(413, f"longer than {LONGEST_BODY >> 20} MiB, or of unknown length")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, f"longer than {LONGEST_BODY >> 20} MiB")
    return body


def asked_of(request: Request, ids: tuple[str, ...] = (), version: tuple[str, ...] | None = None) -> Asked:
    """A request's filters. 400 where one is not what it should be."""
    query = request.query_params

    def listed(name: str) -> tuple[str, ...]:
        return tuple(part for part in query.get(f"match[{name}]", "").split(",") if part)[:100]

    wanted = version or listed("version") or ("last",)
    if any(v not in ("last", "first", "all") and not _STAMP.fullmatch(v) for v in wanted):
        raise HTTPException(400, "match[version]: last, first, all, or timestamps")
    after = query.get("added_after")
    if after is not None and not _STAMP.fullmatch(after):
        raise HTTPException(400, "added_after: a timestamp")
    limit, beyond = query.get("limit", str(MOST_AT_ONCE)), query.get("next", "0")
    if not re.fullmatch(r"[1-9]\d{0,8}", limit) or not re.fullmatch(r"\d{1,15}", beyond):
        raise HTTPException(400, "limit and next: whole numbers")
    return Asked(
        ids or listed("id"), listed("type"), wanted, listed("spec_version"), _seconds(after) if after else None,
        int(beyond), min(int(limit), MOST_AT_ONCE),
    )  # fmt: skip


def _page(
    kept: Collections, collection: str, asked: Asked, shown: Callable[[dict[str, Any]], Any], *, name: str = "objects"
) -> Response:
    rows, more = kept.find(collection, asked)
    body: dict[str, Any] = {name: [shown(row) for row in rows]} if rows else {}
    headers: dict[str, str] = {}
    if rows:
        headers = {"X-TAXII-Date-Added-First": _stamp(rows[0]["added_at"]),
                   "X-TAXII-Date-Added-Last": _stamp(rows[-1]["added_at"])}  # fmt: skip
    if more:
        body |= {"more": True, "next": str(rows[-1]["seq"])}
    return _answer(body, 200, headers)


def _there(kept: Collections, collection: str, object_id: str) -> None:
    if not kept.find(collection, Asked(ids=(object_id,), version=("all",), most=1))[0]:
        raise HTTPException(404, "there is no such object")


def _body(row: dict[str, Any]) -> Any:
    return json.loads(row["body"])


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _seconds(stamp: str) -> float:
    try:
        cut = re.sub(r"(\.\d{6})\d+", r"\1", stamp)
        return datetime.fromisoformat(cut.replace("Z", "+00:00")).timestamp()
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, "added_after: a timestamp") from error


def serve(home: Path, settings: Settings, *, host: str, port: int) -> None:
    """Serves until it is interrupted."""
    Collections(home).close()
    listen(create_app(home, settings), host, port)
