"""Folders, pipes, patterns and damaged files: what is no log is named, what is one is read as far as it goes."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.ingest import find_sources, read_field_map, read_source
from stillwatch.intake import take_in
from stillwatch.store import open_store

ROW: dict[str, Any] = {
    "exchange_id": "e-0", "started_at": "2026-05-01T10:00:00Z", "account_id": "a-1", "model": "m", "prompt": "Tides?",
}  # fmt: skip


def line(**changes: Any) -> bytes:
    return json.dumps({**ROW, **changes}).encode() + b"\n"


def not_utf8(values: list[bytes]) -> pa.Array:
    held = pa.array(values, pa.binary())
    return pa.StringArray.from_buffers(len(held), held.buffers()[1], held.buffers()[2])


def quarantined(home: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for f in (home / "quarantine").iterdir() for text in f.read_text().splitlines()]


def test_a_folder_that_links_to_itself_is_read_once(tmp_path: Path) -> None:
    logs, other = tmp_path / "logs", tmp_path / "other"
    logs.mkdir()
    other.mkdir()
    (logs / "a.jsonl").write_bytes(line())
    (other / "b.jsonl").write_bytes(line())
    (logs / "round").symlink_to(logs)
    (logs / "there").symlink_to(other)
    (logs / "self.jsonl").symlink_to(logs / "self.jsonl")
    assert [Path(s.label).name for s in find_sources([str(logs)])] == ["a.jsonl", "b.jsonl"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "logs" / "closed").mkdir(parents=True)
    (tmp_path / "logs" / "a.jsonl").write_bytes(line())
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = take_in(tmp_path / "home", [str(tmp_path / "logs")])
    passed = [(Path(file["path"]).name, file["skipped"]) for file in report.files if file.get("skipped")]
    assert (report.kept, passed) == (1, [("closed", "the folder may not be read")])


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(UsageError, match=r"is a pipe.*stillwatch sweep -"):
        find_sources([str(tmp_path / "pipe.jsonl")])


def test_a_file_name_of_any_bytes_is_read(tmp_path: Path) -> None:
    log = os.fsencode(tmp_path) + b"/a\xff.jsonl"
    Path(os.fsdecode(log)).write_bytes(line())
    assert take_in(tmp_path / "home", [os.fsdecode(log)]).kept == 1
    assert take_in(tmp_path / "home", [os.fsdecode(log)]).files[0]["unchanged"]


def test_a_pattern_takes_neither_the_accounts_nor_what_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_bytes(line())
    (tmp_path / "accounts.jsonl").write_text('{"account_id": "a-1"}\n')
    (tmp_path / "readme.md").write_text("About these logs.\n")
    report = take_in(tmp_path / "home", [str(tmp_path / "*.*")], accounts=[tmp_path / "accounts.jsonl"])
    assert (report.read, report.kept) == (1, 1)
    assert [Path(f["path"]).name for f in report.files if f.get("skipped")] == ["readme.md"]


def test_a_json_document_in_a_folder_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text(json.dumps({"name": "x", "scripts": {"a": 1}}, indent=2))
    (tmp_path / "log.jsonl").write_bytes(line())
    for dialect in ("auto", "exchange"):
        report = take_in(tmp_path / f".{dialect}", [str(tmp_path)], dialect=dialect)
        assert (report.read, report.kept) == (1, 1)


def test_a_damaged_row_group_costs_its_own_rows_only(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    rows = [{**ROW, "exchange_id": f"e-{i}", "prompt": f"{i} tides" * 9} for i in range(3000)]
    pq.write_table(pa.Table.from_pylist(rows), log, row_group_size=1000, use_dictionary=False, compression="none")
    column = pq.ParquetFile(log).metadata.row_group(1).column(0)
    data = bytearray(log.read_bytes())
    data[column.data_page_offset : column.data_page_offset + 40] = b"\xff" * 40
    log.write_bytes(bytes(data))
    report = take_in(tmp_path / "home", [str(log)], max_malformed_share=0.5)
    assert (report.read, report.kept, report.quarantined) == (3000, 2000, 1000)
    assert report.reasons == {"Parquet row group is damaged": 1000}
    assert [(told["row"], told["rows"]) for told in quarantined(tmp_path / "home")] == [(1001, 1000)]


def test_text_in_parquet_that_is_no_utf8_is_refused_by_row_where_it_is_an_id(tmp_path: Path) -> None:
    log, good = tmp_path / "log.parquet", [b"good", b"good"]
    columns = {name: pa.array([ROW[name]] * 2) for name in ("started_at", "model")}
    columns |= {"exchange_id": not_utf8([b"e\xff", b"e"]), "account_id": pa.array(["a", "a"])}
    pq.write_table(pa.table({**columns, "prompt": not_utf8([*good[:1], b"\xfe"])}), log)
    (taken,) = read_source(find_sources([str(log)])[0], None)
    assert taken.batch.column("prompt").to_pylist() == ["\ufffd"]
    report = take_in(tmp_path / "home", [str(log)], max_malformed_share=1.0)
    assert (report.kept, report.reasons) == (1, {"exchange_id: is not UTF-8": 1})
    assert report.set_unknown == {"prompt": 1}
    assert open_store(tmp_path / "home").forget("a")["exchanges"] == 1


def test_times_beyond_the_calendar_are_quarantined(tmp_path: Path) -> None:
    table, log, described = tmp_path / "log.parquet", tmp_path / "log.jsonl", tmp_path / "map.yaml"
    for unit in ("ms", "us"):
        at = pa.array([2**62, 1777000000000 if unit == "ms" else 1777000000000000], pa.timestamp(unit))
        pq.write_table(pa.table({"exchange_id": [f"1{unit}", f"2{unit}"], "started_at": at, "account_id": ["a", "a"],
                                 "model": ["m", "m"]}), table)  # fmt: skip
        assert take_in(tmp_path / unit, [str(table)], max_malformed_share=1.0).kept == 1
    described.write_text("fields: {exchange_id: i, started_at: {from: t, as: epoch_s}, account_id: i, model: i, "
                         "latency_ms: {from: s, times: 1.5}}\n")  # fmt: skip
    log.write_text('{"i": "x", "t": 1e18}\n{"i": "y", "t": 1777000000, "s": 1' + "0" * 400 + "}\n")
    defects = [d.key for taken in read_source(find_sources([str(log)])[0], read_field_map(described))
               for d in taken.defects]  # fmt: skip
    assert defects == ["started_at: clock", "latency_ms: is out of range"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fields: {latency_ms: {from: s, times: .nan}}", "`times` takes a number"),
        ("fields: {latency_ms: {from: s, times: 1" + "0" * 400 + "}}", "`times` takes a number"),
        ("fields: {n: {constant: many}}", "n: `constant` is not a whole number"),
        ("fields: " + "[" * 3000, "is no YAML"), ("fields: {a: 2026-02-31}", "is no YAML"),
    ],
)  # fmt: skip
def test_a_map_that_cannot_hold_is_told(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "map.yaml").write_text(text)
    with pytest.raises(UsageError, match=says):
        read_field_map(tmp_path / "map.yaml")


def test_lines_keep_their_numbers_over_an_appended_file_and_a_later_byte_order_mark(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(line() + line(exchange_id="e-1").strip())
    assert take_in(tmp_path / "home", [str(log)]).kept == 2
    log.write_bytes(log.read_bytes() + b"\n\xef\xbb\xbf" + line(exchange_id="e-2") + b"nonsense\n")
    assert take_in(tmp_path / "home", [str(log)], max_malformed_share=1.0).kept == 1
    assert [told["row"] for told in quarantined(tmp_path / "home")] == [4]


def test_packed_standard_input_is_unpacked_and_a_closed_one_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(gzip.compress(line())))))  # type: ignore[arg-type]
    assert take_in(tmp_path / "home", ["-"]).kept == 1
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="standard input is closed"):
        take_in(tmp_path / "home", ["-"])


def test_names_of_unknown_fields_are_few_and_plain(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(**{f"f{i}": 1 for i in range(500)}, **{"mail of jo@example.com": 1}))
    told = take_in(tmp_path / "home", [str(log)]).unknown_fields
    assert len(told) <= 201 and sum(told.values()) == 501
    assert not [name for name in told if "@" in name]
    log.write_text(json.dumps({"litellm_call_id": "c", "startTime": 1777000000, "model": "m", "user": "u", "zebra": 1}))
    assert take_in(tmp_path / "other", [str(log)]).unknown_fields == {"zebra": 1}
