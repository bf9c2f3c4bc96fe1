"""Two people approve these very files; what leaves can be verified; what was wrong is corrected or withdrawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cases import NOW, approver, base, home_in, published, released
from stillwatch.decide.record import Who
from stillwatch.decide.tokens import make_token
from stillwatch.disclose.gate import check, failed, rules
from stillwatch.disclose.package import Outside, read_package
from stillwatch.disclose.release import (
    approve,
    approver_of,
    correct,
    publish,
    verify_received,
    withdraw,
)
from stillwatch.errors import UsageError


def test_every_rule_of_the_gate_is_there_with_its_sentence() -> None:
    counts = {letter: sum(r.id.startswith(letter) for r in rules()) for letter in "FLPAMI"}
    assert counts == {"F": 10, "L": 5, "P": 7, "A": 5, "M": 6, "I": 7}
    assert all(r.says.endswith(".") for r in rules())


def test_the_author_and_an_analyst_cannot_approve(tmp_path: Path) -> None:
    package, record = base("june", tmp_path), home_in(tmp_path)
    read = read_package(package, Outside(NOW))
    with pytest.raises(UsageError, match="author"):
        approve(read, record, approver(record, "Author A"), "mine")
    token = make_token(record, Who("root", "approver"), "Somebody", "analyst", NOW.timestamp())
    with pytest.raises(UsageError, match="takes an approver"):
        approver_of(record, token)
    with pytest.raises(UsageError, match="none that holds"):
        approver_of(record, "sw_approver_guess")


def test_content_that_fails_a_rule_is_not_approved(tmp_path: Path) -> None:
    package, record = base("june", tmp_path), home_in(tmp_path)
    letter = package / "letter.md"
    letter.write_text(letter.read_text("utf-8").replace("nearly", "over"), "utf-8")
    with pytest.raises(UsageError, match="F3"):
        approve(read_package(package, Outside(NOW)), record, approver(record, "One"), "")


def test_one_person_with_two_tokens_is_one_person(tmp_path: Path) -> None:
    package, record = base("june", tmp_path), home_in(tmp_path)
    outside = released(package, tmp_path, ("One", "one"))
    assert "I3" in failed(check(read_package(package, outside)))
    with pytest.raises(UsageError, match="I3"):
        publish(package, record, approver(record, "Publisher"), outside)
    assert not (package / "release" / "statement.dsse.json").exists(), "nothing is left of a publication that failed"


def test_a_change_after_approval_undoes_it(tmp_path: Path) -> None:
    package = base("june", tmp_path)
    outside = released(package, tmp_path)
    page = package / "letter.html"
    page.write_text(page.read_text("utf-8").replace("Access was seen;", "Access was seen, and"), "utf-8")
    assert "I3" in failed(check(read_package(package, outside)))


def test_what_leaves_holds_for_a_recipient_and_keeps_the_snapshot_back(tmp_path: Path) -> None:
    package, record = base("june", tmp_path), home_in(tmp_path)
    outside = released(package, tmp_path)
    publish(package, record, approver(record, "Publisher"), outside, to=tmp_path / "sent")
    found = verify_received(tmp_path / "sent", outside.public_key or b"")
    assert found["withheld"] == ["evidence/snapshot.json"] and found["state"] == "published"
    assert not list((tmp_path / "sent").rglob("approvals"))
    with pytest.raises(UsageError, match="not empty"):
        publish(package, record, approver(record, "Again"), outside, to=tmp_path / "sent")
    stix = tmp_path / "sent" / "june.stix.json"
    stix.write_text(stix.read_text("utf-8").replace("24975", "24976"), "utf-8")
    with pytest.raises(UsageError, match="was changed"):
        verify_received(tmp_path / "sent", outside.public_key or b"")


def test_the_log_of_releases_holds_each_of_them(tmp_path: Path) -> None:
    record = home_in(tmp_path)
    for i, name in enumerate(("june", "february", "february-de")):
        package = base(name, tmp_path / name)
        published(package, tmp_path)
        proof = json.loads((package / "release" / "inclusion.json").read_text())
        assert (proof["index"], proof["size"]) == (i, i + 1)
    assert [r["what"] for r in record.rows("SELECT what FROM audit")].count("release published") == 3
    assert record.verify_audit()[1] is None


def test_a_withdrawn_release_is_told_to_everybody_and_not_released_again(tmp_path: Path) -> None:
    package, record = base("june", tmp_path), home_in(tmp_path)
    outside = published(package, tmp_path)
    done = withdraw(package, record, approver(record, "Publisher"), outside, "the accounts were a class")
    assert done["notices"] == 1 and done["revoked_objects"] >= 1
    notice = json.loads((package / "release" / "notices.json").read_text())[0]
    assert "the accounts were a class" in notice["says"]
    revoked = json.loads((package / "release" / "revoked.stix.json").read_text())
    assert all(thing["revoked"] for thing in revoked["objects"])
    assert "I6" in failed(check(read_package(package, outside)))
    assert verify_received_state(package, outside) == "withdrawn"
    with pytest.raises(UsageError, match="withdrawn already"):
        withdraw(package, record, approver(record, "Other"), outside, "again")


def verify_received_state(package: Path, outside: Outside) -> str:
    return str(verify_received(package, outside.public_key or b"")["state"])


def test_a_correction_names_what_it_corrects_and_the_corrected_says_by_what(tmp_path: Path) -> None:
    record = home_in(tmp_path)
    old = base("february", tmp_path / "old")
    outside = published(old, tmp_path)
    new = base("february-de", tmp_path / "new")
    with pytest.raises(UsageError, match="never published"):
        correct(old, new, record, approver(record, "P"), outside, "a translation error")
    file = new / "disclosure.json"
    content = json.loads(file.read_text("utf-8"))
    content["corrections"]["supersedes"] = "GOLD-FEBRUARY"
    file.write_text(json.dumps(content), "utf-8")
    assert failed(check(read_package(new, Outside(NOW)), stage="content")) == ("I6",), "the letter must name it too"
    for letter in (new / "letter.html", new / "letter.md"):
        text = letter.read_text("utf-8").replace("Einspruch:", "Dies berichtigt GOLD-FEBRUARY. Einspruch:")
        letter.write_text(text, "utf-8")
    published(new, tmp_path)
    done = correct(old, new, record, approver(record, "Q"), outside, "a translation error")
    assert done["state"] == "corrected" and verify_received_state(old, outside) == "corrected"
