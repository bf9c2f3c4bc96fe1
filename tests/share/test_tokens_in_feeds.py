"""Tokens of what a campaign's accounts held: they leave whole, are taken in checked, end with their key, hold nobody's
number but the store's own."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser
from pymisp import MISPEvent
from stix2patterns.v21.pattern import Pattern
from stix2validator import ValidationOptions, validate_string

from share.towns import (
    ANN,
    CAMPAIGN,
    CANARY,
    EPOCH,
    HELD,
    KEY,
    NOW,
    SETTINGS,
    account,
    home_with_logs,
    token,
    with_finding,
)
from stillwatch.decide.record import Record
from stillwatch.errors import UsageError
from stillwatch.records.token import SUITE
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.holders import forget_gone, keep_holders, wanted_tokens
from stillwatch.share.incoming import Taken, decide_held, take_in
from stillwatch.share.outgoing import Given, share_out, sightings
from stillwatch.share.reading import Received, read_source
from stillwatch.share.stix import schema_text
from stillwatch.share.tokens import read_token_file, write_token_file
from stillwatch.share.words import EXTENSION_ID
from stillwatch.store import open_store
from stillwatch.store.indicators import TOKEN, Indicators, active_marks

Bundle = dict[str, Any]
B = Settings(share=ShareSettings(provider="Provider B"))
DAY = 86400.0


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Given]:
    place = tmp_path_factory.mktemp("a")
    home = home_with_logs(place)
    out = place / "out"
    return home, out, share_out(home, [with_finding(home)], out, SETTINGS, ANN, now=NOW, tokens={CAMPAIGN: HELD})


@pytest.fixture
def b_home(tmp_path: Path) -> Path:
    return home_with_logs(tmp_path, ring=4, people=60, each=3)


def sign_of(bundle: Bundle) -> Bundle:
    return next(o for o in bundle["objects"] if "tokens" in o.get("extensions", {}).get(EXTENSION_ID, {}))


def taken(home: Path, bundle: Bundle, now: float = NOW, source: str = "A") -> Taken:
    return take_in(home, Received(objects=bundle["objects"]), source, B, ANN, now=now)


def held_here(home: Path, *accounts: str, kind: str = "payment", now: float = NOW + 1) -> Any:
    """What a look at the evaluator would have found: these accounts hold one of A's tokens."""
    (one,) = wanted_tokens(home, now)
    found = {(one.source, one.indicator): {(a, kind): 1 for a in accounts}}
    return keep_holders(home, found, B, ANN, asked=len(accounts), now=now)[0]


def test_tokens_leave_as_an_indicator_of_their_own_that_ends_with_the_key(given: tuple[Path, Path, Given]) -> None:
    made = given[2]
    assert list(made.tokens.values()) == [6]
    signs = [o for o in made.bundle["objects"] if o["type"] == "indicator"]
    assert len(signs) == 2
    sign = sign_of(made.bundle)
    assert sign["valid_until"] == "2026-12-15T12:00:00.000Z"
    told = sign["extensions"][EXTENSION_ID]
    assert told["tokens"]["values"] == sorted(map(str, HELD.tokens)) and "marks" not in told
    assert (told["tokens"]["evaluator"], told["tokens"]["epoch"], told["tokens"]["suite"]) == ("ev-1", EPOCH, SUITE)
    jsonschema.validate(told, json.loads(schema_text()))
    hashed = copy.deepcopy(told)
    hashed["tokens"]["values"] = [hashlib.sha256(b"+4915112345678").hexdigest()]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(hashed, json.loads(schema_text()))
    assert CANARY not in json.dumps(made.bundle)


def test_others_programs_read_the_bundle_with_tokens(given: tuple[Path, Path, Given]) -> None:
    options = ValidationOptions(strict=True, version="2.1", enforce_refs=True, disabled="uuid-check")
    told = validate_string(json.dumps(given[2].bundle), options)
    assert told.is_valid, [str(e) for r in told.object_results for e in r.errors]
    read = stix2.parse(given[2].bundle, allow_custom=False)
    Pattern(sign_of(given[2].bundle)["pattern"])
    parser = ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(read)
    parser.parse_stix_bundle()
    assert not parser.errors, parser.errors


def test_the_misp_feed_says_the_same_tokens(given: tuple[Path, Path, Given], b_home: Path) -> None:
    (file,) = (f for f in (given[1] / "misp").glob("*-*.json"))
    event = MISPEvent()
    event.load_file(file)
    assert sum(a.comment == "token" for a in event.attributes) == 6
    told = take_in(b_home, read_source(str(given[1] / "misp")), "A", B, ANN, now=NOW)
    assert (told.active, dict(told.quarantined)) == (2, {})
    (one,) = wanted_tokens(b_home, NOW + 1)
    assert one.tokens == {str(t) for t in HELD.tokens} and (one.key_id, one.ended) == (KEY, False)


def test_of_a_small_campaign_and_of_a_network_no_token_leaves(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path, ring=6, people=20)
    small = share_out(home, [with_finding(home, members=6)], tmp_path / "o", SETTINGS, ANN, now=NOW,
                      formats=("stix",), tokens={CAMPAIGN: HELD})  # fmt: skip
    assert not small.tokens and KEY not in json.dumps(small.bundle)
    network = with_finding(home, members=20, kind="account_network", campaign_id="N-0badc0de00")
    wide = share_out(home, [network], tmp_path / "n", SETTINGS, ANN, now=NOW, formats=("stix",),
                     tokens={network: HELD})  # fmt: skip
    assert not wide.tokens


def test_who_holds_them_is_read_by_the_hunt_until_the_key_ends_and_then_said_to_be_expired(
    given: tuple[Path, Path, Given], b_home: Path
) -> None:
    taken(b_home, given[2].bundle)
    look = held_here(b_home, account(0), account(1), "acct-without-traffic")
    assert (look.accounts, look.strangers, look.state) == (2, 1, "active")
    rows = [r for r in active_marks(b_home, NOW + 2).to_pylist() if r["kind"].startswith(TOKEN)]
    assert len(rows) == 2 and {r["confidence"] for r in rows} == {0.95 * 0.9}
    assert len({r["campaign"] for r in active_marks(b_home, NOW + 2).to_pylist()}) == 1, (
        "one campaign, marks and tokens"
    )
    after = NOW + 21 * DAY
    assert [one.ended for one in wanted_tokens(b_home, after)] == [True]
    assert not [r for r in active_marks(b_home, after).to_pylist() if r["kind"].startswith(TOKEN)]
    assert active_marks(b_home, after).num_rows, "the templates hold on: they have no key"


def test_the_file_holds_numbers_of_the_store_and_no_account_and_forgetting_takes_them_out(
    given: tuple[Path, Path, Given], b_home: Path
) -> None:
    taken(b_home, given[2].bundle)
    held_here(b_home, account(0), account(1))
    for part in b_home.glob("indicators.sqlite*"):
        assert account(0).encode() not in part.read_bytes()
    store = open_store(b_home)
    store.forget(account(0))
    store.close()
    assert forget_gone(b_home) == 1
    assert Indicators(b_home).rows("SELECT COUNT(*) AS n FROM token_holders") == [{"n": 1}]


def test_tokens_that_touch_too_many_customers_wait_for_a_person(given: tuple[Path, Path, Given], b_home: Path) -> None:
    taken(b_home, given[2].bundle)
    look = held_here(b_home, *(account(n, "person") for n in range(12)))
    assert (look.accounts, look.state) == (12, "held")
    assert not [r for r in active_marks(b_home, NOW + 2).to_pylist() if r["kind"].startswith(TOKEN)]
    decide_held(b_home, ANN, "A", look.indicator, approve=True, reason="looked at all twelve")
    again = held_here(b_home, *(account(n, "person") for n in range(12)))
    assert again.state == "active", "what a person approved is not held again"
    said = [r["what"] for r in Record(b_home).rows("SELECT what FROM audit ORDER BY seq")]
    assert said == ["indicators taken in", "tokens looked for", "indicator approved", "tokens looked for"]


def test_a_campus_network_that_the_campaign_used_too_touches_nobody(
    given: tuple[Path, Path, Given], b_home: Path
) -> None:
    taken(b_home, given[2].bundle)
    look = held_here(b_home, *(account(n, "person") for n in range(30)), kind="network")
    assert look.state == "active"
    (row,) = Indicators(b_home).rows("SELECT touched FROM indicators WHERE indicator = ?", (look.indicator,))
    assert row["touched"] == 0, "a network is many people's: it speaks only beside a template"


def test_sightings_of_tokens_go_back_without_an_account(given: tuple[Path, Path, Given], b_home: Path) -> None:
    a_home, _, made = given
    taken(b_home, {"objects": [o for o in made.bundle["objects"] if "fingerprint" not in o.get("pattern", "")]})
    held_here(b_home, account(0, "person"), account(1, "person"))
    back = sightings(b_home, B, now=NOW + 5)
    (seen,) = [o for o in back["objects"] if o["type"] == "sighting"]
    assert seen["sighting_of_ref"] == sign_of(made.bundle)["id"]
    assert seen["extensions"][EXTENSION_ID]["suppressed"] == ["accounts"]
    assert "acct-" not in json.dumps(back) and KEY not in json.dumps(back)
    at_a = take_in(a_home, Received(objects=back["objects"]), "Provider B", SETTINGS, ANN, now=NOW + 9)
    assert (at_a.sightings, dict(at_a.quarantined)) == (1, {})


def test_a_new_epochs_tokens_are_another_indicator_and_revoking_takes_them_and_their_holders_away(
    given: tuple[Path, Path, Given], b_home: Path
) -> None:
    taken(b_home, given[2].bundle)
    look = held_here(b_home, account(0))
    gone = copy.deepcopy(given[2].bundle)
    sign_of(gone).update(revoked=True, modified="2026-11-27T00:00:00Z")
    assert taken(b_home, gone, source="Mallory").revoked == 1 and wanted_tokens(b_home, NOW + 1)
    assert taken(b_home, gone).revoked == 1 and not wanted_tokens(b_home, NOW + 1)
    assert Indicators(b_home).rows(
        "SELECT COUNT(*) AS n FROM token_holders WHERE source = 'A' AND indicator = ?", (look.indicator,)
    ) == [{"n": 0}]
    later = replace(HELD, key_id="f" * 16, epoch=685, tokens=tuple(replace(t, key_id="f" * 16, epoch=685)
                                                                   for t in HELD.tokens))  # fmt: skip
    next_ = share_out(given[0], [CAMPAIGN], given[1].parent / "next", SETTINGS, ANN, now=NOW + DAY, formats=("stix",),
                      tokens={CAMPAIGN: later})  # fmt: skip
    assert sign_of(next_.bundle)["id"] != sign_of(given[2].bundle)["id"]


PHONE, CARD = "+4915112345678", "4242424242424242"
HOSTILE: dict[str, tuple[Callable[[Bundle], None], str]] = {
    "a bare SHA-256 of a phone": (lambda t: t.update(values=[hashlib.sha256(PHONE.encode()).hexdigest()]),
                                  "a token that is a bare SHA-256"),
    "an MD5 in base64": (lambda t: t.update(values=[base64.b64encode(hashlib.md5(PHONE.encode()).digest()).decode()]),
                         "a token that is a bare MD5"),
    "a phone as it stands": (lambda t: t.update(values=[PHONE]), "a token that is a phone number as it stands"),
    "a card as it stands": (lambda t: t.update(values=[CARD]), "a token that is a card number as it stands"),
    "an address": (lambda t: t.update(values=["203.0.113.7"]), "a token that is an address as it stands"),
    "a hash dressed as a token": (lambda t: t.update(values=[f"swt1.{KEY}.{EPOCH}.phone.{'a' * 43}"]),
                                  "a token that its secret part holds too little to be one"),
    "a kind that there is not": (lambda t: t.update(values=[str(token(1)).replace("payment", "passport")]),
                                 "a token that is of no kind that we know"),
    "tokens of another key than it says": (lambda t: t.update(values=[str(token(1, key_id="f" * 16))]),
                                           "tokens of another key than they say"),
    "an epoch that has ended": (lambda t: t.update(ends_at="2026-11-20T00:00:00Z"),
                                "tokens of an epoch that has ended"),
    "another function": (lambda t: t.update(suite="HMAC-SHA256"), "tokens of another function than ours"),
    "none": (lambda t: t.update(values=[]), "more tokens than any campaign has, or none"),
    "more than any campaign has": (lambda t: t.update(values=[str(token(i)) for i in range(2_001)]),
                                   "more tokens than any campaign has, or none"),
    "an epoch that is a text": (lambda t: t.update(epoch="684"), "wrong type: tokens"),
    "a number for a token": (lambda t: t.update(values=[7]), "a token that is no text"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_set_of_tokens_is_quarantined_with_its_reason(
    name: str, given: tuple[Path, Path, Given], b_home: Path
) -> None:
    change, reason = HOSTILE[name]
    made = copy.deepcopy(given[2].bundle)
    change(sign_of(made)["extensions"][EXTENSION_ID]["tokens"])
    told = taken(b_home, made)
    assert told.quarantined == {reason: 1} and told.active == 1, "the templates are taken, the tokens are not"
    assert not wanted_tokens(b_home, NOW + 1)


def test_tokens_that_are_a_list_are_a_wrong_type_and_no_crash(given: tuple[Path, Path, Given], b_home: Path) -> None:
    for junk in ([], "x", 7, None, {"values": {}}):
        made = copy.deepcopy(given[2].bundle)
        sign_of(made)["extensions"][EXTENSION_ID]["tokens"] = junk
        assert sum(taken(b_home, made).quarantined.values()) == 1


def test_a_misp_event_with_a_plain_hash_for_a_token_is_quarantined(
    given: tuple[Path, Path, Given], b_home: Path
) -> None:
    received = read_source(str(given[1] / "misp"))
    for one in received.events[0]["Attribute"]:
        if one["comment"] == "token":
            one["value"] = hashlib.sha256(PHONE.encode()).hexdigest()
    assert take_in(b_home, received, "A", B, ANN, now=NOW).quarantined == {"a token that is a bare SHA-256": 1}


def test_our_own_file_of_tokens_is_checked_before_anything_leaves(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    write_token_file(file, {CAMPAIGN: HELD})
    assert read_token_file(file, NOW) == {CAMPAIGN: replace(HELD, tokens=tuple(sorted(HELD.tokens, key=str)))}
    with pytest.raises(UsageError, match="epoch that has ended"):
        read_token_file(file, NOW + 21 * DAY)
    made = json.loads(file.read_text("utf-8"))
    made["campaigns"][CAMPAIGN]["values"].append(hashlib.sha256(b"ann@example.org").hexdigest())
    file.write_text(json.dumps(made), "utf-8")
    with pytest.raises(UsageError, match="a token that is a bare SHA-256") as refused:
        read_token_file(file, NOW)
    assert hashlib.sha256(b"ann@example.org").hexdigest() not in str(refused.value)
    for junk in ("[]", "{}", "x", '{"campaigns": [1]}', '{"campaigns": {"C-1": 7}}'):
        file.write_text(junk, "utf-8")
        with pytest.raises(UsageError):
            read_token_file(file, NOW)
