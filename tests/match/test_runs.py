"""A match between two providers: the count first, the matches by both sides' consent, and what a cheat runs into."""

from __future__ import annotations

import json
import secrets
import stat
import time
from pathlib import Path
from typing import Any

import pytest
from providers import ANN, WORKERS, Pair, audit_of, set_of, two_providers

from stillwatch.errors import OutsideError, StillwatchError, UsageError
from stillwatch.match import crossing, left
from stillwatch.match.asks import Count, match_with
from stillwatch.match.commitment import Opening, commit, faults
from stillwatch.match.terms import Terms
from stillwatch.match.wire import Line, sha256


def begin(pair: Pair, tokens: list[str], nonce: bytes = b"n" * 32, **other: Any) -> dict[str, Any]:
    said = {"protocol": 1, "kinds": ["payment"], "size": len(tokens), "commitment": commit(tokens, nonce), **other}
    return pair.line().words("POST", "/v1/match/begin", said)


def ready(pair: Pair, tokens: list[str]) -> str:
    """A run by hand, its set fetched; the run's path."""
    path = f"/v1/match/runs/{begin(pair, tokens)['run_id']}"
    until = time.monotonic() + 20
    while pair.line().words("GET", path)["state"] != "ready" and time.monotonic() < until:
        time.sleep(0.05)
    pair.line().raw("GET", f"{path}/set", b"", 1 << 22)
    return path


def test_the_count_is_exact_and_says_nothing_of_which(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 350, 120))
    assert (outcome.state, outcome.common, outcome.matches) == ("counted", 50, 0)
    assert not (pair.b_home / "matches").exists() and not (pair.a_home / "matches").exists()
    assert "match revealed" not in [line["what"] for line in audit_of(pair.a_home)]


def test_with_both_sides_consent_each_has_its_own_accounts_of_the_matches(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        person = pair.say_when_asked(True)
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 350, 120), consents=lambda count: True)
        person.join(20)
    assert (outcome.state, outcome.common, outcome.matches, outcome.accounts) == ("done", 50, 50, 50)
    theirs = json.loads(next((pair.a_home / "matches").iterdir()).read_text("utf-8"))
    ours = json.loads(Path(outcome.file).read_text("utf-8"))
    assert sorted(theirs["accounts"]) == sorted(f"a-{i}" for i in range(350, 400))
    assert sorted(ours["accounts"]) == sorted(f"b-{i}" for i in range(350, 400))
    assert ours["kinds"] == {"payment": 50}
    assert stat.S_IMODE(Path(outcome.file).stat().st_mode) == 0o600
    assert left.forget(pair.b_home, "b-350") == 1 and left.forget(pair.b_home, "b-350") == 0
    assert b"b-350" not in Path(outcome.file).read_bytes()
    assert stat.S_IMODE(Path(outcome.file).stat().st_mode) == 0o600


def test_both_audit_logs_hold_the_same_transcript_and_no_token(tmp_path: Path) -> None:
    ours, theirs = set_of(tmp_path / "b.jsonl", 350, 120), set_of(tmp_path / "a.jsonl", 0, 400)
    with two_providers(tmp_path, theirs) as pair:
        person = pair.say_when_asked(True)
        outcome = pair.ask(ours, consents=lambda count: True)
        person.join(20)
    a, b = audit_of(pair.a_home), audit_of(pair.b_home)
    begun_a = next(x["details"] for x in a if x["what"] == "match begun")
    begun_b = next(x["details"] for x in b if x["what"] == "match begun")
    assert begun_a["own_commitment"] == begun_b["their_commitment"] != begun_a["their_commitment"]
    assert begun_a["their_commitment"] == begun_b["own_commitment"]
    assert (begun_a["own_size"], begun_a["their_size"]) == (400, 120) == (begun_b["their_size"], begun_b["own_size"])
    assert begun_a["kinds"] == begun_b["kinds"] == ["payment"]
    for log in (a, b):
        assert {x["subject"] for x in log if x["what"] == "match done"} == {outcome.run_id}
        assert [x["details"]["count"] for x in log if x["what"] == "match counted"] == [50]
        assert [x["details"]["results"] for x in log if x["what"] == "match done"] == [50]
        assert "match consent given" in [x["what"] for x in log]
    tokens = {*ours.tokens, *theirs.tokens}
    for home in (pair.a_home, pair.b_home):
        for file in home.rglob("*"):
            held = file.read_bytes() if file.is_file() else b""
            assert not [t for t in tokens if t.encode() in held] and b"fp_000" not in held, file.name


def test_below_the_agreed_least_nothing_is_shown_whoever_consents(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 391, 120), consents=lambda count: True)
        assert (outcome.state, outcome.common, outcome.matches) == ("below", 9, 0)
        path = f"/v1/match/runs/{outcome.run_id}"
        for method, what in (("POST", "reveal"), ("GET", "answer"), ("POST", "matches")):
            with pytest.raises(UsageError, match="no such run"):
                pair.line().raw(method, f"{path}/{what}", b"", 1 << 22)


def test_never_means_that_no_matches_are_shown(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400), consent="never") as pair:
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 350, 120), consents=lambda count: True)
    assert (outcome.state, outcome.common, outcome.matches) == ("refused", 50, 0)


def test_a_person_who_says_no_ends_it(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        person = pair.say_when_asked(False)
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 350, 120), consents=lambda count: True)
        person.join(20)
    assert (outcome.state, outcome.matches) == ("refused", 0)
    assert any("consent" in line for line in pair.told)


def test_asked_first_means_that_not_even_the_count_is_given_unasked(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400), consent="ask") as pair:
        with pytest.raises(OutsideError, match="no word"):
            pair.ask(set_of(tmp_path / "b.jsonl", 350, 120), wait_s=0.5)
        person = pair.say_when_asked(True, ("waiting",))
        outcome = pair.ask(set_of(tmp_path / "b.jsonl", 350, 120))
        person.join(20)
    assert outcome.common == 50


def test_an_alarming_share_is_told_to_both(tmp_path: Path) -> None:
    seen: list[Count] = []

    def look(count: Count) -> bool:
        seen.append(count)
        return True

    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400), share_alarm=0.2) as pair:
        person = pair.say_when_asked(False)
        pair.ask(set_of(tmp_path / "b.jsonl", 350, 120), consents=look, share_alarm=0.2)
        person.join(20)
    assert seen[0].alarm and any("ALARM" in line for line in pair.told)


@pytest.mark.parametrize(("size", "what"), [(19, "must lie between 20"), (1001, "1,000")])
def test_a_set_that_is_too_small_or_over_the_cap_is_refused(tmp_path: Path, size: int, what: str) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair, pytest.raises(UsageError, match=what):
        begin(pair, [f"{i:032x}" for i in range(size)])
    assert any(line["what"] == "match refused" for line in audit_of(pair.a_home))


def test_runs_over_the_cap_of_the_period_are_refused_also_after_a_restart(tmp_path: Path) -> None:
    theirs, tokens = set_of(tmp_path / "a.jsonl", 0, 400), [f"{i:032x}" for i in range(30)]
    with two_providers(tmp_path, theirs, runs=2) as pair:
        begin(pair, tokens)
        begin(pair, tokens)
        with pytest.raises(UsageError, match="over the cap of 2 a period"):
            begin(pair, tokens)
    pair.answering.book.close()
    with two_providers(tmp_path, theirs, runs=2) as again, pytest.raises(UsageError, match="over the cap"):
        begin(again, tokens)


def test_a_request_that_was_heard_is_not_answered_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        monkeypatch.setattr(secrets, "token_hex", lambda n: "0123456789abcdef0123456789abcdef"[: 2 * n])
        tokens = [f"{i:032x}" for i in range(30)]
        fixed = time.time()
        line = pair.line(clock=lambda: fixed)
        said = {"protocol": 1, "kinds": ["payment"], "size": 30, "commitment": commit(tokens, b"n" * 32)}
        line.words("POST", "/v1/match/begin", said)
        with pytest.raises(UsageError, match="was sent before"):
            line.words("POST", "/v1/match/begin", said)
        old = pair.line(clock=lambda: fixed - 3600)
        with pytest.raises(UsageError, match="too old"):
            old.words("POST", "/v1/match/begin", said)


def test_who_has_another_secret_name_or_role_is_told_nothing(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        wrong = "swm_match_" + "A" * 43
        for line in (pair.line(secret=wrong), pair.line(name="nobody"), pair.line(name="nobody", secret=wrong)):
            with pytest.raises(UsageError, match="does not know us"):
                line.words("POST", "/v1/match/begin", {})
        other = pair.a_book.pair(ANN, "member", "evaluate", time.time())
        with pytest.raises(UsageError, match="takes the role match"):
            pair.line("member", other).words("POST", "/v1/match/begin", {})
        pair.a_book.revoke(ANN, "b", time.time())
        with pytest.raises(UsageError, match="does not know us"):
            pair.ask(set_of(tmp_path / "b.jsonl", 350, 120))


def test_a_peers_run_is_not_another_peers(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, [f"{i:032x}" for i in range(30)])
        other = pair.line("c", pair.a_book.pair(ANN, "c", "match", time.time()))
        with pytest.raises(UsageError, match="no such run"):
            other.raw("GET", f"{path}/set", b"", 1 << 22)


def test_an_answering_side_that_is_not_the_peer_is_found_out(tmp_path: Path) -> None:
    """It may know the name, but not the secret, so its answers do not hold."""
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        mine = "swm_match_" + "B" * 43
        pair.a_book.pair(ANN, "b", "match", time.time(), mine)
        with pytest.raises(UsageError, match="does not know us"):
            pair.line().words("POST", "/v1/match/begin", {})


@pytest.mark.parametrize("body", [b"", b"\xff" * 40, b"\x12\x21" + b"\x05" * 33, b"{}", secrets.token_bytes(500)])
def test_what_is_no_request_is_refused_and_the_run_stays(tmp_path: Path, body: bytes) -> None:
    tokens = [f"{i:032x}" for i in range(30)]
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, tokens)
        with pytest.raises(UsageError):
            pair.line().raw("POST", f"{path}/request", body, 1 << 22)
        good = crossing.request_of(tokens, crossing.fresh_key())
        assert pair.line().raw("POST", f"{path}/request", good, 1 << 22)
        with pytest.raises(UsageError, match="is answered"):
            pair.line().raw("POST", f"{path}/request", good, 1 << 22)


def test_points_that_are_none_of_the_curve_are_refused(tmp_path: Path) -> None:
    psi = crossing.library()
    tokens = [f"{i:032x}" for i in range(30)]
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, tokens)
        bad = psi.Request(encrypted_elements=[b"\x02" + b"\xff" * 31 + bytes([i]) for i in range(30)])
        with pytest.raises(UsageError, match="no point"):
            pair.line().raw("POST", f"{path}/request", bad.SerializeToString(), 1 << 22)


def test_one_element_sent_often_to_read_it_off_the_count_is_refused(tmp_path: Path) -> None:
    psi, key = crossing.library(), crossing.fresh_key()
    tokens = [f"{i:032x}" for i in range(30)]
    one = list(psi.Request.FromString(crossing.request_of(tokens, key)).encrypted_elements)
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, tokens)
        often = psi.Request(encrypted_elements=[*one[:-1], one[0]])
        with pytest.raises(UsageError, match="twice"):
            pair.line().raw("POST", f"{path}/request", often.SerializeToString(), 1 << 22)
        more = crossing.request_of([*tokens, "f" * 32], key)
        with pytest.raises(UsageError, match="31 elements where 30"):
            pair.line().raw("POST", f"{path}/request", more, 1 << 22)


def test_a_body_over_the_cap_is_not_read(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, [f"{i:032x}" for i in range(30)])
        with pytest.raises(StillwatchError, match=r"longer than|gone"):
            pair.line().raw("POST", f"{path}/request", bytes(2_000_000), 1 << 22)
        assert pair.line().words("GET", path)["state"] == "ready"


def test_the_order_of_the_protocol_cannot_be_left(tmp_path: Path) -> None:
    tokens = [f"{i:032x}" for i in range(30)]
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path = ready(pair, tokens)
        for method, what in (("POST", "count"), ("POST", "reveal"), ("GET", "answer"), ("POST", "matches")):
            with pytest.raises(UsageError, match="is ready; this takes"):
                pair.line().raw(method, f"{path}/{what}", b"", 1 << 22)


def test_who_counts_too_many_to_be_shown_is_found_out_by_what_it_shows(tmp_path: Path) -> None:
    """The asking side lies: 9 are common, it says 40. It learns the nine, and the lie is in the log."""
    found = set_of(tmp_path / "b.jsonl", 391, 120)
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        path, key = ready(pair, found.tokens), crossing.fresh_key()
        pair.line().raw("POST", f"{path}/request", crossing.request_of(found.tokens, key), 1 << 22)
        assert pair.line().words("POST", f"{path}/count", {"count": 40}) == {"below": False, "alarm": False}
        person = pair.say_when_asked(True)
        pair.line().words("POST", f"{path}/reveal", {})
        person.join(20)
        pair.line().raw("GET", f"{path}/answer", b"", 1 << 22)
        shown = pair.line().words("POST", f"{path}/matches", {"tokens": found.tokens[:40]})
    assert shown == {"sound": False}
    assert [x["details"]["count"] for x in audit_of(pair.a_home) if x["what"] == "match disputed"] == [40]
    assert any("DISPUTED" in line for line in pair.told)


def test_a_set_changed_after_the_commitment_is_found_out_when_it_is_opened(tmp_path: Path) -> None:
    honest = [f"{i:032x}" for i in range(40)]
    other = sorted([*honest[:-1], "f" * 32])
    nonce, key = b"n" * 32, crossing.fresh_key()
    committed, sent = commit(honest, nonce), sha256(crossing.request_of(other, key))

    def opened(tokens: list[str]) -> list[str]:
        shown = Opening("M-1", "asks", nonce.hex(), key.hex(), tuple(tokens), sent, 1000)
        return faults(shown, committed, sent)

    assert opened(honest) == ["the message of the run was not made of this set with one key"]
    assert opened(other) == ["the set is not the one that was committed to"]
    assert faults(
        Opening("M-1", "asks", nonce.hex(), key.hex(), tuple(honest), "", 1000),
        committed, sha256(crossing.request_of(honest, key)),
    ) == []  # fmt: skip


def test_the_answering_side_can_be_held_to_its_set_too(tmp_path: Path) -> None:
    tokens, nonce = [f"{i:032x}" for i in range(300)], b"m" * 32
    key, message = WORKERS.prepare(tokens, 1000)
    right = Opening("M-1", "answers", nonce.hex(), key.hex(), tuple(tokens), "", 1000)
    assert faults(right, commit(tokens, nonce), sha256(message)) == []
    short = WORKERS.prepare(tokens[:200], 1000)[1]
    assert faults(right, commit(tokens, nonce), sha256(short))


def test_a_lying_answering_side_is_refused_before_its_set_is_read(tmp_path: Path) -> None:
    psi = crossing.library()
    _, message = WORKERS.prepare([f"{i:032x}" for i in range(300)], 1000)
    crossing.check_setup(message, 300, 1000)
    for change in ({"div": -5}, {"div": 70}, {"hash_range": 0}, {"hash_range": 1000}, {"bits": b""}):
        setup = psi.ServerSetup.FromString(message)
        for name, value in change.items():
            setattr(setup.gcs, name, value)
        with pytest.raises(UsageError, match="is not what it said"):
            crossing.check_setup(setup.SerializeToString(), 300, 1000)
    for junk in (b"", b"\xff" * 9, psi.ServerSetup(bloom_filter={"num_hash_functions": 0}).SerializeToString()):
        with pytest.raises(UsageError, match=r"is malformed|is not what it said"):
            crossing.check_setup(junk, 300, 1000)


def test_a_peer_that_vanishes_is_told_as_an_outside_failure(tmp_path: Path) -> None:
    with two_providers(tmp_path, set_of(tmp_path / "a.jsonl", 0, 400)) as pair:
        url = pair.url
    found = set_of(tmp_path / "b.jsonl", 350, 120)
    line = Line(url, "b", pair.secret, timeout_s=5)
    with pytest.raises(OutsideError, match="gone"):
        match_with(pair.b_book, line, "a", found, Terms(least_size=1, least_common=1), WORKERS, ANN,
                   consents=lambda count: True)  # fmt: skip
    assert audit_of(pair.b_home)[-1]["what"] == "match broken off"
