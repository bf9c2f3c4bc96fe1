"""Worlds say the same twice, agree with their truth, keep to the contract and do not give the truth away."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.records.tables import ACCOUNT, EXCHANGE
from stillwatch.simulate import profiles, simulate, synthetic_campaign

BUNDLES = {"demo", "lookalikes", "mixed", "relay"}


def logs(world: Path) -> pa.Table:
    return pa.concat_tables(
        [pq.read_table(p) for p in sorted((world / "exchanges").glob("*.parquet"))], promote_options="default"
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo")
    simulate(out, ("demo",), scale=0.3, seed=4)
    return out


def test_the_same_seed_gives_the_same_world_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        simulate(tmp_path / name, ("mixed",), scale=0.05, seed=seed, days=2)
    first, again, other = (logs(tmp_path / n) for n in "abc")
    assert first.equals(again)
    assert (tmp_path / "a/accounts.jsonl").read_text() == (tmp_path / "b/accounts.jsonl").read_text()
    assert first["exchange_id"].to_pylist()[:50] != other["exchange_id"].to_pylist()[:50]


def test_truth_counts_what_the_logs_hold(demo: Path) -> None:
    truth = pq.read_table(demo / "truth/accounts.parquet")
    counts = logs(demo).group_by("account_id").aggregate([("exchange_id", "count")])
    seen = dict(zip(counts["account_id"].to_pylist(), counts["exchange_id_count"].to_pylist(), strict=True))
    for account, n in zip(truth["account_id"].to_pylist(), truth["exchanges"].to_pylist(), strict=True):
        assert seen.pop(account, 0) == n
    assert not seen
    campaigns = json.loads((demo / "truth/campaigns.json").read_text())
    assert {c["kind"] for c in campaigns} == {"distillation", "relay", "replay"}
    for c in campaigns:
        mine = truth.filter(pc.equal(truth["campaign"], c["name"]))
        assert (len(mine), pc.sum(mine["exchanges"]).as_py()) == (c["accounts"], c["exchanges"])


def test_columns_and_types_are_the_contracts(demo: Path) -> None:
    table = logs(demo)
    assert table.column_names == [c.name for c in EXCHANGE]
    types = {"string": pa.string(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(),
             "timestamp": pa.timestamp("us", tz="UTC"), "list<string>": pa.list_(pa.string())}  # fmt: skip
    for column in EXCHANGE:
        assert table.schema.field(column.name).type.equals(types[column.type]), column.name
    assert table["exchange_id"].null_count == 0
    assert len(table["exchange_id"].unique()) == len(table)
    fields = {c.name for c in ACCOUNT}
    for line in (demo / "accounts.jsonl").read_text().splitlines():
        assert set(json.loads(line)) <= fields


def test_histories_hold_answers_that_were_really_given(demo: Path) -> None:
    table = logs(demo)
    truth = pq.read_table(demo / "truth/accounts.parquet")
    foreign = {"relay_moonshot", "replay_xiaomi", "router"}
    own = {
        a for a, c in zip(truth["account_id"].to_pylist(), truth["cohort"].to_pylist(), strict=True) if c not in foreign
    }
    given = set(table["completion"].to_pylist())
    turns = 0
    for account, text in zip(table["account_id"].to_pylist(), table["messages"].to_pylist(), strict=True):
        for message in json.loads(text):
            if account in own and message["role"] == "assistant":
                content = message["content"]
                turns += 1
                assert (content if isinstance(content, str) else content[0]["text"]) in given
    assert turns > 500


@pytest.mark.parametrize("name", sorted(set(profiles()) - BUNDLES))
def test_each_profile_runs_at_a_tiny_scale(name: str, tmp_path: Path) -> None:
    figures = simulate(tmp_path, (name,), scale=0.002, seed=5, days=1.5)
    assert figures["exchanges"] > 0
    truth = pq.read_table(tmp_path / "truth/accounts.parquet")
    assert set(truth["role"].to_pylist()) <= {"harvest", "relay", "replay", "network", "legitimate"}
    guilty = set(truth["campaign"].to_pylist()) | set(truth["network"].to_pylist())
    assert guilty - {None} == {c["name"] for c in figures["campaigns"]}
    for text in logs(tmp_path)["messages"].to_pylist()[:200]:
        assert json.loads(text)[-1]["role"] == "user"


@pytest.mark.parametrize(
    ("name", "scale", "days", "per_account_day"),
    [
        ("letter", 0.01, 6, 25.6),
        ("relay_moonshot", 0.02, 10, 5.6),
        ("replay_xiaomi", 0.05, 20, 13.3),
        ("cleaner_zhipu", 0.08, 2, 282),
    ],
)
def test_volumes_are_the_published_ones_within_fifteen_percent(
    name: str, scale: float, days: float, per_account_day: float, tmp_path: Path
) -> None:
    campaign = simulate(tmp_path, (name,), scale=scale, seed=6, days=days)["campaigns"][0]
    assert campaign["exchanges"] / campaign["accounts"] / days == pytest.approx(per_account_day, rel=0.15)


def test_a_profile_may_have_its_own_share_of_the_scale(tmp_path: Path) -> None:
    def sizes(names: tuple[str, ...]) -> dict[str, int]:
        figures = simulate(tmp_path / names[0], names, scale=0.5, seed=5, days=0.2)
        return {c["name"]: c["accounts"] for c in figures["campaigns"]}

    assert sizes(("letter@0.002", "february_moonshot@0.1")) == {"letter": 25, "february_moonshot": 30}
    assert sizes(("letter", "february_moonshot@0.1")) == {"letter": 12_500, "february_moonshot": 30}


def test_neither_identifiers_nor_order_tell_who_is_guilty(demo: Path) -> None:
    truth = pq.read_table(demo / "truth/accounts.parquet")
    role = dict(
        zip(truth["account_id"].to_pylist(), [r != "legitimate" for r in truth["role"].to_pylist()], strict=True)
    )
    entries = [json.loads(line) for line in (demo / "accounts.jsonl").read_text().splitlines()]
    guilty = np.array([role[e["account_id"]] for e in entries])
    assert len({len(e["account_id"]) for e in entries}) == 1
    raw = np.array([[int(c, 16) for c in e["account_id"].removeprefix("acct_")] for e in entries], float)
    features = np.column_stack([np.arange(len(entries)), raw])
    rng = np.random.default_rng(0)

    def best_gain(marks: np.ndarray) -> float:
        """The most that one cut of one feature, and a second cut below it, tell of the marks."""
        best = 0.0
        for column in features.T:
            for cut in np.quantile(column, [0.25, 0.5, 0.75]):
                low = column <= cut
                for side in (low, ~low):
                    best = max(best, abs(marks[side].mean() - marks.mean()) * np.sqrt(side.sum()) if side.any() else 0)
        return best

    by_chance = sorted(best_gain(rng.permutation(guilty)) for _ in range(60))
    assert best_gain(guilty) <= by_chance[-1] * 1.15


def test_senseless_requests_are_refused_with_a_hint(tmp_path: Path) -> None:
    for bad in ({"profiles": ("nope",)}, {"scale": 0.0}, {"days": -1.0}, {"profiles": ()}, {"profiles": ("letter@",)},
                {"profiles": ("letter@-1",)}, {"profiles": ("letter@nan",)}, {"profiles": ("nope@0.1",)}):  # fmt: skip
        with pytest.raises(UsageError):
            simulate(tmp_path, **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["distillation", "no_shared_infrastructure", "relay", "replay", "slow"])
def test_a_campaign_can_be_spliced_into_logs_that_lack_columns(kind: str) -> None:
    start, end = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 5, 8, tzinfo=UTC)
    table, accounts = synthetic_campaign(
        kind, accounts=30, exchanges=1500, start=start, end=end, seed=1, columns={"messages"}
    )
    assert len(table) == pytest.approx(1500, rel=0.2)
    assert len(accounts) == 30
    assert table.column_names == [c.name for c in EXCHANGE]
    assert table["ip"].null_count == len(table) and table["messages"].null_count == 0
    assert start <= pc.min(table["started_at"]).as_py() and pc.max(table["started_at"]).as_py() < end
    if kind == "no_shared_infrastructure":
        assert len(set(accounts["payment_fingerprint"].to_pylist())) == 30
