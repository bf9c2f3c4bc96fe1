"""What every signal must keep to, whatever it measures."""

from __future__ import annotations

import re
from functools import cache

import numpy as np
import pytest

from signals.traffic import CODE, DAY_US, START, START_US, Traffic, groups
from stillwatch.actors.book import Book
from stillwatch.actors.view import View
from stillwatch.errors import UsageError
from stillwatch.signals import Opinion, Signal, all_signals, measure, not_evaluable

SIGNALS = {s.name: s for s in all_signals()}
every_signal = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)


@cache
def _town() -> Traffic:
    """Everything that any signal asks for: people, a harvest, a relay with histories, a class, a release."""
    town = Traffic(seed=5)
    town.releases = [{"model": "tern-2", "released_at": START.replace(day=START.day + 7)}]
    town.people(30)
    town.people(10, record={"org": 4, "verification": "business"}, system=4, system_opening=4)
    born = START_US - 2 * DAY_US
    shared = {"payment": 1, "device": 2, "created_at": born, "payment_kind": "virtual_card", "verification": "none"}
    ring = town.harvest(12, 160, record=shared, patterns=[CODE["completed_answer_reasoning"], CODE["grading"]],
                        system=9, system_opening=9, tools=3, key=town.fresh(1)[0])  # fmt: skip
    town.told_by_others(town.templates[0])
    town.held_by(ring[:6])
    for account in ring.tolist():
        town.mark_fingerprints(account, np.arange(30), n=5)
    answers = town.fresh(200)
    relay = town.accounts(12, kind="reseller", allow="agreed")
    for account in relay.tolist():
        refused = ["refusal" if r else "stop" for r in town.rng.random(120) < 0.5]
        town.send(account, town.by_life(120), end_user=town.drawn(120, town.fresh(90)), turns=3, assistant_turns=1,
                  history=town.drawn(120, np.arange(60)), completion=town.drawn(120, answers), finish_reason=refused,
                  system=town.fresh(120), model="tern-2")  # fmt: skip
        town.quote(account, np.concatenate([town.drawn(80, answers), town.fresh(60)]))
    return town


@cache
def _book(shuffle: int | None = None, nulls: tuple[str, ...] = ()) -> Book:
    return _town().book(shuffle=shuffle, nulls=nulls)


def _views(book: Book) -> dict[str, View]:
    parts = [np.arange(0, 30), np.arange(30, 40), np.arange(40, 52), np.arange(52, 64), np.arange(20, 60)]
    return {"account": View(book), "group": groups(book, *parts)}


@cache
def _opinions(
    shuffle: int | None = None, nulls: tuple[str, ...] = (), single: bool = False
) -> list[tuple[View, dict[str, Opinion]]]:
    """Every signal's opinions, asked once: of accounts and of groups, or of each account as a group of one."""
    book = _book(shuffle, nulls)
    views = [groups(book, *([int(n)] for n in book.numbers))] if single else list(_views(book).values())
    return [(view, measure(view)) for view in views]


def _heard(
    signal: Signal, shuffle: int | None = None, nulls: tuple[str, ...] = ()
) -> list[tuple[View, np.ndarray, np.ndarray]]:
    return [
        (view, opinions[signal.name].statistic, opinions[signal.name].bits)
        for view, opinions in _opinions(shuffle, nulls)
        if signal.speaks_of(view)
    ]


def test_the_walk_of_the_folder_finds_every_signal_under_its_own_name() -> None:
    assert len(SIGNALS) >= 39
    for name, signal in SIGNALS.items():
        assert signal.measure.__module__ == f"stillwatch.signals.{name}"


@every_signal
def test_it_is_silent_on_an_empty_window(signal: Signal) -> None:
    book = _empty()
    for view in (View(book), groups(book)):
        if signal.speaks_of(view):
            opinion = signal(view)
            assert opinion.bits.shape == opinion.statistic.shape == (0,)


@cache
def _empty() -> Book:
    return Traffic().book()


@every_signal
def test_the_order_of_rows_changes_nothing(signal: Signal) -> None:
    for (_, statistic, bits), (_, again, bits_again) in zip(
        _heard(signal), _heard(signal, shuffle=3), strict=True
    ):
        np.testing.assert_allclose(statistic, again, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(bits, bits_again, rtol=1e-5, atol=1e-6)


@every_signal
def test_its_bits_are_finite_and_bounded_and_zero_where_it_is_not_evaluable(signal: Signal) -> None:
    spoke = 0
    for _, statistic, bits in _heard(signal):
        assert np.isfinite(bits).all()
        assert np.abs(bits).max() <= 10.0
        assert (bits[~np.isfinite(statistic)] == 0.0).all()
        spoke += int(np.isfinite(statistic).sum())
    assert spoke > 0, "the town holds nothing that this signal can speak of"


@every_signal
def test_of_a_group_of_one_account_it_thinks_as_of_the_account(signal: Signal) -> None:
    (view, of_accounts), (single, of_singles) = _opinions()[0], _opinions(single=True)[0]
    if not (signal.speaks_of(view) and signal.speaks_of(single)):
        assert set(signal.actors) <= {"account", "group"}
        assert signal.actors
        return
    account, group = of_accounts[signal.name], of_singles[signal.name]
    np.testing.assert_allclose(group.statistic, account.statistic, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(group.bits, account.bits, rtol=1e-4, atol=1e-5)


@every_signal
def test_without_the_columns_it_needs_it_is_not_evaluable(signal: Signal) -> None:
    if not signal.needs:
        assert not not_evaluable(signal, _views(_book())["group"]).any()
        return
    for column in signal.needs:
        for _, statistic, bits in _heard(signal, nulls=(column,)):
            assert np.isnan(statistic).all()
            assert (bits == 0.0).all()


@every_signal
def test_a_misspelt_setting_is_refused(signal: Signal) -> None:
    view = next(v for v in _views(_book()).values() if signal.speaks_of(v))
    with pytest.raises(UsageError, match="unknown setting"):
        signal(view, no_such_setting=1)
    with pytest.raises(UsageError, match="no signal is called"):
        measure(view, {signal.name + "_": {}})


@every_signal
def test_its_settings_are_taken(signal: Signal) -> None:
    view = next(v for v in _views(_book()).values() if signal.speaks_of(v))
    same = signal(view, **signal.settings)
    np.testing.assert_array_equal(same.bits, signal(view).bits)


@every_signal
def test_it_says_one_bounded_sentence_without_identifiers(signal: Signal) -> None:
    town = _town()
    secrets = {r["account_id"] for r in town.records} | {"tern-1", "agreed", "aaa"}
    for view, opinions in _opinions():
        if not signal.speaks_of(view):
            continue
        opinion = opinions[signal.name]
        for i in np.flatnonzero(np.isfinite(opinion.statistic)).tolist():
            sentence = opinion.says(i)
            assert 15 < len(sentence) < 260
            assert sentence[-1] == "." and "\n" not in sentence
            assert "nan" not in sentence.split("%")[0].split() and " inf" not in sentence
            assert not secrets & set(re.split(r"[\s,.;:()]+", sentence))
            assert not re.search(r"\d{12,}", sentence.replace(",", ""))


@every_signal
def test_its_facts_are_numbers_and_finite_where_it_speaks(signal: Signal) -> None:
    for view, opinions in _opinions():
        if not signal.speaks_of(view):
            continue
        opinion = opinions[signal.name]
        for i in np.flatnonzero(np.isfinite(opinion.statistic)).tolist():
            facts = opinion.facts(i)
            assert facts
            assert all(isinstance(v, float) and np.isfinite(v) for v in facts.values()), facts


@every_signal
def test_its_docstring_names_look_alikes_and_a_source(signal: Signal) -> None:
    assert re.search(r"^Also seen in: \S", signal.doc, re.M)
    assert re.search(r"Source: \S", signal.doc)
    assert signal.doc.splitlines()[0].endswith(".")


@every_signal
def test_explanations_never_accuse_and_only_they_are_called_so(signal: Signal) -> None:
    for _, _, bits in _heard(signal):
        assert signal.about != "explanation" or (bits <= 0.0).all()
    assert signal.about in ("conduct", "coordination", "relay", "explanation")
