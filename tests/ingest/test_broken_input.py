"""Whatever is in a log: it is read, or it is refused with a reason, and nothing else is lost."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import UsageError
from stillwatch.ingest.defects import RowFault
from stillwatch.ingest.json_rows import decode
from stillwatch.intake import take_in
from stillwatch.store import open_store

ROW: dict[str, Any] = {
    "exchange_id": "e-0", "started_at": "2026-05-01T10:00:00Z", "account_id": "a-1", "model": "m",
    "prompt": "Explain tides.", "completion": "The moon pulls.", "input_tokens": 3,
}  # fmt: skip


def line(**changes: Any) -> bytes:
    row = {**ROW, **changes}
    return json.dumps({k: v for k, v in row.items() if v != "absent"}).encode()


BAD: dict[str, tuple[bytes, str]] = {
    "no id": (line(exchange_id="absent"), "exchange_id: is missing"),
    "null id": (line(exchange_id=None), "exchange_id: is missing"),
    "empty id": (line(exchange_id=""), "exchange_id: is empty"),
    "long id": (line(exchange_id="x" * 513), "exchange_id: is longer than 512 characters"),
    "id is a list": (line(exchange_id=["e"]), "exchange_id: is not a string"),
    "id is true": (line(exchange_id=True), "exchange_id: is not a string"),
    "nul in id": (line(exchange_id="a\0b"), "exchange_id: holds a NUL character"),
    "no account": (line(account_id="absent"), "account_id: is missing"),
    "empty account": (line(account_id=""), "account_id: is empty"),
    "nul in account": (line(account_id="\0"), "account_id: holds a NUL character"),
    "no model": (line(model="absent"), "model: is missing"),
    "no time": (line(started_at="absent"), "started_at: is missing"),
    "time in words": (line(started_at="yesterday at noon"), "started_at: is no RFC 3339 time"),
    "time is a number": (line(started_at=1777000000), "started_at: is no RFC 3339 time"),
    "time too early": (line(started_at="1999-01-01T00:00:00Z"), "started_at: clock"),
    "time to come": (line(started_at="2999-01-01T00:00:00Z"), "started_at: clock"),
    "31 February": (line(started_at="2026-02-31T00:00:00Z"), "started_at: is no RFC 3339 time"),
    "negative tokens": (line(input_tokens=-1), "input_tokens: is negative"),
    "half a token": (line(input_tokens=1.5), "input_tokens: is not a whole number"),
    "tokens in words": (line(input_tokens="three"), "input_tokens: is not a whole number"),
    "tokens without end": (line(input_tokens=10**40), "input_tokens: is out of range"),
    "tokens true": (line(output_tokens=True), "output_tokens: is not a whole number"),
    "status is a word": (line(status="ok"), "status: is not a whole number"),
    "status of 5000": (line(status=5000), "status: is out of range"),
    "negative latency": (line(latency_ms=-1.0), "latency_ms: is negative"),
    "asn of words": (line(asn="ASX"), "asn: is not an AS number"),
    "not JSON": (b"GET / HTTP/1.1", "is not JSON"),
    "half an object": (b'{"exchange_id": "e', "is not JSON"),
    "an array": (b'["a"]', "is not a JSON object"),
    "a number": (b"17", "is not a JSON object"),
    "a string": (b'"text"', "is not a JSON object"),
    "NaN": (line()[:-1] + b', "cost_usd": NaN}', "is not JSON"),
    "not UTF-8": (line().replace(b"tides", b"\xff\xfe"), "is not UTF-8"),
    "nested deeply": (b'{"exchange_id": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "is nested too deeply"),
}


def ingest(tmp_path: Path, *logs: Path, share: float = 1.0) -> Any:
    return take_in(tmp_path / "home", [str(log) for log in logs], dialect="exchange", max_malformed_share=share)


def stored_ids(home: Path) -> list[str]:
    files = open_store(home).exchange_files()
    return sorted(i for f in files for i in pq.read_table(f, columns=["exchange_id"]).column(0).to_pylist())


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_refused_by_name_and_its_neighbours_stay(tmp_path: Path, name: str) -> None:
    raw, reason = BAD[name]
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(exchange_id="before") + b"\n" + raw + b"\n" + line(exchange_id="after") + b"\n")
    report = ingest(tmp_path, log)
    assert (report.read, report.kept, report.quarantined) == (3, 2, 1)
    assert dict(report.reasons) == {reason: 1}
    assert stored_ids(tmp_path / "home") == ["after", "before"]
    (kept,) = (tmp_path / "home" / "quarantine").iterdir()
    told = json.loads(kept.read_text())
    assert told["row"] == 2 and len(told["sha256"]) == 64 and set(told) == {"file", "row", "reason", "field", "sha256"}


GOOD: dict[str, bytes] = {
    "a number as id": line(exchange_id=17), "whole float": line(input_tokens=3.0), "unknown field": line(colour="blue"),
    "offset": line(started_at="2026-05-01T12:00:00.5+02:00"), "no zone": line(started_at="2026-05-01T12:00:00"),
    "nanoseconds": line(started_at="2026-05-01T12:00:00.123456789Z"), "nul in text": line(prompt="a\0b"),
    "asked for 10^40": line(max_tokens=10**40), "asked for n=-4": line(n=-4), "CR LF": line() + b"\r",
    "same key twice": line()[:-1] + b', "model": "other"}',
    "messages": line(messages=[{"role": "user", "content": "x"}]),
    "messages as text": line(messages='[{"role": "user", "content": "x"}]'), "asn": line(asn="AS64500"),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_an_odd_row_is_taken(tmp_path: Path, name: str) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"\xef\xbb\xbf" + GOOD[name] + b"\n\n")
    report = ingest(tmp_path, log, share=0.0)
    assert (report.read, report.kept, report.quarantined) == (1, 1, 0)


HIDING: dict[str, tuple[bytes, list[str]]] = {
    "max_tokens": (line(max_tokens=10**40), ["max_tokens"]), "half a choice": (line(n=3.7), ["n"]),
    "half a token asked": (line(max_tokens=1.5), ["max_tokens"]), "words": (line(temperature="0.7"), ["temperature"]),
    "endless": (line(temperature="1e999").replace(b'"1e999"', b"1e999"), []),
    "stream a number": (line(stream=1), ["stream"]), "stream a word": (line(stream="yes"), ["stream"]),
    "tools a number": (line(tools=7), ["tools"]), "tools of numbers": (line(tools=[1]), ["tools"]),
    "prompt a number": (line(prompt=5), ["prompt"]), "agent a number": (line(user_agent=5), ["user_agent"]),
    "session a list": (line(session_id=["s"], end_user_id={"a": 1}), ["session_id", "end_user_id"]),
    "messages an object": (line(messages={"role": "user"}), ["messages"]),
    "messages a word": (line(messages="hello"), ["messages"]), "long model": (line(model="m" * 600), ["model"]),
    "nul in model": (line(model="a\0b"), ["model"]), "half a pair": (line().replace(b"tides", b"\\ud800"), []),
    "other half": (line().replace(b"tides", b"\\uDC00\\ud83d\\ude00"), []),
    "half a pair in messages": (line(messages=[{"role": "user", "content": "X"}]).replace(b"X", b"\\udfff"), []),
    "deep messages": (line(messages="X").replace(b'"X"', b"[" * 5000 + b"]" * 5000), ["messages"]),
    "deep and torn": (line(messages="X").replace(b'"X"', b"[" * 5000 + b'"\\ud800]"' + b"]" * 5000), ["messages"]),
}  # fmt: skip


@pytest.mark.parametrize("name", HIDING)
def test_what_a_client_chooses_cannot_hide_its_row(tmp_path: Path, name: str) -> None:
    raw, unknown = HIDING[name]
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(exchange_id="before") + b"\n" + raw + b"\n")
    report = ingest(tmp_path, log, share=0.0)
    assert (report.kept, dict(report.set_unknown)) == (2, dict.fromkeys(unknown, 1))


def test_half_a_surrogate_pair_reads_as_the_mark_for_what_cannot_be_read(tmp_path: Path) -> None:
    assert decode(rb'{"a": "\\ud800 \ud800\ud83d\ude00", "b": 1e999, "c": "1e999"}') == {
        "a": "\\ud800 \ufffd\U0001f600", "b": None, "c": "1e999"}  # fmt: skip


def test_a_client_cannot_hide_behind_an_odd_value_in_litellm_or_parquet(tmp_path: Path) -> None:
    log, table = tmp_path / "log.jsonl", tmp_path / "log.parquet"
    base = {"litellm_call_id": "l-0", "startTime": 1777000000, "model": "m", "end_user": {"a": 1}, "trace_id": 1.5,
            "metadata": {"user_api_key_user_id": "a", "user_agent": 5}}  # fmt: skip
    log.write_text(json.dumps(base) + "\n")
    report = take_in(tmp_path / "one", [str(log)], max_malformed_share=0.0)
    assert (report.kept, report.set_unknown) == (1, {"end_user_id": 1, "session_id": 1, "user_agent": 1})
    for odd in ('{"a": "\\ud800"}', "[" * 3000 + "]" * 3000):
        meta = '{"user_api_key_user_id": "a", "requester_metadata": ' + odd + "}"
        log.write_text(json.dumps({**base, "metadata": meta}) + "\n")
        assert take_in(tmp_path / "three", [str(log)], max_malformed_share=0.0).quarantined == 0
    pq.write_table(pa.Table.from_pylist([{**ROW, "stream": "yes", "temperature": "hot"}]), table)
    report = take_in(tmp_path / "two", [str(table)], max_malformed_share=0.0)
    assert (report.kept, report.set_unknown) == (1, {"temperature": 1, "stream": 1})


def test_too_many_bad_rows_take_the_run_back(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(line() + b"\nnonsense\n")
    with pytest.raises(UsageError, match="1 of 2 rows are malformed, most often is not JSON"):
        ingest(tmp_path, log, share=0.05)
    assert stored_ids(tmp_path / "home") == []
    assert open_store(tmp_path / "home").totals()["read"] == 0
    log.write_bytes(line() + b"\n")
    assert ingest(tmp_path, log, share=0.05).kept == 1


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_cut_gzip_gives_what_is_readable_and_is_mended_later(tmp_path: Path, cut: float) -> None:
    import random

    rng = random.Random(1)
    rows = [line(exchange_id=f"{rng.random()}", prompt=f"{rng.random()}") for _ in range(500)]
    whole = gzip.compress(b"\n".join(rows))
    log = tmp_path / "log.jsonl.gz"
    log.write_bytes(whole[: int(cut * len(whole))])
    first = ingest(tmp_path, log)
    assert 0 < first.kept < 500 and dict(first.reasons) == {"gzip data is cut off": 1}
    log.write_bytes(whole)
    assert ingest(tmp_path, log).kept == 500 - first.kept
    assert len(set(stored_ids(tmp_path / "home"))) == 500


def test_a_cut_parquet_file_is_one_defect(tmp_path: Path) -> None:
    log = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist([ROW]), log)
    log.write_bytes(log.read_bytes()[:-20])
    assert dict(ingest(tmp_path, log).reasons) == {"Parquet data is damaged or cut off": 1}


def test_a_file_that_grows_is_read_from_where_it_was_left(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(exchange_id="1") + b"\n" + line(exchange_id="2")[:20])
    first = ingest(tmp_path, log)
    assert (first.read, first.kept, dict(first.reasons)) == (1, 1, {})
    assert first.files[0]["defect"] == "last line is cut off"
    log.write_bytes(line(exchange_id="1") + b"\n" + line(exchange_id="2") + b"\n" + line(exchange_id="2") + b"\n")
    second = ingest(tmp_path, log)
    assert (second.read, second.kept, second.duplicates) == (2, 1, 1)
    assert ingest(tmp_path, log).read == 0


def test_what_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"matches nothing.*folder without logs"):
        take_in(tmp_path / "home", [str(tmp_path / "gone.jsonl"), str(tmp_path / "empty")])
    assert not (tmp_path / "home").exists()


def test_no_text_and_no_raw_identifier_stays_in_the_home(tmp_path: Path) -> None:
    planted = {"prompt": "zebra-prompt", "completion": "zebra-answer", "ip": "203.0.113.77", "key_id": "zebra-key",
               "end_user_id": "zebra-user", "system": "zebra-system", "user_agent": "zebra-agent"}  # fmt: skip
    log = tmp_path / "log.jsonl"
    log.write_bytes(line(**planted) + b"\n" + line(**{**planted, "input_tokens": -1}) + b"\n")
    assert ingest(tmp_path, log).kept == 1
    every = b"".join(f.read_bytes() for f in (tmp_path / "home").rglob("*") if f.is_file())
    for table in open_store(tmp_path / "home").exchange_files():
        every += repr(pq.read_table(table).to_pylist()).encode()
    assert b"e-0" in every
    assert [value for value in planted.values() if value.encode() in every] == []


def test_a_line_that_is_cut_within_its_escapes_is_refused_at_once() -> None:
    began = time.perf_counter()
    with pytest.raises(RowFault, match="is not JSON"):
        decode(b'{"a": "' + b'\\"' * 500_000)
    assert time.perf_counter() - began < 5
