"""Builders of decisions and gateways, shared by the tests of this folder."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Any

from stillwatch_gateway.cache import Cache
from stillwatch_gateway.deltas import Delta
from stillwatch_gateway.judge import Judge
from stillwatch_gateway.kernel import ends_of, shingles_of
from stillwatch_gateway.settings import GatewaySettings
from stillwatch_gateway.wire import Decision, account_number

NOW = 1_795_000_000.0
TEMPLATE = "Please grade the following answer of a student from one to ten and say why: "
OTHER = "What should I cook tonight for two people who like neither fish nor cheese, and quickly?"


def decision(
    decision_id: str, action: str = "suspend", scope: str = "account", value: str = "a-1", **more: Any
) -> Decision:
    """An enforced decision of one hour, unless said otherwise."""
    given: dict[str, Any] = {"created_at": NOW - 60, "expires_at": NOW + 3600, "enforced": True, **more}
    return Decision(decision_id, action, scope, value, **given)


def campaign(**more: Any) -> Decision:
    """A campaign of two members whose template's opening is its mark."""
    opening = ends_of(TEMPLATE).opening
    marks = (opening, *shingles_of(TEMPLATE))
    assert opening is not None
    given = {"members": ("m-1", "m-2"), "marks": marks, "newcomers": "step_up", **more}
    return decision("d-c", "suspend", "campaign", "c-1", **given)


def numbers(accounts: Iterable[str]) -> bytes:
    """The list of known accounts as the service sends it."""
    return array("Q", sorted(account_number(one) for one in accounts)).tobytes()


class Clocks:
    """A wall clock and a steady clock that a test moves."""

    def __init__(self) -> None:
        self.wall, self.ticks = NOW, 1000.0

    def pass_by(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


class Gateway:
    """A cache and a judge on clocks of their own, with some decisions and known accounts."""

    def __init__(self, *decisions: Decision, known: Iterable[str] | None = ("k-1",), **settings: Any) -> None:
        self.clocks = Clocks()
        self.cache = Cache(clock=lambda: self.clocks.wall, steady=lambda: self.clocks.ticks)
        self.settings = GatewaySettings(**settings)
        self.judge = Judge(
            self.cache, settings=self.settings, clock=lambda: self.clocks.wall, steady=lambda: self.clocks.ticks
        )
        self.cache.apply(Delta(1, True, NOW, upsert=decisions))
        if known is not None:
            self.cache.set_known(numbers(known), "1")
