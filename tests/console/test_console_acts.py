"""What a person does in the console is done by the decision service, under their name, and stands in the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from consoles import browser, decided, do

from stillwatch.decide.record import Record


def rows(home: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    record = Record(home)
    try:
        return record.rows(sql, values)
    finally:
        record.close()


def log(home: Path) -> list[tuple[str, str, str]]:
    return [(r["who"], r["what"], r["subject"]) for r in rows(home, "SELECT * FROM audit ORDER BY seq")]


def test_what_waits_stands_on_the_first_page_and_is_approved_from_its_own(home: Path) -> None:
    waiting = decided(home)
    client = browser(home, name="Ada")
    assert f'href="/decisions/{waiting}"' in client.get("/").text
    page = client.get(f"/decisions/{waiting}").text
    assert "waits for approval" in page and "acct-0007" in page
    answer = do(client, f"/decisions/{waiting}/approve", note="read all of it", back=f"/decisions/{waiting}")
    assert "holds now" in answer.text
    row = rows(home, "SELECT * FROM decisions WHERE decision_id=?", waiting)[0]
    assert (row["state"], row["approved_by"]) == ("active", "Ada")
    assert ("Ada", "approved", waiting) in log(home)


def test_whoever_asked_for_it_does_not_approve_it(home: Path) -> None:
    client = browser(home, name="Ada")
    do(client, "/decisions", scope="campaign", value="sw-fleet", action="suspend", reason="by hand", tell="Told.",
       mode="enforce", hours="12")  # fmt: skip
    made = rows(home, "SELECT * FROM decisions WHERE variant='by hand'")[0]
    assert made["state"] == "proposed"
    assert len(rows(home, "SELECT * FROM members WHERE decision_id=?", made["decision_id"])) == 400
    assert "another approver must look" in client.get(f"/decisions/{made['decision_id']}").text
    assert do(client, f"/decisions/{made['decision_id']}/approve").status_code == 409
    other = browser(home, name="Grace")
    assert do(other, f"/decisions/{made['decision_id']}/approve").status_code == 200


def test_a_refusal_and_a_lift_need_a_reason(home: Path) -> None:
    waiting = decided(home)
    client = browser(home)
    assert do(client, f"/decisions/{waiting}/refuse", reason="  ").status_code == 409
    assert do(client, f"/decisions/{waiting}/refuse", reason="a class").status_code == 200
    assert rows(home, "SELECT state FROM decisions WHERE decision_id=?", waiting)[0]["state"] == "refused"


def test_marking_a_look_alike_as_wrong_undoes_what_was_decided(home: Path) -> None:
    waiting = decided(home)
    client = browser(home, "analyst", name="Lin")
    answer = do(client, "/verdicts", kind="campaign", subject="sw-ring", verdict="wrong", reason="an evaluation",
                back="/campaigns/sw-ring")  # fmt: skip
    assert "undone" in answer.text
    assert rows(home, "SELECT state FROM decisions WHERE decision_id=?", waiting)[0]["state"] == "lifted"
    assert ("Lin", "verdict wrong", "sw-ring") in log(home)
    assert "marked wrong by a person" in client.get("/").text
    number = rows(home, "SELECT verdict_id FROM verdicts")[0]["verdict_id"]
    do(client, f"/verdicts/{number}/withdraw")
    assert rows(home, "SELECT withdrawn_at FROM verdicts")[0]["withdrawn_at"] is not None


def test_a_note_is_read_by_colleagues_and_its_words_stay_out_of_the_audit_log(home: Path) -> None:
    do(browser(home, "analyst", name="Lin"), "/notes", kind="account", subject="acct-0900", text="Called <b>them</b>.")
    page = browser(home, "reader").get("/accounts/acct-0900").text
    assert "Called &lt;b&gt;them&lt;/b&gt;." in page and "Lin" in page
    line = rows(home, "SELECT * FROM audit WHERE what='noted'")[0]
    assert "acct-0900" not in str(line) and "Called" not in str(line)


def test_an_appeal_comes_in_waits_in_view_and_is_granted(home: Path) -> None:
    decided(home)
    client = browser(home)
    do(client, "/appeals", account="acct-0003", says="We are a school.")
    assert "We are a school." in client.get("/").text
    assert "We are a school." in client.get("/appeals").text
    page = client.get("/appeals/1").text
    assert "Why the account is judged so" in page
    do(client, "/appeals/1/answer", answer="grant", reason="it is one")
    assert rows(home, "SELECT state FROM appeals")[0]["state"] == "granted"
    assert "accused wrongly" in client.get("/accounts/acct-0003").text


def test_an_account_that_is_allowed_passes_until_it_is_ended(home: Path) -> None:
    client = browser(home)
    assert do(client, "/allows", scope="account", value="acct-0900", reason="agreed", until="soon").status_code == 409
    do(client, "/allows", scope="account", value="acct-0900", reason="agreed in writing", until="2199-01-01")
    assert "agreed in writing" in client.get("/accounts/acct-0900").text
    made = rows(home, "SELECT decision_id FROM allows")[0]["decision_id"]
    do(client, f"/decisions/{made}/lift", reason="over")
    assert rows(home, "SELECT ended_at FROM allows")[0]["ended_at"] is not None


def test_what_it_may_be_told_is_what_is_enforced_and_nothing_else(home: Path) -> None:
    waiting = decided(home)
    client = browser(home)
    assert "Nothing now: no decision on it is enforced." in client.get("/accounts/acct-0001").text
    do(client, f"/decisions/{waiting}/approve")
    page = client.get("/accounts/acct-0001").text
    assert "We are looking at this account." in page and "Nothing now" not in page
    assert "Nothing: no decision names it." in client.get("/accounts/acct-0900").text


def test_the_log_is_verified_and_says_where_it_was_changed(home: Path) -> None:
    waiting = decided(home)
    client = browser(home)
    do(client, f"/decisions/{waiting}/approve")
    assert "The log holds" in client.get("/audit?verify=1").text
    record = Record(home)
    record.db.execute("DROP TRIGGER audit_stays")
    record.db.execute("UPDATE audit SET who='nobody' WHERE seq=2")
    record.close()
    assert "then: line 2 was changed" in client.get("/audit?verify=1").text


def test_a_policy_is_tried_only_where_it_is_one(home: Path) -> None:
    client = browser(home, "analyst")
    assert "certain-campaign" in client.get("/what-if").text
    assert do(client, "/what-if", policy="version = 9").status_code == 409
    assert do(client, "/what-if", policy="version = 1", every="0").status_code == 409
