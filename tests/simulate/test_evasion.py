"""Each lever of an evading campaign does to the logs what it says, for the same harvest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.simulate import Evasion, simulate


def world(out: Path, **levers: Any) -> dict[str, Any]:
    figures = simulate(out, ("quiet_ring",), scale=0.25, seed=51, days=3, evasion=Evasion(**levers))
    truth = pq.read_table(out / "truth/accounts.parquet").to_pylist()
    mine = {r["account_id"] for r in truth if r["role"] == "harvest"}
    rows = [r for p in sorted((out / "exchanges").glob("*.parquet")) for r in pq.read_table(p).to_pylist()]
    return {"figures": figures, "accounts": len(mine), "rows": [r for r in rows if r["account_id"] in mine]}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return world(tmp_path_factory.mktemp("plain"))


def test_spread_takes_more_accounts_for_the_same_harvest(plain: dict[str, Any], tmp_path: Path) -> None:
    wide = world(tmp_path, spread=4)
    assert wide["accounts"] == 4 * plain["accounts"]
    assert len(wide["rows"]) == pytest.approx(len(plain["rows"]), rel=0.12)
    assert wide["figures"]["evasion"]["cost"]["accounts"] == 4
    assert '"spread": 4' in (tmp_path / "WORLD.md").read_text()


def test_a_slow_campaign_sends_its_part_of_the_calls_a_day(plain: dict[str, Any], tmp_path: Path) -> None:
    assert len(world(tmp_path, slow=4)["rows"]) == pytest.approx(len(plain["rows"]) / 4, rel=0.2)


def test_decoys_come_on_top_of_the_harvest(plain: dict[str, Any], tmp_path: Path) -> None:
    assert len(world(tmp_path, decoy=0.8)["rows"]) == pytest.approx(5 * len(plain["rows"]), rel=0.15)


def test_channels_are_dealt_over_the_accounts(plain: dict[str, Any], tmp_path: Path) -> None:
    split = world(tmp_path, split_channels=4)
    assert len({r["channel"] for r in split["rows"]}) == 4 > len({r["channel"] for r in plain["rows"]})
    assert split["accounts"] == plain["accounts"]


def test_a_lever_out_of_range_is_refused() -> None:
    for wrong in ({"spread": 0.5}, {"decoy": 1.0}, {"jitter": 2.0}, {"split_channels": 9}):
        with pytest.raises(UsageError):
            Evasion(**wrong)


def shared_cards(out: Path, **levers: Any) -> int:
    """Campaign accounts whose card another campaign account has too."""
    simulate(out, ("letter",), scale=0.003, seed=52, days=1, evasion=Evasion(**levers))
    truth = pq.read_table(out / "truth/accounts.parquet").to_pylist()
    mine = {r["account_id"] for r in truth if r["role"] == "harvest"}
    cards = [
        r.get("payment_fingerprint")
        for r in map(json.loads, (out / "accounts.jsonl").read_text().splitlines())
        if r["account_id"] in mine
    ]
    return sum(cards.count(c) > 1 for c in cards)


def test_rotated_identities_share_no_card(tmp_path: Path) -> None:
    assert shared_cards(tmp_path / "a") > 5
    assert shared_cards(tmp_path / "b", rotate_identity=1.0) == 0


def test_paraphrase_changes_the_wording_and_keeps_the_number_of_calls(plain: dict[str, Any], tmp_path: Path) -> None:
    new = world(tmp_path, paraphrase=1.0)
    assert len(new["rows"]) == pytest.approx(len(plain["rows"]), rel=0.12)
    words = [" ".join(str(r["messages"]) for r in w["rows"]) for w in (plain, new)]
    assert len(set(words[1].split())) > len(set(words[0].split()))


def test_jitter_gives_the_days_back_their_bursts(tmp_path: Path) -> None:
    peaks = []
    for name, jitter in (("a", 0.0), ("b", 1.0)):
        simulate(tmp_path / name, ("letter",), scale=0.003, seed=53, days=4, evasion=Evasion(jitter=jitter))
        truth = pq.read_table(tmp_path / name / "truth/accounts.parquet").to_pylist()
        mine = {r["account_id"] for r in truth if r["role"] == "harvest"}
        days: dict[tuple[str, int], int] = {}
        for p in sorted((tmp_path / name / "exchanges").glob("*.parquet")):
            for r in pq.read_table(p, columns=["account_id", "started_at"]).to_pylist():
                if r["account_id"] in mine:
                    key = (r["account_id"], r["started_at"].day)
                    days[key] = days.get(key, 0) + 1
        counts = sorted(days.values())
        peaks.append(counts[int(len(counts) * 0.95)] / counts[len(counts) // 2])
    assert peaks[1] > peaks[0]


def test_a_lead_leaves_the_first_days_clean_and_customers_as_they_were(tmp_path: Path) -> None:
    simulate(tmp_path, ("quiet_ring",), scale=0.25, seed=54, days=4, lead_days=2)
    truth = {r["account_id"]: r["role"] for r in pq.read_table(tmp_path / "truth/accounts.parquet").to_pylist()}
    rows = [r for p in (tmp_path / "exchanges").glob("*.parquet") for r in pq.read_table(p).to_pylist()]
    begin = min(r["started_at"] for r in rows)
    guilty = [r["started_at"] for r in rows if truth[r["account_id"]] == "harvest"]
    assert guilty and (min(guilty) - begin).total_seconds() > 1.9 * 86400
