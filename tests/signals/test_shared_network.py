"""A few addresses behind one group are seen; an exit that the whole town uses is not held against it."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_group_behind_three_addresses_is_seen_and_people_at_home_are_not() -> None:
    town = Traffic()
    people = town.people(60)
    pool = town.fresh(3)
    ring = town.accounts(20)
    for account in ring.tolist():
        hosts = town.drawn(40, pool)
        town.send(account, town.by_clock(40), ip=hosts, net=hosts)
    seen, at_home = bits_of(town, "shared_network", ring, people[:20])
    assert seen > 1.0
    assert at_home < 0.0


def test_people_behind_an_exit_that_everybody_uses_weigh_less() -> None:
    town = Traffic()
    everybody = town.people(80, ip=1, net=1)
    town.people(20)
    assert bits_of(town, "shared_network", everybody[:20])[0] < 1.0
