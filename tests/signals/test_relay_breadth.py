"""Hundreds of end users behind each account are seen; an app with a few is not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_many_end_users_behind_each_account_are_seen_and_few_are_not() -> None:
    town = Traffic()
    relay, small_app = town.accounts(8), town.accounts(8)
    for account in relay.tolist():
        town.send(account, town.by_life(120), end_user=town.fresh(120))
    for account in small_app.tolist():
        town.send(account, town.by_life(120), end_user=town.drawn(120, town.fresh(2)))
    many, few = bits_of(town, "relay_breadth", relay, small_app)
    assert many > 0.5
    assert few < 0.0


def test_accounts_that_pass_no_end_users_on_are_not_asked() -> None:
    town = Traffic()
    assert bits_of(town, "relay_breadth", town.people(10)) == [0.0]
