"""From a town to findings: the harvest is reported, its neighbours are not, and the tables keep their layouts."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from signals.traffic import CODE, DAY_US, RULES, START_US, Traffic
from stillwatch.arrow_types import arrow_schema
from stillwatch.campaigns.calibration import Calibration, label
from stillwatch.campaigns.findings import Findings
from stillwatch.campaigns.hunt import Hunted, hunt
from stillwatch.campaigns.pictures import ties, traffic, write_pictures
from stillwatch.campaigns.reasons import reasons, weighed_reason
from stillwatch.campaigns.track import Remembered
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE

CARDS = {"payment": 1, "device": 2, "payment_kind": "virtual_card", "verification": "none"}
CODES = [CODE["completed_answer_reasoning"]]


def _town(allow: str | None = None, late: int = 0) -> tuple[Traffic, np.ndarray, int]:
    """People, a harvest of twenty (and `late` more), and one lone account that works just like it."""
    town = Traffic(seed=11)
    town.people(120, 30)
    opened = START_US - DAY_US
    harvest = town.harvest(20 + late, 90, record=CARDS | {"allow": allow, "created_at": opened}, ip=3, net=3,
                           patterns=CODES)  # fmt: skip
    lone = town.harvest(1, 400, record={"created_at": opened}, patterns=CODES)
    return town, harvest, int(lone[0])


def _hunt(town: Traffic, memory: list[Remembered] | None = None) -> Hunted:
    window = town.window()
    try:
        return hunt(window, RULES, calibration=Calibration.load(), prior=0.05, memory=memory)
    finally:
        window.close()


@cache
def _hunted(allow: str | None = None) -> tuple[Hunted, frozenset[str], str]:
    town, harvest, lone = _town(allow)
    return _hunt(town), frozenset(f"acct-{n:05d}" for n in harvest.tolist()), f"acct-{lone:05d}"


def _tables(h: Hunted) -> Findings:
    return h.findings({"prior": 0.05})


def test_the_harvest_is_reported_with_its_accounts_and_nobody_elses() -> None:
    h, harvest, _ = _hunted()
    campaigns = [r for r in _tables(h).campaigns.to_pylist() if r["kind"] != "account_network"]
    assert len(campaigns) == 1
    found = set(campaigns[0]["account_ids"])
    assert campaigns[0]["kind"] == "distillation"
    assert len(found & harvest) >= 18
    assert len(found - harvest) <= 1
    assert campaigns[0]["score"] >= 55.0
    assert "reasoning traces" in campaigns[0]["targets"]
    assert "AML.T0024.002" in campaigns[0]["techniques"]


def test_people_beside_a_harvest_stay_clear() -> None:
    h, harvest, lone = _hunted()
    rows = [r for r in _tables(h).accounts.to_pylist() if r["account_id"] not in harvest | {lone}]
    assert len(rows) == 120
    assert sum(r["score"] >= 20.0 for r in rows) == 0
    assert all(r["campaign_id"] is None for r in rows)


def test_a_lone_account_never_reaches_likely_whatever_it_does() -> None:
    h, _, lone = _hunted()
    row = next(r for r in _tables(h).accounts.to_pylist() if r["account_id"] == lone)
    assert row["campaign_id"] is None
    assert row["score"] < 55.0
    assert (h.scores.p <= 1.0).all()


def test_an_agreed_harvest_is_no_campaign_and_its_accounts_are_clear() -> None:
    h, harvest, _ = _hunted("synthetic data, agreed")
    tables = _tables(h)
    for row in tables.campaigns.to_pylist():
        assert row["kind"] == "account_network" or not harvest & set(row["account_ids"])
    rows = [r for r in tables.accounts.to_pylist() if r["account_id"] in harvest]
    assert len(rows) == 20
    assert all(r["score"] < 20.0 and r["label"] == "clear" for r in rows)
    assert all(any("agreed" in sentence for sentence in r["reasons"]) for r in rows)


def test_the_tables_follow_their_layouts_exactly_also_when_empty(tmp_path: Path) -> None:
    quiet = Traffic(seed=1)
    quiet.people(5, 10)
    for h in (_hunted()[0], _hunt(quiet)):
        tables = _tables(h)
        tables.write(tmp_path)
        for name, layout in (("campaigns", CAMPAIGNS), ("accounts", ACCOUNTS), ("evidence", EVIDENCE)):
            assert getattr(tables, name).schema == arrow_schema(layout)
            back = pq.read_table(tmp_path / f"{name}.parquet")
            assert back.schema.equals(arrow_schema(layout))
            assert back.num_rows == getattr(tables, name).num_rows
        assert json.loads((tmp_path / "run.json").read_text())["prior"] == 0.05
    assert tables.campaigns.num_rows == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "accounts.parquet", "campaigns.parquet", "evidence.parquet", "run.json"
    ]  # fmt: skip


def test_an_empty_window_is_hunted_without_a_finding() -> None:
    h = _hunt(Traffic())
    tables = _tables(h)
    assert tables.campaigns.num_rows == tables.accounts.num_rows == tables.evidence.num_rows == 0


def test_scores_labels_and_false_alarm_rates_agree_with_the_contract() -> None:
    h, _, _ = _hunted()
    tables = _tables(h)
    for row in [*tables.campaigns.to_pylist(), *tables.accounts.to_pylist()]:
        assert 0.0 <= row["score"] <= 100.0
        assert row["label"] == label(row["score"])
    for row in tables.campaigns.to_pylist():
        assert 0.0 < row["false_alarm_rate"] <= 1.0
        assert row["first_seen"] <= row["last_seen"]
        assert row["accounts"] == len(row["account_ids"]) == len(set(row["account_ids"]))
        assert 0.0 <= row["conduct_score"] <= 100.0 and 0.0 <= row["coordination_score"] <= 100.0


def test_p_values_lie_above_zero_and_evidence_points_to_what_exists() -> None:
    h, _, _ = _hunted()
    tables = _tables(h)
    for r in h.reported:
        values = np.asarray([p for p in r.p_values.values() if np.isfinite(p)])
        assert len(values) > 10
        assert ((values > 0.0) & (values <= 1.0)).all()
    rows = tables.evidence.to_pylist()
    ids = [r["evidence_id"] for r in rows]
    assert len(ids) == len(set(ids))
    campaigns = {r["campaign_id"]: r for r in tables.campaigns.to_pylist()}
    accounts = set(h.book.ids)
    for row in rows:
        assert row["actor_id"] in (campaigns if row["actor_kind"] == "campaign" else accounts)
        assert row["p_value"] is None or 0.0 < row["p_value"] <= 1.0
        assert np.isfinite(row["weight_bits"])
        assert all(np.isfinite(v) for _, v in row["facts"])
    for campaign in campaigns.values():
        assert campaign["evidence_ids"] and set(campaign["evidence_ids"]) <= set(ids)
    looked_at = {x for row in rows for x in row["exchange_ids"]}
    assert looked_at and all(x.startswith("x") for x in looked_at)


def test_a_harvest_stands_out_of_matched_chance_by_its_conduct() -> None:
    h, _, _ = _hunted()
    harvest = next(r for r in h.reported if r.chosen.kind == "distillation")
    assert harvest.p_values["elicitation_patterns"] < 0.1
    assert harvest.p_values["shared_payment"] < 0.1


def test_the_same_campaign_keeps_its_id_on_the_next_sweep_with_more_accounts() -> None:
    memory: list[Remembered] = []
    first = [r.campaign_id for r in _hunt(_town()[0], memory).reported if r.chosen.kind == "distillation"]
    second = [r.campaign_id for r in _hunt(_town(late=8)[0], memory).reported if r.chosen.kind == "distillation"]
    assert first == second
    assert len(first) == 1


def test_a_second_hunt_in_the_same_window_finds_the_same() -> None:
    one, two = (_tables(_hunt(_town()[0])) for _ in range(2))
    assert one.campaigns.drop(["related"]).equals(two.campaigns.drop(["related"]))
    assert one.accounts.equals(two.accounts)


def test_pictures_count_every_exchange_once_and_never_name_a_value(tmp_path: Path) -> None:
    h, _, _ = _hunted()
    table = traffic(h.book, h.reported)
    assert sum(table.column("exchanges").to_pylist()) == int(h.book.n.sum())
    shared = ties(h.book, h.reported)
    assert shared.num_rows > 0
    hashes = {str(v) for name in ("payment", "ip") for v in h.book.marks[name].values}
    assert not {w for label in shared.column("value_label").to_pylist() for w in label.split()} & {
        x for x in hashes if len(x) > 6
    }
    write_pictures(tmp_path, h.book, h.reported, h.calibration, 0.05)
    assert set(json.loads((tmp_path / "scores.json").read_text())) == {r.campaign_id for r in h.reported}


def test_each_reason_of_a_signal_reads_back_as_that_signal_and_its_weight() -> None:
    h, _, lone = _hunted()
    place = h.book.ids.index(lone)
    told = [weighed_reason(sentence) for sentence in reasons(h.scores, place, None, None)]
    assert told
    for weighed in told:
        assert weighed is not None
        opinion = h.scores.opinions[weighed.signal]
        assert weighed.bits == round(float(opinion.bits[place]), 1)
        assert weighed.says == opinion.says(place)
