"""A follower keeps the cache fresh from a real service on loopback, whatever that service does to it."""

from __future__ import annotations

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gateways import TEMPLATE, campaign, decision, numbers
from running_proxy import free_port
from services import Following, Service, eventually

from stillwatch_gateway import follow
from stillwatch_gateway.judge import Caller
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.sources import HttpSource, SourceError


@pytest.fixture
def service() -> Iterator[Service]:
    one = Service()
    yield one
    one.stop()


@pytest.fixture
def following(service: Service) -> Iterator[Following]:
    one = Following(service.url)
    assert one.follower.wait_ready(20)
    yield one
    one.stop()


def test_a_decision_is_enforced_within_two_seconds_and_lifted_as_fast(service: Service, following: Following) -> None:
    assert following.action("a-1") == ""
    began = time.monotonic()
    service.put(decision("d-1"))
    assert eventually(lambda: following.action("a-1") == "suspend", 2)
    service.lift("d-1")
    assert eventually(lambda: following.action("a-1") == "", 2)
    assert time.monotonic() - began < 2
    assert following.faults() == {}


def test_known_accounts_and_rules_come_by_themselves(service: Service, following: Following) -> None:
    service.known = (numbers(["k-1"]), '"tag-1"')
    service.rules = [{"code": 1, "id": "grade", "expression": "grade the", "applies_to": ["prompt"]}]
    service.put(campaign())
    assert eventually(lambda: following.action("new-1", TEMPLATE) == "step_up")
    assert following.action("k-1", TEMPLATE) == ""
    assert eventually(lambda: "rule:grade" in following.judge.judge(Caller("k-1"), TEMPLATE).flags)
    asked = service.asked.count("/v1/known")
    assert eventually(lambda: service.asked.count("/v1/known") > asked + 1)
    assert following.faults() == {}, "an unchanged list is answered by 304"


def test_usage_and_sightings_are_handed_in_once(service: Service, following: Following) -> None:
    service.known = (numbers(["k-1"]), '"tag-1"')
    service.put(decision("d-1"), campaign())
    assert eventually(lambda: following.action("a-1") == "suspend")
    assert eventually(lambda: following.action("new-1", TEMPLATE) == "step_up")
    assert eventually(lambda: service.posted["sightings"])
    assert eventually(lambda: sum(one["count"] for one in service.posted["usage"] if one["decision_id"] == "d-1") == 1)
    assert {(one["account"], one["newcomer"]) for one in service.posted["sightings"]} == {("new-1", True)}
    assert any(one["joined"] for one in service.posted["sightings"])


def test_rules_that_take_long_to_compile_hold_up_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    compiling, done = threading.Event(), threading.Event()

    def slow(*_: object) -> int:
        compiling.set()
        done.wait(60)
        return 0

    monkeypatch.setattr("stillwatch_gateway.rules.RuleScan.set_rules", slow)
    service.rules = [{"code": 1, "id": "grade", "expression": "grade the"}]
    service.put(decision("d-1"))
    one = Following(service.url)
    assert compiling.wait(20)
    assert eventually(lambda: one.action("a-1") == "suspend")
    assert eventually(lambda: service.posted["usage"])
    done.set()
    one.stop()


def test_what_was_counted_while_the_service_was_dead_is_handed_in_later(following: Following, service: Service) -> None:
    service.put(decision("d-1"))
    assert eventually(lambda: following.action("a-1") == "suspend")
    assert eventually(lambda: service.posted["usage"])
    service.stop()
    counted = sum(following.action("a-1") == "suspend" for _ in range(50))
    assert counted == 50, "decisions hold on while the service is dead"
    assert eventually(lambda: following.faults().get("post", 0))
    again = Service(service.port)
    again.put(decision("d-1"))
    assert eventually(lambda: sum(one["count"] for one in again.posted["usage"]) >= 50)
    again.stop()


def test_of_a_service_that_is_long_dead_the_latest_counts_wait_and_the_others_are_told_as_dropped(
    following: Following, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "MOST_PENDING", 3)
    for n in range(8):
        service.put(decision(f"d-{n}", value=f"a-{n}"))
    assert eventually(lambda: len(following.cache.snapshot.decisions) == 8)
    service.stop()
    for n in range(8):
        following.action(f"a-{n}")
    assert eventually(lambda: following.judge.stats()["reports_dropped"] == 5)


def test_a_service_that_restarts_with_other_decisions_is_followed(service: Service) -> None:
    one = Following(service.url, wait_s=0.3)
    service.put(decision("d-1"))
    assert eventually(lambda: one.action("a-1") == "suspend")
    service.stop()
    again = Service(service.port)
    again.put(decision("d-2", "trim"))
    again.cursor = 1000
    again.log.clear()
    assert eventually(lambda: one.action("a-1") in ("trim", "suspend") and len(service.asked) > 0)
    again.cursor = 1
    assert eventually(lambda: set(one.cache.snapshot.decisions) == {"d-2"})
    one.stop()
    again.stop()


@pytest.mark.parametrize(
    "answer",
    [b"", b"{", b"[]", b'{"cursor": "x"}', b"\x00" * 1000, b"[" * 50_000, b"<html>", 500, 404, 302, 503, 204],
    ids=lambda one: str(one)[:12],
)  # fmt: skip
def test_a_service_that_talks_nonsense_changes_nothing_until_it_recovers(service: Service, answer: bytes | int) -> None:
    service.put(decision("d-1"))
    one = Following(service.url, wait_s=0.05)
    assert eventually(lambda: one.action("a-1") == "suspend")
    service.answer = lambda: answer
    assert eventually(lambda: sum(one.faults().values()) >= 2)
    assert one.action("a-1") == "suspend"
    assert "/elsewhere" not in service.asked, "a redirect would carry the token elsewhere"
    service.put(decision("d-2", "watch", value="a-2"))
    service.answer = None
    assert eventually(lambda: one.action("a-2") == "watch", 30)
    assert one.action("a-1") == "suspend"
    one.stop()


def test_a_delta_that_is_malformed_again_and_again_makes_it_ask_for_everything(service: Service) -> None:
    service.put(decision("d-1"))
    one = Following(service.url, wait_s=0.05)
    assert eventually(lambda: one.action("a-1") == "suspend")
    service.answer = lambda: b"{" if "cursor=0" not in service.asked[-1] else service.delta(0, 0)
    service.put(decision("d-2", "trim", value="a-2"))
    assert eventually(lambda: one.action("a-2") == "trim", 30)
    one.stop()


def test_without_a_service_every_request_passes_and_the_cause_is_said_once_a_minute(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        one = Following(f"http://127.0.0.1:{free_port()}")
        assert eventually(lambda: one.faults().get("decision service", 0) >= 2)
        assert one.action("a-1") == ""
        one.stop()
    assert sum("decision service" in record.getMessage() for record in caplog.records) == 1


def test_a_refused_token_is_said_loudly_with_a_hint_and_never_shown(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "canary-wrong-9c2d"
    with caplog.at_level(logging.DEBUG):
        one = Following(service.url, token=wrong)
        assert eventually(lambda: one.faults().get("decision service refuses us", 0) >= 2)
        one.stop()
    loud = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(loud) == 1 and "STILLWATCH_GATEWAY_TOKEN" in loud[0].getMessage()
    assert wrong not in caplog.text and wrong not in repr(one.settings)


def test_a_cache_survives_a_restart_without_the_service(service: Service, tmp_path: Any) -> None:
    service.known = (numbers(["k-1"]), '"tag-1"')
    service.put(decision("d-1"), campaign())
    one = Following(service.url, cache_dir=tmp_path)
    assert eventually(lambda: one.cache.snapshot.known is not None and one.action("a-1") == "suspend")
    one.stop()
    service.stop()
    two = Following(service.url, cache_dir=tmp_path)
    assert eventually(lambda: two.cache.snapshot.known is not None and two.action("a-1") == "suspend")
    assert two.action("new-1", TEMPLATE) == "step_up"
    assert two.action("k-1", TEMPLATE) == ""
    two.stop()


def test_a_forked_worker_follows_by_itself(service: Service, following: Following) -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        found = eventually(lambda: following.action("a-1") == "suspend", 15)
        os.write(writing, b"y" if found else b"n")
        os._exit(0)
    service.put(decision("d-1"))
    assert os.read(reading, 1) == b"y"
    os.waitpid(child, 0)


def test_half_a_list_of_known_accounts_is_not_taken_for_the_list() -> None:
    whole = numbers([f"k-{i}" for i in range(100)])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65_536)
                client.sendall(b'HTTP/1.1 200 OK\r\nETag: "t"\r\nContent-Length: 800\r\n\r\n' + whole[:400])

        threading.Thread(target=answer, daemon=True).start()
        source = HttpSource(GatewaySettings(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        with pytest.raises(SourceError, match="cut off"):
            source.known("")


@pytest.mark.parametrize(("behind_s", "believed"), [(0.0, True), (100.0, False)])
def test_an_answer_that_was_long_on_its_way_makes_no_decision_live_longer(behind_s: float, believed: bool) -> None:
    said: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65_536)
                said.append(time.time() - behind_s)
                body = json.dumps({"cursor": 1, "now": said[0]}).encode()
                time.sleep(0.5)
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

        threading.Thread(target=answer, daemon=True).start()
        source = HttpSource(GatewaySettings(url=f"http://127.0.0.1:{server.getsockname()[1]}"))
        delta = source.next_delta(None, 0.0)
    assert delta is not None and delta.now is not None
    if believed:
        assert delta.now - said[0] > 0.49, "our own clock knows of the half second"
    else:
        assert delta.now < time.time() - 99, "a clock that is far off is not believed"


def test_what_is_over_a_bound_is_not_read(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stillwatch_gateway.sources.LONGEST_DELTA", 10_000)
    service.put(*(decision(f"d-{i}") for i in range(100)))
    one = Following(service.url)
    assert eventually(lambda: one.faults().get("decision service", 0) >= 1)
    assert len(one.cache.snapshot.decisions) == 0
    one.stop()
