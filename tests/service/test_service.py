"""The decision service: nobody without a token, nobody beyond their role, and gateways hear of a change at once."""

from __future__ import annotations

import http.client
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from decide.place import ANN, facts, finding, policy
from service.running import ask, home_in, service, token_for
from stillwatch.decide import people
from stillwatch.decide.decide import decide
from stillwatch.decide.record import Record
from stillwatch.service.alerts import sentence, slack_form

ROLES = ("gateway", "reader", "analyst", "approver")
BECAUSE = {"reason": "seen"}
#: Route, body, and the roles that may: everything else is refused.
ROUTES: list[tuple[str, Any, set[str]]] = [
    ("/v1/decisions/stream", None, {"gateway", "approver"}),
    ("/v1/known", None, {"gateway", "approver"}),
    ("/v1/rules", None, {"gateway", "approver"}),
    ("/v1/usage", {"items": []}, {"gateway", "approver"}),
    ("/v1/sightings", {"items": []}, {"gateway", "approver"}),
    ("/v1/decisions", None, {"reader", "analyst", "approver"}),
    ("/v1/allows", None, {"reader", "analyst", "approver"}),
    ("/v1/verdicts", None, {"reader", "analyst", "approver"}),
    ("/v1/audit", None, {"reader", "analyst", "approver"}),
    ("/v1/audit/verify", None, {"reader", "analyst", "approver"}),
    ("/v1/accounts/a/told", None, {"reader", "analyst", "approver"}),
    ("/metrics", None, {"gateway", "reader", "analyst", "approver"}),
    ("/v1/appeals", None, {"analyst", "approver"}),
    ("/v1/verdicts", {"kind": "account", "subject": "a", "verdict": "wrong", **BECAUSE}, {"analyst", "approver"}),
    ("/v1/appeals", {"account_id": "a", "says": "why"}, {"analyst", "approver"}),
    ("/v1/allows", {"scope": "account", "value": "a", **BECAUSE}, {"approver"}),
    ("/v1/decisions/D-1/approve", {}, {"approver"}),
    ("/v1/decisions/D-1/refuse", BECAUSE, {"approver"}),
    ("/v1/decisions/D-1/lift", BECAUSE, {"analyst", "approver"}),
    ("/v1/allows/A-1/end", BECAUSE, {"approver"}),
    ("/v1/appeals/1/answer", {"granted": True, **BECAUSE}, {"approver"}),
    ("/v1/verdicts/1/withdraw", b"", {"analyst", "approver"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path, dict[str, str]]]:
    home = home_in(tmp_path_factory.mktemp("home"))
    tokens = {role: token_for(home, role) for role in ROLES}
    with service(home) as url:
        yield url, home, tokens


@pytest.mark.parametrize(
    ("route", "body", "may"), ROUTES, ids=[f"{'GET' if body is None else 'POST'} {route}" for route, body, _ in ROUTES]
)
def test_each_route_asks_for_a_token_and_its_role(place: Any, route: str, body: Any, may: set[str]) -> None:
    url, _, tokens = place
    assert ask(url + route, body=body)[0] == 401
    assert ask(url + route, "sw_approver_made_up", body)[0] == 401
    allowed = {role for role in ROLES if ask(url + route, tokens[role], body)[0] not in (401, 403)}
    assert allowed == may


def test_only_health_and_the_description_need_no_token(place: Any) -> None:
    url, _, _ = place
    status, described, _ = ask(url + "/openapi.json")
    assert status == 200 and ask(url + "/v1/health")[0] == 200
    open_ = {path for path, methods in described["paths"].items() for m in methods.values() if not m.get("security")}
    assert open_ == {"/v1/health"}
    assert ask(url + "/docs")[0] == 404


def test_a_gateway_that_waits_hears_of_a_decision_within_two_seconds(place: Any) -> None:
    url, home, tokens = place
    record = Record(home)
    made = decide(record, policy(), facts(finding("C-wait")), time.time())
    cursor = ask(f"{url}/v1/decisions/stream", tokens["gateway"])[1]["cursor"]
    heard: list[Any] = []

    def wait() -> None:
        answer = ask(f"{url}/v1/decisions/stream?cursor={cursor}&wait=10", tokens["gateway"])[1]
        heard.append((answer, time.monotonic()))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.5)
    assert not heard, "nothing has changed yet"
    approved = time.monotonic()
    assert ask(f"{url}/v1/decisions/{made.new[0]}/approve", tokens["approver"], {"note": "read"})[0] == 200
    thread.join(timeout=15)
    ((delta, at),) = heard
    assert at - approved < 2.0
    assert [(d["decision_id"], d["enforced"]) for d in delta["upsert"]] == [(made.new[0], True)]


def test_the_person_behind_a_token_is_the_one_in_the_audit_log(place: Any) -> None:
    url, home, tokens = place
    made = decide(Record(home), policy(), facts(finding("C-who")), time.time())
    ask(f"{url}/v1/decisions/{made.new[0]}/approve", tokens["approver"], {"note": "x"})
    line = ask(f"{url}/v1/audit?limit=1", tokens["reader"])[1]["rows"][0]
    assert (line["who"], line["what"], line["subject"]) == ("a approver", "approved", made.new[0])
    assert ask(f"{url}/v1/audit/verify", tokens["reader"])[1]["fault"] is None


def test_nobody_approves_twice_and_an_unknown_decision_is_not_found(place: Any) -> None:
    url, home, tokens = place
    made = decide(Record(home), policy(), facts(finding("C-twice")), time.time())
    route = f"{url}/v1/decisions/{made.new[0]}/approve"
    assert ask(route, tokens["approver"], {})[0] == 200
    status, body, _ = ask(route, tokens["approver"], {})
    assert status == 409 and "does not wait" in body["what"]
    assert ask(f"{url}/v1/decisions/D-none", tokens["reader"])[0] == 404


def test_known_accounts_come_as_numbers_and_once(place: Any) -> None:
    url, _, tokens = place
    status, body, headers = ask(f"{url}/v1/known", tokens["gateway"])
    assert status == 200 and len(body) % 8 == 0
    numbers = struct.unpack(f"<{len(body) // 8}Q", body)
    assert list(numbers) == sorted(numbers)
    assert ask(f"{url}/v1/known", tokens["gateway"], headers={"If-None-Match": headers["ETag"]})[0] == 304
    status, rules, headers = ask(f"{url}/v1/rules", tokens["gateway"])
    assert status == 200 and {"code", "id", "expression", "applies_to"} == set(rules[0])
    assert ask(f"{url}/v1/rules", tokens["gateway"], headers={"If-None-Match": headers["ETag"]})[0] == 304


def test_an_account_that_a_gateway_saw_join_is_decided_for_every_gateway(place: Any) -> None:
    url, home, tokens = place
    record = Record(home)
    made = decide(record, policy(), facts(finding("C-join")), time.time(), marks={"C-join": (5,)})
    people.approve(record, ANN, made.new[0], time.time())
    new = {"campaign_id": "C-join", "account": "new-1", "joined": True}
    sent = {"items": [new, {**new, "campaign_id": "C-other"}, {**new, "account": 7}, {},
                      {**new, "account": "old-1", "joined": False}]}  # fmt: skip
    assert ask(f"{url}/v1/sightings", tokens["gateway"], sent)[1] == {"new": 1}
    assert ask(f"{url}/v1/sightings", tokens["gateway"], sent)[1] == {"new": 0}
    everything = ask(f"{url}/v1/decisions/stream", tokens["gateway"])[1]["upsert"]
    joined = [d for d in everything if d["campaign_id"] == "C-join" and d["decision_id"] != made.new[0]]
    assert [(d["action"], d["members"], d["enforced"]) for d in joined] == [("step_up", ["new-1"], True)]


def test_what_gateways_did_is_added_up(place: Any) -> None:
    url, home, tokens = place
    made = decide(Record(home), policy(action="throttle"), facts(finding("C-use")), time.time())
    acted = {"decision_id": made.new[0], "outcome": "acted", "count": 3}
    would = {"decision_id": made.new[0], "outcome": "would", "count": 4}
    odd = [{**acted, "decision_id": "D-none"}, {**acted, "count": -1}, {**acted, "outcome": "passed"}, {}]
    for _ in range(2):
        ask(f"{url}/v1/usage", tokens["gateway"], {"items": [acted, would, *odd]})
    (usage,) = ask(f"{url}/v1/decisions/{made.new[0]}", tokens["reader"])[1]["usage"]
    assert (usage["acted"], usage["would"], usage["gateway"]) == (6, 8, "a gateway")
    text = ask(f"{url}/metrics", tokens["reader"])[1].decode()
    assert 'stillwatch_gateway_acted{gateway="a gateway"} 6.0' in text
    assert "stillwatch_waiting_for_approval" in text


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'{"reason": 3}', b'{"reason": ""}', b'{"reason": "\\ud800"}', b'{"reason": "x", "more": 1}', b"\xff",
     b'{"reason": "a\\u0000b"}', b'{"reason": "' + b"x" * 3000 + b'"}'],
)  # fmt: skip
def test_what_is_no_reason_is_refused_in_words(place: Any, body: bytes) -> None:
    url, _, tokens = place
    status, said, _ = ask(f"{url}/v1/decisions/D-1/refuse", tokens["approver"], body)
    assert status in (400, 422) and said["what"]


def test_too_much_at_once_is_refused(place: Any) -> None:
    url, _, tokens = place
    for announced in (str(9 << 20), "-1", "x", "9" * 400):
        line = http.client.HTTPConnection(url.removeprefix("http://"), timeout=20)
        line.putrequest("POST", "/v1/usage")
        line.putheader("Authorization", f"Bearer {tokens['gateway']}")
        line.putheader("Content-Length", announced)
        line.endheaders()
        assert line.getresponse().status in (400, 413)


def test_beyond_loopback_nothing_starts_without_a_token_made_on_purpose(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    done = subprocess.run(
        [sys.executable, "-m", "stillwatch", "serve", "--host", "0.0.0.0", "--home", str(home)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "stillwatch token" in done.stderr


class _Hook(BaseHTTPRequestHandler):
    got: list[bytes]

    def do_POST(self) -> None:
        type(self).got.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503 if len(type(self).got) == 1 else 200)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_an_alert_is_sent_again_until_it_is_taken_and_says_that_it_is_a_simulation(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    Record(home).close()
    handler = type("Hook", (_Hook,), {"got": []})
    hook = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    with service(home, webhook=f"http://127.0.0.1:{hook.server_port}/"):
        time.sleep(1.5)
        decide(Record(home), policy("simulate"), facts(finding()), time.time())
        until = time.monotonic() + 15
        while len(handler.got) < 2 and time.monotonic() < until:
            time.sleep(0.1)
    hook.shutdown()
    assert len(handler.got) == 2 and handler.got[0] == handler.got[1]
    assert b"SIMULATED" in handler.got[0] and b"waits for a person" in handler.got[0]


def test_an_alert_for_slack_cannot_be_marked_up_by_what_it_tells_of() -> None:
    form = slack_form("decided", {"action": "trim", "campaign_id": "<!channel>", "why": "a & b", "decision_id": "D-1"})
    assert "<" not in str(form) and "&lt;!channel&gt;" in form["text"] and "a &amp; b" in form["text"]
    assert "SIMULATED" not in sentence("decided", {"action": "trim", "simulated": False})


def test_a_receiver_that_is_down_for_long_gets_its_alert_and_keeps_no_other_waiting(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    Record(home).close()
    handler = type("Hook", (_Hook,), {"got": [b""]})
    hook = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=hook.serve_forever, daemon=True).start()
    down = HTTPServer(("127.0.0.1", 0), type("Down", (_Hook,), {"got": []}))
    port = down.server_port
    down.server_close()
    with service(home, webhook=f"http://127.0.0.1:{port}/", slack=f"http://127.0.0.1:{hook.server_port}/"):
        time.sleep(1.5)
        decide(Record(home), policy(), facts(finding()), time.time())
        until = time.monotonic() + 8
        while len(handler.got) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(9)
        late = type("Late", (_Hook,), {"got": [b""]})
        back = HTTPServer(("127.0.0.1", port), late)
        threading.Thread(target=back.serve_forever, daemon=True).start()
        until = time.monotonic() + 20
        while len(late.got) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        back.shutdown()
    hook.shutdown()
    assert len(handler.got) == 2 and len(late.got) == 2
