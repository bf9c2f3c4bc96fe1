"""The second author's worlds follow their seed, their truth fits their logs, and the scorer counts right."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.second_author.__main__ import main
from bench.second_author.catalogue import WORLDS, make
from bench.second_author.score import Unreadable, compare, markdown, score_home
from bench.second_author.sweep import run

TINY = 0.04


def _rows(world: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for p in sorted((world / "logs").iterdir()):
        if p.suffix == ".parquet":
            rows += pq.read_table(p).to_pylist()
        else:
            rows += [json.loads(line) for line in gzip.decompress(p.read_bytes()).splitlines()]
    return rows


def _digest(world: Path) -> dict[str, str]:
    return {
        str(p.relative_to(world)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(world.rglob("*"))
        if p.is_file()
    }


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All worlds, tiny, seed 1."""
    out = tmp_path_factory.mktemp("worlds")
    for name in WORLDS:
        make(name, 1, TINY).save(out / name)
    return out


@pytest.mark.parametrize("name", ["campus", "relayed", "poor_columns"])
def test_same_seed_same_files_and_another_seed_other_files(name: str, places: Path, tmp_path: Path) -> None:
    make(name, 1, TINY).save(tmp_path / "again")
    make(name, 2, TINY).save(tmp_path / "other")
    assert _digest(tmp_path / "again") == _digest(places / name)
    assert _digest(tmp_path / "other") != _digest(places / name)


def test_there_are_seventeen_worlds_and_some_of_each_form(places: Path) -> None:
    suffixes = {name: next((places / name / "logs").iterdir()).suffix for name in WORLDS}
    assert len(WORLDS) == 17
    assert set(suffixes.values()) == {".gz", ".parquet"}


@pytest.mark.parametrize("name", list(WORLDS))
def test_truth_fits_the_log(name: str, places: Path) -> None:
    world = places / name
    truth = json.loads((world / "truth.json").read_text())
    rows = _rows(world)
    assert len(rows) == truth["exchanges"] == len({r["exchange_id"] for r in rows})
    seen = {r["account_id"] for r in rows}
    assert len(seen) == truth["accounts"]
    guilty = [set(c["account_ids"]) for c in truth["campaigns"]]
    innocent = {a for c in truth["cohorts"] for a in c["account_ids"]}
    assert set().union(innocent, *guilty) == seen, "each account of the log has a part"
    assert not any(g & innocent for g in guilty), "nobody is both"
    assert sum(len(g) for g in guilty) == len(set().union(*guilty)), "nobody is in two campaigns"
    for c in truth["campaigns"]:
        assert c["kind"] in c["right_kinds"]
        assert c["accounts"] >= 6
        assert c["exchanges"] == sum(r["account_id"] in set(c["account_ids"]) for r in rows)
    for n in truth["networks"]:
        assert set(n["account_ids"]) <= seen


@pytest.mark.parametrize("name", list(WORLDS))
def test_identifiers_do_not_tell_the_part(name: str, places: Path) -> None:
    truth = json.loads((places / name / "truth.json").read_text())
    assert all(
        re.fullmatch(r"ac_[0-9a-f]{12}", a)
        for groups in ("campaigns", "cohorts")
        for g in truth[groups]
        for a in g["account_ids"]
    )


@pytest.mark.parametrize("name", list(WORLDS))
def test_calls_fall_after_sign_up_and_inside_the_window(name: str, places: Path) -> None:
    world = places / name
    if not (world / "accounts.csv").exists():
        assert json.loads((world / "truth.json").read_text())["accounts_file"] is False
        return
    born = {}
    for a in csv.DictReader((world / "accounts.csv").open()):
        born[a["account_id"]] = datetime.fromisoformat(a["created_at"])
    early = 0
    for r in _rows(world):
        at = r["started_at"]
        at = datetime.fromisoformat(at) if isinstance(at, str) else at
        assert datetime(2026, 10, 4, tzinfo=UTC) < at < datetime(2026, 10, 22, tzinfo=UTC)
        early += at < born[r["account_id"]]
    assert early == 0


def test_history_holds_what_was_answered(places: Path) -> None:
    """Ordinary customers send back the provider's own answers; replayed sessions never do."""
    rows = _rows(places / "replayed")
    truth = json.loads((places / "replayed" / "truth.json").read_text())
    guilty = set(truth["campaigns"][0]["account_ids"])
    given: dict[str, set[str]] = {}
    for r in rows:
        given.setdefault(r["account_id"], set()).add(r["completion"] or "")
    own = foreign = replayed_own = replayed = 0
    for r in rows:
        for m in json.loads(r["messages"]):
            if m["role"] == "assistant" and r["account_id"] in guilty:
                replayed += 1
                replayed_own += m["content"] in given[r["account_id"]]
            elif m["role"] == "assistant":
                own += m["content"] in given[r["account_id"]]
                foreign += m["content"] not in given[r["account_id"]]
    assert own > 100 and foreign == 0
    assert replayed > 100 and replayed_own < 0.05 * replayed


def test_the_poor_log_has_five_columns_and_the_world_without_accounts_has_no_file(places: Path) -> None:
    names = pq.read_schema(places / "poor_columns" / "logs" / "part-0.parquet").names
    assert names == ["exchange_id", "started_at", "account_id", "model", "prompt"]
    assert not (places / "no_accounts" / "accounts.csv").exists()
    assert (places / "letter" / "accounts.csv").exists()


TRUTH: dict[str, Any] = {
    "world": "hand",
    "seed": 0,
    "exchanges": 100,
    "accounts": 40,
    "campaigns": [
        {
            "name": "h",
            "kind": "distillation",
            "right_kinds": ["distillation"],
            "account_ids": [f"g{i}" for i in range(10)],
        }
    ],
    "networks": [{"name": "n", "account_ids": [f"g{i}" for i in range(10)] + [f"p{i}" for i in range(10)]}],
    "cohorts": [
        {"name": "ordinary", "ordinary": True, "account_ids": [f"o{i}" for i in range(10)]},
        {"name": "pool_customers", "ordinary": False, "account_ids": [f"p{i}" for i in range(10)]},
        {"name": "class", "ordinary": False, "account_ids": [f"c{i}" for i in range(10)]},
    ],
}
EVERYONE = [a for c in (*TRUTH["campaigns"], *TRUTH["cohorts"]) for a in c["account_ids"]]


def _people(accused: set[str]) -> list[dict[str, Any]]:
    return [{"account_id": a, "score": 55.0 if a in accused else 54.9} for a in EVERYONE]


def _finding(accounts: list[str], kind: str = "distillation", score: float = 90.0) -> dict[str, Any]:
    return {"campaign_id": "c-" + accounts[0], "kind": kind, "score": score, "account_ids": accounts}


def test_nothing_found_scores_nothing() -> None:
    s = compare(TRUTH, [], _people(set()))
    assert (s["campaigns_found"], s["campaigns_true"], s["false_campaigns"]) == (0, 1, 0)
    assert s["account_precision"] is None and s["account_recall"] == 0
    assert s["legitimate_accused_per_10k"] == 0 and s["cohorts_accused"] == [] and s["networks_found"] == 0


def test_a_perfect_sweep_scores_full() -> None:
    guilty = TRUTH["campaigns"][0]["account_ids"]
    s = compare(
        TRUTH,
        [_finding(guilty), _finding(TRUTH["networks"][0]["account_ids"], "account_network")],
        _people(set(guilty)),
    )
    assert (s["campaigns_found"], s["networks_found"], s["false_campaigns"], s["false_networks"]) == (
        1,
        1,
        0,
        0,
    )
    assert s["account_precision"] == s["account_recall"] == 1


@pytest.mark.parametrize(
    ("finding", "found"),
    [
        (_finding(["g0"]), 1),
        (_finding(["g0"], score=54.9), 0),
        (_finding(["g0"], kind="relay"), 0),
        (_finding(["g0", "g1"], kind="account_network"), 0),
        (_finding(["o1", "o2"]), 0),
    ],
)
def test_a_campaign_counts_from_a_tenth_in_a_right_kind_at_55(finding: dict[str, Any], found: int) -> None:
    assert compare(TRUTH, [finding], _people(set()))["campaigns_found"] == found


def test_a_tenth_must_lie_in_one_finding() -> None:
    wide = json.loads(json.dumps(TRUTH))
    wide["campaigns"][0]["account_ids"] = [f"g{i}" for i in range(30)]
    halves = [_finding(["g0", "g1"]), _finding(["g2", "g3"])]
    assert compare(wide, halves, [])["campaigns_found"] == 0
    assert compare(wide, [_finding(["g0", "g1", "g2"])], [])["campaigns_found"] == 1


@pytest.mark.parametrize(
    ("finding", "false"),
    [
        (_finding(["g0", "o0"]), 0),
        (_finding(["g0", "o0", "o1"]), 1),
        (_finding(["o0", "o1"], kind="relay"), 1),
        (_finding(["o0", "o1"], kind="account_network"), 0),
        (_finding(["o0", "o1"], score=30.0), 0),
    ],
)
def test_a_false_campaign_is_less_than_half_guilty(finding: dict[str, Any], false: int) -> None:
    assert compare(TRUTH, [finding], _people(set()))["false_campaigns"] == false


def test_a_network_of_strangers_is_false_and_one_operators_is_not() -> None:
    assert compare(TRUTH, [_finding(["o0", "o1", "c2"], "account_network")], [])["false_networks"] == 1
    assert compare(TRUTH, [_finding(["p0", "g1", "p2"], "account_network")], [])["false_networks"] == 0


def test_innocents_and_cohorts_are_counted_at_55() -> None:
    s = compare(TRUTH, [], _people({"g0", "g1", "o0", "c0"}))
    assert s["account_precision"] == 0.5 and s["account_recall"] == 0.2
    assert s["legitimate_accused"] == 2 and s["legitimate_accused_per_10k"] == pytest.approx(2e4 / 30)
    assert s["cohorts_accused"] == ["class"], "one of ten is a tenth; the ordinary crowd is no cohort"


def test_missing_and_unknown_accounts_are_counted() -> None:
    s = compare(TRUTH, [], [{"account_id": "g0", "score": 99.0}, {"account_id": "nobody", "score": 99.0}])
    assert s["accounts_without_a_row"] == 39 and s["unknown_accounts"] == 1
    assert s["account_precision"] == 1


def _home(home: Path, findings: list[dict[str, Any]], people: list[dict[str, Any]]) -> None:
    (home / "findings").mkdir(parents=True)
    listed = pa.schema(
        [
            ("campaign_id", pa.string()),
            ("kind", pa.string()),
            ("score", pa.float64()),
            ("account_ids", pa.list_(pa.string())),
        ]
    )
    pq.write_table(pa.Table.from_pylist(findings, listed), home / "findings" / "campaigns.parquet")
    scored = pa.schema([("account_id", pa.string()), ("score", pa.float64())])
    pq.write_table(pa.Table.from_pylist(people, scored), home / "findings" / "accounts.parquet")


def test_findings_are_read_from_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    _home(tmp_path / "home", [_finding(["g0", "g1"])], _people({"g0"}))
    s = score_home(tmp_path, tmp_path / "home")
    assert s["campaigns_found"] == 1 and s["account_recall"] == 0.1
    assert main(["score", str(tmp_path), "--home", str(tmp_path / "home"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == s
    assert "| hand | 0 | 40 | 100 | 1/1 | 1.000 | 0.100 | 0 | 0 | 0.0 | none | 0/1 |" in markdown([s])


def test_absent_findings_are_named(tmp_path: Path) -> None:
    (tmp_path / "truth.json").write_text(json.dumps(TRUTH))
    with pytest.raises(Unreadable, match=r"campaigns\.parquet"):
        score_home(tmp_path, tmp_path / "home")
    assert main(["score", str(tmp_path), "--home", str(tmp_path / "home")]) == 2


def test_a_run_sweeps_with_the_command_and_a_failed_sweep_is_shown(tmp_path: Path) -> None:
    program = tmp_path / "fake"
    program.write_text("#!/bin/sh\necho 'logs: nothing here' >&2\nexit 2\n")
    program.chmod(0o755)
    [result] = run(tmp_path / "out", ["quiet"], [3], TINY, str(program))
    assert result["fault"] == "exit 2: logs: nothing here"
    assert "failed runs" not in markdown([result]) and "exit 2" in markdown([result])
    assert (tmp_path / "out" / "seed-3" / "quiet" / "truth.json").exists()
