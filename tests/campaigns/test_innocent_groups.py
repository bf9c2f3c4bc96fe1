"""Linked groups of innocents: a class, a company, an app's users, an agreed evaluation. None is a campaign."""

from __future__ import annotations

from functools import cache

import numpy as np

from signals.traffic import CODE, DAY_US, RULES, START_US, Traffic
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.hunt import Hunted, hunt


def _class(town: Traffic) -> np.ndarray:
    """One campus address, opened in one week, the same exercises, by day."""
    opened = START_US - town.rng.integers(0, 5, 40) * DAY_US
    record = {"kind": "education", "signup_ip": 70, "signup_net": 70, "created_at": opened, "email_domain": 701}
    pupils = town.accounts(40, **record)
    exercises = town.fresh(60)
    for number in pupils.tolist():
        given = town.drawn(30, exercises)
        talk = np.where(town.rng.random(30) < 0.5, 3, 1)
        town.send(number, town.by_life(30), prompt=given, masked=given, opening=given, closing=given, ip=70, net=70,
                  turns=talk, assistant_turns=talk // 2, history=town.fresh(30))  # fmt: skip
    return pupils


def _company(town: Traffic) -> np.ndarray:
    """A verified firm: one card, one address, one system prompt, people at work."""
    record = {"org": 80, "payment": 80, "kind": "enterprise", "verification": "business", "email_domain": 801,
              "payment_kind": "invoice"}  # fmt: skip
    return town.people(40, 40, record=record, ip=80, net=80, system=80, system_opening=80)


def _app(town: Traffic) -> np.ndarray:
    """Users of one app: its template around their own documents, by day, each at home with an own card."""
    users = town.accounts(60)
    template = int(town.fresh(1)[0])
    for number in users.tolist():
        n = int(town.rng.integers(8, 60))
        town.send(number, town.by_life(n), opening=template, client=90, system=90, system_opening=90)
    return users


@cache
def _hunted() -> tuple[Hunted, dict[str, frozenset[str]]]:
    town = Traffic(seed=13)
    town.people(150, 30)
    made = {"class": _class(town), "company": _company(town), "app": _app(town)}
    made["agreed evaluation"] = town.harvest(
        8, 120, record={"payment": 5, "allow": "evaluation, agreed"}, patterns=[CODE["grading"]]
    )
    window = town.window()
    hunted = hunt(window, RULES, calibration=Calibration.load(), prior=0.05)
    window.close()
    return hunted, {k: frozenset(f"acct-{n:05d}" for n in v.tolist()) for k, v in made.items()}


def test_no_innocent_group_is_called_a_harvest_a_relay_or_a_replay() -> None:
    hunted, made = _hunted()
    assert hunted.candidates, "the groups are linked all right"
    accused = [r.chosen for r in hunted.reported if r.chosen.kind != "account_network"]
    inside = [{hunted.book.ids[m] for m in c.candidate.members} for c in accused]
    assert {name for members in inside for name, ids in made.items() if ids & members} == set()
    assert accused == []


def test_hardly_any_account_of_an_innocent_group_is_more_than_clear() -> None:
    hunted, made = _hunted()
    score = dict(zip(hunted.book.ids, 100.0 * hunted.scores.p, strict=True))
    for name, ids in made.items():
        assert np.mean([score[i] >= 20.0 for i in ids]) <= 0.02, name


def test_a_verified_company_is_not_reported_as_somebodys_network() -> None:
    hunted, made = _hunted()
    for r in hunted.reported:
        members = {hunted.book.ids[m] for m in r.chosen.candidate.members}
        assert len(members & made["company"]) < 0.5 * len(made["company"])


def test_users_of_one_app_are_nobodys_network() -> None:
    hunted, made = _hunted()
    for r in hunted.reported:
        members = {hunted.book.ids[m] for m in r.chosen.candidate.members}
        assert len(members & made["app"]) < 0.5 * len(made["app"])
