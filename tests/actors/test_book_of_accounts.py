"""The book of a window: who is in it, when they are active, which turns they inherited, what is missing."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from signals.traffic import CODE, DAY_US, HOUR_US, START, START_US, Traffic, groups
from stillwatch.actors.allowed import allowed_accounts
from stillwatch.actors.book import open_book
from stillwatch.actors.clock import by_day, hour_of_day, span_days
from stillwatch.actors.view import View, as_one
from stillwatch.signals import extra_sums


def _at(*hours: float) -> np.ndarray:
    return np.asarray([START_US + int(h * HOUR_US) for h in hours], dtype=np.int64)


def test_hours_fold_into_the_day_and_days_count_from_the_first_day_of_the_window() -> None:
    town = Traffic()
    early, late = town.accounts(2).tolist()
    town.send(early, _at(5, 5.5, 29, 53))
    town.send(late, _at(23.9, 24.1))
    book = town.book()
    hours = hour_of_day(book)
    assert hours[0, 5] == 4 and hours[0].sum() == 4
    assert hours[1, 23] == 1 and hours[1, 0] == 1
    assert by_day(book).toarray().tolist() == [[2, 1, 1], [1, 1, 0]]
    assert np.allclose(span_days(book), [2.0, 0.2 / 24], atol=1e-9)


def test_sums_and_coverage_count_only_what_is_known() -> None:
    town = Traffic()
    account = town.accounts(1).tolist()[0]
    town.send(account, _at(1, 2, 3), finish_reason="refusal", output_tokens=None, status=429)
    town.send(account, _at(4), finish_reason=None, output_tokens=None, status=None)
    book = town.book()
    assert book.n.tolist() == [4.0]
    assert book.sums["refused"].tolist() == [3.0]
    assert book.sums["blocked"].tolist() == [3.0]
    assert book.column_known("finish_reason").tolist() == [0.75]
    assert book.column_known("output_tokens").tolist() == [0.0]


def test_a_rule_counts_once_for_an_exchange_that_matches_it_in_prompt_and_system_prompt() -> None:
    town = Traffic()
    account = town.accounts(1).tolist()[0]
    code = CODE["grading"]
    town.send(account, _at(1, 2), patterns=[code], system_patterns=[code])
    town.send(account, _at(3), patterns=None, system_patterns=[code, code + 1])
    book = town.book()
    assert book.rules[0, code] == 3.0
    assert book.rules[0, code + 1] == 1.0


def test_inherited_turns_are_own_borrowed_foreign_or_left_out() -> None:
    """Quotes of one account: two own, three a neighbour's, four nobody's; old ones and common ones don't count."""
    town = Traffic()
    a, b, *crowd = town.accounts(30).tolist()
    town.send(a, town.by_clock(10), completion=np.arange(100, 110))
    town.send(b, town.by_clock(10), completion=np.arange(200, 210))
    for other in crowd:
        town.send(other, _at(30), completion=np.asarray([300]))
    town.quote(a, [100, 101])
    town.quote(a, [200, 201, 202])
    town.quote(a, [1, 2, 3, 4])
    town.quote(a, [300])
    town.quote(a, [5, 6, 7], day=0.5)
    book = town.book()
    assert book.turns_seen[a] == 9.0
    assert book.turns_borrowed[a] == 3.0
    assert book.turns_foreign[a] == 4.0
    assert book.turns_seen[b] == 0.0


def test_a_turn_that_an_earlier_part_saw_on_the_first_day_is_not_asked_about_later() -> None:
    town = Traffic()
    a, b = town.accounts(2).tolist()
    town.send([a, b] * 5, town.by_clock(10))
    town.quote(a, [1, 2, 3], day=0.5)
    town.quote(a, [1, 2, 3], day=6.0)
    town.quote(b, [4, 5], day=6.0)
    book = town.book()
    assert book.turns_seen[b] == 2.0
    assert book.turns_seen[a] == 0.0, "an old conversation continued, not one that began inside the window"


def test_marks_keep_values_that_two_hold_and_count_the_breadth_of_all() -> None:
    town = Traffic()
    a, b, c = town.accounts(3, payment=[1, 1, 2]).tolist()
    town.send(a, _at(1, 2, 3), ip=np.asarray([7, 7, 8]))
    town.send(b, _at(1), ip=7)
    town.send(c, _at(1, 2), ip=None)
    book = town.book()
    ips = book.marks["ip"]
    assert ips.values.tolist() == [7]
    assert ips.counts.toarray().ravel().tolist() == [2, 1, 0]
    assert ips.held.tolist() == [2, 1, 0]
    assert ips.rows.tolist() == [3, 1, 0]
    assert book.marks["payment"].holders.tolist() == [2]


def test_settings_are_unknown_where_none_was_logged_and_no_tools_are_no_shared_tool_set() -> None:
    town = Traffic()
    a, b = town.accounts(2).tolist()
    for account in (a, b):
        town.send(account, _at(1, 2), temperature=None, top_p=None, max_tokens=None, tools=0)
    book = town.book()
    assert book.marks["settings"].held.tolist() == [0, 0]
    assert book.marks["tools"].held.tolist() == [0, 0]


def test_an_account_without_a_record_is_unknown_and_one_without_use_is_not_in_the_book() -> None:
    town = Traffic()
    unrecorded = town.accounts(2).tolist()[0]
    town.send(unrecorded, _at(1))
    window = town.window()
    window.accounts = window.accounts.slice(1)
    book = open_book(window, extra_sums())
    window.close()
    assert book.ids == ["acct-00000"]
    assert book.customer["plan"].tolist() == [None]
    assert book.known["account.plan"] == 0.0


def test_a_window_ends_before_until_and_begins_with_since() -> None:
    town = Traffic()
    account = town.accounts(1).tolist()[0]
    town.send(account, _at(0, 24, 48))
    book = town.book(since=START + timedelta(days=1), until=START + timedelta(days=2))
    assert book.n.tolist() == [1.0]


def test_an_empty_window_is_an_empty_book() -> None:
    book = Traffic().book()
    assert book.accounts == 0
    assert book.hours.shape[0] == 0
    assert all(table.counts.shape[0] == 0 for table in book.marks.values())


def test_an_allow_counts_until_its_end_and_only_with_a_reason() -> None:
    town = Traffic()
    ends = [None, START_US + 2 * DAY_US, START_US + 1, None]
    accounts = town.accounts(4, allow=["agreed", "agreed", "agreed", None], allow_until=ends)
    town.send(np.repeat(accounts, 2), np.tile(_at(1, 24), 4))
    assert allowed_accounts(town.book()).tolist() == [True, True, False, False]


def test_a_group_is_the_sum_of_its_accounts() -> None:
    town = Traffic()
    people = town.people(12)
    book = town.book()
    view = groups(book, people[:5], people[5:])
    assert view.size.tolist() == [5.0, 7.0]
    assert np.isclose(view.n.sum(), book.n.sum())
    assert np.allclose(view.matrix(book.hours).sum(axis=1).ravel(), view.n)
    assert view.members(1).tolist() == list(range(5, 12))
    assert View(book).members(3).tolist() == [3]
    assert as_one(book, []).actors == 0
