"""A class with one set of exercises is explained; a harvest on a queue is not, whatever its plan."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _pupils(town: Traffic, **record: str) -> np.ndarray:
    exercises = town.fresh(25)
    accounts = town.accounts(15, **record)
    for account in accounts.tolist():
        town.send(account, town.by_life(30), prompt=town.drawn(30, exercises))
    return accounts


def test_a_class_is_explained_and_its_education_accounts_add_to_it() -> None:
    town = Traffic()
    lesson, course = bits_of(town, "taught_cohort", _pupils(town, kind="education"), _pupils(town))
    assert lesson < -2.0
    assert lesson < course < -1.0


def test_a_queue_dealt_to_individuals_is_not_explained_and_to_education_plans_only_a_little() -> None:
    town = Traffic()
    plain, on_education = bits_of(
        town, "taught_cohort", town.harvest(15), town.harvest(15, record={"kind": "education"})
    )
    assert plain == 0.0
    assert -1.5 < on_education <= 0.0
