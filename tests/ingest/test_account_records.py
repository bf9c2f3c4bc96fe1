"""Account records: what a file says is taken, what it takes back is gone, what it does not speak of stays."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.intake import take_in
from stillwatch.store import open_store


class Customers:
    """A home that reads accounts files beside one small log."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.home = folder, folder / "home"
        (folder / "log.jsonl").write_text(json.dumps({
            "exchange_id": "e", "account_id": "a-1", "model": "m", "started_at": "2026-05-01T10:00:00Z"}))  # fmt: skip

    def read(self, text: str, name: str = "people.csv", share: float = 0.05) -> dict[str, Any]:
        (self.folder / name).write_text(text)
        return self.take(name, share)

    def take(self, name: str, share: float = 0.05) -> dict[str, Any]:
        log, people = str(self.folder / "log.jsonl"), [self.folder / name]
        return dict(take_in(self.home, [log], accounts=people, max_malformed_share=share).accounts)

    def record(self, id: str = "a-1") -> dict[str, Any]:
        return next(r for r in open_store(self.home).accounts().to_pylist() if r["account_id"] == id)


@pytest.fixture
def customers(tmp_path: Path) -> Customers:
    return Customers(tmp_path)


def test_an_emptied_cell_revokes_an_agreement(customers: Customers) -> None:
    customers.read("account_id,allow,plan\na-1, agreed evaluation ,pro\n")
    assert customers.record()["allow"] == "agreed evaluation"
    customers.read("account_id,allow\na-1,\n")
    assert (customers.record()["allow"], customers.record()["plan"]) == (None, "pro")


def test_a_row_changes_only_what_it_speaks_of(customers: Customers) -> None:
    customers.read('{"account_id": "a-1", "allow": "agreed", "plan": "pro"}\n'
                   '{"account_id": "a-2", "plan": "x"}\n', "a.jsonl")  # fmt: skip
    customers.read('{"account_id": "a-1", "status": "active"}\n{"account_id": "a-2", "allow": "ok", "plan": null}\n'
                   '{"account_id": "a-1", "kind": "business"}\n', "a.jsonl")  # fmt: skip
    one, two = customers.record(), customers.record("a-2")
    assert (one["allow"], one["plan"], one["status"], one["kind"]) == ("agreed", "pro", "active", "business")
    assert (two["allow"], two["plan"]) == ("ok", None)


def test_a_change_of_status_without_a_date_is_dated_when_it_is_read(customers: Customers) -> None:
    before = datetime.now(UTC)
    customers.read("account_id,status,status_changed_at\na-1,suspended,2026-05-02T00:00:00Z\n")
    assert customers.read("account_id,status\na-1,suspended\n")["changed"] == 0
    customers.read("account_id,status,status_changed_at\na-1,active,\n")
    assert customers.record()["status_changed_at"] >= before
    assert customers.read("account_id,status,status_changed_at\na-1,active,\n")["changed"] == 0
    moves = open_store(customers.home).status_changes().to_pylist()
    assert [move["status"] for move in moves] == ["suspended", "active"] and moves[1]["at"] >= before


def test_a_field_that_cannot_be_read_is_unknown_and_its_record_stays(customers: Customers) -> None:
    told = customers.read('{"account_id": "a-1", "created_at": "N/A", "allow": true, "plan": 5, "kind": "research"}\n'
                          '{"plan": "x"}\n', "a.jsonl", share=0.5)  # fmt: skip
    assert (told["read"], told["kept"], told["quarantined"]) == (2, 1, 1)
    assert told["set_unknown"] == {"created_at": 1, "allow": 1, "plan": 1}
    assert told["reasons"] == {"account_id: is missing": 1}
    assert (customers.record()["kind"], customers.record()["allow"]) == ("research", None)


def test_mostly_malformed_records_are_refused(customers: Customers) -> None:
    with pytest.raises(UsageError, match="1 of 2 records are malformed, most often account_id: is missing"):
        customers.read("account_id,plan\na-1,x\n,y\n")
    assert not customers.home.exists()


def test_dates_of_parquet_are_read_and_impossible_ones_unknown(customers: Customers) -> None:
    file = customers.folder / "a.parquet"
    pq.write_table(pa.table({"account_id": ["a-1"], "created_at": pa.array([date(2026, 1, 1)])}), file)
    customers.take("a.parquet")
    assert customers.record()["created_at"] == datetime(2026, 1, 1, tzinfo=UTC)
    at = pa.array([2**62, 1_777_000_000_000_000], pa.timestamp("us"))
    pq.write_table(pa.table({"account_id": ["b-1", "b-2"], "created_at": at}), file)
    told = customers.take("a.parquet")
    assert (told["kept"], told["set_unknown"]) == (2, {"created_at": 1})


def test_of_an_address_only_the_shape_is_kept(customers: Customers) -> None:
    customers.read("account_id,email_shape\na-1,jörg.smith42@mail.example\na-2,aaaa.99\n")
    assert (customers.record()["email_shape"], customers.record("a-2")["email_shape"]) == ("aaaa.aaaaa99", "aaaa.99")
    assert b"smith" not in (customers.home / "ledger.sqlite").read_bytes()


def test_where_nothing_is_a_log_nothing_is_swept(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "other.jsonl").write_text('{"a": 1}\n')
    with pytest.raises(UsageError, match=r"no log was recognised in 1 file\(s\) \(other.jsonl\)"):
        take_in(tmp_path / "home", [str(tmp_path / "logs")])


def test_chunks_are_committed_by_what_fills_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stillwatch import intake
    from stillwatch.ingest import lines

    log, row = tmp_path / "log.jsonl", {"account_id": "a", "model": "m", "started_at": "2026-05-01T10:00:00Z"}
    rows = [json.dumps({**row, "exchange_id": f"e{i}", "prompt": "x" * 99}) for i in range(90)]
    log.write_text("\nno\n".join(rows))
    flushed: list[int] = []
    real = intake.Run.flush
    monkeypatch.setattr(intake.Run, "flush", lambda run: (flushed.append(run.chunk.counts["read"]), real(run))[1])
    monkeypatch.setattr(lines, "BLOCK_ROWS", 20)
    monkeypatch.setattr(intake, "CHUNK_ROWS", 10_000)
    monkeypatch.setattr(intake, "CHUNK_TEXT_BYTES", 2000)
    intake.take_in(tmp_path / "text", [str(log)], max_malformed_share=1.0, keep_text_days=1, dialect="exchange")
    by_text, flushed[:] = len(flushed), []
    monkeypatch.setattr(intake, "CHUNK_ROWS", 10)
    log.write_text("no\n" * 200)
    intake.take_in(tmp_path / "bad", [str(log)], max_malformed_share=1.0, dialect="exchange")
    assert by_text > 3 and len(flushed) > 5
