"""Ways around a decision, and ways in which one holds too long: tried by an attacker and by an honest customer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from decide.place import ANN, BOB, CAT, HOUR, NOW, facts, finding, policy, record_in
from stillwatch.cli.menu import menu
from stillwatch.decide import people
from stillwatch.decide.decide import decide
from stillwatch.decide.forgetting import forget_decisions
from stillwatch.decide.gateways import take_sightings, take_usage
from stillwatch.decide.live import delta, expire, live_rows
from stillwatch.decide.record import FILE_NAME, Record, Who
from stillwatch.decide.verdicts import kind_of
from stillwatch.errors import UsageError
from stillwatch_gateway.wire import decision_from

GATE = Who("gate", "gateway")


def _sent(record: Record, now: float = NOW) -> list[Any]:
    return [decision_from(raw) for raw in delta(record, 0, now)["upsert"]]


def _suspended(record: Record, now: float = NOW, accounts: int = 10) -> str:
    made = decide(record, policy(), facts(finding(accounts=accounts)), now)
    people.approve(record, ANN, made.new[0], now)
    return made.new[0]


def _held(record: Record, account: str, now: float) -> dict[str, bool]:
    """Action to whether it is enforced, of all that gateways hold against an account."""
    return {d.action: d.enforced for d in _sent(record, now) if account in d.members or d.value == account}


def test_a_policy_that_begins_to_enforce_is_enforced_at_the_next_sweep(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy("simulate", action="throttle"), facts(finding()), NOW)
    decide(record, policy("enforce", action="throttle"), facts(finding()), NOW + HOUR)
    assert [d.enforced for d in _sent(record, NOW + HOUR)] == [True]


def test_an_approval_of_a_simulation_is_none_of_its_enforcement(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy("simulate"), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    real = decide(record, policy("enforce"), facts(finding()), NOW + HOUR)
    assert real.waiting == real.new and not any(d.enforced for d in _sent(record, NOW + HOUR))
    people.approve(record, ANN, real.new[0], NOW + HOUR)
    assert [d.enforced for d in _sent(record, NOW + HOUR)] == [True]


def test_a_policy_that_goes_back_to_simulating_stops_acting_at_once(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    decide(record, policy("simulate"), facts(finding()), NOW + HOUR)
    assert not any(d.enforced for d in _sent(record, NOW + HOUR))


def test_a_policy_that_asks_for_something_else_gets_it_and_new_limits_reach_what_holds(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle", more="limits = {per_minute = 60}"), facts(finding()), NOW)
    decide(record, policy(action="throttle", more="limits = {per_minute = 6}"), facts(finding()), NOW + 1)
    assert [d.limits.per_minute for d in _sent(record, NOW + 1)] == [6]
    decide(record, policy(action="step_up"), facts(finding()), NOW + 2)
    assert [d.action for d in _sent(record, NOW + 2)] == ["step_up"]


def test_an_approval_is_not_carried_over_to_other_accounts_by_changing_them_all(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    others = finding(members=tuple(f"other-{i}" for i in range(10)))
    for sweep in range(1, 4):
        decide(record, policy(), facts(others), NOW + sweep * HOUR)
    enforced = {a for d in _sent(record, NOW + 3 * HOUR) if d.enforced for a in d.members}
    assert not enforced & set(others.members)
    assert people.holding(record, "other-1", NOW + 3 * HOUR)[0]["state"] == "proposed"


def test_growth_that_a_person_refused_is_not_proposed_again_within_the_day(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    more = decide(record, policy(), facts(finding(accounts=30)), NOW + HOUR)
    people.refuse(record, BOB, more.new[0], NOW + HOUR, reason="a class")
    assert decide(record, policy(), facts(finding(accounts=30)), NOW + 2 * HOUR).new == ()


def test_who_appeals_before_anything_was_decided_is_still_asked_who_they_are(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    for _ in range(2):
        people.appeal(record, CAT, "C-1-2", NOW, says="I did nothing.")
    _suspended(record, NOW + 1)
    assert _held(record, "C-1-2", NOW + 2) == {"step_up": True}


def test_an_appeal_against_a_simulation_does_not_outlive_the_approval(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.appeal(record, CAT, "C-1-2", NOW + 1, says="I did nothing.")
    assert _held(record, "C-1-2", NOW + 2) == {"step_up": False}
    people.approve(record, ANN, made.new[0], NOW + 3)
    assert _held(record, "C-1-2", NOW + 4) == {"step_up": True}


def test_an_appeal_that_nobody_answers_for_weeks_frees_nobody(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    people.appeal(record, CAT, "C-1-2", NOW, says="I did nothing.")
    for day in range(1, 21):
        decide(record, policy(), facts(finding()), NOW + day * 24 * HOUR)
    assert _held(record, "C-1-2", NOW + 20 * 24 * HOUR) == {"step_up": True}


def test_who_was_let_go_on_while_the_appeal_is_open_is_not_asked_again_by_the_machine(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    people.appeal(record, CAT, "C-1-2", NOW, says="I did nothing.")
    (own,) = [row for row in live_rows(record, NOW + 1) if row["variant"] == "appeal"]
    people.lift(record, CAT, own["decision_id"], NOW + 1, reason="showed an identity card")
    decide(record, policy(), facts(finding()), NOW + 2)
    assert _held(record, "C-1-2", NOW + 3) == {}


@pytest.mark.parametrize(
    ("action", "limits"), [("trim", "limits = {max_tokens = 100}"), ("block_new_keys", ""), ("throttle", "")]
)
def test_an_appeal_never_makes_it_worse(tmp_path: Path, action: str, limits: str) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(action=action, more=limits), facts(finding()), NOW)
    for one in made.waiting:
        people.approve(record, ANN, one, NOW)
    people.appeal(record, CAT, "C-1-2", NOW + 1, says="Why?")
    assert _held(record, "C-1-2", NOW + 2) == {action: True}


def test_gateways_hear_that_an_allowance_has_run_out(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    people.allow(record, ANN, NOW, scope="account", value="C-1-5", reason="a week", until=NOW + HOUR)
    cursor = record.cursor()
    expire(record, NOW + HOUR)
    (changed,) = delta(record, cursor, NOW + HOUR)["upsert"]
    assert "C-1-5" in changed["members"]


def test_an_allowance_that_is_lifted_like_a_decision_has_ended(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    given = people.allow(record, ANN, NOW, scope="account", value="C-1-5", reason="agreed")
    people.lift(record, ANN, given, NOW + 1, reason="no more")
    assert _held(record, "C-1-5", NOW + 2) == {"throttle": True}


def test_an_agreement_in_the_account_record_beats_what_people_decide_by_hand(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    agreed = {"C-1-0": ("research programme", None), "C-1-1": ("until noon", NOW + HOUR)}
    decide(record, policy(action="throttle"), facts(finding(), agreed=agreed), NOW)
    people.decide_by_hand(record, ANN, NOW, action="suspend", scope="account", value="C-1-0", reason="seen",
                          tell="Suspended.", enforce=True)  # fmt: skip
    people.decide_by_hand(record, ANN, NOW, action="throttle", scope="account", value="C-1-1", reason="seen",
                          tell="Slower.", enforce=True)  # fmt: skip
    assert _held(record, "C-1-0", NOW + 1) == {} and _held(record, "C-1-1", NOW + 1) == {}
    cursor = record.cursor()
    expire(record, NOW + HOUR)
    assert [d["value"] for d in delta(record, cursor, NOW + HOUR)["upsert"]] == ["C-1-1"]


def test_a_campaign_whose_accounts_are_all_allowed_asks_nothing_of_newcomers(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    agreed = dict.fromkeys(finding().members, ("our own evaluation", None))
    assert (
        decide(record, policy(action="throttle"), facts(finding(), agreed=agreed), NOW, marks={"C-1": (7,)}).new == ()
    )


def test_a_verdict_of_wrong_frees_accounts_that_the_latest_findings_no_longer_name(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    people.give_verdict(record, CAT, NOW + 1, kind="campaign", subject="C-1", verdict="wrong", reason="an exam")
    decide(record, policy(action="throttle"), facts(finding("C-9", members=finding().members)), NOW + HOUR)
    assert _held(record, "C-1-3", NOW + HOUR) == {}


def test_a_verdict_that_is_taken_back_does_not_bind_the_next_sweep(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    number = people.give_verdict(record, CAT, NOW, kind="campaign", subject="C-1", verdict="wrong", reason="a slip")
    people.withdraw_verdict(record, CAT, number, NOW + 1)
    assert len(decide(record, policy(action="throttle"), facts(finding()), NOW + HOUR).new) == 1


def test_what_a_freed_customer_may_be_told_is_not_that_they_are_held_back(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    number = people.appeal(record, CAT, "C-1-2", NOW, says="I did nothing.")
    (says,) = people.may_be_told(record, "C-1-2", NOW + 1)
    assert "appeal" in says
    people.answer_appeal(record, BOB, number, NOW + 1, granted=True, reason="right")
    assert people.may_be_told(record, "C-1-2", NOW + 2) == []
    assert people.may_be_told(record, "C-1-3", NOW + 2) == ["We are looking at this account."]


def test_who_was_freed_passes_at_a_gateway_that_saw_them_join(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    number = people.appeal(record, CAT, "newcomer", NOW, says="I only just came.")
    people.answer_appeal(record, BOB, number, NOW + 1, granted=True, reason="right")
    assert _held(record, "newcomer", NOW + 2) == {"allow": True}
    verdict = record.rows("SELECT verdict_id FROM verdicts")[0]["verdict_id"]
    people.withdraw_verdict(record, CAT, verdict, NOW + 3)
    assert _held(record, "newcomer", NOW + 4) == {}


def _joined(account: str, **more: Any) -> dict[str, Any]:
    return {"campaign_id": "C-1", "account": account, "joined": True, **more}


def test_no_gateway_makes_a_customer_a_newcomer_whom_the_provider_knew(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW, marks={"C-1": (7,)})
    known = {"an old customer"}.__contains__
    assert take_sightings(record, GATE, [_joined("an old customer"), _joined("new")], NOW, known=known) == 1
    assert _held(record, "an old customer", NOW) == {} and _held(record, "new", NOW) == {"step_up": True}


def test_newcomers_are_met_also_where_part_of_the_campaign_is_treated_more_gently(tmp_path: Path) -> None:
    gentler = '[rule.gentler]\naccount_kinds = ["education"]\naction = "watch"'
    for n in range(12):
        record = record_in(tmp_path / str(n))
        decide(record, policy(action="throttle", more=gentler), facts(finding(), kinds={"C-1-1": "education"}), NOW + n,
               marks={"C-1": (7,)})  # fmt: skip
        take_sightings(record, GATE, [_joined("new")], NOW + n)
        assert _held(record, "new", NOW + n) == {"step_up": True}


def test_a_sighting_that_says_nothing_new_is_not_sent_to_every_gateway(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW, marks={"C-1": (7,)})
    take_sightings(record, GATE, [_joined("new")], NOW)
    cursor = record.cursor()
    take_sightings(record, GATE, [_joined("new"), _joined("x", joined=False)], NOW + 1)
    assert record.cursor() == cursor


def test_an_id_that_is_no_text_spoils_nothing_that_came_with_it(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(action="throttle"), facts(finding()), NOW, marks={"C-1": (7,)})
    assert take_sightings(record, GATE, [_joined("\ud800"), _joined("new")], NOW) == 1
    take_usage(record, GATE, [{"decision_id": d, "outcome": "acted", "count": 1} for d in ("\ud800", made.new[0])], NOW)
    assert record.rows("SELECT acted FROM usage") == [{"acted": 1}]


def test_one_account_with_an_endless_id_does_not_shield_its_campaign(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding(members=("a", "b", "x" * 600))), NOW)
    assert _held(record, "a", NOW) == {"throttle": True}


def test_what_was_refused_meanwhile_is_not_approved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, other = record_in(tmp_path), Record(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    act = record.act

    def slow() -> Any:  # somebody else is quicker by a moment
        monkeypatch.setattr(record, "act", act)
        people.refuse(other, BOB, made.new[0], NOW, reason="a class")
        return act()

    monkeypatch.setattr(record, "act", slow)
    with pytest.raises(UsageError, match="has ended"):
        people.approve(record, ANN, made.new[0], NOW)
    assert not any(d.enforced for d in _sent(record, NOW))


def test_a_granted_appeal_and_the_freedom_it_brings_are_one_act(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    number = people.appeal(record, CAT, "C-1-2", NOW, says="I did nothing.")
    acts = []
    act = record.act
    monkeypatch.setattr(record, "act", lambda: (acts.append(1), act())[1])
    people.answer_appeal(record, BOB, number, NOW + 1, granted=True, reason="right")
    assert acts == [1]


def test_a_forgotten_customer_is_nowhere_in_the_files_either(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    members = tuple(f"customer-{i:04}-with-a-long-name" for i in range(300))
    decide(record, policy(action="throttle"), facts(finding(members=members)), NOW)
    people.appeal(record, CAT, members[7], NOW, says="Why me?")
    forget_decisions(record, members[7], NOW)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob(f"{FILE_NAME}*"))
    assert members[8].encode() in kept and members[7].encode() not in kept


def test_a_support_agent_reads_appeals_at_the_terminal_and_no_customer_writes_escape_codes_there(
    tmp_path: Path,
) -> None:
    record = record_in(tmp_path)
    _suspended(record)
    people.appeal(record, CAT, "C-1-2", NOW, says="It was \x1b[2Jour class.")
    people.allow(record, ANN, NOW, scope="account", value="C-1-5", reason="agreed by mail")
    people.give_verdict(record, CAT, NOW, kind="account", subject="C-1-7", verdict="wrong", reason="known to us")
    told = {}
    for option in ("--appeals", "--allowed", "--verdicts"):
        done = CliRunner().invoke(menu, ["decisions", option, "--home", str(tmp_path)])
        assert done.exit_code == 0, done.output
        told[option] = done.output
    assert "C-1-2" in told["--appeals"] and "our class" in told["--appeals"] and "\x1b" not in told["--appeals"]
    assert "agreed by mail" in told["--allowed"] and "wrong  account C-1-7: known to us" in told["--verdicts"]


def test_a_customer_whose_id_looks_like_a_campaigns_can_be_freed(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(action="throttle"), facts(finding()), NOW)
    assert kind_of(tmp_path, record, "C-1-3") == "account" and kind_of(tmp_path, record, "C-1") == "campaign"


def test_a_gateway_cannot_make_more_newcomers_than_a_campaign_is_large(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW, marks={"C-1": (5,)})
    people.approve(record, ANN, made.new[0], NOW)
    items = [{"campaign_id": "C-1", "account": f"new-{i}", "joined": True} for i in range(5000)]
    assert take_sightings(record, GATE, items, NOW) == 200
    assert take_sightings(record, GATE, items[::-1], NOW) == 0
    told = record.rows("SELECT body FROM alerts WHERE event='too many newcomers'")
    assert len(told) == 1 and "C-1" in told[0]["body"]
