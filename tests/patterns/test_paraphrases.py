"""Fresh wordings of each technique, apart from the packs' examples: most are found, also those held out."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from stillwatch.patterns import load_rules
from stillwatch.patterns.expressions import Matcher
from stillwatch.records.rules import TECHNIQUES

WORDINGS = yaml.safe_load((Path(__file__).parent / "paraphrases.yaml").read_text("utf-8"))
RULES = {rule.code: rule for rule in load_rules()}


@pytest.fixture(scope="module")
def matcher() -> Matcher:
    return Matcher({code: rule.expression for code, rule in RULES.items()})


def _found(technique: str, texts: list[str], matcher: Matcher) -> float:
    hits = [any(RULES[code].technique == technique for code in matcher.codes(text)) for text in texts]
    return sum(hits) / len(hits)


@pytest.mark.parametrize("technique", sorted(TECHNIQUES))
def test_the_wordings_looked_at_are_found(technique, matcher):
    assert len(WORDINGS[technique]["en"]) >= 12
    assert len(WORDINGS[technique]["zh"]) >= 6
    assert _found(technique, WORDINGS[technique]["en"][::2] + WORDINGS[technique]["zh"][::2], matcher) >= 0.75


def test_of_the_wordings_held_out_more_than_half_are_found(matcher):
    shares = [_found(t, WORDINGS[t]["en"][1::2] + WORDINGS[t]["zh"][1::2], matcher) for t in TECHNIQUES]
    assert sum(shares) / len(shares) > 0.55


def test_a_curly_quote_or_a_long_dash_does_not_end_a_gap(matcher):
    assert 701 in matcher.codes("Clean up — with care — the “raw” model’s reasoning trace")
