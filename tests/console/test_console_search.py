"""One field finds accounts, campaigns, decisions, and whoever holds an address or key; the raw value stays nowhere."""

from __future__ import annotations

import json
from pathlib import Path

import hand_made as made
import pytest
from consoles import browser, decided, do, home_with

from stillwatch import pipeline
from stillwatch.decide.record import Record
from stillwatch.settings import Settings
from stillwatch.sketch.identifiers import hash_identifiers
from stillwatch.store import open_store

ADDRESS, NEIGHBOUR, KEY, CARD = "203.0.113.77", "203.0.113.9", "sk-live-0451-secret", "card-fingerprint-8844"


@pytest.fixture
def lived(tmp_path: Path) -> Path:
    """A home whose logs and accounts file held an address, a key and a card."""
    home, logs, accounts = tmp_path / "home", tmp_path / "logs.jsonl", tmp_path / "accounts.jsonl"
    rows = [
        {"exchange_id": f"e{i}", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0900", "model": "m",
         "prompt": "x", "ip": ADDRESS, "key_id": KEY, "asn": 64500}
        for i in range(4)
    ] + [{"exchange_id": "n1", "started_at": "2026-02-02T10:00:00Z", "account_id": "acct-0901", "model": "m",
          "prompt": "x", "ip": NEIGHBOUR}]  # fmt: skip
    logs.write_text("\n".join(json.dumps(row) for row in rows))
    accounts.write_text(json.dumps({"account_id": "acct-0902", "payment_fingerprint": CARD, "signup_ip": ADDRESS}))
    pipeline.ingest(home, [str(logs)], settings=Settings(), accounts=[str(accounts)])
    return home_with(home, made.findings())


def test_an_exact_id_leads_to_its_page(home: Path) -> None:
    waiting = decided(home)
    client = browser(home)
    for query, place in (("sw-ring", "/campaigns/sw-ring"), ("acct-0007", "/accounts/acct-0007"),
                         (waiting, f"/decisions/{waiting}")):  # fmt: skip
        assert do(client, "/search", q=f" {query} ").url.path == place
    hits = do(client, "/search", q="reasoning")
    assert hits.url.path == "/search" and "sw-ring" in hits.text and "sw-fleet" in hits.text


def test_a_raw_address_finds_who_used_it_and_who_signed_up_from_it(lived: Path) -> None:
    client = browser(lived, "analyst")
    text = do(client, "/search", q=ADDRESS).text
    assert "/accounts/acct-0900" in text and "address</td>" in text
    assert "/accounts/acct-0901" in text and "network of the address" in text
    assert "/accounts/acct-0902" in text and "signup ip in its record" in text
    assert "/accounts/acct-0903" not in text
    assert "/accounts/acct-0900" in do(client, "/search", q=f" {ADDRESS}:443 ").text


def test_a_raw_key_and_a_card_and_a_kept_hash_find_their_accounts(lived: Path) -> None:
    client = browser(lived, "analyst")
    assert "/accounts/acct-0900" in do(client, "/search", q=KEY).text
    assert "/accounts/acct-0902" in do(client, "/search", q=CARD).text
    assert "/accounts/acct-0900" in do(client, "/search", q="AS64500").text
    import pyarrow as pa

    store = open_store(lived)
    kept = hash_identifiers(pa.array([KEY]), "key", store.key)[0].as_py()
    store.close()
    assert "/accounts/acct-0900" in do(client, "/search", q=str(kept)).text
    assert "Nothing here holds this" in do(client, "/search", q="sk-nobody").text


def test_the_raw_value_is_written_nowhere_and_the_look_up_is_in_the_log(lived: Path) -> None:
    client = browser(lived, "analyst", name="Lin")
    answer = do(client, "/search", q=KEY)
    assert KEY not in str(answer.url)
    for file in lived.rglob("*"):
        if file.is_file():
            assert KEY.encode() not in file.read_bytes(), file
    line = Record(lived).rows("SELECT * FROM audit WHERE what='looked up an identifier'")[0]
    assert line["who"] == "Lin" and json.loads(line["details"]) == {"accounts": 1}


def test_a_reader_asks_by_names_only(lived: Path) -> None:
    text = do(browser(lived, "reader"), "/search", q=ADDRESS).text
    assert "acct-0900" not in text
    assert not Record(lived).rows("SELECT * FROM audit WHERE what='looked up an identifier'")
