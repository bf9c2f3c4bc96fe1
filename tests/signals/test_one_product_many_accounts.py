"""One product in front of many voices over many accounts is seen; everybody's assistant and a batch are not."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_one_hidden_system_prompt_before_many_peoples_words_is_seen() -> None:
    town = Traffic()
    people = town.people(60)
    relay = town.people(20, system=5, system_opening=5)
    for account in people.tolist():
        town.send(account, town.by_life(20), system=account + 1000)
    seen, own = bits_of(town, "one_product_many_accounts", relay, people[:20])
    assert seen > 1.0
    assert own == 0.0


def test_a_popular_assistant_and_a_batch_with_one_template_are_left_alone() -> None:
    town = Traffic()
    fleet = town.people(60, system=5, system_opening=5)
    town.people(40)
    batch = town.harvest(10, system=6, system_opening=6)
    popular, templated = bits_of(town, "one_product_many_accounts", fleet[:20], batch)
    assert popular < 0.5
    assert templated < 0.5
