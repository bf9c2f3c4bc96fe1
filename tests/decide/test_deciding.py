"""Decisions follow the findings: made once, renewed, grown as far as was approved, replaced, gone by themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from decide.place import ANN, BOB, CAT, HOUR, NOW, facts, finding, policy, record_in
from stillwatch.decide import people
from stillwatch.decide.decide import decide
from stillwatch.decide.live import delta, exempt_accounts, expire, live_rows, members_of
from stillwatch.decide.policy import policy_from
from stillwatch.decide.record import Record
from stillwatch_gateway.wire import decision_from


def _sent(record: Record, now: float = NOW) -> list[Any]:
    return [decision_from(raw) for raw in delta(record, 0, now)["upsert"]]


def test_a_suspension_of_a_group_waits_for_a_person_and_until_then_goes_out_as_a_simulation(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW, marks={"C-1": (7, 1 << 63)})
    assert made.waiting == made.new and len(made.new) == 1
    (sent,) = _sent(record)
    assert sent.action == "suspend" and not sent.enforced and len(sent.members) == 10 and sent.marks == (7, 1 << 63)
    people.approve(record, ANN, made.new[0], NOW + 1, note="read the evidence")
    (sent,) = _sent(record, NOW + 2)
    assert sent.enforced and sent.newcomers == "step_up" and sent.tell == "We are looking at this account."


def test_a_row_that_simulates_is_never_enforced_even_when_it_was_approved(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy("simulate"), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    assert [d.enforced for d in _sent(record)] == [False]


def test_what_needs_no_approval_holds_at_once(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(action="throttle"), facts(finding()), NOW)
    assert not made.waiting and [d.enforced for d in _sent(record)] == [True]


def test_the_same_finding_is_decided_once_and_renewed(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    first = decide(record, policy(action="throttle"), facts(finding()), NOW)
    again = decide(record, policy(action="throttle"), facts(finding(accounts=12)), NOW + HOUR)
    assert again.new == () and again.renewed == first.new
    (row,) = live_rows(record, NOW + HOUR)
    assert row["expires_at"] == NOW + 49 * HOUR and len(members_of(record, row["decision_id"])) == 12


def test_a_decision_ends_by_itself_when_no_sweep_renews_it(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    decide(record, policy(action="throttle"), facts(), NOW + HOUR)
    assert len(_sent(record, NOW + 47 * HOUR)) == 1
    assert _sent(record, NOW + 48 * HOUR) == []
    cursor = record.cursor()
    assert expire(record, NOW + 48 * HOUR) == 1 and expire(record, NOW + 48 * HOUR) == 0
    assert len(delta(record, cursor, NOW + 48 * HOUR)["delete"]) == 1


def test_an_approval_covers_some_growth_and_what_is_beyond_it_waits_apart(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    within = decide(record, policy(), facts(finding(accounts=12)), NOW + HOUR)
    assert within.new == () and [len(d.members) for d in _sent(record, NOW + HOUR)] == [12]
    beyond = decide(record, policy(), facts(finding(accounts=30)), NOW + 2 * HOUR)
    assert len(beyond.new) == 1
    sizes = {d.enforced: len(d.members) for d in _sent(record, NOW + 2 * HOUR)}
    assert sizes == {True: 12, False: 18}
    people.approve(record, BOB, beyond.new[0], NOW + 3 * HOUR)
    assert all(d.enforced for d in _sent(record, NOW + 3 * HOUR))
    later = decide(record, policy(), facts(finding(accounts=31)), NOW + 4 * HOUR)
    assert later.new == () and sum(d.enforced for d in _sent(record, NOW + 4 * HOUR)) == 2


def test_a_weaker_decision_goes_on_until_a_person_approves_the_stronger_one(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    two = policy_from(
        """
[defaults]
mode = "enforce"
[[rule]]
name = "strong"
scope = "campaign"
score_from = 95
kinds = ["distillation"]
conduct_from = 60
coordination_from = 60
action = "suspend"
reason = "harvest"
tell = "Suspended."
[[rule]]
name = "weak"
scope = "campaign"
score_from = 80
kinds = ["distillation"]
conduct_from = 60
coordination_from = 60
action = "throttle"
reason = "harvest"
tell = "Slower."
""",
        "two",
    )
    decide(record, two, facts(finding(score=85.0)), NOW)
    stronger = decide(record, two, facts(finding(score=99.0)), NOW + 40 * HOUR)
    held = {d.action: d.enforced for d in _sent(record, NOW + 60 * HOUR)}
    assert held == {"throttle": True, "suspend": False}
    people.approve(record, ANN, stronger.new[0], NOW + 61 * HOUR)
    assert {d.action: d.enforced for d in _sent(record, NOW + 61 * HOUR)} == {"suspend": True}


def test_the_machine_does_not_insist_when_a_person_refused_or_lifted(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.refuse(record, ANN, made.new[0], NOW, reason="a class of students")
    assert decide(record, policy(), facts(finding()), NOW + HOUR).new == ()
    assert len(decide(record, policy(), facts(finding()), NOW + 25 * HOUR).new) == 1


def test_an_allowance_beats_everything_from_the_account_record_or_by_a_person(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    agreed = {"C-1-0": ("research programme", None), "C-1-1": ("ran out", NOW - 1)}
    decide(record, policy(action="throttle"), facts(finding(), agreed=agreed), NOW)
    (sent,) = _sent(record)
    assert "C-1-0" not in sent.members and "C-1-1" in sent.members
    given = people.allow(record, ANN, NOW + 1, scope="account", value="C-1-5", reason="agreed by mail")
    held = {d.action: d for d in _sent(record, NOW + 2)}
    assert held["allow"].enforced and held["allow"].value == "C-1-5" and "C-1-5" not in held["throttle"].members
    people.end_allow(record, ANN, given, NOW + 3, reason="the agreement ended")
    held = {d.action: d for d in _sent(record, NOW + 4)}
    assert set(held) == {"throttle"} and "C-1-5" in held["throttle"].members


def test_an_allowance_ends_at_its_time(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    people.allow(record, ANN, NOW, scope="account", value="C-1-5", reason="a week", until=NOW + HOUR)
    assert exempt_accounts(record, NOW) == {"C-1-5"} and exempt_accounts(record, NOW + HOUR) == set()


def test_a_verdict_of_wrong_undoes_at_once_and_keeps_the_accounts_free(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(action="throttle"), facts(finding()), NOW)
    cursor = record.cursor()
    people.give_verdict(record, CAT, NOW + 1, kind="campaign", subject="C-1", verdict="wrong", reason="an exam",
                        accounts=finding().members, score=99.0)  # fmt: skip
    assert delta(record, cursor, NOW + 2)["delete"] == list(made.new)
    assert decide(record, policy(action="throttle"), facts(finding()), NOW + HOUR).new == ()
    same = facts(finding("C-9", members=finding().members))
    assert decide(record, policy(action="throttle"), same, NOW + HOUR).new == (), "the same accounts by another id"
    more = facts(finding("C-9", members=(*finding().members, "somebody")))
    assert len(decide(record, policy(action="throttle"), more, NOW + HOUR).new) == 1
    assert [d.members for d in _sent(record, NOW + HOUR)] == [("somebody",)]


def test_a_verdict_on_one_account_frees_that_account_only_and_can_be_withdrawn(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    number = people.give_verdict(record, CAT, NOW + 1, kind="account", subject="C-1-3", verdict="wrong", reason="known")
    held = {d.action: d for d in _sent(record, NOW + 2)}
    assert "C-1-3" not in held["throttle"].members and len(held["throttle"].members) == 9
    assert held["allow"].value == "C-1-3"
    people.withdraw_verdict(record, CAT, number, NOW + 3)
    (sent,) = _sent(record, NOW + 4)
    assert len(sent.members) == 10


def test_an_open_appeal_turns_a_suspension_into_a_question(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    cursor = record.cursor()
    number = people.appeal(record, CAT, "C-1-2", NOW + 1, says="It is our class.")
    changed = {d["action"]: d for d in delta(record, cursor, NOW + 2)["upsert"]}
    assert "C-1-2" not in changed["suspend"]["members"]
    assert changed["step_up"]["value"] == "C-1-2" and changed["step_up"]["enforced"]
    people.answer_appeal(record, BOB, number, NOW + 3, granted=False, reason="the evidence stands")
    (sent,) = _sent(record, NOW + 4)
    assert sent.action == "suspend" and "C-1-2" in sent.members


def test_a_granted_appeal_frees_the_account_for_good(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    number = people.appeal(record, CAT, "C-1-2", NOW + 1, says="It is our class.")
    people.answer_appeal(record, BOB, number, NOW + 2, granted=True, reason="a class, as they say")
    decide(record, policy(action="throttle"), facts(finding()), NOW + HOUR)
    held = {d.action: d for d in _sent(record, NOW + HOUR)}
    assert "C-1-2" not in held["throttle"].members and len(held["throttle"].members) == 9
    assert held["allow"].value == "C-1-2"


def test_an_appeal_against_a_simulation_holds_nobody_back(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy("simulate", action="throttle"), facts(finding()), NOW)
    people.appeal(record, CAT, "C-1-2", NOW + 1, says="Why?")
    assert not any(d.enforced for d in _sent(record, NOW + 2))


def test_a_delta_tells_only_what_changed_and_a_strange_cursor_gets_everything(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding(), finding("C-2")), NOW)
    cursor = record.cursor()
    assert delta(record, cursor, NOW) == {"cursor": cursor, "reset": False, "now": NOW, "upsert": [], "delete": []}
    people.appeal(record, CAT, "C-2-1", NOW, says="Why?")
    assert [d["campaign_id"] for d in delta(record, cursor, NOW)["upsert"]] == ["C-2"]
    strange = delta(record, 10**9, NOW)
    assert strange["reset"] and len(strange["upsert"]) == 2


@pytest.mark.parametrize("scope", ["exchange", "key", "account", "organisation"])
def test_a_person_can_decide_on_anything_by_its_id(tmp_path: Path, scope: str) -> None:
    record = record_in(tmp_path)
    people.decide_by_hand(record, ANN, NOW, action="throttle", scope=scope, value="x-1", reason="seen", tell="Slower.",
                          enforce=True)  # fmt: skip
    (sent,) = _sent(record)
    assert (sent.scope, sent.value, sent.enforced) == (scope, "x-1", True)
