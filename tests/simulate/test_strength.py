"""Look-alikes are as strong as the attackers that they resemble, and the texts of worlds are no rule's or signal's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import stillwatch
from stillwatch.patterns import load_rules
from stillwatch.simulate.bundles import CAMPAIGNS, LOOK_ALIKES, RESEMBLES
from stillwatch.simulate.stage import Stage
from stillwatch.simulate.world import START, found_profiles

SOURCE = Path(stillwatch.__file__).parent
WORDS = re.compile(r"[^\W\d_]+")


def cohorts(name: str) -> list:
    module = found_profiles()[name]
    return module.build(Stage(np.random.default_rng(1), 1.0, START, module.DAYS))


def daily(name: str) -> float:
    """Exchanges a day of a profile at its published size, while it runs; a pool that replaces another counts once."""
    made = cohorts(name)
    return max(sum(c.accounts * c.per_day for c in made if c.start <= at < c.start + c.days)
               for at in (c.start for c in made))  # fmt: skip


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_look_alike_sends_as_much_as_the_campaign_that_it_resembles(name: str) -> None:
    assert RESEMBLES[name] in CAMPAIGNS
    assert daily(name) >= 0.9 * daily(RESEMBLES[name]), (daily(name), daily(RESEMBLES[name]))
    assert all(c.role == "legitimate" and c.campaign is None for c in cohorts(name))


def strings(folder: Path) -> Iterator[str]:
    """String constants of the modules in a folder, documentation left out."""
    for path in sorted(folder.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
                yield node.value


def runs(texts: Iterator[str], length: int) -> set[tuple[str, ...]]:
    """Runs of so many words, folded."""
    out: set[tuple[str, ...]] = set()
    for text in texts:
        words = [w.casefold() for w in WORDS.findall(text)]
        out |= {tuple(words[i : i + length]) for i in range(len(words) - length + 1)}
    return out


def rule_texts() -> Iterator[str]:
    """Titles, descriptions and every literal of the shipped rules, whatever the layout of the packs."""
    for path in sorted((SOURCE / "patterns").rglob("*.y*ml")):
        # Alternatives, classes and quantifiers part the literals of an expression.
        yield from re.split(r"[|()\[\]{}?*+^$\\\n]+", path.read_text("utf-8"))


def test_no_five_words_of_a_worlds_texts_stand_in_a_rule_or_a_signal() -> None:
    assert load_rules()
    ours = runs(strings(SOURCE / "simulate"), 5)
    theirs = runs(rule_texts(), 5)
    for room in ("signals", "campaigns", "linking", "actors", "patterns"):
        theirs |= runs(strings(SOURCE / room), 5)
    assert len(ours) > 1000 and len(theirs) > 1000
    assert not ours & theirs, sorted(ours & theirs)[:10]
