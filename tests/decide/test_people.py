"""People act with a role and a reason, nobody approves what they asked for, and no act escapes the log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from decide.place import ANN, BOB, CAT, NOW, facts, finding, policy, record_in
from stillwatch.decide import people
from stillwatch.decide.decide import decide
from stillwatch.decide.forgetting import forget_decisions
from stillwatch.decide.learn import learn
from stillwatch.decide.record import FILE_NAME, Record, Who
from stillwatch.decide.tokens import make_token, revoke_token, tokens, who_has
from stillwatch.errors import OutsideError, UsageError

READER, GATEWAY = Who("ron", "reader"), Who("gate", "gateway")


@pytest.mark.parametrize("who", [CAT, READER, GATEWAY])
def test_only_an_approver_approves(tmp_path: Path, who: Who) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    with pytest.raises(UsageError, match="may not approve"):
        people.approve(record, who, made.new[0], NOW)


def test_nobody_approves_what_they_asked_for(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = people.decide_by_hand(record, ANN, NOW, action="suspend", scope="campaign", value="C-1", reason="seen",
                                 tell="Suspended.", members=["a"], enforce=True)  # fmt: skip
    with pytest.raises(UsageError, match="same person"):
        people.approve(record, ANN, made, NOW)
    people.approve(record, BOB, made, NOW)


def test_a_decision_is_approved_once_and_not_after_it_ended(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    with pytest.raises(UsageError, match="does not wait"):
        people.approve(record, BOB, made.new[0], NOW)
    people.lift(record, ANN, made.new[0], NOW, reason="enough")
    with pytest.raises(UsageError, match="has ended"):
        people.lift(record, ANN, made.new[0], NOW, reason="again")
    with pytest.raises(UsageError, match="no such decision"):
        people.lift(record, ANN, "D-nothing", NOW, reason="again")


def test_the_role_that_may_lift_is_the_rows(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    strict = decide(record, policy(action="throttle"), facts(finding()), NOW)
    with pytest.raises(UsageError, match="may not lift"):
        people.lift(record, CAT, strict.new[0], NOW, reason="seems wrong")
    loose = decide(record, policy(action="throttle", more='lift = "analyst"'), facts(finding("C-2")), NOW)
    people.lift(record, CAT, loose.new[0], NOW, reason="seems wrong")


@pytest.mark.parametrize("reason", ["", "   ", "x" * 2001])
def test_an_act_without_a_reason_is_no_act(tmp_path: Path, reason: str) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(action="throttle"), facts(finding()), NOW)
    before = record.cursor()
    with pytest.raises(UsageError, match="reason"):
        people.lift(record, ANN, made.new[0], NOW, reason=reason)
    assert record.cursor() == before


def test_what_may_be_told_is_only_what_is_enforced(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy("simulate", action="throttle"), facts(finding()), NOW)
    assert people.may_be_told(record, "C-1-1", NOW) == []
    decide(record, policy(action="throttle"), facts(finding("C-2")), NOW)
    assert people.may_be_told(record, "C-2-1", NOW) == ["We are looking at this account."]


def test_every_act_is_in_the_audit_log_and_the_log_holds(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    made = decide(record, policy(), facts(finding()), NOW)
    people.approve(record, ANN, made.new[0], NOW)
    number = people.appeal(record, CAT, "C-1-1", NOW, says="Why?")
    people.answer_appeal(record, BOB, number, NOW, granted=True, reason="right")
    acts = [row["what"] for row in record.rows("SELECT what FROM audit ORDER BY seq")]
    assert acts == ["proposed", "decided", "approved", "appeal", "appeal granted", "verdict wrong"]
    assert record.verify_audit() == (6, None)


def test_the_audit_log_refuses_change_and_betrays_it(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(), facts(finding()), NOW)
    for sql in ("UPDATE audit SET who='x'", "DELETE FROM audit"):
        with pytest.raises(sqlite3.IntegrityError, match="stays"):
            record.db.execute(sql)
    raw = sqlite3.connect(tmp_path / FILE_NAME)
    raw.executescript("DROP TRIGGER audit_stays; UPDATE audit SET who='nobody' WHERE seq=1;")
    assert record.verify_audit() == (0, "line 1 was changed")


def test_lines_taken_from_the_end_of_the_audit_log_are_missed(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(), facts(finding()), NOW)
    raw = sqlite3.connect(tmp_path / FILE_NAME)
    raw.executescript("DROP TRIGGER audit_keeps; DELETE FROM audit WHERE seq=2;")
    assert record.verify_audit() == (1, "lines after 1 were taken away")


def test_an_act_that_fails_leaves_nothing(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    before = record.cursor(), record.verify_audit()
    with pytest.raises(RuntimeError), record.act():
        record.changed("D-1", NOW)
        record.audit(ANN, "half", "done", NOW)
        raise RuntimeError("the power went")
    assert (record.cursor(), record.verify_audit()) == before


def test_a_forgotten_customer_is_in_no_table_and_the_audit_log_still_holds(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    decide(record, policy(), facts(finding()), NOW)
    people.decide_by_hand(record, ANN, NOW, action="throttle", scope="account", value="C-1-1", reason="x",
                          tell="Slower.")  # fmt: skip
    people.allow(record, ANN, NOW, scope="account", value="C-1-1", reason="agreed")
    people.appeal(record, CAT, "C-1-1", NOW, says="Why me?")
    people.give_verdict(record, CAT, NOW, kind="account", subject="C-1-1", verdict="wrong", reason="known")
    assert forget_decisions(record, "C-1-1", NOW) >= 5
    record.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for table in record.rows("SELECT name FROM sqlite_master WHERE type='table'"):
        rows = record.rows(f"SELECT * FROM {table['name']}")  # noqa: S608 - names of our own tables
        assert not any("C-1-1" in str(value) for row in rows for value in row.values()), table["name"]
    assert record.verify_audit()[1] is None


def test_a_token_is_kept_as_a_hash_only_and_ends_when_it_is_revoked(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    token = make_token(record, ANN, "proxy 1", "gateway", NOW)
    assert who_has(record, token) == Who("proxy 1", "gateway") and who_has(record, token + "x") is None
    assert token not in str(record.rows("SELECT * FROM tokens"))
    assert token not in str(record.rows("SELECT * FROM audit"))
    revoke_token(record, ANN, tokens(record)[0]["token_id"], NOW)
    assert who_has(record, token) is None
    with pytest.raises(UsageError):
        make_token(record, ANN, "x\n", "gateway", NOW)
    with pytest.raises(UsageError):
        make_token(record, ANN, "x", "root", NOW)


def _verdict(record: Record, campaign: str, verdict: str, score: float) -> None:
    people.give_verdict(record, CAT, NOW, kind="campaign", subject=campaign, verdict=verdict, reason="r", score=score)


def test_verdicts_move_the_base_rate_the_way_they_say(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    for i in range(4):
        _verdict(record, f"C-{i}", "wrong", 90.0)
    assert learn(record, 0.2).prior is None
    _verdict(record, "C-4", "wrong", 90.0)
    lower = learn(record, 0.2)
    assert lower.prior is not None and lower.prior < 0.1 and lower.verdicts == 5 and lower.confirmed == 0
    for i in range(40):
        _verdict(record, f"D-{i}", "confirm", 70.0)
    higher = learn(record, 0.2)
    assert higher.prior is not None and higher.prior > 0.2
    assert [b.verdicts for b in higher.bins] == [0, 40, 5, 0]


def test_a_verdict_that_was_replaced_counts_once(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    for verdict in ("wrong", "confirm"):
        _verdict(record, "C-1", verdict, 90.0)
    assert (learn(record, 0.2).verdicts, learn(record, 0.2).confirmed) == (1, 1)


def test_what_is_no_record_of_decisions_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no store"):
        Record(tmp_path)
    (tmp_path / "secret.key").write_bytes(bytes(32))
    with pytest.raises(UsageError, match="no decisions"):
        Record(tmp_path, create=False)
    (tmp_path / FILE_NAME).write_bytes(b"not a database" * 100)
    with pytest.raises(OutsideError, match="cannot be read"):
        Record(tmp_path)


def test_a_note_needs_an_analyst_and_words_and_goes_with_its_customer(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    with pytest.raises(UsageError, match="may not write a note"):
        people.note(record, READER, NOW, kind="account", subject="acct-1", text="x")
    for kind, text in (("account", "  "), ("account", "x" * 5000), ("exchange", "x")):
        with pytest.raises(UsageError):
            people.note(record, CAT, NOW, kind=kind, subject="acct-1", text=text)
    people.note(record, CAT, NOW, kind="account", subject="acct-1", text="Asked them by phone.")
    people.note(record, CAT, NOW, kind="campaign", subject="C-1", text="Stays.")
    assert forget_decisions(record, "acct-1", NOW) == 1
    assert [r["subject"] for r in record.rows("SELECT subject FROM notes")] == ["C-1"]
    assert "acct-1" not in str(record.rows("SELECT * FROM audit"))
    assert record.verify_audit()[1] is None


def test_a_record_from_before_there_were_notes_gets_their_table_and_keeps_the_rest(tmp_path: Path) -> None:
    record = record_in(tmp_path)
    people.note(record, CAT, NOW, kind="campaign", subject="C-1", text="old")
    record.db.execute("DROP TABLE notes")
    record.close()
    again = Record(tmp_path)
    people.note(again, CAT, NOW, kind="campaign", subject="C-1", text="new")
    assert len(again.rows("SELECT * FROM audit")) == 2
