"""How much more a group shares than everybody else, against a second, naive count over account pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from signals.traffic import Traffic, groups
from stillwatch.actors.book import Book
from stillwatch.actors.breadth import distinct_values, met_across_accounts
from stillwatch.actors.marks import KIND, MarkTable
from stillwatch.actors.sharing import Sharing, sharing, sharing_bits
from stillwatch.actors.view import as_one

ACCOUNTS = 9
_EMPTY = Traffic().book()

#: Who holds which value how often, a handful of accounts and values.
held_values = st.dictionaries(
    st.tuples(st.integers(0, ACCOUNTS - 1), st.integers(0, 5)), st.integers(1, 4), min_size=1, max_size=25
)
members = st.lists(st.integers(0, ACCOUNTS - 1), min_size=1, max_size=ACCOUNTS, unique=True).map(sorted)


def _book(edges: dict[tuple[int, int], int]) -> Book:
    """A book that holds one kind of mark and nothing else, as `open_book` lays it out."""
    shared = [(a, v, n) for (a, v), n in edges.items() if sum(w == v for _, w in edges) > 1]
    values, column = np.unique(np.asarray([v for _, v, _ in shared], dtype=np.int64), return_inverse=True)
    table = MarkTable.build(
        KIND["ip"], ACCOUNTS, np.asarray([a for a, _, _ in shared], dtype=np.int64), column, values,
        np.asarray([n for _, _, n in shared], dtype=float),
        np.asarray([sum(a == i for a, _ in edges) for i in range(ACCOUNTS)], dtype=float),
        np.asarray([sum(n for (a, _), n in edges.items() if a == i) for i in range(ACCOUNTS)], dtype=float),
    )  # fmt: skip
    blank = dict(vars(_EMPTY)) | {
        "ids": [f"a{i}" for i in range(ACCOUNTS)], "sums": {"n": np.maximum(table.rows, 1.0)}, "marks": {"ip": table},
        "hours": sp.csr_matrix((ACCOUNTS, 1)),
    }  # fmt: skip
    return Book(**blank)


@given(held_values, members)
@settings(max_examples=150, deadline=None)
def test_pairs_known_and_covered_accounts_equal_a_count_by_hand(
    edges: dict[tuple[int, int], int], group: list[int]
) -> None:
    shared = sharing(as_one(_book(edges), [np.asarray(group)]), "ip")
    of = {a: {v for b, v in edges if b == a} for a in range(ACCOUNTS)}
    knows = [a for a in group if of[a]]
    assert shared.known[0] == len(knows)
    assert shared.pairs[0] == sum(len(of[a] & of[b]) for a, b in combinations(group, 2))
    met = [a for a in knows if any(of[a] & of[b] for b in group if b != a)]
    assert np.isclose(shared.covered[0], len(met) / max(len(knows), 1))


@given(held_values, members)
@settings(max_examples=150, deadline=None)
def test_the_lift_is_unknown_with_few_accounts_and_grows_only_where_pairs_share(
    edges: dict[tuple[int, int], int], group: list[int]
) -> None:
    shared = sharing(as_one(_book(edges), [np.asarray(group)]), "ip")
    of = {a: {v for b, v in edges if b == a} for a in range(ACCOUNTS)}
    outside = [a for a in range(ACCOUNTS) if a not in group and of[a]]
    if shared.known[0] < 3 or len(outside) < 3:
        assert np.isnan(shared.lift[0])
        assert sharing_bits(shared, most=3.0)[0] == 0.0
    else:
        assert (shared.lift[0] > 1e-6) == (shared.pairs[0] > 0)


@given(held_values, members)
@settings(max_examples=150, deadline=None)
def test_distinct_values_and_met_exchanges_equal_a_count_by_hand(
    edges: dict[tuple[int, int], int], group: list[int]
) -> None:
    view = as_one(_book(edges), [np.asarray(group)])
    distinct, rows = distinct_values(view, "ip")
    met, rows_again = met_across_accounts(view, "ip")
    inside = {(a, v): n for (a, v), n in edges.items() if a in group}
    assert distinct[0] == len({v for _, v in inside})
    assert rows[0] == rows_again[0] == sum(inside.values())
    assert met[0] == sum(n for (a, v), n in inside.items() if any(w == v and b != a for b, w in inside))


def test_the_lift_is_the_chance_inside_over_the_chance_outside() -> None:
    edges = {(a, 0): 1 for a in range(4)} | {(a, a): 1 for a in range(4, 9)}
    lift = sharing(as_one(_book(edges), [np.arange(4)]), "ip").lift[0]
    # All 6 pairs inside share it; of the 10 pairs outside none does, which counts as one.
    assert np.isclose(lift, 1.0 / (1.0 / 10.0))


def test_a_value_that_is_a_stray_part_of_an_accounts_use_does_not_count() -> None:
    edges = {(a, 0): 1 for a in range(ACCOUNTS)} | {(a, 9): 4 for a in range(4)} | {(a, a): 30 for a in range(1, 9)}
    view = as_one(_book(edges), [np.arange(5)])
    assert sharing(view, "ip").covered[0] == 1.0
    assert sharing(view, "ip", main_share=0.5).covered[0] == 0.0


def test_bits_grow_with_the_lift_and_the_covered_share_and_keep_below_the_most() -> None:
    lift, covered = np.asarray([1.0, 4.0, 64.0, 1e9, 64.0]), np.asarray([0.9, 0.9, 0.9, 0.9, 0.2])
    bits = sharing_bits(Sharing(lift, covered, np.full(5, 20.0), np.full(5, 9.0)), most=3.0)
    assert 0.0 == bits[0] < bits[1] < bits[2] < bits[3] <= 3.0
    assert bits[4] < bits[2]


def test_many_accounts_that_share_nothing_speak_against_and_few_say_nothing() -> None:
    nothing = Sharing(np.full(2, 1e-12), np.zeros(2), np.asarray([20.0, 5.0]), np.zeros(2))
    many, few = sharing_bits(nothing, most=3.0)
    assert many < 0.0
    assert few == 0.0


def test_a_random_group_of_a_town_with_few_mail_shapes_is_hardly_lifted() -> None:
    town = Traffic(seed=3)
    people = town.people(200, 9)
    book = town.book()
    parts = [town.rng.choice(people, 60, replace=False) for _ in range(12)]
    shared = sharing(groups(book, *parts), "email_pattern")
    assert np.median(shared.lift) < 3.0
    assert sharing_bits(shared, most=3.0).mean() < 0.8


def test_a_ring_with_a_few_strays_at_a_popular_exit_is_still_lifted() -> None:
    town = Traffic(seed=3)
    town.people(100, 9)
    exit_users = town.people(60, 9, ip=1, net=1)
    ring, strays = town.harvest(18, 9, ip=2, net=2), town.harvest(2, 9, ip=1, net=1)
    lift = sharing(groups(town.book(), np.concatenate([ring, strays]), exit_users[:20]), "ip").lift
    assert lift[0] > 50.0
    assert lift[1] < 0.5 * lift[0]
