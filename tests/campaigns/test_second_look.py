"""What a find tells of its surroundings: who else is in a harvest, and which harvests a known pool hides."""

from __future__ import annotations

from functools import cache

import numpy as np

from signals.traffic import CODE, Traffic
from stillwatch.actors.book import Book
from stillwatch.campaigns.calibration import Calibration
from stillwatch.campaigns.choose import Chooser, Chosen
from stillwatch.campaigns.content import core_of
from stillwatch.campaigns.fellows import with_fellows
from stillwatch.campaigns.pools import parts_of_pools, without_pools
from stillwatch.campaigns.weigh import weigh
from stillwatch.linking.candidate import Candidate

TIED, UNTIED, USERS, NATIVES = 20, 60, 8, 45


@cache
def _book() -> tuple[Book, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """People; a harvest's tied accounts; its others, with cards of their own; people who took up its template."""
    town = Traffic(seed=21)
    town.people(150, 30)
    template, centre = town.fresh(2, "template"), 0x5DEECE66D1234567
    tied = town.accounts(TIED, payment=1, device=2, payment_kind="virtual_card", verification="none")
    untied = town.accounts(UNTIED, verification="none")
    for number in [*tied.tolist(), *untied.tolist()]:
        address = 3 if number < untied[0] else 100 + int(number) % 4
        town.send(number, town.by_clock(80), opening=town.drawn(80, template), topic=town.topics(80, centre),
                  max_tokens=8192, ip=address, net=address, patterns=[CODE["completed_answer_reasoning"]])  # fmt: skip
    users = town.people(USERS, 30)
    for number in users.tolist():
        town.send(number, town.by_life(12), opening=town.drawn(12, template))
    # People who write the language of the harvest: they open alike, on its matter, and some share an address with it.
    greeting = town.fresh(1, "greeting")
    natives = town.accounts(NATIVES)
    for i, native in enumerate(natives.tolist()):
        address = 3 if i < 5 else 1000 + native
        town.send(
            native,
            town.by_life(40),
            opening=greeting[0],
            topic=town.topics(40, centre, flip=0.25),
            ip=address,
            net=address,
        )
    return town.book(), tied, untied, users, natives


def _chooser() -> Chooser:
    return Chooser(_book()[0], Calibration.load(), 0.2, 0.55, {})


def _part() -> Chosen:
    book, tied, _, _, _ = _book()
    candidate = Candidate(tied, frozenset({"payment", "registration", "network"}), "by hand")
    return Chosen(candidate, "distillation", 0.97, core_of(book, tied), weigh(book, [candidate], {}))


def _by_content(*groups: np.ndarray) -> Candidate:
    return Candidate(np.sort(np.concatenate(groups)), frozenset({"content"}), "the same templates")


def test_those_who_send_what_a_proven_harvest_sends_by_the_clock_are_in_it() -> None:
    _, tied, untied, _, _ = _book()
    (whole,) = with_fellows(_chooser(), [_part()], [_by_content(tied, untied)])
    assert np.isin(untied, whole.candidate.members).mean() >= 0.9
    assert np.isin(tied, whole.candidate.members).all()
    assert whole.candidate.formed_by == _part().candidate.formed_by
    assert 0.55 <= whole.p <= 0.97  # what is surer of the part than of the others is not said of all


def test_people_who_took_up_a_harvests_template_are_not_in_it() -> None:
    _, tied, untied, users, _ = _book()
    for group in (_by_content(tied, users), _by_content(tied, untied, users)):
        (whole,) = with_fellows(_chooser(), [_part()], [group])
        assert not np.isin(users, whole.candidate.members).any()


def test_customers_who_write_the_harvests_language_do_not_join_it_by_a_shared_address() -> None:
    _, tied, untied, _, natives = _book()
    (whole,) = with_fellows(_chooser(), [_part()], [_by_content(tied, untied, natives)])
    assert np.isin(untied, whole.candidate.members).mean() >= 0.9
    assert not np.isin(natives, whole.candidate.members).any()


def test_a_group_that_holds_little_of_a_harvest_brings_it_nobody() -> None:
    _, tied, untied, _, _ = _book()
    (same,) = with_fellows(_chooser(), [_part()], [_by_content(tied[:10], untied)])
    assert np.array_equal(same.candidate.members, tied)


def test_a_pools_other_customers_do_not_join_a_distillation_in_it() -> None:
    _, tied, untied, _, _ = _book()
    pool = Candidate(np.concatenate([tied, untied]), frozenset({"network"}), "one pool of addresses")
    (same,) = with_fellows(_chooser(), [_part()], [pool])
    assert np.array_equal(same.candidate.members, tied)


def test_who_joins_at_a_late_look_pays_for_the_looks() -> None:
    _, tied, untied, _, _ = _book()
    asked = []

    def price_of(kind: str, members: np.ndarray) -> float:
        asked.append((kind, len(members)))
        return 30.0

    (same,) = with_fellows(_chooser(), [_part()], [_by_content(tied, untied)], price_of=price_of)
    assert np.array_equal(same.candidate.members, tied)
    assert asked and asked[0][0] == "distillation" and asked[0][1] <= UNTIED


def test_no_account_joins_two_harvests() -> None:
    _, tied, untied, _, _ = _book()
    group = _by_content(tied, untied)
    first, second = with_fellows(_chooser(), [_part(), _part()], [group])
    assert len(first.candidate.members) > TIED
    assert np.array_equal(second.candidate.members, tied)


def _network(*formed_by: str) -> Chosen:
    book, tied, untied, _, natives = _book()
    candidate = Candidate(np.sort(np.concatenate([tied, untied, natives])), frozenset(formed_by), "one pool")
    return Chosen(candidate, "account_network", 0.9, core_of(book, candidate.members), weigh(book, [candidate], {}))


def test_templates_count_against_a_part_of_a_pool_that_was_found_without_them() -> None:
    book, _, untied, _, _ = _book()
    alone = _by_content(untied)
    (part,) = parts_of_pools([_network("network")], [alone], book.accounts)
    assert part.formed_by == {"network"}
    both = weigh(book, [alone, part], {})
    assert both.conduct[1] >= both.conduct[0] + 1.0


def test_a_network_that_its_content_formed_has_no_parts() -> None:
    book, _, untied, _, _ = _book()
    assert (
        parts_of_pools([_network("content"), _network("network", "system")], [_by_content(untied)], book.accounts) == []
    )


def test_of_a_group_that_lies_half_in_a_pool_the_whole_and_that_half_are_asked() -> None:
    book, _, untied, _, _ = _book()
    strangers = np.arange(10)
    parts = parts_of_pools([_network("network")], [_by_content(strangers, untied)], book.accounts)
    assert [p.size for p in parts] == [10 + UNTIED, UNTIED]
    assert parts_of_pools([_network("network")], [_by_content(np.arange(100), untied)], book.accounts) == []


def _pool_taken_for_a_harvest(*customers: np.ndarray) -> tuple[Chosen, list[Candidate]]:
    book, tied, untied, _, _ = _book()
    members = np.sort(np.concatenate([tied, untied, *customers]))
    candidate = Candidate(members, frozenset({"network"}), "one pool of addresses")
    pool = Chosen(candidate, "distillation", 0.6, core_of(book, members), weigh(book, [candidate], {}))
    return pool, [_by_content(tied, untied)]


def test_customers_of_a_pool_are_not_called_distillers_for_the_harvest_inside_it() -> None:
    _, tied, untied, _, _ = _book()
    customers = np.arange(60)
    pool, inside = _pool_taken_for_a_harvest(customers)
    (harvest,) = without_pools(_chooser(), [pool], inside)
    assert np.isin(np.concatenate([tied, untied]), harvest.candidate.members).mean() >= 0.9
    assert not np.isin(customers, harvest.candidate.members).any()


def test_a_harvest_of_which_a_part_is_one_as_well_stays_whole() -> None:
    _, tied, untied, _, _ = _book()
    pool, _ = _pool_taken_for_a_harvest()
    for part in (tied, untied[:30]):
        assert without_pools(_chooser(), [pool], [_by_content(part)]) == [pool]
