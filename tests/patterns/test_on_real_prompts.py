"""Few everyday prompts match a rule, and hardly any a strong one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stillwatch.patterns import load_rules
from stillwatch.patterns.expressions import Matcher

FOLDERS = (
    "koala_test", "oasst_prompts", "prompt_extraction_sharegpt", "prompt_extraction_dev", "awesome_chatgpt_prompts",
    "sgd_user_turns", "gsm8k", "mt_vicuna_bench", "self_instruct_seed", "self_instruct_user_oriented",
)  # fmt: skip
EVERYDAY = [line for line in (Path(__file__).parent / "everyday.txt").read_text("utf-8").splitlines() if line]


def _prompts() -> list[str]:
    prompts = list(EVERYDAY)
    home = os.environ.get("STILLWATCH_DATA")
    for folder in FOLDERS if home else ():
        path = Path(home or "") / folder / "data.jsonl"
        if path.exists():
            prompts += [json.loads(line)["prompt"] for line in path.read_text("utf-8").split("\n") if line]
    return prompts


@pytest.fixture(scope="module")
def strengths() -> dict[str, float]:
    rules = {rule.code: rule for rule in load_rules()}
    matcher = Matcher({code: rule.expression for code, rule in rules.items()})
    return {p: max((rules[c].strength for c in matcher.codes(p)), default=0.0) for p in _prompts()}


def test_everyday_prompts_match_nothing_strong(strengths):
    assert len(EVERYDAY) >= 60
    assert sum(strengths[p] >= 0.7 for p in EVERYDAY) / len(EVERYDAY) < 0.003
    assert sum(strengths[p] > 0 for p in EVERYDAY) / len(EVERYDAY) < 0.03


def test_of_all_prompts_few_match_and_hardly_any_strongly(strengths):
    assert sum(s >= 0.7 for s in strengths.values()) / len(strengths) < 0.003
    assert sum(s > 0 for s in strengths.values()) / len(strengths) < 0.03
