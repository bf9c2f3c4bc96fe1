"""Decisions travel as JSON and come back the same; what is not a decision is refused by the field's name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stillwatch_gateway.wire import Decision, Limits, WireError, account_number, decision_from

GOOD = Decision(
    decision_id="d-1", action="trim", scope="campaign", value="c-1", created_at=1.0, expires_at=2.0, enforced=True,
    campaign_id="c-1", reason="coordinated_harvest", tell="Your use is being looked at.",
    limits=Limits(per_minute=6, logprobs=False, max_tokens=512, reasoning="withhold"), members=("a", "b"),
    marks=(0xFFFFFFFFFFFFFFFF, 7), newcomers="step_up",
)  # fmt: skip


def test_a_decision_comes_back_as_it_was_sent() -> None:
    assert decision_from(json.loads(json.dumps(GOOD.as_dict()))) == GOOD


def test_a_field_of_a_later_version_is_passed_over() -> None:
    assert decision_from({**GOOD.as_dict(), "colour": "red"}) == GOOD


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("decision_id", ""), ("value", 7), ("action", "ban"), ("scope", "planet"), ("created_at", "now"),
        ("expires_at", float("nan")), ("enforced", 1), ("members", "ab"), ("members", [1]), ("marks", ["x"]),
        ("marks", ["1" * 17]), ("limits", []), ("limits", {"max_tokens": 0}), ("limits", {"per_minute": -1}),
        ("limits", {"reasoning": "burn"}), ("limits", {"retry_after_s": 1e9}), ("tell", "x" * 601),
        ("newcomers", "ban"), ("campaign_id", 3),
    ],
)  # fmt: skip
def test_what_is_not_a_decision_is_refused_by_the_name_of_the_field(field: str, value: Any) -> None:
    with pytest.raises(WireError, match=field):
        decision_from({**GOOD.as_dict(), field: value})


def test_an_account_number_is_the_same_everywhere() -> None:
    assert account_number("user-0001") == 0x689CF56EED0A6709
