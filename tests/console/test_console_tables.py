"""Every table is sorted, filtered, paged and taken away as a file; nothing in a file runs in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import hand_made as made
import pyarrow.parquet as pq
import pytest
from consoles import browser, decided, do, home_with

from stillwatch.console.sheets import SHEETS
from stillwatch.console.tables import Column, arranged, exported, guarded, page_of, sheet_of

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "=cmd|' /C calc'!A0", "\n=1"]
OF = {"campaign": "sw-ring", "account": "acct-0000", "subject": "sw-ring"}


def test_every_table_comes_as_csv_json_and_parquet_with_the_same_rows(home: Path) -> None:
    decided(home)
    client = browser(home)
    do(client, "/notes", kind="campaign", subject="sw-ring", text="x")
    do(client, "/appeals", account="acct-0003", says="y")
    for name in SHEETS:
        needs = {"evidence": {"campaign": "sw-ring"}, "shared": {"campaign": "sw-ring"}}.get(name, {})
        told = client.get(f"/tables/{name}.json", params=needs).json()
        lines = list(csv.DictReader(io.StringIO(client.get(f"/tables/{name}.csv", params=needs).text)))
        table = pq.read_table(io.BytesIO(client.get(f"/tables/{name}.parquet", params=needs).content))
        assert len(told) == len(lines) == table.num_rows, name
        if told:
            assert list(lines[0]) == table.column_names == list(told[0]), name


def test_a_file_has_all_rows_a_page_has_a_hundred(home: Path) -> None:
    client = browser(home)
    assert len(client.get("/tables/accounts.json").json()) == 30 + 400 + 1 + 40 + 300
    page = client.get("/accounts").text
    assert page.count('name="only"') == 100 and "Page 1 of 8" in page
    assert client.get("/accounts?accounts_page=8").text.count('name="only"') == 71


def test_only_the_ticked_rows_go_into_the_file(home: Path) -> None:
    answer = browser(home).get("/tables/accounts.csv?campaign=sw-ring&only=acct-0003&only=acct-0005&only=acct-0900")
    assert [r["account_id"] for r in csv.DictReader(io.StringIO(answer.text))] == ["acct-0003", "acct-0005"]
    assert "attachment" in answer.headers["content-disposition"]


def test_a_filter_finds_and_a_sort_turns_round(home: Path) -> None:
    client = browser(home)
    found = client.get("/tables/accounts.json", params={"q": "ACCT-011"}).json()
    assert {r["account_id"] for r in found} == {f"acct-011{i}" for i in range(10)}
    up = [r["score"] for r in client.get("/tables/accounts.json?sort=score").json()]
    down = [r["score"] for r in client.get("/tables/accounts.json?sort=-score").json()]
    assert up == sorted(up) and down == up[::-1]
    page = client.get("/accounts?accounts_sort=score&accounts_q=acct-01").text
    assert 'aria-sort="ascending"' in page and 'value="acct-01"' in page


def test_a_tables_links_keep_what_the_other_tables_of_the_page_show() -> None:
    sheet = sheet_of(
        "one", "One", (Column("a", "A"), Column("n", "N", "number")), [{"a": "x", "n": i} for i in range(250)]
    )
    page = page_of(sheet, "/p", [("two_q", "kept"), ("one_page", "2"), ("one_q", "x")])
    assert (page.number, page.pages, len(page.rows)) == (2, 3, 100)
    assert page.sort_link(sheet.columns[1]) == "/p?two_q=kept&one_q=x&one_sort=-n"
    assert page.link(page="3") == "/p?two_q=kept&one_q=x&one_page=3"


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_a_csv_begins_a_formula(text: str) -> None:
    sheet = sheet_of(
        "one", "One", (Column("a", "A"), Column("many", "Many", "list")), [{"a": text, "many": [text, "b"]}]
    )
    cells = list(csv.reader(io.StringIO(b"".join(exported(sheet.table, "csv")).decode())))[1]
    assert all(cell.startswith("'") for cell in cells)
    assert json.loads(b"".join(exported(sheet.table, "json")))[0]["a"] == text


def test_numbers_and_plain_words_stay_as_they_are() -> None:
    assert guarded("acct-1") == "acct-1"
    sheet = sheet_of("one", "One", (Column("n", "N", "bits"),), [{"n": -2.5}])
    assert b"".join(exported(sheet.table, "csv")) == b"n\r\n-2.5\r\n"


def test_a_column_of_lists_or_of_nothing_is_passed_over_when_sorting() -> None:
    columns = (Column("a", "A", "list"), Column("b", "B"))
    sheet = sheet_of("one", "One", columns, [{"a": ["x"], "b": None}, {"a": ["y"], "b": None}])
    for sort in ("a", "-b", "c", ""):
        assert arranged(sheet, "", sort).num_rows == 2
    assert arranged(sheet, "y", "").num_rows == 1


def test_hostile_ids_are_guarded_in_the_file_that_opens_in_a_spreadsheet(tmp_path: Path) -> None:
    home = home_with(tmp_path / "home", None)
    made.leave(home, made.hostile('=HYPERLINK("https://evil.example")'))
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(browser(home).get("/tables/accounts.csv").text)))
    assert rows[0]["account_id"].startswith("'=")


def test_accounts_that_no_record_names_stand_in_the_table_of_accounts_too() -> None:
    import pyarrow as pa

    from stillwatch.console.sheets import _with_records

    found = pa.table({"account_id": ["known", "stranger", "half known"]})
    records = pa.table({"account_id": ["known", "half known"], "kind": ["business", None], "plan": ["team", "pro"],
                        "status": ["active", None]})  # fmt: skip
    shown = _with_records(found, records)
    assert shown["customer"].to_pylist() == ["business, team", None, "pro"]
    assert shown["status"].to_pylist() == ["active", None, None]
