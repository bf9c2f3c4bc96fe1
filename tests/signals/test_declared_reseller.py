"""A declared reseller is explained; a group with one reseller in it is not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def test_declared_resellers_are_explained_and_others_are_not() -> None:
    town = Traffic()
    declared = town.harvest(8, record={"kind": "reseller"})
    undeclared = town.harvest(8, record={"kind": "business"})
    explained, bare = bits_of(town, "declared_reseller", declared, undeclared)
    assert explained < -3.0
    assert bare == 0.0


def test_one_reseller_with_nearly_all_the_traffic_does_not_cover_the_other_accounts() -> None:
    town = Traffic()
    screen = town.harvest(1, 5000, record={"kind": "reseller"})
    behind = town.harvest(9, record={"kind": "individual"})
    assert bits_of(town, "declared_reseller", np.concatenate([screen, behind])) == [0.0]
