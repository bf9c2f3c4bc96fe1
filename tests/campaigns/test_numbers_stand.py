"""Findings of one town stay, number by number, what they were: whoever rewords a sentence moves no score.

Where a weight or the calibration is changed on purpose, write anew: `python tests/campaigns/test_numbers_stand.py`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

KEPT = Path(__file__).with_name("numbers_of_a_town.json")


def _numbers() -> dict[str, Any]:
    """Scores and weights of the town in `test_hunting.py`, by what they are of."""
    from campaigns.test_hunting import _hunted, _tables

    found = _tables(_hunted()[0])
    campaigns = found.campaigns.to_pylist()
    # An id of a campaign is drawn anew in each home: its kind and size name it here.
    names = {row["campaign_id"]: f"{row['kind']} {row['accounts']}" for row in campaigns}
    scores = ("score", "conduct_score", "coordination_score", "false_alarm_rate")
    return {
        "campaigns": {names[r["campaign_id"]]: [r[name] for name in scores] for r in campaigns},
        "accounts": {r["account_id"]: r["score"] for r in found.accounts.to_pylist()},
        "evidence": {
            f"{names.get(r['actor_id'], r['actor_id'])}: {r['signal']}": r["weight_bits"]
            for r in found.evidence.to_pylist()
        },
    }


@pytest.mark.parametrize("what", ["campaigns", "accounts", "evidence"])
def test_no_number_moves_where_only_words_changed(what: str) -> None:
    kept, now = json.loads(KEPT.read_text("utf-8"))[what], _numbers()[what]
    assert kept.keys() == now.keys()
    for name, value in kept.items():
        assert now[name] == pytest.approx(value, rel=1e-6, abs=1e-6), name


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    KEPT.write_text(json.dumps(_numbers(), indent=1, sort_keys=True) + "\n", "utf-8")
