"""Single pieces of work, dealt evenly to accounts without matters of their own; people and bots are left alone."""

from __future__ import annotations

from signals.traffic import Traffic, bits_of


def test_a_list_dealt_without_any_template_is_seen_and_people_are_not() -> None:
    town = Traffic()
    people = town.people(60)
    centre = town.accounts(20)
    for account in centre.tolist():
        town.send(account, town.by_clock(60), topic=town.topics(60, 12345))
    dealt, own = bits_of(town, "dealt_work", centre, people)
    assert dealt > 1.5
    assert own == 0.0


def test_bots_of_one_product_are_left_alone_because_its_frame_drowns_what_is_their_own() -> None:
    town = Traffic()
    town.people(60)
    frame = int(town.fresh(1)[0])
    assert bits_of(town, "dealt_work", town.harvest(20, templates=1, opening=frame))[0] < 0.5


def test_a_class_that_repeats_its_assignment_is_left_alone() -> None:
    town = Traffic()
    town.people(60)
    items = town.fresh(40)
    pupils = town.accounts(20)
    for account in pupils.tolist():
        town.send(account, town.by_life(60), topic=town.topics(60, 12345), prompt=town.drawn(60, items))
    assert bits_of(town, "dealt_work", pupils)[0] == 0.0


def test_conversations_are_no_single_pieces() -> None:
    town = Traffic()
    town.people(60)
    talkers = town.accounts(20)
    for account in talkers.tolist():
        talk = town.topics(60, 12345)
        town.send(account, town.by_clock(60), topic=talk, turns=3, assistant_turns=1, history=town.fresh(60, "history"))
    assert bits_of(town, "dealt_work", talkers)[0] == 0.0
