"""Real service, real followers, a real Redis: an approval is enforced everywhere within two seconds, faults or not."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from decide.place import ANN, facts, finding, policy
from service.running import home_in, service, token_for
from stillwatch.decide import people
from stillwatch.decide.decide import decide
from stillwatch.decide.record import Record
from stillwatch.errors import OutsideError
from stillwatch.service import background
from stillwatch_gateway import shared_cache
from stillwatch_gateway.cache import Cache
from stillwatch_gateway.follow import Follower
from stillwatch_gateway.judge import Caller, Judge
from stillwatch_gateway.settings import GatewaySettings


def wait_for(true: Callable[[], Any], seconds: float) -> float:
    """Seconds until it holds; fails where it does not in time."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "not in time"
        time.sleep(0.02)
    return time.monotonic() - began


@contextmanager
def redis_server(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    found = shutil.which("redis-server")
    assert found, "these tests need redis-server (Debian, Ubuntu: apt-get install redis-server)"
    server = subprocess.Popen(
        [found, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", "--appendonly", "no"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        client = redis.Redis(port=port)
        wait_for(lambda: _pings(client), 20)
        yield server
    finally:
        server.kill()
        server.wait()


def _pings(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def gateway(**settings: Any) -> Iterator[Judge]:
    own = GatewaySettings(wait_s=5.0, post_every_s=0.3, known_every_s=0.5, **settings)
    cache = Cache()
    judge = Judge(cache, settings=own)
    follower = Follower(cache, judge, settings=own)
    follower.start()
    try:
        yield judge
    finally:
        follower.stop()


def test_an_approval_is_enforced_in_two_gateways_within_two_seconds_and_a_lift_too(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    token = token_for(home, "gateway")
    with service(home) as url, gateway(url=url, token=token) as one, gateway(url=url, token=token) as two:
        record = Record(home)
        made = decide(record, policy(), facts(finding()), time.time())
        caller = Caller("C-1-3")
        wait_for(lambda: one.judge(caller, None).simulated and two.judge(caller, None).simulated, 10)
        assert one.judge(caller, None).action == "" == two.judge(caller, None).action
        people.approve(record, ANN, made.new[0], time.time())
        wait_for(lambda: one.judge(caller, None).action == two.judge(caller, None).action == "suspend", 2)
        people.lift(record, ANN, made.new[0], time.time(), reason="enough")
        wait_for(lambda: one.judge(caller, None).action == two.judge(caller, None).action == "", 2)


def test_a_shared_redis_carries_decisions_and_an_emptied_one_is_filled_again(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    port = free_port()
    at = f"redis://127.0.0.1:{port}/0"
    with ExitStack() as stack:
        stack.enter_context(redis_server(tmp_path, port))
        stack.enter_context(service(home, redis=at))
        judge = stack.enter_context(gateway(redis=at))
        record = Record(home)
        made = decide(record, policy(action="throttle"), facts(finding()), time.time())
        wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "throttle", 10)
        redis.Redis(port=port).flushall()
        people.give_verdict(record, ANN, time.time(), kind="account", subject="C-1-3", verdict="wrong", reason="known")
        wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "allow", 10)
        assert judge.judge(Caller("C-1-4"), None).action == "throttle"
        people.lift(record, ANN, made.new[0], time.time(), reason="enough")
        wait_for(lambda: judge.judge(Caller("C-1-4"), None).action == "", 5)


def test_a_killed_redis_leaves_the_gateway_with_what_it_knew_and_a_new_one_is_followed(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    port = free_port()
    at = f"redis://127.0.0.1:{port}/0"
    with ExitStack() as stack:
        stack.enter_context(service(home, redis=at))
        judge = stack.enter_context(gateway(redis=at))
        record = Record(home)
        with redis_server(tmp_path, port):
            decide(record, policy(action="throttle"), facts(finding()), time.time())
            wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "throttle", 15)
        assert judge.judge(Caller("C-1-3"), None).action == "throttle", "the server is gone, the decision is not"
        with redis_server(tmp_path, port):
            decide(record, policy(action="throttle"), facts(finding(), finding("C-2")), time.time())
            wait_for(lambda: judge.judge(Caller("C-2-3"), None).action == "throttle", 45)


def test_a_killed_service_loses_no_decision(tmp_path: Path) -> None:
    home = home_in(tmp_path / "home")
    token = token_for(home, "gateway")
    record = Record(home)
    with service(home) as url, gateway(url=url, token=token) as judge:
        decide(record, policy(action="throttle"), facts(finding()), time.time())
        wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "throttle", 10)
    with service(home) as url, gateway(url=url, token=token) as judge:
        wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "throttle", 10)


@pytest.mark.parametrize("shared", [False, True], ids=["http", "redis"])
def test_what_a_gateway_saw_and_did_comes_back(tmp_path: Path, shared: bool) -> None:
    home = home_in(tmp_path / "home")
    token = token_for(home, "gateway")
    port = free_port()
    at = f"redis://127.0.0.1:{port}/0"
    record = Record(home)
    with ExitStack() as stack:
        if shared:
            stack.enter_context(redis_server(tmp_path, port))
        url = stack.enter_context(service(home, **({"redis": at} if shared else {})))
        judge = stack.enter_context(gateway(**({"redis": at} if shared else {"url": url, "token": token})))
        made = decide(record, policy(action="throttle"), facts(finding()), time.time())
        wait_for(lambda: judge.judge(Caller("C-1-3"), None).action == "throttle", 10)
        wait_for(lambda: record.rows("SELECT sum(acted) AS n FROM usage")[0]["n"], 10)
        assert record.rows("SELECT DISTINCT decision_id FROM usage")[0]["decision_id"] == made.new[0]


def test_reports_in_a_shared_redis_outlive_a_full_disk_and_a_crash_and_are_counted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home_in(tmp_path / "home")
    port = free_port()
    at = f"redis://127.0.0.1:{port}/0"
    faults = {"full disk": 3, "crash": 3}
    taking, deleting = background.take_reports, shared_cache.acknowledge

    def on_a_full_disk(*given: Any, **more: Any) -> None:
        if faults["full disk"]:
            faults["full disk"] -= 1
            raise OutsideError("decisions.sqlite", "cannot be written (disk is full)")
        taking(*given, **more)

    def after_a_crash(*given: Any, **more: Any) -> None:
        if faults["crash"]:
            faults["crash"] -= 1
            raise redis.ConnectionError
        deleting(*given, **more)

    monkeypatch.setattr(background, "take_reports", on_a_full_disk)
    monkeypatch.setattr(shared_cache, "acknowledge", after_a_crash)
    record = Record(home)
    made = decide(record, policy(action="throttle"), facts(finding()), time.time())
    acted = [{"decision_id": made.new[0], "outcome": "acted", "count": 1}] * 7
    with redis_server(tmp_path, port):
        shared_cache.RedisSource(GatewaySettings(redis=at)).post("usage", acted)
        with service(home, redis=at):
            client = redis.Redis(port=port)
            wait_for(lambda: not client.xlen(f"{shared_cache.PREFIX}usage"), 20)
            assert client.exists(f"{shared_cache.PREFIX}now"), "what is decided goes out all the same"
    assert faults == {"full disk": 0, "crash": 0}
    assert record.rows("SELECT sum(acted) AS n FROM usage") == [{"n": 7}]
