"""End users served through several accounts are seen; products with users of their own are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_pool_that_serves_one_crowd_of_users_is_seen_and_separate_products_are_not() -> None:
    town = Traffic()
    crowd = town.fresh(400)
    pool, products = town.accounts(20), town.accounts(40)
    for account in pool.tolist():
        town.send(account, town.by_life(80), end_user=town.drawn(80, crowd))
    for account in products.tolist():
        town.send(account, town.by_life(80), end_user=town.drawn(80, town.fresh(30)))
    one_pool, apart = bits_of(town, "shared_end_users", pool, products[:20])
    assert one_pool > 1.0
    assert apart < 0.0


def test_one_user_of_two_products_says_little() -> None:
    town = Traffic()
    products = town.accounts(40)
    for i, account in enumerate(products.tolist()):
        town.send(account, town.by_life(40), end_user=town.drawn(40, [7] if i < 2 else town.fresh(9)))
    assert bits_of(town, "shared_end_users", products[:20])[0] < 0.5
