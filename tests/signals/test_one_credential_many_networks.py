"""Accounts behind rotating proxies are seen; people with a home, an office and a telephone are not."""

from __future__ import annotations

import numpy as np

from signals.traffic import Traffic, bits_of


def _from(town: Traffic, networks: int) -> np.ndarray:
    accounts = town.accounts(10)
    for account in accounts.tolist():
        nets = town.drawn(100, town.fresh(networks))
        town.send(account, town.by_life(100), ip=nets, net=nets)
    return accounts


def test_each_exchange_from_another_network_is_seen() -> None:
    town = Traffic()
    town.people(60)
    assert bits_of(town, "one_credential_many_networks", _from(town, 2000))[0] > 0.5


def test_people_who_move_between_three_networks_are_left_alone() -> None:
    town = Traffic()
    for _ in range(5):
        _from(town, 3)
    rotated, at_home = bits_of(town, "one_credential_many_networks", _from(town, 2000), _from(town, 3))
    assert at_home <= 0.0
    assert at_home < rotated - 0.5
