"""A policy says in rows what is done; what would harm customers without grounds is refused when it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from decide.place import facts, finding, policy
from stillwatch.decide.policy import STRONG, default_policy, policy_from, read_policy
from stillwatch.decide.propose import propose, whom_of
from stillwatch.errors import UsageError

ROW = """
[[rule]]
name = "row"
scope = "campaign"
action = "suspend"
approval = true
kinds = ["distillation"]
conduct_from = 60
coordination_from = 60
reason = "harvest"
tell = "You may appeal."
"""


def test_the_policy_that_ships_enforces_nothing_and_suspends_no_group_without_a_person() -> None:
    rows = default_policy().rows
    assert {row.mode for row in rows} == {"simulate"}
    assert all(row.approval for row in rows if row.action == "suspend")
    assert all(row.conduct_from >= 50 and row.coordination_from >= 50 for row in rows if row.action in STRONG)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("conduct_from = 60", "conduct_from = 0"), "conduct_from and coordination_from"),
        (("coordination_from = 60\n", ""), "conduct_from and coordination_from"),
        (("approval = true", "approval = false"), "a person must approve"),
        (('tell = "You may appeal."', ""), "the sentence they are told"),
        (('reason = "harvest"', ""), "a reason code"),
        (('["distillation"]', '["account_network"]'), "account_network"),
        (('action = "suspend"', 'action = "ban"'), "action: one of"),
        (('action = "suspend"', 'action = "allow"'), "does not allow"),
        (('action = "suspend"', 'action = "trim"'), "trim without limits"),
        (('name = "row"', 'name = "row"\nnewcomers = "suspend"'), "newcomers"),
        (('name = "row"', 'name = "row"\nscore_form = 3'), "did you mean 'score_from'"),
        (('name = "row"', 'name = "row"\nexpires_hours = 0'), "expires_hours"),
        (('name = "row"', "name = 7"), "name: one line of text"),
        (('scope = "campaign"', 'scope = "planet"'), "scope: one of"),
        (('name = "row"', 'name = "row"\nlimits = { max_tokens = 0 }'), "max_tokens"),
        (('kinds = ["distillation"]', "kinds = []"), "kinds: a list out of"),
    ],
)
def test_a_row_that_would_act_without_grounds_is_refused(change: tuple[str, str], says: str) -> None:
    assert change[0] in ROW
    with pytest.raises(UsageError, match=says):
        policy_from(ROW.replace(*change), "policy.toml")


def test_all_faults_are_told_at_once() -> None:
    with pytest.raises(UsageError) as error:
        policy_from(ROW.replace('reason = "harvest"', "").replace("conduct_from = 60", "conduct_from = 400"), "p")
    assert "faults" in error.value.what and "reason code" in error.value.what and "conduct_from" in error.value.what


def test_what_is_no_policy_is_refused_in_words(tmp_path: Path) -> None:
    for text in ("rule = 3", "= 1", "[defaults]\nmode = 1", "version = 2"):
        with pytest.raises(UsageError):
            policy_from(text, "policy.toml")
    with pytest.raises(UsageError, match="no such policy"):
        read_policy(tmp_path / "gone.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        read_policy(tmp_path / "bytes.toml")


def test_equal_policies_have_equal_hashes_wherever_they_lie() -> None:
    assert policy_from(ROW, "a").sha256 == policy_from("# the same\n" + ROW, "b").sha256
    assert policy_from(ROW, "a").sha256 != policy_from(ROW.replace("60", "70"), "a").sha256


@pytest.mark.parametrize(
    "lacking",
    [
        {"score": 79.9}, {"conduct": 59.0}, {"coordination": 59.0}, {"kind": "relay"}, {"kind": "account_network"},
    ],
)  # fmt: skip
def test_a_row_asks_for_all_that_it_names(lacking: dict[str, object]) -> None:
    assert propose(policy(), facts(finding()))
    assert not propose(policy(), facts(finding(**lacking)))


def test_families_and_the_false_alarm_rate_can_be_asked_for() -> None:
    asked = policy(more="families_from = 3\nfalse_alarm_at_most = 0.01\naccounts_from = 10")
    assert propose(asked, facts(finding()))
    assert not propose(asked, facts(finding(families=frozenset({"content"}))))
    assert not propose(asked, facts(finding(false_alarm_rate=0.02)))
    assert not propose(asked, facts(finding(accounts=9)))


def test_the_first_row_that_fits_decides() -> None:
    both = default_policy()
    made = propose(both, facts(finding(), finding("C-2", score=85.0), finding("C-3", score=60.0)))
    assert {(p.campaign_id, p.action) for p in made} == {("C-1", "suspend"), ("C-2", "trim"), ("C-3", "watch")}


def test_customers_who_would_lose_most_are_asked_first() -> None:
    soft = '[rule.gentler]\naccount_kinds = ["enterprise"]\naction = "step_up"\ntell = "Who are you?"'
    made = propose(policy(more=soft), facts(finding(), kinds={"C-1-0": "enterprise", "C-1-1": "individual"}))
    by = {p.variant: p for p in made}
    assert by["gentler"].members == ("C-1-0",) and by["gentler"].action == "step_up" and not by["gentler"].waits
    assert "C-1-0" not in by["main"].members and by["main"].waits


def test_a_network_is_at_most_watched_by_the_policy_that_ships() -> None:
    made = propose(default_policy(), facts(finding(kind="account_network", score=99.9)))
    assert [p.action for p in made] == ["watch"]


def test_a_proposal_says_what_was_asked_and_what_was_found() -> None:
    why = propose(policy(), facts(finding()))[0].why
    assert "score 99.0 (asked 80)" in why and "conduct 99.0 (60)" in why and "coordination 99.0 (60)" in why


def test_a_row_by_account_names_only_accounts_that_score_by_themselves() -> None:
    rows = policy(action="watch").rows
    by_account = policy_from(
        '[[rule]]\nname = "one"\nscope = "account"\naction = "watch"\naccount_score_from = 99.5\n', "test"
    )
    assert rows and propose(by_account, facts(finding())) == []


def test_why_some_accounts_of_a_campaign_are_met_more_gently_is_said_on_both_decisions() -> None:
    found = finding(accounts=4)
    soft = '[rule.gentler]\naccount_kinds = ["enterprise", "research"]\naction = "step_up"\ntell = "Who is it?"'
    of_two = propose(policy(more=soft), facts(found, kinds={"C-1-0": "research", "C-1-1": "enterprise"}))
    why = {p.variant: whom_of(p.why) for p in of_two}
    apart = "enterprise customers (1) and research customers (1), whom the policy's row row meets more gently: "
    assert why["gentler"] == f"these 2 accounts are {apart}step up, not suspend."
    assert why["main"] == f"the other 2 accounts of the campaign are {apart}step up, not suspend."
    (alone,) = propose(policy(more=soft), facts(finding(accounts=1), kinds={"C-1-0": "enterprise"}))
    assert whom_of(alone.why).startswith("this account is an enterprise customer, whom")
    assert whom_of(propose(policy(more=soft), facts(found))[0].why) == ""
