"""The console's routes and its front door: who is logged in, which role a page takes, what becomes of an error."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from stillwatch.console import acts, longer, pages
from stillwatch.console.place import Ask, Place, local_path
from stillwatch.console.sessions import COOKIE, LASTS_S, carries
from stillwatch.console.show import HERE, environment, show, theme_of
from stillwatch.console.wall import LONGEST_BODY, Wall
from stillwatch.errors import StillwatchError, UsageError
from stillwatch.settings import Settings

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_MOST_FIELDS = 200
Handler = Callable[[Ask], Response]


def create_console(
    home: Path, settings: Settings, *, hosts: tuple[str, ...] = LOOPBACK_NAMES, clock: Callable[[], float] = time.time
) -> Starlette:
    """The console over a home. `hosts` are the names it answers to; none: any, for behind a proxy that checks."""
    place = Place(home, settings, clock)
    app = Starlette(
        routes=[
            Route("/login", _login, methods=["GET", "POST"]),
            Mount("/static", _Kept(directory=HERE / "static"), name="static"),
            *_routes(),
        ],
        middleware=[Middleware(Wall, hosts=hosts)],
        exception_handlers={HTTPException: _plain, StillwatchError: _ours, 500: _broken},
    )  # fmt: skip
    app.state.place = place
    return app


def _routes() -> list[BaseRoute]:
    looks: list[tuple[str, Handler, str]] = [
        ("/", pages.today, "reader"),
        ("/campaigns/{id}", pages.campaign, "reader"),
        ("/accounts", pages.accounts, "reader"),
        ("/accounts/{id}", pages.account, "reader"),
        ("/decisions", pages.decisions, "reader"),
        ("/decisions/{id}", pages.decision, "reader"),
        ("/appeals", pages.appeals, "analyst"),
        ("/appeals/{number:int}", pages.appeal, "analyst"),
        ("/audit", pages.audit, "reader"),
        ("/search", pages.search, "reader"),
        ("/keys", pages.keys, "reader"),
        ("/reveal/{id}", longer.reveal, "analyst"),
        ("/exchanges", longer.exchange, "analyst"),
        ("/what-if", longer.what_if, "analyst"),
        ("/tables/{name}.{kind}", pages.export, "reader"),
        ("/charts/traffic.json", pages.traffic_chart, "reader"),
        ("/charts/campaigns/{id}/{chart}.json", pages.campaign_chart, "reader"),
        ("/charts/accounts/{id}/peers.json", pages.peers_chart, "reader"),
    ]
    does: list[tuple[str, Handler, str]] = [
        ("/search", pages.search_raw, "reader"),
        ("/theme", acts.theme, "reader"),
        ("/logout", acts.log_out, "reader"),
        ("/decide", acts.decide, "approver"),
        ("/decisions", acts.by_hand, "analyst"),
        ("/decisions/{id}/approve", acts.approve, "approver"),
        ("/decisions/{id}/refuse", acts.refuse, "approver"),
        ("/decisions/{id}/lift", acts.lift, "analyst"),
        ("/allows", acts.allow, "approver"),
        ("/verdicts", acts.verdict, "analyst"),
        ("/verdicts/{number:int}/withdraw", acts.withdraw, "analyst"),
        ("/appeals", acts.appeal, "analyst"),
        ("/appeals/{number:int}/answer", acts.answer, "approver"),
        ("/notes", acts.note, "analyst"),
        ("/what-if", longer.start_what_if, "analyst"),
        ("/reveal/{id}", longer.start_reveal, "analyst"),
        ("/exchanges", longer.open_text, "analyst"),
    ]
    both: dict[str, dict[str, tuple[Handler, str]]] = {}
    for method, routes in (("GET", looks), ("POST", does)):
        for path, handler, role in routes:
            both.setdefault(path, {})[method] = (handler, role)
    return [Route(path, _door(by), methods=list(by)) for path, by in both.items()]


def _door(by: dict[str, tuple[Handler, str]]) -> Callable[[Request], Any]:
    """An endpoint that asks for a session, a role and, where something is done, the form's mark."""

    async def endpoint(request: Request) -> Response:
        place: Place = request.app.state.place
        handler, role = by["GET" if request.method == "HEAD" else request.method]
        cookie = request.cookies.get(COOKIE)
        session = await run_in_threadpool(lambda: place.sessions.of(place.record, cookie))
        if session is None:
            if request.method == "GET":
                query = f"?{request.url.query}" if request.url.query else ""
                return RedirectResponse("/login?next=" + quote(request.url.path + query, safe="/"), 303)
            raise HTTPException(403, "Your session has ended: log in again.")
        form = await _form(request) if request.method == "POST" else {}
        if request.method == "POST" and not carries(session, form.get("csrf", "")):
            raise HTTPException(403, "This form was not made by this session: load the page again.")
        ask = Ask(place, request, session, form)
        if not ask.may(role):
            raise HTTPException(403, f"This takes the role {role}; you are {session.who.role}.")
        return await run_in_threadpool(handler, ask)

    return endpoint


async def _form(request: Request) -> dict[str, str]:
    """The fields of a form; the first of a name wins. HTTPException where it is none or too long."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise HTTPException(415, "Forms only.")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_BODY:
            raise HTTPException(413, "Too much at once.")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="replace")
    except (ValueError, UnicodeDecodeError) as error:
        raise HTTPException(400, "This is no form.") from error
    fields: dict[str, str] = {}
    for name, value in pairs:
        fields.setdefault(name, value.replace("\r\n", "\n"))
    return fields


async def _login(request: Request) -> Response:
    place: Place = request.app.state.place
    back = local_path(request.query_params.get("next", "/"))
    code = request.query_params.get("code")
    cookie = None
    wrong = ""
    if request.method == "POST":
        form = await _form(request)
        back = local_path(form.get("next", "/"))
        token = form.get("token", "").strip()
        cookie = await run_in_threadpool(lambda: place.sessions.by_token(place.record, token))
        wrong = "" if cookie else "That token does not hold, or is a gateway's. After many wrong ones: wait a minute."
    elif code is not None:
        cookie = place.sessions.by_code(code)
        wrong = "" if cookie else "That link was used already, or is too old. Log in with a token instead."
    if cookie is None:
        page = environment().get_template("login.html.j2")
        text = page.render(wrong=wrong, next=back, theme=theme_of(request.cookies))
        return HTMLResponse(text, 403 if wrong else 200)
    answer = RedirectResponse(back, 303)
    answer.set_cookie(
        COOKIE, cookie, max_age=int(LASTS_S), path="/", httponly=True, samesite="strict",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


class _Kept(StaticFiles):
    """Files of ours; their URL holds their hash, so browsers keep them."""

    async def get_response(self, path: str, scope: Any) -> Response:
        """One file."""
        answer = await super().get_response(path, scope)
        if answer.status_code == 200:
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


async def _plain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return await _wrong(request, error.status_code, str(error.detail), "")


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, StillwatchError)
    if not isinstance(error, UsageError):
        status = 503
    elif "may not" in error.what:
        status = 403
    else:
        status = 404 if "there is no such" in error.what or "no campaign" in error.what else 409
    return await _wrong(request, status, f"{error.where}: {error.what}", error.hint)


async def _broken(request: Request, error: Exception) -> Response:
    return await _wrong(request, 500, "Something of ours broke; the terminal that runs the console says what.", "")


async def _wrong(request: Request, status: int, what: str, hint: str) -> Response:
    place: Place = request.app.state.place
    session = await run_in_threadpool(lambda: place.sessions.of(place.record, request.cookies.get(COOKIE)))
    if session is None:
        text = environment().get_template("login.html.j2").render(
            wrong=what, next="/", theme=theme_of(request.cookies)
        )  # fmt: skip
        return HTMLResponse(text, status)
    ask = Ask(place, request, session, {})
    return await run_in_threadpool(lambda: show(ask, "wrong.html.j2", status, code=status, what=what, hint=hint))
