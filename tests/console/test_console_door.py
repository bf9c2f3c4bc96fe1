"""Nobody looks without a log-in, nobody acts beyond their role, and no other site acts through a browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from consoles import PLACE, browser, decided, do, mark_of, stranger

from decide.place import ANN
from stillwatch.console.app import create_console
from stillwatch.console.sessions import CODE_LASTS_S, LASTS_S
from stillwatch.decide.record import Record
from stillwatch.decide.tokens import make_token, revoke_token, tokens
from stillwatch.settings import Settings

PAGES = [
    "/", "/campaigns/sw-ring", "/accounts", "/accounts/acct-0000", "/decisions", "/appeals", "/audit", "/search?q=acct",
    "/keys", "/reveal/sw-ring", "/what-if", "/tables/accounts.csv", "/charts/traffic.json",
    "/charts/campaigns/sw-ring/network.json", "/charts/accounts/acct-0000/peers.json",
]  # fmt: skip
#: Path, fields, and the least role that may.
ACTS = [
    ("/decisions/D-1/approve", {}, "approver"), ("/decisions/D-1/refuse", {"reason": "x"}, "approver"),
    ("/decisions/D-1/lift", {"reason": "x"}, "analyst"), ("/decide", {}, "approver"),
    ("/allows", {"scope": "account", "value": "acct-0900", "reason": "x"}, "approver"),
    ("/verdicts", {"kind": "account", "subject": "acct-0900", "verdict": "wrong", "reason": "x"}, "analyst"),
    ("/verdicts/1/withdraw", {}, "analyst"), ("/appeals", {"account": "acct-0900", "says": "x"}, "analyst"),
    ("/appeals/1/answer", {"answer": "grant", "reason": "x"}, "approver"),
    ("/notes", {"kind": "account", "subject": "acct-0900", "text": "x"}, "analyst"),
    ("/decisions", {"scope": "account", "value": "a", "action": "watch", "reason": "x"}, "analyst"),
    ("/what-if", {"policy": "version = 1"}, "analyst"), ("/reveal/sw-ring", {"reason": "x"}, "analyst"),
    ("/exchanges", {"id": "x", "reason": "x"}, "analyst"),
]  # fmt: skip
RANK = ["reader", "analyst", "approver"]


def test_a_stranger_is_shown_the_door_and_comes_back_to_the_page_they_wanted(home: Path) -> None:
    client = stranger(home)
    for path in PAGES:
        answer = client.get(path, follow_redirects=False)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/login?next=")
        assert "acct-0000" not in answer.text
    assert client.post("/notes", data={"text": "x"}).status_code == 403


def test_the_link_of_the_command_logs_in_once(home: Path) -> None:
    app = create_console(home, Settings())
    code = app.state.place.sessions.new_code()
    first = stranger(home, app)
    assert "You are <strong>local</strong>, approver" in first.get(f"/login?code={code}").text
    again = stranger(home, app).get(f"/login?code={code}")
    assert again.status_code == 403
    assert "used already" in again.text


def test_a_link_that_lay_about_and_a_session_that_was_left_open_run_out(home: Path) -> None:
    now = [1_000_000.0]
    app = create_console(home, Settings(), clock=lambda: now[0])
    code = app.state.place.sessions.new_code()
    now[0] += CODE_LASTS_S + 1
    assert stranger(home, app).get(f"/login?code={code}").status_code == 403
    client = stranger(home, app)
    client.get("/login?code=" + app.state.place.sessions.new_code())
    assert client.get("/", follow_redirects=False).status_code == 200
    now[0] += LASTS_S / 4 + 1
    assert client.get("/", follow_redirects=False).status_code == 303


def test_a_gateways_token_a_wrong_one_and_a_revoked_one_open_nothing(home: Path) -> None:
    record = Record(home)
    gateway = make_token(record, ANN, "a gateway", "gateway", 1.0)
    for token in (gateway, "sw_approver_guess", "", "é" * 100):
        assert stranger(home).post("/login", data={"token": token}).status_code == 403
    client = browser(home, "reader")
    assert client.get("/", follow_redirects=False).status_code == 200
    mine = next(t for t in tokens(record) if t["name"] == "a reader")
    revoke_token(record, ANN, mine["token_id"], 2.0)
    assert client.get("/", follow_redirects=False).status_code == 303


def test_many_wrong_tokens_make_the_door_wait(home: Path) -> None:
    app = create_console(home, Settings())
    record = Record(home)
    right = make_token(record, ANN, "late", "reader", 1.0)
    client = stranger(home, app)
    for _ in range(20):
        client.post("/login", data={"token": "wrong"})
    assert client.post("/login", data={"token": right}).status_code == 403


def test_the_cookie_is_for_this_site_alone_and_no_script_reads_it(home: Path) -> None:
    app = create_console(home, Settings())
    answer = stranger(home, app).get("/login?code=" + app.state.place.sessions.new_code(), follow_redirects=False)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "path=/" in cookie


@pytest.mark.parametrize("role", RANK)
def test_a_role_does_what_it_may_and_nothing_above(home: Path, role: str) -> None:
    client = browser(home, role)
    for path, fields, least in ACTS:
        status = do(client, path, **fields).status_code
        if RANK.index(role) < RANK.index(least):
            assert status == 403, path
        else:
            assert status != 403, path
    assert client.get("/appeals").status_code == (403 if role == "reader" else 200)
    assert client.get("/tables/appeals.json").status_code == (403 if role == "reader" else 200)


def test_a_form_without_its_sessions_mark_does_nothing(home: Path) -> None:
    waiting = decided(home)
    client, other = browser(home), browser(home, name="somebody else")
    for mark in ("", "guess", mark_of(other)):
        assert client.post(f"/decisions/{waiting}/approve", data={"csrf": mark}).status_code == 403
    assert Record(home).rows("SELECT state FROM decisions WHERE decision_id=?", (waiting,))[0]["state"] == "proposed"


def test_another_site_cannot_send_our_forms_nor_name_itself_ours(home: Path) -> None:
    client = browser(home)
    mark = mark_of(client)
    for origin in ("https://evil.example", "null", "http://127.0.0.1:9999"):
        answer = client.post("/theme", data={"csrf": mark, "theme": "dark"}, headers={"Origin": origin})
        assert answer.status_code == 403, origin
    own = client.post("/theme", data={"csrf": mark, "theme": "dark"}, headers={"Origin": PLACE})
    assert own.status_code == 200
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        assert client.get("/", headers={"Host": host}).status_code == 400, host


def test_every_answer_forbids_what_no_page_of_ours_needs(home: Path) -> None:
    client = browser(home)
    for path in [*PAGES, "/nowhere", "/login"]:
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "style-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_what_is_too_long_or_no_form_is_refused(home: Path) -> None:
    client = browser(home)
    assert client.post("/notes", content=b"a" * 300_000).status_code == 413
    assert client.post("/notes", json={"csrf": "x"}).status_code == 415
    many = "&".join(f"f{i}=1" for i in range(500))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/notes", content=many, headers=headers).status_code == 400


def test_after_an_act_nobody_is_sent_to_another_site(home: Path) -> None:
    client = browser(home)
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"):
        answer = client.post(
            "/theme", data={"csrf": mark_of(client), "theme": "light", "back": back}, follow_redirects=False
        )
        assert answer.headers["location"] == "/", back
    answer = stranger(home).get("/login?next=//evil.example")
    assert "evil.example" not in answer.text


def test_logging_out_ends_the_session_on_the_server_too(home: Path) -> None:
    app = create_console(home, Settings())
    client = browser(home, app=app)
    cookie = client.cookies["stillwatch_session"]
    do(client, "/logout")
    thief = stranger(home, app)
    thief.cookies.set("stillwatch_session", cookie)
    assert thief.get("/", follow_redirects=False).status_code == 303
