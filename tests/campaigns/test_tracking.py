"""Campaigns from sweep to sweep: what keeps its id, what gets a new one, what points back."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from stillwatch import pipeline
from stillwatch.campaigns.track import (
    MOST_SWEEPS,
    Remembered,
    identify,
    new_id,
    read_memory,
    read_sweeps,
    remember_sweep,
    write_memory,
)
from stillwatch.settings import Settings

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


def _row(id: str, score: float) -> dict[str, object]:
    return {"campaign_id": id, "score": score, "kind": "relay", "accounts": 3, "exchanges": 9, "account_ids": ["a1"]}


def test_scores_are_remembered_from_sweep_to_sweep_and_no_account_is(tmp_path: Path) -> None:
    path = tmp_path / "history" / "sweeps.jsonl"
    assert read_sweeps(path) == []
    remember_sweep(path, "2026-02-01T00:00:00Z", [_row("C-1", 60.0)])
    remember_sweep(path, "2026-02-02T00:00:00Z", [_row("C-1", 70.0), _row("C-2", 90.0)])
    assert [[(c["id"], c["score"]) for c in s["campaigns"]] for s in read_sweeps(path)] == [
        [("C-1", 60.0)], [("C-1", 70.0), ("C-2", 90.0)],
    ]  # fmt: skip
    assert "a1" not in path.read_text()


def test_only_so_many_sweeps_are_remembered_and_a_broken_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "sweeps.jsonl"
    path.write_text("".join(f'{{"at": "{i}", "campaigns": []}}\n' for i in range(MOST_SWEEPS + 50)) + "{broken\n[]\n")
    remember_sweep(path, "latest", [])
    assert len(path.read_text().splitlines()) == MOST_SWEEPS
    sweeps = read_sweeps(path)
    assert len(sweeps) == MOST_SWEEPS - 2
    assert sweeps[-1]["at"] == "latest"


def test_a_sweep_leaves_its_scores_and_a_rehearsal_leaves_nothing(tmp_path: Path) -> None:
    home, logs = tmp_path / "home", tmp_path / "logs.jsonl"
    row = {"exchange_id": "e1", "started_at": "2026-02-01T10:00:00Z", "account_id": "a1", "model": "m", "prompt": "x"}
    logs.write_text(json.dumps(row))
    pipeline.sweep(home, [str(logs)], settings=Settings())
    pipeline.hunt(home, settings=Settings(), remember=False)
    (swept,) = read_sweeps(home / "history" / "sweeps.jsonl")
    assert swept["campaigns"] == [] and swept["at"].endswith("Z")


def test_two_campaigns_taken_together_for_a_while_and_apart_again_keep_their_ids() -> None:
    memory: list[Remembered] = []
    letter, pool = [f"l{i}" for i in range(75)], [f"p{i}" for i in range(20)]
    nothing: frozenset[int] = frozenset()

    def swept(*groups: list[str]) -> list[str]:
        return identify(memory, [("distillation", group, nothing) for group in groups], "2026-01-01T00:00:00Z")[0]

    apart = swept(letter, pool)
    for order in (1, -1):
        assert swept([*letter, *pool]) == [apart[0]]
        assert swept(*[letter, pool][::order]) == apart[::order]
    assert len(memory) == 2


def test_accounts_whose_old_id_went_on_with_a_larger_group_get_another() -> None:
    memory: list[Remembered] = []
    pool, letter = [f"p{i}" for i in range(20)], [f"l{i}" for i in range(75)]
    nothing: frozenset[int] = frozenset()
    first = identify(memory, [("distillation", pool, nothing)], "2026-01-01T00:00:00Z")[0]
    assert identify(memory, [("distillation", [*pool, *letter], nothing)], "2026-01-02T00:00:00Z")[0] == first
    both = [("distillation", letter, nothing), ("distillation", pool, nothing)]
    ids = identify(memory, both, "2026-01-03T00:00:00Z")[0]
    assert ids[0] == first[0] and len(set(ids)) == 2
