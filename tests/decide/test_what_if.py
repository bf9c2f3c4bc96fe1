"""What would a policy have done? Whom it meets, from when, and what share of a harvest it stops: only counted."""

from __future__ import annotations

import numpy as np
import pytest

from decide.place import HOUR, facts, finding, policy
from stillwatch.decide.what_if import Sighting, Traffic, what_if

MARK = 77


def traffic(*rows: tuple[float, str, int]) -> Traffic:
    """Exchanges as (hour, account, opening)."""
    names = {name: i for i, name in enumerate(sorted({r[1] for r in rows}))}
    rows = tuple(sorted(rows))
    return Traffic(
        np.array([r[0] * HOUR for r in rows]), np.array([names[r[1]] for r in rows], np.int32),
        np.array([r[2] for r in rows], np.int64), np.zeros(len(rows), np.int64), {i: n for n, i in names.items()},
    )  # fmt: skip


HARVEST = finding(accounts=2)
DAY = [(h, a, 0) for h in range(48) for a in ("C-1-0", "C-1-1", "person")]


def fair(account: str) -> bool:
    return account == "person"


def test_what_came_before_the_decision_and_its_approval_is_not_prevented() -> None:
    seen = [Sighting(12 * HOUR, facts(HARVEST))]
    out = what_if(policy(), seen, traffic(*DAY), {"C-1": {"C-1-0", "C-1-1"}}, fair, approval_hours=6)
    (campaign,) = out.campaigns
    assert campaign.first_decided_after_hours == 18.0
    assert campaign.prevented == pytest.approx(30 / 48) == out.prevented
    assert (out.accounts_hit, out.exchanges_hit, out.waited_for_approval) == (2, 60, 1)
    assert out.legitimate_accounts_hit == () and out.legitimate_exchanges == 48


def test_a_decision_that_no_sweep_renews_runs_out() -> None:
    short = policy(action="throttle", more="expires_hours = 6")
    out = what_if(short, [Sighting(12 * HOUR, facts(HARVEST))], traffic(*DAY), {"C-1": {"C-1-0", "C-1-1"}}, fair)
    assert out.prevented == pytest.approx(6 / 48)


def test_a_renewal_of_what_was_approved_needs_no_second_approval() -> None:
    seen = [Sighting(h * HOUR, facts(HARVEST)) for h in (12, 24, 36)]
    out = what_if(policy(more="expires_hours = 12"), seen, traffic(*DAY), {"C-1": set(HARVEST.members)}, fair,
                  approval_hours=4)  # fmt: skip
    assert out.prevented == pytest.approx(32 / 48)


def test_trimming_lessens_and_watching_does_nothing() -> None:
    seen, by = [Sighting(0.0, facts(HARVEST))], {"C-1": set(HARVEST.members)}
    trim = what_if(policy(action="trim", more="limits = { logprobs = false }"), seen, traffic(*DAY), by, fair)
    assert (trim.prevented, trim.lessened) == (0.0, 1.0)
    watch = what_if(policy(action="watch"), seen, traffic(*DAY), by, fair)
    assert (watch.exchanges_hit, watch.campaigns[0].first_decided_after_hours) == (0, None)


def test_who_was_accused_wrongly_is_named_and_counted() -> None:
    both = finding(members=("C-1-0", "C-1-1", "person"))
    seen = [Sighting(24 * HOUR, facts(both))]
    out = what_if(policy(action="throttle"), seen, traffic(*DAY), {"C-1": {"C-1-0"}}, fair)
    assert out.legitimate_accounts_hit == ("person",) and out.legitimate_exchanges_hit == 24


def test_whom_people_exempted_is_not_met() -> None:
    seen = [Sighting(0.0, facts(HARVEST))]
    by = {"C-1": set(HARVEST.members)}
    assert what_if(policy(action="throttle"), seen, traffic(*DAY), by, fair, exempt={"C-1-0"}).accounts_hit == 1
    assert what_if(policy(action="throttle"), seen, traffic(*DAY), by, fair, wrong={"C-1"}).accounts_hit == 0


def test_an_unknown_account_is_met_from_its_first_mark_on_and_a_known_one_is_not() -> None:
    more = [(20, "fresh", 0), (21, "fresh", MARK), (22, "fresh", 0), (23, "other", 5), (1, "old", 0), (22, "old", MARK)]
    seen = [Sighting(12 * HOUR, facts(HARVEST), {"C-1": (MARK,)})]
    out = what_if(policy(action="throttle"), seen, traffic(*DAY, *more), {"C-1": {"fresh"}}, fair)
    assert out.newcomers_met == 1
    assert out.campaigns[0].prevented == pytest.approx(2 / 3)
    assert out.accounts_hit == 3


def test_a_mark_with_its_highest_bit_set_meets_what_the_store_keeps_signed() -> None:
    signed = -5
    seen = [Sighting(12 * HOUR, facts(HARVEST), {"C-1": (signed & 0xFFFFFFFFFFFFFFFF,)})]
    out = what_if(policy(action="throttle"), seen, traffic(*DAY, (20, "fresh", signed)), {"C-1": set()}, fair)
    assert out.newcomers_met == 1


def test_an_empty_window_is_no_error() -> None:
    empty = Traffic(np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(0, np.int64), {})
    out = what_if(policy(), [], empty, {}, fair)
    assert (out.exchanges, out.prevented, out.decisions) == (0, 0.0, 0)
