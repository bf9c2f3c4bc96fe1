"""Explanations say what speaks for, what against, what is unknown, and how to contest it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import hand_made as made
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from stillwatch.arrow_types import arrow_schema
from stillwatch.errors import UsageError
from stillwatch.records.tables import KEPT
from stillwatch.report.catalogue import Sign
from stillwatch.report.explain import Explanation, explain
from stillwatch.report.letter import letter


def told(id: str, store: object | None = None, rules: tuple[object, ...] = ()) -> Explanation:
    return explain(made.findings(), id, store, signs=made.SIGNS, scores={"sw-ring": {"prior_bits": -5.6}}, rules=rules)


def printed(explanation: Explanation, width: int = 100) -> str:
    out = io.StringIO()
    letter(Console(file=out, width=width, highlight=False, markup=False, emoji=False), explanation)
    return out.getvalue()


class Store:
    """What a store has to offer for looking up an exchange."""

    def __init__(self, folder: Path) -> None:
        row = {name.name: None for name in KEPT} | {
            "exchange_id": "ex-1", "started_at": datetime(2026, 2, 3, 4, 5, tzinfo=UTC), "account": 7,
            "model": "m-1", "prompt_chars": 812, "completion_chars": 2048, "patterns": [101, 999],
            "prompt": 123456789,
        }
        pq.write_table(pa.Table.from_pylist([row], schema=arrow_schema(KEPT)), folder / "part.parquet")
        self.folder = folder

    def exchange_files(self) -> list[Path]:
        return [self.folder / "part.parquet"]

    def account_ids(self) -> pa.Table:
        return pa.table({"account": pa.array([7, 8], pa.int32()), "account_id": ["acct-0000", "acct-0001"]})


def test_a_campaign_is_explained_by_weight() -> None:
    t = told("sw-ring")
    assert t.kind == "campaign"
    assert "almost certain (score 97.3, the probability in percent that this harvests" in t.headline
    assert "30 accounts sent 6,000 exchanges from 2026-02-02 to 2026-02-11 (10 days)." in t.who
    assert [c.signal for c in t.evidence_for] == ["shared_payment", "template_sweep", "night_and_day"]
    assert [c.signal for c in t.evidence_against] == ["several_topics"]
    assert t.seen[0] == "28 of 30 accounts pay with three cards."
    assert t.balance == {"prior_bits": -5.6}
    assert "score as high: about 1 in 2,500. Both hold: this rate counts groups" in t.false_alarm
    assert t.false_alarm.endswith("from a base rate of 2 %.")
    assert t.look_at == ("ex-1", "ex-2")
    assert t.related == ("sw-net",)


def test_what_could_not_be_evaluated_names_the_column_that_would_change_it() -> None:
    unknown = {u.signal: u for u in told("sw-ring").unknown}
    assert unknown["shared_network"].columns == ("ip",)
    assert unknown["declared_reseller"].columns == ("kind (accounts file)",)


def test_a_signal_whose_columns_are_there_lacked_traffic_not_columns() -> None:
    row = made.account("a", 1.0, "clear", None, not_evaluable=["template_sweep", "shared_payment"])
    run = {"rows": {"kept": 10}, "missing": {"payment_fingerprint": 10}}
    t = explain(made.tables([], [row], [], run), "a", None, signs=made.SIGNS)
    cures = {u.signal: u.cure for u in t.unknown}
    assert "payment_fingerprint" in cures["shared_payment"]
    assert "more traffic" in cures["template_sweep"]


@pytest.mark.parametrize(("taken_in", "told_of"), [(0, False), (2, True)])
def test_where_no_indicators_were_taken_in_nothing_is_said_of_them(taken_in: int, told_of: bool) -> None:
    row = made.account("a", 1.0, "clear", None, not_evaluable=["foreign_indicators", "template_sweep"])
    run = {"rows": {"kept": 10}, "missing": {"ip": 10}, "foreign_campaigns": taken_in}
    t = explain(made.tables([], [row], [], run), "a", None, signs=made.SIGNS)
    assert ("foreign_indicators" in {u.signal for u in t.unknown}) is told_of
    assert "template_sweep" in {u.signal for u in t.unknown}


def test_look_alikes_are_named_and_an_accepted_explanation_is_weighed() -> None:
    ring, fleet = told("sw-ring"), told("sw-fleet")
    assert {a.signal: a.also_seen_in for a in ring.look_alikes}["shared_payment"] == "a company card; a sponsor's card"
    assert ring.accepted == ()
    assert [c.signal for c in fleet.accepted] == ["declared_reseller"]
    assert "does not outweigh" in fleet.accepted_text


def test_an_account_in_a_harvest_answers_for_its_group_and_one_in_a_network_does_not() -> None:
    member, customer = told("acct-0000"), told("acct-0600")
    groups = {c.signal for c in member.evidence_for if c.of_group}
    assert groups == {"shared_payment", "template_sweep", "night_and_day"}
    assert "template sweep: +1.2 bits" in printed(member)
    assert "template sweep, of its group: +5.2 bits" in printed(member)
    assert customer.evidence_for == ()
    assert any("does not raise" in line for line in customer.who)


def test_a_clear_account_shows_what_speaks_for_it() -> None:
    t = told("acct-0900")
    assert "clear (score 0.4, " in t.headline
    assert "at a base rate of 2 %" in t.headline
    assert [c.signal for c in t.evidence_against] == ["several_topics"]
    assert "It asks about everything under the sun." in printed(t)


def agreed_customer() -> Explanation:
    """An account whose bulk use is agreed: too low a score for rows of evidence, with all its reasons."""
    reasons = [
        "Its bulk use is agreed (allow), and the agreement was valid at the time.",
        "Against suspicion (agreed use, -9.0 bits): 100% of its exchanges are covered by an agreement.",
        "For suspicion (template sweep, +2.3 bits): Most of its prompts fill one template.",
    ]
    row = made.account("acct-7", 0.1, "clear", None, not_evaluable=[], reasons=reasons)
    agreed = Sign("agreed_use", "agreement", "explanation", (), "agreed", "agreed", "nobody else", "made by hand", {})
    return explain(made.tables([], [row], [], made.RUN), "acct-7", None, signs={**made.SIGNS, "agreed_use": agreed})


def test_an_agreed_customer_is_told_that_the_agreement_counts_and_not_to_make_one() -> None:
    t = agreed_customer()
    assert [(c.signal, c.bits) for c in t.accepted] == [("agreed_use", -9.0)]
    assert t.accepted_text.startswith("Accepted in part or whole (-9.0 bits), and outweighs the signs (+2.3 bits)")
    assert "write the reason as `allow`" not in " ".join(t.contest)
    assert "An `allow` in the accounts file covers the account, and counts." in " ".join(t.contest)


def test_a_score_too_low_for_rows_of_evidence_shows_the_reasons_that_are_there_and_says_so() -> None:
    t = agreed_customer()
    assert [(c.signal, c.bits, c.family) for c in t.evidence_for] == [("template_sweep", 2.3, "content")]
    assert [a.signal for a in t.look_alikes] == ["template_sweep"]
    assert "of this one, the heaviest reasons" in " ".join(printed(t).split())
    assert not any("bits" in line for line in t.who), "what is weighed stands under for and against, once"
    nothing = made.account("acct-8", 2.0, "clear", None, reasons=[])
    silent = explain(made.tables([], [nothing], [], made.RUN), "acct-8", None, signs=made.SIGNS)
    assert "no signal weighs 0.4 bits or more" in " ".join(printed(silent).split())


def test_reasons_of_an_earlier_version_which_name_no_signal_are_read_too() -> None:
    row = made.account("a", 3.0, "clear", None, reasons=["For suspicion (+2.3 bits): Most of it fills one template."])
    t = explain(made.tables([], [row], [], made.RUN), "a", None, signs=made.SIGNS)
    assert [(c.signal, c.bits, c.says) for c in t.evidence_for] == [("", 2.3, "Most of it fills one template.")]


def test_every_letter_says_how_to_contest_it() -> None:
    for id in ("sw-ring", "sw-net", "acct-0000", "acct-0900"):
        steps = " ".join(told(id).contest)
        assert "`allow`" in steps
        assert "How to contest this" in printed(told(id))


def test_an_exchange_is_found_by_the_store_and_shows_lengths_and_patterns_but_no_text(tmp_path: Path) -> None:
    rule = SimpleNamespace(code=101, id="en-trace", title="asks for reasoning behind an answer")
    t = told("ex-1", Store(tmp_path), (rule,))
    text = printed(t)
    assert t.kind == "exchange"
    assert "acct-0000" in text
    assert "characters in the last user message 812" in " ".join(text.split())
    assert "en-trace (asks for reasoning behind an answer)" in " ".join(text.split())
    assert "rule 999" in text
    assert "123456789" not in text
    assert "What speaks for it, of its account" in text and "against its account" not in text
    assert t.row["prompt_chars"] == 812
    assert "prompt" not in t.row


def test_an_unknown_id_names_the_nearest_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        told("sw-rign")
    assert "sw-ring" in error.value.hint
    with pytest.raises(UsageError) as error:
        told("acct-00000", Store(tmp_path))
    assert "acct-0000" in error.value.hint
    for odd in ("", "\x1b[2J", "x" * 100_000, "' OR 1=1 --"):
        with pytest.raises(UsageError) as error:
            told(odd, Store(tmp_path))
        assert all(len(line) < 400 and line.isprintable() for line in error.value.lines())


def test_the_json_of_an_explanation_holds_all_that_is_printed() -> None:
    document = json.loads(json.dumps(told("sw-ring").as_dict(), allow_nan=False))
    assert document["headline"] == told("sw-ring").headline
    assert document["evidence_for"][0]["bits"] == 6.1
    assert document["evidence_for"][0]["facts"] == {"prompts": 1200.0, "share": 0.973}
    assert document["row"]["first_seen"] == "2026-02-02T00:00:00Z"
    assert len(document["row"]["account_ids"]) == 30
    assert document["unknown"][0]["columns"]


def test_a_letter_fits_a_narrow_terminal() -> None:
    assert max(len(line) for line in printed(told("sw-ring"), width=60).splitlines()) <= 60


@pytest.mark.parametrize("name", sorted(made.HOSTILE))
def test_hostile_text_is_harmless_in_a_terminal(name: str) -> None:
    text = made.HOSTILE[name]
    found = made.hostile(text)
    t = explain(found, text, None, signs={}, scores={})
    out = printed(t) + printed(explain(found, "b" + text, None, signs={}, scores={}) if "b" + text == text else t)
    assert all(c == "\n" or c.isprintable() or c == "\u00a0" for c in out)
    assert len(out) < 60_000
    if name == "markup":
        assert "[bold red]" in out
    if name == "marks":
        assert "\u0301" * 3 not in out


def test_null_and_not_a_number_in_findings_are_unknown_not_zero() -> None:
    nothing = dict.fromkeys(
        ("score", "conduct_score", "coordination_score", "accounts", "exchanges", "first_seen", "last_seen",
         "account_ids", "targets", "techniques", "techniques_note", "false_alarm_rate", "related", "label", "title")
    )
    row = made.campaign("c", "t", float("nan"), "x", "distillation", [], **{}) | nothing
    said = made.claim("campaign", "c", "template_sweep", float("nan"), "", p_value=None, facts=None, exchange_ids=None)
    found = made.tables([row], [made.account("a", 1.0, "clear", None, not_evaluable=None, reasons=None)], [said], {})
    t = explain(found, "c", None, signs=made.SIGNS)
    text = printed(t)
    assert "score unknown" in text
    assert "unknown accounts" in text
    json.dumps(t.as_dict(), allow_nan=False)
    assert explain(found, "a", None).evidence_for == ()


def test_a_suggested_command_can_be_pasted_without_running_anything_else() -> None:
    row = made.campaign("c; rm -rf ~ $(id)", "t", 90.0, "very likely", "distillation", ["a"], related=["`id`|sh"])
    text = printed(explain(made.tables([row], [], [], {}), "c; rm -rf ~ $(id)", None))
    assert "stillwatch explain '`id`|sh'" in text
