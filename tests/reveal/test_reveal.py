"""Asking a home for a campaign's phrases: who counts as a stranger, what is missing, what is never shown."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from place import CAMPAIGN, TEMPLATE, leave_campaign, made_home, strangers

from stillwatch.errors import UsageError
from stillwatch.reveal import open_exchange, reveal_phrases

WORDS = ("amber", "basil", "cedar", "dahlia", "elder", "fennel", "ginger", "hazel", "indigo", "jasmine", "kale",
         "laurel", "mint", "nettle", "olive")  # fmt: skip


def talk(senders: list[str], *, each: int = 3) -> list[tuple[str, str]]:
    """Each sends the template with a filling of its own."""
    return [
        (a, f"{TEMPLATE} on {WORDS[(i + n) % 15]} {WORDS[(3 * i + n) % 15]}{i}x{n}") for i, a in enumerate(senders)
        for n in range(each)
    ]  # fmt: skip


def ids(count: int) -> list[str]:
    return [f"a{i}" for i in range(count)]


def test_the_common_phrase_of_twenty_strangers_is_shown_and_a_canary_is_not(tmp_path: Path) -> None:
    canary = "our merger with north harbour closes on friday morning"
    prompts = [*talk(ids(20)), *[("a0", f"{canary}. {TEMPLATE}")] * 40]
    home, log = made_home(tmp_path, prompts, strangers(20))
    found = reveal_phrases(home, CAMPAIGN, [str(log)])
    assert [phrase.text for phrase in found.phrases] == [TEMPLATE.lower() + " on"] or [
        phrase.text for phrase in found.phrases
    ] == [TEMPLATE.lower()]
    assert (found.phrases[0].accounts, found.phrases[0].organisations) == (20, 20)
    assert found.read == 100 and found.missing_files == ()
    assert not any(word in phrase.text for phrase in found.phrases for word in ("harbour", "merger", "friday"))


def test_nineteen_strangers_are_too_few_and_the_note_says_so(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(19)), strangers(19))
    found = reveal_phrases(home, CAMPAIGN, [str(log)])
    assert found.phrases == () and found.read == 0
    assert "19" in found.note and "20 are needed" in found.note


@pytest.mark.parametrize(
    "same", ["org_id", "payment_fingerprint", "phone_hash", "email_hash", "device_fingerprint", "signup_ip"]
)
def test_accounts_that_share_a_signup_value_are_one_customer(tmp_path: Path, same: str) -> None:
    value = "203.0.113.7" if same == "signup_ip" else "one"
    home, log = made_home(tmp_path, talk(ids(40)), strangers(40, **{same: value}))
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases == ()


def test_the_seats_of_one_company_are_one_customer_by_their_domain_and_users_of_a_mail_provider_are_not(
    tmp_path: Path,
) -> None:
    bystanders = [
        {"account_id": f"b{i}", "payment_fingerprint": f"other {i}", "email_domain": "post.example"} for i in range(60)
    ]
    people = strangers(40, email_domain="acme.example")
    home, log = made_home(tmp_path / "company", talk(ids(40)), [*people, *bystanders])
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases == ()
    people = strangers(40, email_domain="post.example")
    home, log = made_home(tmp_path / "provider", talk(ids(40)), [*people, *bystanders])
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases


@pytest.mark.parametrize("logged", ["org_id", "key_id"])
def test_an_organisation_or_key_that_only_the_log_names_relates_as_well(tmp_path: Path, logged: str) -> None:
    home, log = made_home(tmp_path, talk(ids(40)), strangers(40), more={logged: "shared"})
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases == ()


def test_accounts_of_which_nothing_is_known_count_as_one_customer_together(tmp_path: Path) -> None:
    known = strangers(19)
    home, log = made_home(tmp_path, talk(ids(60)), known)
    found = reveal_phrases(home, CAMPAIGN, [str(log)])
    assert len(found.phrases) == 1
    assert (found.phrases[0].organisations, found.phrases[0].accounts) == (20, 60)
    home, log = made_home(tmp_path / "fewer", talk(ids(60)), known[:18])
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases == ()


def test_a_campaign_tied_by_chains_of_shared_cards_still_has_strangers_in_it(tmp_path: Path) -> None:
    people = [
        {"account_id": f"a{i}", "payment_fingerprint": f"card {i // 2}", "device_fingerprint": f"d {(i + 1) // 2}"}
        for i in range(80)
    ]
    home, log = made_home(tmp_path, talk(ids(80)), people)
    (phrase,) = reveal_phrases(home, CAMPAIGN, [str(log)]).phrases
    assert phrase.accounts == 80 and 20 <= phrase.organisations <= 40


def test_a_phrase_outside_the_campaign_is_not_read(tmp_path: Path) -> None:
    others = [(f"o{i}", "a quite different sentence that all of the others like to send") for i in range(30)]
    home, log = made_home(tmp_path, [*talk(ids(20)), *others], strangers(20), members=ids(20))
    found = reveal_phrases(home, CAMPAIGN, [str(log)])
    assert found.read == 60
    assert not any("different sentence" in phrase.text for phrase in found.phrases)


def test_missing_logs_and_files_that_are_none_are_told(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(20)), strangers(20))
    other = tmp_path / "notes.jsonl"
    other.write_text("dear diary\n")
    gone = str(tmp_path / "gone.jsonl")
    found = reveal_phrases(home, CAMPAIGN, [gone, str(tmp_path / "*.nothing"), str(log)])
    assert found.missing_files == (gone, str(tmp_path / "*.nothing"))
    assert found.phrases and found.read == 60
    log.rename(tmp_path / "moved.jsonl")
    found = reveal_phrases(home, CAMPAIGN)
    assert found.missing_files == (str(log),)
    assert found.read == 0 and found.phrases == () and "60 were not found" in found.note


def test_without_names_of_logs_the_files_that_the_home_has_read_are_read_again(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(20)), strangers(20))
    assert reveal_phrases(home, CAMPAIGN) == reveal_phrases(home, CAMPAIGN, [str(log)])


def test_the_answer_is_the_same_from_any_dialect_packing_and_order(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(22)), strangers(22))
    first = reveal_phrases(home, CAMPAIGN, [str(log)])
    lines = log.read_text().splitlines()
    packed = tmp_path / "turned.jsonl.gz"
    packed.write_bytes(gzip.compress("\n".join(reversed([*lines, *lines])).encode()))
    odd = tmp_path / "odd.jsonl"
    names = {"id": "exchange_id", "who": "account_id", "when": "started_at", "what": "prompt"}
    rows = [json.loads(line) for line in lines]
    odd.write_text("".join(json.dumps({mine: row[its] for mine, its in names.items()}) + "\n" for row in rows))
    field_map = tmp_path / "map.yaml"
    field_map.write_text(
        "fields:\n  exchange_id: id\n  account_id: who\n  started_at: when\n  prompt: what\n  model: {constant: m}\n"
    )
    assert reveal_phrases(home, CAMPAIGN, [str(packed)]) == first
    assert reveal_phrases(home, CAMPAIGN, [str(odd)], field_map=field_map) == first


def test_a_large_campaign_is_sampled_within_bounds_and_says_so(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(30), each=20), strangers(30))
    found = reveal_phrases(home, CAMPAIGN, [str(log)], most_characters=15_000)
    assert 30 <= found.read < 200 and f"a sample of {found.read}" in found.note
    assert found.phrases[0].organisations == 30
    assert found == reveal_phrases(home, CAMPAIGN, [str(log)], most_characters=15_000)


def test_too_small_a_k_and_an_unknown_campaign_are_refused(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(20)), strangers(20))
    with pytest.raises(UsageError, match="must be 5 or more"):
        reveal_phrases(home, CAMPAIGN, [str(log)], k=4)
    with pytest.raises(UsageError, match="no 'C-other'"):
        reveal_phrases(home, "C-other", [str(log)])


def test_what_is_revealed_is_written_nowhere(tmp_path: Path) -> None:
    home, log = made_home(tmp_path, talk(ids(20)), strangers(20))
    before = {path: path.stat().st_size for path in tmp_path.rglob("*") if path.is_file() and "-" not in path.suffix}
    assert reveal_phrases(home, CAMPAIGN, [str(log)]).phrases
    after = {path for path in tmp_path.rglob("*") if path.is_file() and "-" not in path.suffix}
    assert after == set(before)
    words = b"intermediate quantity"
    assert not [path for path in home.rglob("*") if path.is_file() and words in path.read_bytes().lower()]


def test_an_exchange_opens_where_text_is_kept_and_its_days_are_not_over(tmp_path: Path) -> None:
    home, _ = made_home(tmp_path / "kept", [("a0", "What is the tallest tree?")], strangers(1), keep_text_days=3)
    text = open_exchange(home, "e0")
    assert text is not None
    assert (text.prompt, text.account_id, text.messages) == ("What is the tallest tree?", "a0", None)
    assert open_exchange(home, "e1") is None
    (part,) = (home / "text").glob("*.parquet")
    over = part.name.split(".until-")[0] + ".until-20200101T000000Z.parquet"
    part.rename(part.with_name(over))
    import sqlite3

    with sqlite3.connect(home / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE parts SET name=? WHERE kind='text'", (over,))
    assert open_exchange(home, "e0") is None
    home, _ = made_home(tmp_path / "not kept", [("a0", "What is the tallest tree?")], strangers(1))
    assert open_exchange(home, "e0") is None


def test_a_forgotten_customer_is_not_revealed_again(tmp_path: Path) -> None:
    from stillwatch import pipeline

    home, log = made_home(tmp_path, talk(ids(20)), strangers(20))
    pipeline.forget(home, "a3")
    leave_campaign(home, ids(20))
    found = reveal_phrases(home, CAMPAIGN, [str(log)])
    assert found.phrases == () and "19" in found.note
