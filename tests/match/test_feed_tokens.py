"""A campaign's values become tokens that may leave; ours are looked up in others', while their key's epoch lasts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from providers import ANN, accounts_file, audit_of, home_in, served

from stillwatch.errors import UsageError
from stillwatch.match.book import Book
from stillwatch.match.evaluator import Evaluating, Key, Rates, key_of
from stillwatch.match.feed_tokens import look_up, plain, tokens_of_campaigns
from stillwatch.match.sets import MatchSet, make_set
from stillwatch.match.wire import Line
from stillwatch.records.token import SUITE, TOKEN_KINDS
from stillwatch.share.holders import Wanted
from stillwatch.share.tokens import TokenSet

KINDS = ("payment", "email", "phone", "device", "network")


class Evaluator:
    """An evaluator whose clock is ours, and two members."""

    def __init__(self, folder: Path, **rates: int) -> None:
        self.home, self.now = home_in(folder), 1.8e9
        self.book = Book(self.home)
        self.secrets = {name: self.book.pair(ANN, name, "evaluate", self.now) for name in "ab"}
        self.evaluating = Evaluating(self.book, Rates(**rates), clock=lambda: self.now)

    def line(self, url: str, name: str) -> Line:
        return Line(url, name, self.secrets[name], clock=lambda: self.now)


def values(path: Path, rows: list[dict[str, Any]], **more: Any) -> MatchSet:
    return make_set([accounts_file(path, rows)], [], KINDS, named=plain, **more)


def ring(first: int, count: int, **more: Any) -> list[dict[str, Any]]:
    """Accounts that share a card and a phone, each with a mail of its own."""
    return [
        {"account_id": f"bad-{i}", "payment_fingerprint": "fp_ring_1Nq2Xt5E", "phone_hash": "+49 1511 2345678",
         "email_hash": f"user{i}@example.org", **more} for i in range(first, first + count)
    ]  # fmt: skip


def people(count: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"account_id": f"person-{i}", "payment_fingerprint": f"fp_{i:06d}Qx7", "signup_ip": "203.0.113.9",
         "email_hash": f"person{i}@example.net", **more} for i in range(count)
    ]  # fmt: skip


def wanted(held: TokenSet, ended: bool = False) -> list[Wanted]:
    return [
        Wanted("A", "indicator--1", held.evaluator, held.key_id, held.epoch, ended, frozenset(map(str, held.tokens)))
    ]


def at_a(asked: Evaluator, url: str, path: Path) -> tuple[Key, TokenSet]:
    key = key_of(asked.line(url, "a"))
    mine = values(path, [*ring(0, 12, signup_ip="203.0.113.7"), *people(60)])
    made = tokens_of_campaigns(asked.line(url, "a"), key, {"C-1": {f"bad-{i}" for i in range(12)}}, mine)
    assert made.kept_back == {"C-1": {"held by too few of its accounts": 12, "held by others too": 1}}
    return key, made.sets["C-1"]


def test_what_a_ring_shares_leaves_and_ones_own_mail_and_everybodys_network_stay(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e")
    with served(asked.evaluating.app()) as url:
        key, held = at_a(asked, url, tmp_path / "a.jsonl")
    assert sorted(token.kind for token in held.tokens) == ["payment", "phone"]
    assert (held.evaluator, held.suite, held.key_id, held.epoch) == (key.evaluator, SUITE, key.key_id, key.epoch)
    assert held.ends_at == Rates().ends_at(key.epoch) > asked.now
    assert key.evaluator == asked.evaluating.id


def test_another_provider_finds_the_same_hands_and_asks_only_for_kinds_that_were_given(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e")
    with served(asked.evaluating.app()) as url:
        key, held = at_a(asked, url, tmp_path / "a.jsonl")
        ours = values(tmp_path / "b.jsonl", [*ring(90, 3), *people(40)])
        found, n = look_up(asked.line(url, "b"), key, wanted(held), ours, limit=100)
    (holders,) = found.values()
    assert holders == {(f"bad-{i}", kind): 1 for i in (90, 91, 92) for kind in ("payment", "phone")}
    assert n == 41 + 1, "payments and phones; nobody's mail or network was asked"
    seen = [x["details"]["inputs"] for x in audit_of(asked.home) if x["what"] == "tokens evaluated"]
    assert seen == [2, 42]


def test_when_the_keys_epoch_ends_old_tokens_match_nothing_and_nothing_is_asked(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e", epoch_days=30)
    with served(asked.evaluating.app()) as url:
        old, held = at_a(asked, url, tmp_path / "a.jsonl")
        ours = values(tmp_path / "b.jsonl", ring(90, 3))
        asked.now = held.ends_at - 1
        assert key_of(asked.line(url, "b")) == old
        asked.now = held.ends_at + 1
        new = key_of(asked.line(url, "b"))
        found, n = look_up(asked.line(url, "b"), new, wanted(held), ours, limit=100)
    assert new.epoch == old.epoch + 1 and new.key_id != old.key_id and new.evaluator == old.evaluator
    assert (found, n) == ({}, 0)


def test_more_than_the_limit_is_not_asked_and_the_evaluator_has_a_cap_of_its_own(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e", inputs_a_day=30)
    with served(asked.evaluating.app()) as url:
        key, held = at_a(asked, url, tmp_path / "a.jsonl")
        ours = values(tmp_path / "b.jsonl", people(40))
        with pytest.raises(UsageError, match="40 values would be asked"):
            look_up(asked.line(url, "b"), key, wanted(held), ours, limit=39)
        with pytest.raises(UsageError, match="over the cap of 30"):
            look_up(asked.line(url, "b"), key, wanted(held), ours, limit=100)
    refused = [x for x in audit_of(asked.home) if x["what"] == "match refused"]
    assert [x["who"] for x in refused] == ["b"], "who asked too much stands in the evaluator's log"


def test_a_key_that_is_not_the_evaluators_own_is_found_out(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e")
    asked.evaluating._says = lambda epoch: {  # type: ignore[method-assign]
        "evaluator": "ev-x", "suite": SUITE, "epoch": epoch.number, "key_id": "0" * 16, "ends_at": 1.9e9,
        "public_key": "AAAA",
    }  # fmt: skip
    with served(asked.evaluating.app()) as url, pytest.raises(UsageError, match="another function"):
        key_of(asked.line(url, "b"))


def test_a_match_secret_does_not_show_the_key(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e")
    match = asked.book.pair(ANN, "m", "match", asked.now)
    with served(asked.evaluating.app()) as url, pytest.raises(UsageError, match="takes the role evaluate"):
        key_of(Line(url, "m", match, clock=lambda: asked.now))


def test_a_template_leaves_only_where_ten_accounts_sent_it(tmp_path: Path) -> None:
    asked = Evaluator(tmp_path / "e")
    pairs = values(tmp_path / "a.jsonl", ring(0, 12)).pairs.to_pylist()
    for i in range(12):
        pairs += [{"token": plain("template", f"{n:016x}"), "account_id": f"bad-{i}", "kind": "template"}
                  for n in range(8, 10 if i < 9 else 9)]  # fmt: skip
    import pyarrow as pa

    mine = MatchSet([], pa.Table.from_pylist(pairs), {}, {}, {})
    with served(asked.evaluating.app()) as url:
        line = asked.line(url, "a")
        made = tokens_of_campaigns(line, key_of(line), {"C-1": {f"bad-{i}" for i in range(12)}}, mine)
    assert [t.kind for t in made.sets["C-1"].tokens].count("template") == 1


def test_every_kind_that_is_spelled_can_stand_in_a_token() -> None:
    from stillwatch.match.spelling import KINDS as SPELLED

    assert tuple(SPELLED) == TOKEN_KINDS
