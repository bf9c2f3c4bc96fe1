"""Several gateways follow one Redis: a real one, which is killed, emptied and cut short."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from gateways import NOW, OTHER, TEMPLATE, campaign, decision, numbers
from services import Following, RedisServer, eventually

from stillwatch_gateway.judge import Caller
from stillwatch_gateway.shared_cache import PREFIX, acknowledge, handed_in, publish


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    one = RedisServer(tmp_path)
    yield one
    one.kill()


class Publisher:
    """The service's side, with the cursor and the state that it has."""

    def __init__(self, server: RedisServer) -> None:
        self.client: Any = redis.Redis(port=server.port)
        self.cursor = 0
        self.state: dict[str, dict[str, Any]] = {}

    def begin(self) -> None:
        publish(self.client, self.delta(reset=True), list(self.state.values()))

    def put(self, *decisions: Any) -> None:
        self.cursor += 1
        self.state.update({one.decision_id: one.as_dict() for one in decisions})
        publish(self.client, self.delta(upsert=[one.as_dict() for one in decisions]))

    def lift(self, decision_id: str) -> None:
        self.cursor += 1
        del self.state[decision_id]
        publish(self.client, self.delta(delete=[decision_id]))

    def delta(self, **more: Any) -> dict[str, Any]:
        return {"cursor": self.cursor, "reset": False, "now": NOW, "known": "", "upsert": [], "delete": [], **more}


def following(server: RedisServer, **more: Any) -> Following:
    return Following(None, redis=server.url, wait_s=1.0, **more)


def test_two_gateways_enforce_within_two_seconds_and_lift_as_fast(server: RedisServer) -> None:
    service = Publisher(server)
    service.put(decision("d-0", "trim", value="a-0"))
    gateways = [following(server), following(server)]
    assert all(one.follower.wait_ready(20) for one in gateways)
    assert all(one.action("a-0") == "trim" for one in gateways)
    began = time.monotonic()
    service.put(decision("d-1"), decision("d-2", "watch", value="a-2"))
    assert eventually(lambda: all(one.action("a-1") == "suspend" for one in gateways), 2)
    service.lift("d-1")
    assert eventually(lambda: all(one.action("a-1") == "" for one in gateways), 2)
    assert time.monotonic() - began < 2
    assert all(one.action("a-2") == "watch" and one.faults() == {} for one in gateways)
    for one in gateways:
        one.stop()


def test_known_accounts_rules_usage_and_sightings_travel_too(server: RedisServer) -> None:
    service = Publisher(server)
    service.put(campaign(), decision("d-1"))
    rules = json.dumps([{"code": 1, "id": "grade", "expression": "grade the"}]).encode()
    publish(service.client, service.delta(), known=(numbers(["k-1"]), "t-1"), rules=(rules, "r-1"))
    one = following(server)
    assert eventually(lambda: one.action("new-1", TEMPLATE) == "step_up")
    assert one.action("k-1", TEMPLATE) == ""
    assert eventually(lambda: handed_in(service.client, "sightings"))
    seen = handed_in(service.client, "sightings")
    assert "new-1" in {item and item["account"] for item in seen.values()}
    assert handed_in(service.client, "sightings").items() >= seen.items(), "nothing goes before it is acknowledged"
    acknowledge(service.client, "sightings", seen)
    assert not handed_in(service.client, "sightings").keys() & seen.keys()
    assert eventually(lambda: handed_in(service.client, "usage"))
    assert eventually(lambda: "rule:grade" in one.judge.judge(Caller("k-1"), TEMPLATE).flags)
    assert len(handed_in(service.client, "usage", most=5)) <= 5
    one.stop()


def test_a_killed_redis_changes_nothing_and_a_new_one_is_followed(server: RedisServer, tmp_path: Path) -> None:
    service = Publisher(server)
    service.put(decision("d-1"))
    one = following(server)
    assert eventually(lambda: one.action("a-1") == "suspend")
    server.kill()
    assert eventually(lambda: one.faults().get("decision service", 0) >= 2)
    assert one.action("a-1") == "suspend"
    again = RedisServer(tmp_path, server.port)
    time.sleep(0.5)
    assert one.action("a-1") == "suspend", "an empty Redis is no order to forget"
    service.client = redis.Redis(port=again.port)
    service.begin()
    service.put(decision("d-2", "trim", value="a-2"))
    assert eventually(lambda: one.action("a-2") == "trim", 30)
    assert one.action("a-1") == "suspend"
    one.stop()
    again.kill()


def test_a_gap_in_the_deltas_makes_a_gateway_read_everything(server: RedisServer) -> None:
    service = Publisher(server)
    service.put(decision("d-1"))
    one = following(server)
    assert eventually(lambda: one.action("a-1") == "suspend")
    # What another writer did between two deltas: one was published and cut from the stream before it was read.
    pipe = service.client.pipeline(transaction=True)
    pipe.hdel(f"{PREFIX}decisions", "d-1")
    pipe.hset(f"{PREFIX}decisions", "d-2", json.dumps(decision("d-2", value="a-2").as_dict()))
    pipe.set(f"{PREFIX}cursor", 7)
    pipe.execute()
    service.cursor = 7
    service.put(decision("d-3", value="a-3"))
    assert eventually(lambda: one.action("a-3") == "suspend" and one.action("a-2") == "suspend")
    assert one.action("a-1") == ""
    one.stop()


@pytest.mark.parametrize(
    "rubbish", [b"", b"{", b"[" * 50_000, b"\xff", b'{"cursor": "x"}'], ids=lambda one: str(one)[:9]
)
def test_rubbish_in_the_stream_is_passed_over(server: RedisServer, rubbish: bytes) -> None:
    service = Publisher(server)
    service.put(decision("d-1"))
    one = following(server)
    assert eventually(lambda: one.action("a-1") == "suspend")
    service.client.xadd(f"{PREFIX}deltas", {"before": "1", "delta": rubbish})
    service.client.xadd(f"{PREFIX}deltas", {"what": rubbish})
    service.client.hset(f"{PREFIX}decisions", "d-9", rubbish)
    service.put(decision("d-2", value="a-2"))
    assert eventually(lambda: one.action("a-2") == "suspend", 30)
    assert one.action("a-1") == "suspend"
    one.stop()


def test_only_a_service_that_is_alive_keeps_the_cache_fresh(server: RedisServer) -> None:
    service = Publisher(server)
    service.put(decision("d-1"))
    one = following(server)
    assert eventually(lambda: one.action("a-1") == "suspend")
    time.sleep(2.5)
    silent = one.cache.age_s()
    assert silent is not None and silent > 2
    publish(service.client, service.delta(now=NOW + 1))
    assert eventually(lambda: (one.cache.age_s() or 9) < 1)
    one.stop()


def test_a_password_that_redis_refuses_is_a_matter_of_settings_and_is_not_shown(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    redis.Redis(port=server.port).config_set("requirepass", "right")
    wrong = f"redis://:canary-password@127.0.0.1:{server.port}/0"
    one = Following(None, redis=wrong)
    assert eventually(lambda: one.faults().get("decision service refuses us", 0) >= 1)
    assert one.action("a-1", OTHER) == ""
    one.stop()
    assert "canary" not in caplog.text and "canary" not in repr(one.settings)


def test_a_gateway_that_starts_after_the_service_died_enforces_nothing_that_has_expired(server: RedisServer) -> None:
    service = Publisher(server)
    service.put(decision("d-1"), decision("d-2", "watch", value="a-2", expires_at=NOW + 1e6))
    seconds, micros = service.client.time()
    service.client.set(f"{PREFIX}now", json.dumps([NOW, seconds + micros / 1e6 - 7200]))
    one = following(server, stale_after_s=1e6)
    assert eventually(lambda: one.action("a-2") == "watch")
    assert one.action("a-1") == ""
    age = one.cache.age_s()
    assert age is not None and 7200 <= age < 7260
    one.stop()
