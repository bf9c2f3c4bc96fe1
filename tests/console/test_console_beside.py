"""An account's page says why it is outside campaigns, how it compares, and that it is suspended already."""

from __future__ import annotations

import json
import re
from pathlib import Path

import hand_made as made
import pyarrow as pa
import pyarrow.parquet as pq
from consoles import browser, decided, home_with

from stillwatch import pipeline
from stillwatch.report.findings import NEAR
from stillwatch.settings import Settings


def test_where_an_account_stands_is_said_in_words(tmp_path: Path) -> None:
    home, logs, people = tmp_path / "home", tmp_path / "logs.jsonl", tmp_path / "accounts.csv"
    row = {"exchange_id": "e", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0900", "model": "m"}
    logs.write_text(json.dumps(row))
    people.write_text(
        "account_id,status,status_changed_at\nacct-0001,suspended,2026-02-05T00:00:00Z\nquiet-1,active,\n"
    )
    pipeline.ingest(home, [str(logs)], accounts=[str(people)], settings=Settings())
    home_with(home, made.findings())
    waiting = decided(home)
    client = browser(home)
    clear = client.get("/accounts/acct-0900").text
    assert "its own score of 0.4 is below 55, from which groups are reported" in clear
    assert "No innocent explanation" not in clear and "0.0 % of all accounts" not in clear
    assert "It has no exchanges in this window" in client.get("/accounts/quiet-1").text
    ring = client.get("/accounts/acct-0001").text
    assert "It is already suspended since 2026-02-05 by its record." in ring and "The decision adds:" in ring
    for path in (f"/decisions/{waiting}", "/campaigns/sw-ring"):
        assert "Of 30 accounts 1 is suspended or closed already by its record." in client.get(path).text, path


def test_traffic_and_the_histogram_of_accounts_have_their_tables(home: Path) -> None:
    client = browser(home)
    today = client.get("/").text
    assert "The same by day, as a table" in today
    drawn = client.get("/charts/traffic.json").json()
    cells = re.findall(r'<th scope="row">\d{4}-\d\d-\d\d</th><td class="n">([\d,]+)</td><td class="n">([\d,]+)<', today)
    inside, outside = (sum(int(row[i].replace(",", "")) for row in cells) for i in (0, 1))
    assert len(cells) >= 10 and inside == sum(sum(s["values"]) for s in drawn["series"])
    assert outside == sum(drawn["everybody"])
    account = client.get("/accounts/acct-0900").text
    assert "Accounts by how many exchanges they sent" in account and account.count("<td>here</td>") == 1


def test_an_account_of_a_group_that_came_close_is_told_so(home: Path) -> None:
    near = {"near": "group 1", "account_id": "acct-0900", "score": 41.0, "how": "rare values", "exchanges": 9,
            "pro_bits": 2.5, "pro": "One template.", "against_bits": -3.0, "against": "A class."}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([near], schema=NEAR), home / "history" / "latest" / "near.parquet")
    run = home / "findings" / "run.json"
    run.write_text(json.dumps({**json.loads(run.read_text()), "settings": {"campaigns": {"report_from": 60.0}}}))
    text = browser(home).get("/accounts/acct-0900").text
    assert "was not reported: its score of 41.0 is below 60, from which groups are reported" in text
