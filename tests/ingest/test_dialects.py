"""LiteLLM's log, a mapped log and Parquet come out in the contract's columns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.ingest import find_sources, read_field_map, read_source

_ROW = {
    "id": "chat-1", "litellm_call_id": "call-1", "status": "success", "startTime": 1777000000.25, "response_time": 0.5,
    "model": "x/y", "model_group": "front", "prompt_tokens": 3, "completion_tokens": 4, "response_cost": 0.1,
    "end_user": "eu", "requester_ip_address": "192.0.2.7, 10.0.0.1", "metadata": {"user_api_key_team_id": "team"},
    "messages": [{"role": "user", "content": "hi"}], "model_parameters": {"temperature": 0, "max_tokens": 9},
    "response": {"choices": [{"finish_reason": "stop", "message": {"content": [{"type": "text", "text": "yes"}]}}]},
}  # fmt: skip


def rows_of(path: Path, dialect: Any = None) -> list[dict[str, Any]]:
    (source,) = find_sources([str(path)])
    return [row for taken in read_source(source, dialect) for row in taken.batch.to_pylist()]


def _litellm_logs(tmp_path: Path) -> list[tuple[Path, int, int]]:
    own = tmp_path / "own.jsonl"
    own.write_text(json.dumps(_ROW) + "\n" + json.dumps({**_ROW, "status": "failure", "response": {}}) + "\n")
    real = Path(os.environ.get("STILLWATCH_DATA", "/nonexistent")) / "litellm" / "log.jsonl"
    return [(own, 2, 1), *([(real, 200, 168)] if real.exists() else [])]


def test_a_call_id_that_a_client_made_too_long_hides_no_call(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    rows = [{**_ROW, "litellm_call_id": c * 600} for c in "ab"]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    ids = [row["exchange_id"] for row in rows_of(log)]
    assert len(set(ids)) == 2
    assert all(len(one) < 100 for one in ids)


def test_every_litellm_row_is_read_and_every_answer_found(tmp_path: Path) -> None:
    for log, count, answers in _litellm_logs(tmp_path):
        rows = rows_of(log)
        assert (len(rows), sum(row["completion"] is not None for row in rows)) == (count, answers)
        assert len({row["exchange_id"] for row in rows}) in (1, count)


def test_litellm_fields(tmp_path: Path) -> None:
    row = rows_of(_litellm_logs(tmp_path)[0][0])[0]
    want = {"exchange_id": "call-1", "account_id": "team", "model": "front", "completion": "yes", "ip": "192.0.2.7",
            "status": 200, "latency_ms": 500.0, "max_tokens": 9,
            "tools": [], "stream": False, "top_p": None}  # fmt: skip
    assert {name: row[name] for name in want} == want
    assert row["started_at"].isoformat() == "2026-04-24T03:06:40.250000+00:00"


def test_a_map_reads_any_log(tmp_path: Path) -> None:
    log, described = tmp_path / "log.jsonl", tmp_path / "map.yaml"
    log.write_text(json.dumps({"id": 5, "at": 1777000000000, "u": {"id": "a"}, "gen.model": "m", "s": 2}) + "\n")
    described.write_text(
        "fields:\n  exchange_id: [call, id]\n  started_at: {from: at, as: epoch_ms}\n  account_id: u.id\n"
        "  model: gen.model\n  channel: {constant: bedrock}\n  latency_ms: {from: s, times: 1000}\n"
    )
    (row,) = rows_of(log, read_field_map(described))
    assert (row["exchange_id"], row["account_id"], row["model"]) == ("5", "a", "m")
    assert (row["channel"], row["latency_ms"]) == ("bedrock", 2000.0)


def test_all_mistakes_of_a_map_are_told_at_once(tmp_path: Path) -> None:
    described = tmp_path / "map.yaml"
    described.write_text("fields:\n  acount_id: u\n  started_at: {from: t, as: stardate}\n  exchange_id: id\n")
    with pytest.raises(UsageError, match=r"nearest: account_id.*stardate.*account_id is required; model is required"):
        read_field_map(described)


def test_parquet_in_contract_columns_and_its_bad_rows(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    at = pa.array([1777000000000] * 3, pa.timestamp("ms"))
    pq.write_table(pa.table({"exchange_id": ["1", "2", None], "started_at": at, "account_id": [7, 7, 7],
                             "model": pa.array(["m", "m", "m"]).dictionary_encode(), "extra": [1, 2, 3]}),
                   log)  # fmt: skip
    (source,) = find_sources([str(log)])
    (taken,) = read_source(source, None)
    assert taken.batch.column("account_id").to_pylist() == ["7", "7"]
    assert [(d.row, d.key) for d in taken.defects] == [(3, "exchange_id: is missing")]
    assert dict(taken.unknown) == {"extra": 3}
