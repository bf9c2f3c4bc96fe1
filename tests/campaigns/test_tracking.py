"""Campaigns from sweep to sweep: what keeps its id, what gets a new one, what points back."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stillwatch.campaigns.track import Remembered, identify, new_id, read_memory, write_memory

CORE = frozenset(range(10))


def _names(first: int, last: int) -> list[str]:
    return [f"a{i}" for i in range(first, last)]


def test_the_same_campaign_keeps_its_id_when_it_gains_accounts() -> None:
    memory: list[Remembered] = []
    (first,), _ = identify(memory, [("distillation", _names(0, 30), CORE)], "day 1")
    (second,), _ = identify(memory, [("distillation", _names(5, 60), CORE)], "day 2")
    assert first == second
    assert len(memory) == 1
    assert memory[0].account_ids == sorted(_names(5, 60))
    assert (memory[0].first_reported_at, memory[0].last_reported_at) == ("day 1", "day 2")


def test_a_different_group_gets_a_new_id() -> None:
    memory: list[Remembered] = []
    (first,), _ = identify(memory, [("distillation", _names(0, 30), CORE)], "day 1")
    (second,), related = identify(memory, [("distillation", _names(28, 60), frozenset())], "day 2")
    assert first != second
    assert related == [[]]


def test_two_groups_of_one_sweep_never_share_an_id() -> None:
    memory: list[Remembered] = []
    identify(memory, [("distillation", _names(0, 30), CORE)], "day 1")
    split = [("distillation", _names(0, 15), CORE), ("distillation", _names(15, 30), CORE)]
    ids, _ = identify(memory, split, "day 2")
    assert len(set(ids)) == 2


def test_a_successor_with_other_accounts_and_the_same_content_is_related() -> None:
    memory: list[Remembered] = []
    (old,), _ = identify(memory, [("distillation", _names(0, 30), CORE)], "day 1")
    (new,), related = identify(memory, [("distillation", _names(30, 60), frozenset(range(4, 14)))], "day 9")
    assert new != old
    assert related == [[old]]


def test_a_network_and_a_harvest_of_its_accounts_are_two_that_point_to_each_other() -> None:
    memory: list[Remembered] = []
    found = [("distillation", _names(0, 20), CORE), ("account_network", _names(0, 40), frozenset())]
    (harvest, network), related = identify(memory, found, "day 1")
    assert harvest[0] == "C" and network[0] == "N"
    assert related == [[network], [harvest]]


@given(st.lists(st.text(min_size=1, max_size=5), min_size=1, unique=True), st.randoms(use_true_random=False))
def test_an_id_depends_on_the_accounts_and_not_on_their_order(accounts: list[str], random: object) -> None:
    shuffled = list(accounts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert new_id("relay", shuffled) == new_id("relay", accounts)
    assert new_id("relay", [*accounts, "another"]) != new_id("relay", accounts)


def test_memory_comes_back_as_it_was_written(tmp_path: Path) -> None:
    memory: list[Remembered] = []
    identify(memory, [("replay", _names(0, 9), CORE)], "day 1")
    write_memory(tmp_path / "history" / "campaigns.json", memory)
    assert read_memory(tmp_path / "history" / "campaigns.json") == memory


def test_no_memory_is_an_empty_one_and_an_unreadable_one_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.json"
    assert read_memory(path) == []
    for broken in ("{not json", '[{"campaign_id": 1}]', "[3]", '{"a": 1}', "\x00", "null"):
        path.write_text(broken)
        assert read_memory(path) == [], broken
        assert not path.exists()
        assert path.with_suffix(".unreadable").exists()


def test_bytes_that_are_no_text_are_set_aside_too(tmp_path: Path) -> None:
    path = tmp_path / "campaigns.json"
    path.write_bytes(b"\xff\xfe\x00[")
    assert read_memory(path) == []
    assert path.with_suffix(".unreadable").exists()
