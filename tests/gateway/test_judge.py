"""What a request gets: the strongest decision that holds, `allow` before all, and never an exception."""

from __future__ import annotations

import random
import threading
import time
from typing import Any

import pytest
from gateways import NOW, OTHER, TEMPLATE, Gateway, campaign, decision
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch_gateway.bounded import FIRST_REQUESTS
from stillwatch_gateway.deltas import Delta
from stillwatch_gateway.judge import LEAST_MARKS, NOT_JUDGED, NOTHING, Caller
from stillwatch_gateway.kernel import shingles_of
from stillwatch_gateway.wire import ACTIONS, Limits


@pytest.mark.parametrize("scope", ["account", "key", "organisation", "exchange"])
def test_a_decision_holds_for_what_its_scope_names_and_for_nothing_else(scope: str) -> None:
    gateway = Gateway(decision("d-1", "trim", scope, "x-1"))
    verdict = gateway.judge.judge(Caller(**{"account": "other", scope: "x-1"}), OTHER)
    assert (verdict.action, verdict.decision and verdict.decision.decision_id) == ("trim", "d-1")
    other = "key" if scope != "key" else "organisation"
    assert gateway.judge.judge(Caller(**{"account": "other", other: "x-1"}), OTHER).action == ""


def test_the_strongest_of_several_wins() -> None:
    source = random.Random(1)
    for _ in range(50):
        some = source.sample(ACTIONS[1:], 3)
        gateway = Gateway(*(decision(f"d-{i}", action) for i, action in enumerate(some)))
        assert gateway.judge.judge(Caller("a-1"), OTHER).action == max(some, key=ACTIONS.index)


def test_allow_beats_a_suspension_even_of_a_campaigns_member() -> None:
    gateway = Gateway(campaign(), decision("d-a", "allow", "organisation", "o-1"))
    assert gateway.judge.judge(Caller("m-1"), TEMPLATE).action == "suspend"
    assert gateway.judge.judge(Caller("m-1", organisation="o-1"), TEMPLATE).action == "allow"
    assert gateway.judge.judge(Caller("new-1", organisation="o-1"), TEMPLATE).action == "allow"
    assert gateway.judge.judge(Caller("new-1"), OTHER).action == "", "an allowed account joined a campaign"


def test_a_simulated_decision_is_shown_and_never_acted_on() -> None:
    gateway = Gateway(decision("d-1", enforced=False), decision("d-2", "watch"))
    verdict = gateway.judge.judge(Caller("a-1"), OTHER)
    assert verdict.action == "watch"
    assert verdict.simulated is not None and verdict.simulated.decision_id == "d-1"
    outcomes = {one["decision_id"]: one["outcome"] for one in gateway.judge.take_usage()}
    assert outcomes == {"d-1": "would", "d-2": "acted"}


def test_a_simulated_allow_stops_nothing_from_being_enforced() -> None:
    gateway = Gateway(decision("d-1", "allow", enforced=False), decision("d-2", "suspend"))
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "suspend"


def test_a_member_gets_the_campaigns_action_and_its_id() -> None:
    verdict = Gateway(campaign()).judge.judge(Caller("m-1"), OTHER)
    assert (verdict.action, verdict.campaign_id) == ("suspend", "c-1")


def test_a_newcomer_with_the_template_joins_and_stays_in_without_it() -> None:
    gateway = Gateway(campaign())
    before = gateway.judge.judge(Caller("new-1"), OTHER)
    first = gateway.judge.judge(Caller("new-1"), TEMPLATE + "Paris is the capital of France.")
    later = gateway.judge.judge(Caller("new-1"), OTHER)
    assert (before.action, before.newcomer) == ("", True)
    assert (first.action, first.newcomer, first.flags) == ("step_up", True, ("mark:c-1", "joined:c-1"))
    assert (later.action, later.flags) == ("step_up", ())
    sightings = gateway.judge.take_sightings()
    assert {(one["account"], one["campaign_id"]) for one in sightings} == {("new-1", "c-1")}
    assert {one["kind"] for one in sightings} == {"opening", "shingle"}
    assert any(one["joined"] for one in sightings)
    assert gateway.judge.take_sightings() == []


def test_a_known_account_with_the_template_is_flagged_and_left_alone() -> None:
    gateway = Gateway(campaign())
    for text in (TEMPLATE, OTHER):
        assert gateway.judge.judge(Caller("k-1"), text).action == ""
    assert gateway.judge.judge(Caller("k-1"), TEMPLATE).flags == ("mark:c-1",)
    assert [(one["newcomer"], one["joined"]) for one in gateway.judge.take_sightings()] == [(False, False)]


def test_one_sign_alone_makes_nobody_part_of_a_campaign_and_several_over_time_do() -> None:
    opening, *others = campaign().marks
    gateway = Gateway(campaign(marks=(opening,)))
    for _ in range(20):
        verdict = gateway.judge.judge(Caller("new-1"), TEMPLATE)
    assert (verdict.action, verdict.flags) == ("", ("mark:c-1",)), "the same words again are no further sign"
    assert not any(one["joined"] for one in gateway.judge.take_sightings())
    gateway = Gateway(campaign())
    for i, mark in enumerate(others[:LEAST_MARKS]):
        assert gateway.judge.judge(Caller("new-1"), OTHER).action == ""
        gateway.judge.saw_marks("new-1", [mark])
        assert len(gateway.judge._joined) == (i == LEAST_MARKS - 1)
    assert gateway.judge.judge(Caller("new-1"), OTHER).action == "step_up"


def test_without_a_list_of_known_accounts_nobody_is_new() -> None:
    gateway = Gateway(campaign(), known=None)
    verdict = gateway.judge.judge(Caller("new-1"), TEMPLATE)
    assert (verdict.action, verdict.newcomer, verdict.flags) == ("", False, ("mark:c-1",))


def test_who_joined_is_free_when_the_campaigns_decision_is_lifted() -> None:
    gateway = Gateway(campaign())
    assert gateway.judge.judge(Caller("new-1"), TEMPLATE).action == "step_up"
    gateway.cache.apply(Delta(2, False, NOW, delete=("d-c",)))
    assert gateway.judge.judge(Caller("new-1"), TEMPLATE).action == ""


def test_who_joined_stays_in_when_the_campaigns_decision_is_replaced() -> None:
    gateway = Gateway(campaign())
    gateway.judge.judge(Caller("new-1"), TEMPLATE)
    gateway.cache.apply(Delta(2, False, NOW, upsert=(campaign(newcomers="block_new_keys", marks=()),)))
    assert gateway.judge.judge(Caller("new-1"), OTHER).action == "block_new_keys"


def test_a_newcomer_with_the_template_in_the_middle_joins_before_its_first_answer() -> None:
    inner = "the reference solution to the olympiad problem is written between the two lines of stars below"
    gateway = Gateway(campaign(marks=tuple(shingles_of(inner))))
    assert gateway.judge.judge(Caller("new-1"), f"{OTHER} {inner} {OTHER}").action == "step_up"


def test_after_its_first_requests_a_newcomer_is_looked_at_in_the_background() -> None:
    inner = "the reference solution to the olympiad problem is written between the two lines of stars below"
    gateway = Gateway(campaign(marks=tuple(shingles_of(inner))))
    for _ in range(FIRST_REQUESTS):
        gateway.judge.judge(Caller("new-1"), OTHER)
    text = f"{OTHER} {inner} {OTHER}"
    assert gateway.judge.judge(Caller("new-1"), text).action == ""
    assert gateway.judge.settle(20)
    assert gateway.judge.judge(Caller("new-1"), OTHER).action == "step_up"
    assert {one["kind"] for one in gateway.judge.take_sightings()} == {"shingle"}
    gateway.judge.stop()


def test_a_full_queue_of_shingles_drops_and_counts() -> None:
    gateway = Gateway(campaign())
    gateway.judge._shingles._thread = threading.Thread()  # One that never runs.
    for _ in range(600 + FIRST_REQUESTS):
        gateway.judge.judge(Caller("new-1"), OTHER)
    assert gateway.judge.stats()["shingle_searches_dropped"] == 600 - 512


def test_throttle_lets_its_rate_pass_and_no_more() -> None:
    gateway = Gateway(decision("d-1", "throttle", limits=Limits(per_minute=3)))
    verdicts = [gateway.judge.judge(Caller("a-1"), OTHER) for _ in range(5)]
    assert [one.action for one in verdicts] == ["", "", "", "throttle", "throttle"]
    assert all(one.decision is not None for one in verdicts)
    gateway.clocks.pass_by(20)
    assert [gateway.judge.judge(Caller("a-1"), OTHER).action for _ in range(2)] == ["", "throttle"]
    counts = {one["outcome"]: one["count"] for one in gateway.judge.take_usage()}
    assert counts == {"passed": 4, "acted": 3}


def test_throttle_without_a_rate_or_with_none_stops_each_call() -> None:
    for rate in (None, 0.0):
        gateway = Gateway(decision("d-1", "throttle", limits=Limits(per_minute=rate)))
        assert gateway.judge.judge(Caller("a-1"), OTHER).action == "throttle"


def test_each_member_of_a_throttled_campaign_has_its_own_rate() -> None:
    gateway = Gateway(decision("d-c", "throttle", "campaign", "c", members=("m-1", "m-2"), limits=Limits(per_minute=1)))
    actions = [gateway.judge.judge(Caller(one), OTHER).action for one in ("m-1", "m-2", "m-1")]
    assert actions == ["", "", "throttle"]


def test_nothing_is_enforced_after_its_expiry_or_before_its_time() -> None:
    gateway = Gateway(
        decision("d-1", expires_at=NOW + 10), decision("d-2", "watch", created_at=NOW + 20), stale_after_s=1e6
    )
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "suspend"
    gateway.clocks.pass_by(10)
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == ""
    gateway.clocks.pass_by(10)
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "watch"


@pytest.mark.parametrize(("stale", "action"), [("open", ""), ("keep", "watch"), ("closed", "suspend")])
def test_a_cache_that_heard_nothing_for_long_does_as_the_settings_say(stale: str, action: str) -> None:
    gateway = Gateway(decision("d-1", "watch", expires_at=NOW + 1e6), stale=stale, stale_after_s=100.0)
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "watch"
    gateway.clocks.pass_by(101)
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == action


@pytest.mark.parametrize(("fail", "action"), [("open", ""), ("closed", "suspend")])
def test_an_exception_inside_is_counted_and_the_request_gets_what_the_settings_say(
    fail: str, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(decision("d-1", "watch"), fail=fail)

    def broken(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(gateway.judge, "_verdict", broken)
    verdict = gateway.judge.judge(Caller("a-1"), OTHER)
    assert verdict.action == action
    assert verdict == NOTHING if fail == "open" else verdict.decision is NOT_JUDGED
    assert gateway.judge.stats()["faults"] == {"judge": 1}


HOSTILE: list[Any] = [
    "", " ", "\x00", "\ud800" * 50, "a" * 2_000_000, "字" * 300_000, "1." * 100_000, "`" * 50_000, "\u200b" * 100_000,
    "😀" * 20_000, "%s%n{0}", "\r\nX-Injected: 1", "e\u0301" * 50_000, None, 7, b"bytes", ["list"], {}, float("nan"),
]  # fmt: skip


@pytest.mark.parametrize("one", range(len(HOSTILE)))
def test_hostile_texts_and_ids_are_judged_quickly_and_without_a_fault(one: int) -> None:
    gateway = Gateway(campaign(), decision("d-1"))
    began = time.perf_counter()
    verdict = gateway.judge.judge(Caller(HOSTILE[one], HOSTILE[one], HOSTILE[one], HOSTILE[one]), HOSTILE[one])
    assert time.perf_counter() - began < 0.5
    assert verdict.action == "" and verdict.decision is None
    assert gateway.judge.stats()["faults"] == {}


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.none(), st.text(), st.integers(), st.binary()), st.one_of(st.none(), st.text(), st.lists(st.text()))
)
def test_whatever_the_caller_is_a_verdict_comes_back(account: Any, text: Any) -> None:
    verdict = _SHARED.judge.judge(Caller(account), text)
    assert verdict.action in ("", *ACTIONS)


def test_what_is_no_caller_at_all_passes() -> None:
    gateway = Gateway(decision("d-1"))
    assert gateway.judge.judge(None, OTHER) == NOTHING  # type: ignore[arg-type]
    assert gateway.judge.stats()["faults"] == {"judge": 1}


def test_a_truncated_text_is_said_to_be_and_recognised_by_its_opening() -> None:
    verdict = Gateway(campaign()).judge.judge(Caller("new-1"), TEMPLATE + OTHER * 100)
    assert verdict.truncated and verdict.flags[0] == "mark:c-1"
    assert not Gateway(campaign()).judge.judge(Caller("new-1"), TEMPLATE).truncated


def test_rules_flag_prompts_and_bad_rules_are_left_out() -> None:
    gateway = Gateway(rules="all")
    rules = [
        {"code": 1, "id": "grade", "expression": r"grade the following", "applies_to": ["prompt"]},
        {"code": 2, "id": "bad", "expression": r"(?<=x)y", "applies_to": ["prompt"]},
        {"code": 3, "id": "system-only", "expression": r"grade", "applies_to": ["system"]},
        {"code": "x"}, 7,
    ]  # fmt: skip
    assert gateway.judge.rules.set_rules(rules) == 1
    assert gateway.judge.judge(Caller("k-1"), TEMPLATE).flags == ("rule:grade",)
    assert gateway.judge.judge(Caller("k-1"), OTHER).flags == ()
    by_default = Gateway()
    by_default.judge.rules.set_rules(rules)
    assert by_default.judge.judge(Caller("k-1"), TEMPLATE).flags == (), "the sweep looks at customers who are known"
    assert by_default.judge.judge(Caller("new-1"), TEMPLATE).flags == ("rule:grade",)
    assert gateway.judge.rules.set_rules([]) == 0
    assert gateway.judge.judge(Caller("k-1"), TEMPLATE).flags == ()


def test_several_threads_may_ask_while_decisions_change() -> None:
    gateway = Gateway(campaign(), *(decision(f"d-{i}", value=f"a-{i}") for i in range(500)))
    wrong: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            if gateway.judge.judge(Caller("a-0"), TEMPLATE).action != "suspend":
                wrong.append("a-0")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads:
        one.start()
    for i in range(200):
        fresh = decision("d-0", value="a-0", created_at=NOW - i)
        gateway.cache.apply(Delta(i, bool(i % 2), NOW, upsert=(fresh,), delete=(f"d-{i + 1}",)))
    done.set()
    for one in threads:
        one.join()
    assert not wrong
    assert gateway.judge.stats()["faults"] == {}


_SHARED = Gateway(campaign(), decision("d-1"))


def test_what_passes_below_a_throttles_rate_is_still_trimmed() -> None:
    gateway = Gateway(decision("d-1", "throttle", limits=Limits(per_minute=2)), decision("d-2", "trim"))
    actions = [gateway.judge.judge(Caller("a-1"), OTHER).action for _ in range(3)]
    assert actions == ["trim", "trim", "throttle"]


def test_an_account_that_may_make_no_keys_is_trimmed_all_the_same() -> None:
    gateway = Gateway(decision("d-1", "block_new_keys"), decision("d-2", "trim"))
    assert gateway.judge.judge(Caller("a-1"), OTHER).action == "trim"


def test_who_may_make_no_keys_may_not_whatever_else_holds_and_an_allowance_beats_it() -> None:
    blocked = decision("d-1", "block_new_keys"), decision("d-2", "trim")
    held = Gateway(*blocked).judge.may_make_key(Caller("a-1"))
    assert held is not None and held.decision_id == "d-1"
    assert Gateway(*blocked).judge.may_make_key(Caller("a-2")) is None
    assert Gateway(decision("d-1", "block_new_keys", enforced=False)).judge.may_make_key(Caller("a-1")) is None
    assert Gateway(*blocked, decision("d-3", "allow")).judge.may_make_key(Caller("a-1")) is None
