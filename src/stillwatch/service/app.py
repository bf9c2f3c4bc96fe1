"""The API's routes. Everything but /v1/health and the API's own description asks for a token."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from array import array
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException as AnyHttpError

from stillwatch import __version__
from stillwatch.decide import people
from stillwatch.decide.gateways import take_sightings, take_usage
from stillwatch.decide.live import delta, live_rows, one_decision
from stillwatch.decide.record import Record, Who
from stillwatch.decide.tokens import who_has
from stillwatch.decide.verdicts import verdict_on
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.patterns import load_rules
from stillwatch.service import words
from stillwatch.service.background import Background
from stillwatch.service.metrics import Metrics
from stillwatch.settings import Settings
from stillwatch.store import open_store
from stillwatch_gateway.wire import Limits, account_number

LONGEST_BODY = 8 << 20
LONGEST_WAIT_S = 25.0
_LARGEST = (1 << 53) - 1
_bearer = HTTPBearer(auto_error=False, description="A token from `stillwatch token NAME ROLE`.")
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": words.Wrong, "description": "The request is not what it should be."},
    401: {"model": words.Wrong, "description": "No token, or none that holds."},
    403: {"model": words.Wrong, "description": "The token's role may not do this."},
    404: {"model": words.Wrong, "description": "There is no such thing."},
    409: {"model": words.Wrong, "description": "It cannot be done now."},
    413: {"model": words.Wrong, "description": "Too much at once."},
    422: {"model": words.Wrong, "description": "A field is not what it should be."},
    503: {"model": words.Wrong, "description": "The disk or the database failed."},
}


class Home:
    """A home as the routes need it: a record for each thread, accounts' numbers made once a sweep."""

    def __init__(self, path: Path, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.path = path
        self.settings = settings
        self.clock = clock
        self._local = threading.local()
        self._known_lock = threading.Lock()
        self._known: tuple[Any, str, bytes] = (None, "", b"")

    @property
    def record(self) -> Record:
        """This thread's own connection."""
        found: Record | None = getattr(self._local, "record", None)
        if found is None:
            found = self._local.record = Record(self.path)
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Pattern rules as a gateway reads them."""
        return [
            {"code": r.code, "id": r.id, "expression": r.expression, "applies_to": list(r.applies_to)}
            for r in load_rules([Path(pack) for pack in self.settings.patterns.packs])
        ]

    def rules_as_sent(self) -> tuple[bytes, str]:
        """(the same as JSON, its tag)."""
        body = json.dumps(self.rules()).encode()
        return body, hashlib.sha256(body).hexdigest()[:32]

    def known(self) -> tuple[str, bytes]:
        """(ETag, sorted little-endian 64-bit numbers of every account that a sweep has seen or a record names)."""
        file = self.path / "findings" / "run.json"
        stamp = file.stat().st_mtime_ns if file.is_file() else 0
        with self._known_lock:
            if self._known[0] != stamp:
                store = open_store(self.path)
                try:
                    ids = set(store.account_ids().column("account_id").to_pylist())
                    ids.update(store.accounts().column("account_id").to_pylist())
                finally:
                    store.close()
                numbers = array("Q", sorted(account_number(i) for i in ids))
                body = numbers.tobytes()
                self._known = (stamp, hashlib.sha256(body).hexdigest()[:32], body)
            return self._known[1], self._known[2]

    def knows(self, account_id: str) -> bool:
        """Whether an account is one of those."""
        numbers = memoryview(self.known()[1])
        wanted, low, high = account_number(account_id), 0, len(numbers) // 8
        while low < high:
            middle = (low + high) // 2
            here = int.from_bytes(numbers[8 * middle : 8 * middle + 8], "little")
            if here == wanted:
                return True
            low, high = (middle + 1, high) if here < wanted else (low, middle)
        return False


def create_app(home: Path, settings: Settings, *, clock: Callable[[], float] = time.time) -> FastAPI:
    """The service over a home. Runs its own background work (expiry, alerts, Redis) while it is up."""
    place = Home(home, settings, clock)
    metrics = Metrics()
    rules = place.rules_as_sent()
    background = Background(place.path, settings, metrics, clock, place.known, rules, place.knows)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(lambda: place.record)
        background.start()
        try:
            yield
        finally:
            await run_in_threadpool(background.stop)

    app = FastAPI(
        title="stillwatch decision service", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Decisions on accounts and campaigns: who decides, gateways that follow, people who undo.",
        responses=_ERRORS,
    )  # fmt: skip
    app.state.place, app.state.metrics = place, metrics
    _guard(app, metrics)
    _for_gateways(app, place, rules)
    _for_people(app, place)
    _for_watching(app, place, metrics)
    return app


def role(least: str, *also: str) -> Callable[..., Who]:
    """A dependency: the caller, whose role is `least` or above, or one of `also`."""

    def check(request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> Who:
        who = who_has(request.app.state.place.record, given.credentials) if given is not None else None
        if who is None:
            raise HTTPException(401, "no token, or none that holds", {"WWW-Authenticate": "Bearer"})
        enough = who.role in also or (who.role != "gateway" and people.RANK[who.role] >= people.RANK.get(least, 99))
        if not enough:
            raise HTTPException(403, f"this takes the role {least}")
        return who

    return check


Reader = Annotated[Who, Depends(role("reader"))]
Analyst = Annotated[Who, Depends(role("analyst"))]
Approver = Annotated[Who, Depends(role("approver"))]
Gateway = Annotated[Who, Depends(role("approver", "gateway"))]
Cursor = Annotated[int, Query(ge=0, le=_LARGEST)]
Most = Annotated[int, Query(ge=1, le=1000)]
From = Annotated[int, Query(ge=0, le=_LARGEST)]


def _guard(app: FastAPI, metrics: Metrics) -> None:
    @app.middleware("http")
    async def bounded(request: Request, call_next: Any) -> Response:
        length = request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length[:20]) > LONGEST_BODY:
            return _wrong(
                413, "body", f"longer than {LONGEST_BODY >> 20} MiB, or of unknown length", "send less at once"
            )
        if request.method in ("POST", "PUT", "PATCH") and "content-length" not in request.headers:
            return _wrong(413, "body", "of unknown length", "send a Content-Length")
        began = time.perf_counter()
        response: Response = await call_next(request)
        route = request.scope.get("route")
        metrics.answered(getattr(route, "path", "none"), response.status_code, time.perf_counter() - began)
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-store"
        return response

    @app.exception_handler(StillwatchError)
    async def ours(request: Request, error: StillwatchError) -> Response:
        if not isinstance(error, UsageError):
            return _wrong(503, error.where, error.what, error.hint)
        missing = (
            error.what.startswith("there is no such") or error.what.startswith("is none") or "is no " in error.what
        )
        return _wrong(404 if missing else 403 if "may not" in error.what else 409, error.where, error.what, error.hint)

    @app.exception_handler(AnyHttpError)
    async def plain(request: Request, error: AnyHttpError) -> Response:
        hint = {401: "Authorization: Bearer TOKEN", 403: "ask for a token with that role"}.get(error.status_code, "")
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request.url.path))
        return _wrong(error.status_code, request.url.path[:200], str(error.detail), hint, headers)

    @app.exception_handler(RequestValidationError)
    async def shape(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:200]
        return _wrong(422, where, str(first["msg"])[:300], "see /openapi.json")


def _methods(app: FastAPI, path: str) -> list[str]:
    """All methods of a path; two routes of one path each know only their own."""
    found = [r for r in app.routes if isinstance(r, APIRoute) and r.path_regex.match(path)]
    return sorted({method for route in found for method in route.methods or ()})


def _wrong(status: int, where: str, what: str, hint: str, headers: Any = None) -> JSONResponse:
    return JSONResponse({"where": where, "what": what, "hint": hint}, status, headers)


def _for_gateways(app: FastAPI, place: Home, sent_rules: tuple[bytes, str]) -> None:
    @app.get("/v1/decisions/stream", response_model=words.Delta, tags=["gateways"])
    async def stream(
        who: Gateway, cursor: Cursor = 0, wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT_S)] = 0.0
    ) -> Any:
        """What changed since `cursor`; with `wait` (seconds) the answer is held back until something does."""
        until = time.monotonic() + wait
        while wait and 0 < cursor == place.record.cursor() and time.monotonic() < until:
            await asyncio.sleep(0.1)
        etag, _ = await run_in_threadpool(place.known)
        found = await run_in_threadpool(lambda: delta(place.record, cursor, place.clock()))
        # Gathering many decisions takes seconds, and gateways set their clocks by `now`.
        return JSONResponse({**found, "known": etag, "now": place.clock()})

    @app.get(
        "/v1/known", tags=["gateways"], response_class=Response,
        responses={200: {"content": {"application/octet-stream": {}}}, 304: {"description": "As you have it."}},
    )  # fmt: skip
    def known(who: Gateway, request: Request) -> Response:
        """Numbers of all accounts that are known, sorted, 64 bits little-endian (BLAKE2b of the account id)."""
        etag, body = place.known()
        if request.headers.get("if-none-match", "").strip('"') == etag:
            return Response(status_code=304, headers={"ETag": f'"{etag}"'})
        return Response(body, media_type="application/octet-stream", headers={"ETag": f'"{etag}"'})

    @app.get("/v1/rules", response_model=list[dict[str, Any]], tags=["gateways"],
             responses={304: {"description": "As you have it."}})  # fmt: skip
    def rules(who: Gateway, request: Request) -> Response:
        """Pattern rules for scoring single requests: code, id, expression (Hyperscan), applies_to."""
        headers = {"ETag": f'"{sent_rules[1]}"'}
        if request.headers.get("if-none-match", "").strip('"') == sent_rules[1]:
            return Response(status_code=304, headers=headers)
        return Response(sent_rules[0], media_type="application/json", headers=headers)

    @app.post("/v1/usage", response_model=words.Taken, tags=["gateways"])
    def usage(who: Gateway, body: words.Items) -> Any:
        """What a gateway did: items of {decision_id, outcome (acted or would), count}."""
        take_usage(place.record, who, body.items, place.clock())
        return {"new": len(body.items)}

    @app.post("/v1/sightings", response_model=words.Taken, tags=["gateways"])
    def sightings(who: Gateway, body: words.Items) -> Any:
        """Unknown accounts that sent a campaign's own template: items of {campaign_id, account, joined}."""
        return {"new": take_sightings(place.record, who, body.items, place.clock(), known=place.knows)}


def _for_people(app: FastAPI, place: Home) -> None:
    @app.get("/v1/decisions", response_model=words.Rows, tags=["decisions"])
    def decisions(who: Reader, state: str = "live", campaign_id: str = "", limit: Most = 100, after: From = 0) -> Any:
        """Decisions, newest first. `state`: live, proposed, active, lifted, refused, replaced, expired or all."""
        rows = _decision_rows(place, state, campaign_id)
        return {"rows": rows[after : after + limit], "total": len(rows)}

    @app.get("/v1/decisions/{decision_id}", response_model=dict[str, Any], tags=["decisions"])
    def decision(who: Reader, decision_id: str) -> Any:
        """One decision with its accounts and what gateways did about it."""
        return one_decision(place.record, decision_id)

    @app.post("/v1/decisions", response_model=words.Done, status_code=201, tags=["decisions"])
    def by_hand(who: Analyst, body: words.ByHand) -> Any:
        """A person's own decision; suspending a campaign or an organisation waits for a second person."""
        made = people.decide_by_hand(
            place.record, who, place.clock(), action=body.action, scope=body.scope, value=body.value,
            reason=body.reason, tell=body.tell, hours=body.hours, enforce=body.enforce,
            limits=Limits(**body.limits.model_dump()),
            members=body.members,
        )  # fmt: skip
        return {"id": made}

    @app.post("/v1/decisions/{decision_id}/approve", response_model=words.Done, tags=["decisions"])
    def approve(who: Approver, decision_id: str, body: words.Approval) -> Any:
        """Makes a waiting decision hold."""
        people.approve(place.record, who, decision_id, place.clock(), note=body.note)
        return {"id": decision_id}

    @app.post("/v1/decisions/{decision_id}/refuse", response_model=words.Done, tags=["decisions"])
    def refuse(who: Approver, decision_id: str, body: words.Because) -> Any:
        """Ends a waiting decision."""
        people.refuse(place.record, who, decision_id, place.clock(), reason=body.reason)
        return {"id": decision_id}

    @app.post("/v1/decisions/{decision_id}/lift", response_model=words.Done, tags=["decisions"])
    def lift(who: Analyst, decision_id: str, body: words.Because) -> Any:
        """Ends a decision that holds, at once."""
        people.lift(place.record, who, decision_id, place.clock(), reason=body.reason)
        return {"id": decision_id}

    @app.get("/v1/allows", response_model=words.Rows, tags=["allowances"])
    def allows(who: Reader, limit: Most = 100, after: From = 0) -> Any:
        """Allowances, those that ended too, newest first."""
        return _page(place.record, "allows", "allow_id", limit, after)

    @app.post("/v1/allows", response_model=words.Done, status_code=201, tags=["allowances"])
    def allow(who: Approver, body: words.Allow) -> Any:
        """Lets an account, key or organisation pass whatever else is decided."""
        made = people.allow(
            place.record, who, place.clock(), scope=body.scope, value=body.value, reason=body.reason, until=body.until
        )
        return {"id": made}

    @app.post("/v1/allows/{decision_id}/end", response_model=words.Done, tags=["allowances"])
    def end_allow(who: Approver, decision_id: str, body: words.Because) -> Any:
        """Ends an allowance."""
        people.end_allow(place.record, who, decision_id, place.clock(), reason=body.reason)
        return {"id": decision_id}

    @app.get("/v1/verdicts", response_model=words.Rows, tags=["verdicts"])
    def verdicts(who: Reader, limit: Most = 100, after: From = 0) -> Any:
        """Verdicts, withdrawn ones too, newest first."""
        return _page(place.record, "verdicts", "verdict_id", limit, after)

    @app.post("/v1/verdicts", response_model=words.Done, status_code=201, tags=["verdicts"])
    def verdict(who: Analyst, body: words.VerdictIn) -> Any:
        """`confirm` or `wrong`; wrong undoes what was decided, at once."""
        number = verdict_on(
            place.path, place.record, who, body.kind, body.subject, body.verdict, body.reason, place.clock()
        )
        return {"id": str(number)}

    @app.post("/v1/verdicts/{number}/withdraw", response_model=words.Done, tags=["verdicts"])
    def withdraw(who: Analyst, number: int) -> Any:
        """Takes a verdict back."""
        people.withdraw_verdict(place.record, who, _small(number), place.clock())
        return {"id": str(number)}

    @app.get("/v1/appeals", response_model=words.Rows, tags=["appeals"])
    def appeals(who: Analyst, limit: Most = 100, after: From = 0) -> Any:
        """Appeals, newest first."""
        return _page(place.record, "appeals", "appeal_id", limit, after)

    @app.post("/v1/appeals", response_model=words.Done, status_code=201, tags=["appeals"])
    def appeal(who: Analyst, body: words.AppealIn) -> Any:
        """Enters a customer's appeal; until it is answered the customer may go on after verifying."""
        from stillwatch.decide.policy import read_policy

        chosen = place.settings.decide.policy
        soften = read_policy(Path(chosen) if chosen else None).appeal_while_open
        number = people.appeal(place.record, who, body.account_id, place.clock(), says=body.says, soften=soften)
        return {"id": str(number)}

    @app.post("/v1/appeals/{number}/answer", response_model=words.Done, tags=["appeals"])
    def answer(who: Approver, number: int, body: words.Answer) -> Any:
        """Grants or rejects an appeal."""
        people.answer_appeal(place.record, who, _small(number), place.clock(), granted=body.granted, reason=body.reason)
        return {"id": str(number)}

    @app.get("/v1/accounts/{account_id}/told", response_model=words.Told, tags=["appeals"])
    def told(who: Reader, account_id: str) -> Any:
        """What a customer may be told of what holds now."""
        return {"account_id": account_id, "sentences": people.may_be_told(place.record, account_id, place.clock())}


def _for_watching(app: FastAPI, place: Home, metrics: Metrics) -> None:
    @app.get("/v1/health", response_model=words.Health, tags=["watching"])
    def health() -> Any:
        """Whether the service answers; the one route besides /openapi.json without a token."""
        return {"status": "ok", "version": __version__}

    @app.get("/v1/audit", response_model=words.Rows, tags=["watching"])
    def audit(who: Reader, limit: Most = 100, after: From = 0) -> Any:
        """The audit log, newest first."""
        return _page(place.record, "audit", "seq", limit, after)

    @app.get("/v1/audit/verify", response_model=words.Audit, tags=["watching"])
    def verify(who: Reader) -> Any:
        """Whether the audit log's chain holds."""
        lines, fault = place.record.verify_audit()
        return {"lines": lines, "fault": fault}

    @app.get("/metrics", tags=["watching"], response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    def figures(who: Annotated[Who, Depends(role("reader", "gateway"))]) -> Response:
        """Prometheus metrics."""
        body = metrics.text(place.record, place.clock(), place.path)
        return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


def _decision_rows(place: Home, state: str, campaign_id: str) -> list[dict[str, Any]]:
    record, now = place.record, place.clock()
    if state == "live":
        rows = live_rows(record, now)[::-1]
    elif state == "all":
        rows = record.rows("SELECT * FROM decisions ORDER BY created_at DESC, decision_id LIMIT 100000")
    else:
        rows = record.rows(
            "SELECT * FROM decisions WHERE state=? ORDER BY created_at DESC, decision_id LIMIT 100000", (state,)
        )
    return [row for row in rows if not campaign_id or row["campaign_id"] == campaign_id]


_TABLES = {
    "allows": ("SELECT count(*) FROM allows", "SELECT * FROM allows ORDER BY allow_id DESC LIMIT ? OFFSET ?"),
    "verdicts": ("SELECT count(*) FROM verdicts", "SELECT * FROM verdicts ORDER BY verdict_id DESC LIMIT ? OFFSET ?"),
    "appeals": ("SELECT count(*) FROM appeals", "SELECT * FROM appeals ORDER BY appeal_id DESC LIMIT ? OFFSET ?"),
    "audit": ("SELECT count(*) FROM audit", "SELECT * FROM audit ORDER BY seq DESC LIMIT ? OFFSET ?"),
}


def _page(record: Record, table: str, key: str, limit: int, after: int) -> dict[str, Any]:
    count, rows = _TABLES[table]
    return {"rows": record.rows(rows, (limit, after)), "total": record.db.execute(count).fetchone()[0]}


def _small(number: int) -> int:
    if not 0 <= number <= _LARGEST:
        raise UsageError(str(number)[:30], "is no number of ours")
    return number
