"""The cache takes over deltas whole, passes over what is bad in them, and believes no clock that jumps."""

from __future__ import annotations

import json
import time
from array import array

import pytest
from gateways import NOW, OTHER, TEMPLATE, Gateway, campaign, decision, numbers

from stillwatch_gateway.cache import Cache, Snapshot
from stillwatch_gateway.deltas import Delta, read_delta
from stillwatch_gateway.judge import Caller
from stillwatch_gateway.wire import WireError


def delta_of(*decisions: object, cursor: object = 2, **more: object) -> bytes:
    return json.dumps(
        {"cursor": cursor, "reset": False, "now": NOW, "upsert": decisions, "delete": [], **more}
    ).encode()


def test_a_delta_with_a_bad_decision_in_it_is_taken_over_without_it() -> None:
    gateway = Gateway()
    bad = {**decision("d-bad").as_dict(), "action": "ban"}
    gateway.cache.apply(read_delta(delta_of(bad, decision("d-1").as_dict(), 7, None, delete=["x", 9])))
    assert set(gateway.cache.snapshot.decisions) == {"d-1"}
    assert gateway.cache.bad_decisions == 4
    assert gateway.cache.cursor == 2


@pytest.mark.parametrize("reset", [False, True])
def test_a_decision_whose_replacement_is_bad_stays_as_it_was(reset: bool) -> None:
    gateway = Gateway(decision("d-1"), decision("d-2", value="a-2"))
    gateway.cache.apply(read_delta(delta_of({**decision("d-1").as_dict(), "action": "ban"}, reset=reset)))
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "suspend"
    assert ("d-2" in gateway.cache.snapshot.decisions) is not reset


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"cursor": "x"}', b'{"cursor": true}', b'{"cursor": 1, "reset": 1}',
     b'{"cursor": 1, "upsert": {}}', b'{"cursor": 1, "delete": "d-1"}', b"[" * 100_000, b'{"cursor": 1' + b" " * 99,
     b'{"cursor": 1,}', b"{,}", b'{"cursor" 1}', b'{"cursor": 1 "now": 2}', b'{"cursor": 1} x',
     b'{"cursor": 1, "upsert": [', b'{"cursor": 1, "upsert": [1,]}', b'{"cursor": 1, "upsert": [1 2]}',
     b'{"cursor": 1, "upsert": [7' + b", 7" * 10_001 + b"]}"],
)  # fmt: skip
def test_what_is_no_delta_is_refused_whole(raw: bytes) -> None:
    with pytest.raises(WireError):
        read_delta(raw)


def test_a_late_answer_does_not_turn_the_clock_back_but_a_service_that_set_its_clock_does() -> None:
    steady = [0.0]
    cache = Cache(clock=lambda: 0.0, steady=lambda: steady[0])
    cache.heard(1000.0)
    steady[0] = 10.0
    cache.heard(1009.0)
    assert cache.now() == 1010.0, "it was a second on its way"
    cache.heard(1012.0)
    assert cache.now() == 1012.0
    cache.heard(950.0)
    assert cache.now() == 950.0


def test_a_delta_is_read_however_it_is_spaced() -> None:
    spaced = ' \n{ "delete" : [ "a" ,\t"b" ] , "upsert" : [ ] , "odd" : { "upsert" : [ 1 ] } , "cursor" : 1 } '
    assert read_delta(spaced) == Delta(1, delete=("a", "b"))


def test_a_services_clock_that_makes_no_sense_is_not_used() -> None:
    for now in ("1e400", "-1e300", '"soon"', "true", "null", "NaN"):
        assert read_delta(f'{{"cursor": 1, "now": {now}}}').now is None


def test_replacing_and_deleting_leaves_no_trace_in_any_map() -> None:
    gateway = Gateway(known=None)
    for i in range(3):
        gateway.cache.apply(Delta(2 + i, False, NOW, upsert=(
            campaign(members=("m-1", f"m-{i}", "m-1"), marks=(i, 5, 5)), decision("d-1", value=f"a-{i}"),
            decision("d-2", "trim", "key", "k"), decision("d-3", "trim", "key", "k"),
        )))  # fmt: skip
    assert set(gateway.cache.snapshot.members) == {"m-1", "m-2"}
    assert set(gateway.cache.snapshot.marks) == {2, 5}
    assert set(gateway.cache.snapshot.account) == {"a-2"}
    assert set(gateway.cache.snapshot.key["k"]) == {"d-2", "d-3"}
    gateway.cache.apply(Delta(9, False, NOW, delete=("d-c", "d-1", "d-2", "d-3", "unheard of")))
    assert gateway.cache.snapshot == Snapshot()


def test_a_reader_keeps_the_snapshot_that_it_took() -> None:
    gateway = Gateway(decision("d-1"))
    old = gateway.cache.snapshot
    gateway.cache.apply(Delta(2, False, NOW, upsert=(decision("d-2"),), delete=("d-1",)))
    assert set(old.decisions) == {"d-1"} and old.account == {"a-1": ("d-1",)}


def test_a_reset_keeps_the_known_accounts_and_nothing_else() -> None:
    gateway = Gateway(decision("d-1"), campaign())
    gateway.cache.apply(Delta(2, True, NOW, upsert=(decision("d-2", value="a-2"),)))
    assert set(gateway.cache.snapshot.decisions) == {"d-2"}
    assert not gateway.cache.snapshot.members and not gateway.cache.snapshot.marks
    assert gateway.cache.snapshot.is_known("k-1") and gateway.cache.snapshot.is_known("k-2") is False


def test_a_list_of_known_accounts_that_is_none_is_refused_and_the_old_one_stays() -> None:
    gateway = Gateway()
    for raw in (b"1234567", array("Q", [5, 3]).tobytes(), numbers(map(str, range(20_000))) + array("Q", [1]).tobytes()):
        with pytest.raises(ValueError, match="known accounts"):
            gateway.cache.set_known(raw, "2")
    assert gateway.cache.snapshot.is_known("k-1")
    gateway.cache.set_known(b"", "3")
    assert gateway.cache.snapshot.is_known("k-1") is False


def test_moving_the_wall_clock_makes_no_decision_live_longer() -> None:
    for moved in (-7200.0, -30.0, 7200.0, 86400.0 * 400, -1e9):
        gateway = Gateway(decision("d-1", expires_at=NOW + 100), stale_after_s=1e6)
        gateway.clocks.wall += moved
        gateway.clocks.pass_by(99)
        within = gateway.judge.judge(Caller("a-1"), OTHER).action
        gateway.clocks.pass_by(2)
        assert gateway.judge.judge(Caller("a-1"), OTHER).action == "", moved
        assert within == "suspend", moved


def test_time_that_only_the_wall_clock_saw_pass_counts_when_it_is_less_than_an_hour() -> None:
    gateway = Gateway(decision("d-1", expires_at=NOW + 100))
    gateway.clocks.wall += 600
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == ""


def test_the_time_is_the_services_where_the_two_differ() -> None:
    gateway = Gateway(decision("d-1", expires_at=NOW + 100))
    gateway.cache.apply(Delta(2, False, NOW + 200))
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == ""
    gateway.cache.apply(Delta(2, False, NOW))
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "suspend"


def test_the_expired_are_forgotten_and_the_others_kept() -> None:
    gateway = Gateway(decision("d-1", expires_at=NOW + 10), decision("d-2"))
    gateway.clocks.pass_by(11)
    assert gateway.cache.drop_expired() == 1
    assert set(gateway.cache.snapshot.decisions) == {"d-2"}


def test_one_decision_more_costs_no_rebuilding_of_a_hundred_thousand() -> None:
    began = time.process_time()
    gateway = Gateway(*(decision(f"d-{i}", value=f"a-{i}") for i in range(100_000)), known=None)
    whole = time.process_time() - began
    times = []
    for i in range(20):
        began = time.process_time()
        gateway.cache.apply(read_delta(delta_of(decision(f"n-{i}", value="n").as_dict())))
        times.append(time.process_time() - began)
    assert sorted(times)[10] < 0.1 * whole
    assert len(gateway.cache.snapshot.decisions) == 100_020


def test_more_decisions_than_there_is_room_for_are_not_taken() -> None:
    gateway = Gateway()
    gateway.cache._most = 3
    gateway.cache.apply(Delta(2, False, NOW, upsert=tuple(decision(f"d-{i}") for i in range(5))))
    assert len(gateway.cache.snapshot.decisions) == 3
    assert gateway.cache.bad_decisions == 2


def test_marks_travel_unsigned() -> None:
    gateway = Gateway(known=())
    gateway.cache.apply(read_delta(delta_of(campaign().as_dict())))
    assert gateway.judge.judge(Caller("new-1"), TEMPLATE).action == "step_up"
