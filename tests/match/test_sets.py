"""Two providers write one thing differently and get one token; what would match everyone, or nobody, is left out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from providers import accounts_file

from stillwatch.errors import UsageError
from stillwatch.match.sets import make_set
from stillwatch.match.spelling import KINDS, spelled, token_of

EVERY = list(KINDS)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("email", "Ann+trial7@Example.org", "ann@example.ORG"),
        ("phone", "+49 (0)151 1234-5678", "004915112345678"),
        ("phone", "0151 12345678", "+4915112345678"),
        ("network", "203.0.113.7", "203.0.113.0/24"),
        ("network", "2001:db8:7::1", "2001:DB8:7:8::9"),
        ("payment", " fp_1Nq2Xt5EWLLDS7FJ ", "fp_1Nq2Xt5EWLLDS7FJ"),
    ],
)
def test_two_spellings_of_one_thing_are_one_token(kind: str, one: str, other: str) -> None:
    first, second = spelled(kind, one, "49")[0], spelled(kind, other, "49")[0]
    assert first is not None and first == second


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("phone", "0151 12345678", "lacks its country"), ("phone", "call me", "is no phone number"),
        ("email", "nobody", "is no mail address"), ("email", "a" * 64, "is no value"),
        ("email", "0af1" * 16, "is hashed already"), ("phone", "d41d8cd98f00b204e9800998ecf8427e", "is hashed already"),
        ("network", "10.1.2.3", "is a private network"),
        ("network", "100.64.9.9", "is a private network"), ("network", "203.0.0.0/8", "is wider than a /24 or /48"),
        ("device", "UNKNOWN", "is no value"), ("payment", "", "is no value"),
    ],
)  # fmt: skip
def test_what_would_match_everyone_or_nobody_is_left_out_by_name(kind: str, value: str, why: str) -> None:
    assert spelled(kind, value) == (None, why)


@given(st.sampled_from(EVERY), st.text(max_size=60), st.sampled_from(["", "49", "1"]))
def test_a_spelling_is_its_own_spelling(kind: str, value: str, code: str) -> None:
    once, _ = spelled(kind, value, code)
    assert once is None or spelled(kind, once, code)[0] == once


@given(st.text(min_size=1, max_size=30))
def test_the_same_text_under_two_kinds_is_two_tokens(value: str) -> None:
    assert len({token_of(kind, value) for kind in EVERY}) == len(EVERY)


def test_a_kind_without_its_inputs_says_that_it_is_not_matchable(tmp_path: Path) -> None:
    file = accounts_file(tmp_path / "a.jsonl", [
        {"account_id": "x", "payment_fingerprint": "fp_one_Xt5E", "email_hash": "e" * 3 + "0af1" * 15 + "9"},
        {"account_id": "y", "payment_fingerprint": "fp_two_Xt5E"},
    ])  # fmt: skip
    made = make_set([file], [], EVERY)
    assert made.sizes == {"payment": 2}
    assert set(made.not_matchable) == set(EVERY) - {"payment"}
    assert "accounts file with device_fingerprint" in made.not_matchable["device"]
    assert "takes the logs" in made.not_matchable["template"]
    assert "1 is hashed already" in made.not_matchable["email"]
    with pytest.raises(UsageError, match="not matchable"):
        make_set([], [], ["payment"])
    with pytest.raises(UsageError, match="is no kind"):
        make_set([file], [], ["shoesize"])


def test_networks_and_templates_come_from_the_logs(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    chat = "hello there, number {} of my small questions"
    words = "write one hard problem about {} and then give every step of your reasoning before the final answer"
    rows = [
        {"exchange_id": f"{who}{i}", "started_at": f"2026-03-01T00:{i:02d}:00Z", "account_id": who, "model": "m",
         "prompt": words.format(f"topic {i}") if who == "harvester" else chat.format(i),
         "ip": f"198.51.{10 if who == 'harvester' else 20}.{i + 1}"}
        for who in ("harvester", "person") for i in range(60 if who == "harvester" else 5)
    ]  # fmt: skip
    log.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    made = make_set([], [str(log)], ["network", "template"])
    held = made.pairs.to_pylist()
    assert {(r["account_id"], r["token"]) for r in held if r["kind"] == "network"} == {
        ("harvester", token_of("network", "198.51.10.0/24")), ("person", token_of("network", "198.51.20.0/24")),
    }  # fmt: skip
    assert {r["account_id"] for r in held if r["kind"] == "template"} == {"harvester"}
    assert made.sizes["template"] >= 3
    again = make_set([], [str(log)], ["template"])
    templates = sorted({r["token"] for r in held if r["kind"] == "template"})
    assert again.tokens == templates, "fingerprints are public: the same at every provider"


def test_a_set_can_be_of_a_few_accounts_only(tmp_path: Path) -> None:
    file = accounts_file(
        tmp_path / "a.csv.jsonl", [{"account_id": f"a{i}", "device_fingerprint": f"dev-{i}-Xt5E"} for i in range(9)]
    )
    made = make_set([file], [], ["device"], only={"a1", "a2"})
    assert sorted(made.pairs.column("account_id").to_pylist()) == ["a1", "a2"]
    assert made.tokens == sorted(made.tokens) and len(made.tokens) == 2
    assert made.holders(made.tokens[:1]).num_rows == 1
