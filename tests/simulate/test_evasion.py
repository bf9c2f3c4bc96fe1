"""Each lever of an evading campaign does to the logs what it says, for the same harvest."""

from __future__ import annotations

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
