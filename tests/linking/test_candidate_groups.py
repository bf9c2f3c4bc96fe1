"""Which accounts linking puts together: rings whole, hubs apart, whatever the order of the accounts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.traffic import Traffic
from stillwatch.actors.book import Book
from stillwatch.linking.candidate import Candidate
from stillwatch.linking.candidates import candidates
from stillwatch.linking.cells import joined_cells


def _sets(book: Book, found: list[Candidate] | None = None) -> set[frozenset[str]]:
    return {frozenset(book.ids[int(m)] for m in c.members) for c in (found or candidates(book))}


def _ids(numbers: np.ndarray) -> frozenset[str]:
    return frozenset(f"acct-{n:05d}" for n in numbers.tolist())


def _reordered(book: Book, order: np.ndarray) -> Book:
    """The same book with its accounts in another order."""
    marks = {
        name: replace(table, counts=table.counts[order], held=table.held[order], rows=table.rows[order])
        for name, table in book.marks.items()
    }
    return replace(
        book, ids=[book.ids[i] for i in order], numbers=book.numbers[order], marks=marks, hours=book.hours[order],
        sums={k: v[order] for k, v in book.sums.items()}, topics=book.topics[order], rules=book.rules[order],
        topic_rows=book.topic_rows[order], models=book.models[order],
        customer={k: v[order] for k, v in book.customer.items()},
    )  # fmt: skip


@cache
def _mixed_book() -> Book:
    town = Traffic(seed=3)
    town.people(60)
    town.harvest(12, 30, record={"payment": 1, "device": 2})
    town.harvest(10, 30, ip=5, net=5)
    town.people(15, 30, record={"org": 8, "signup_ip": 9, "signup_net": 9})
    return town.book()


@given(st.randoms(use_true_random=False))
@settings(max_examples=8, deadline=None)
def test_the_order_of_the_accounts_changes_no_group(random: object) -> None:
    book = _mixed_book()
    order = np.arange(book.accounts)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert _sets(_reordered(book, order)) == _sets(book)


@given(st.integers(5, 30), st.integers(0, 1000))
@settings(max_examples=4, deadline=None)
def test_a_ring_that_shares_cards_and_devices_is_proposed_whole(size: int, seed: int) -> None:
    town = Traffic(seed=seed)
    town.people(60, 15)
    ring = town.people(size, 15, record={"payment": 1, "device": 2})
    book = town.book()
    found = candidates(book)
    assert _ids(ring) in _sets(book, [c for c in found if c.how == "rare values of two kinds"])


def test_every_group_is_sorted_unique_inside_the_book_and_proposed_once() -> None:
    book = _mixed_book()
    found = candidates(book)
    assert found
    for c in found:
        assert c.size >= 3
        assert (np.diff(c.members) > 0).all()
        assert c.members[0] >= 0 and c.members[-1] < book.accounts
    assert len({c.members.tobytes() for c in found}) == len(found)


def test_strangers_who_share_nothing_are_not_tied_by_rare_values() -> None:
    town = Traffic(seed=2)
    town.people(120, 15)
    assert [c for c in candidates(town.book()) if c.how in ("rare values of two kinds", "the same templates")] == []


def test_a_campus_address_puts_nobody_together_with_a_ring_but_as_holders_of_one_value() -> None:
    town = Traffic(seed=4)
    town.people(300, 10)
    campus = town.accounts(300, signup_ip=7, signup_net=7)
    town.send(np.repeat(campus, 8), np.concatenate([town.by_life(8) for _ in campus]), ip=7, net=7)
    ring = town.people(12, 20, record={"payment": 1, "device": 2, "signup_ip": 7, "signup_net": 7}, ip=7, net=7)
    book = town.book()
    found = candidates(book)
    assert _ids(ring) in _sets(book, found)
    rogue, strangers = _ids(ring), _ids(campus)
    for c in found:
        names = frozenset(book.ids[int(m)] for m in c.members)
        if names & rogue and names & strangers:
            assert c.how.startswith("one "), (c.how, c.size)
            assert len(c.formed_by) == 1


def test_a_ring_of_two_thousand_is_proposed_although_its_template_is_popular() -> None:
    town = Traffic(seed=6)
    town.people(250, 12)
    ring = town.accounts(2000)
    shared = town.fresh(3)
    account = np.repeat(ring, 12)
    town.send(account, town.by_clock(len(account)), opening=town.drawn(len(account), shared))
    book = town.book()
    wanted = _ids(ring)
    best = max(len(wanted & names) / len(wanted | names) for names in _sets(book))
    assert best > 0.95


def test_two_rings_that_rent_one_pool_of_addresses_are_proposed_apart() -> None:
    town = Traffic(seed=7)
    town.people(120, 15)
    pool = town.fresh(25)
    rings = []
    for card in (1, 2):
        cards = {"payment": card, "device": card}
        ring = town.accounts(20, **cards)
        shared = town.fresh(3)
        for number in ring.tolist():
            hosts = town.drawn(30, pool)
            town.send(number, town.by_clock(30), opening=town.drawn(30, shared), ip=hosts, net=hosts)
        rings.append(_ids(ring))
    found = _sets(town.book())
    assert rings[0] in found
    assert rings[1] in found


def test_a_harvest_of_bare_items_without_any_template_is_proposed_by_its_matter() -> None:
    town = Traffic(seed=8)
    town.people(80, 30)
    harvest = town.harvest(20, 60, opening=None, closing=None)
    book = town.book()
    wanted = _ids(harvest)
    best = max((len(wanted & names) / len(wanted | names) for names in _sets(book)), default=0.0)
    assert best > 0.8


def test_fewer_than_three_accounts_are_no_group() -> None:
    town = Traffic()
    town.people(2)
    assert candidates(town.book()) == []
    assert candidates(Traffic().book()) == []


def test_cells_of_strangers_with_nothing_above_its_base_rate_are_joined_with_nobody() -> None:
    """A tiny window: cells there are, but no value that their accounts hold more than others do."""
    town = Traffic(seed=5)
    town.people(30)
    book = town.book()
    cells = [Candidate(np.arange(k, k + 5), frozenset({"payment"}), "by hand") for k in (0, 5, 10)]
    assert joined_cells(book, cells, min_lift=1e6) == []
