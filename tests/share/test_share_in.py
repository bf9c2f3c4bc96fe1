"""What others send is a claim to weigh: sound indicators hold until they end, hostile ones are put aside."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from share.towns import ANN, NOW, SETTINGS, account, exchange, home_with_logs, more_logs, template, with_finding
from stillwatch.decide.record import Record, Who
from stillwatch.errors import UsageError
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.foreign_stix import check_objects
from stillwatch.share.incoming import Taken, decide_held, look_again, take_in
from stillwatch.share.outgoing import share_out, sightings
from stillwatch.share.reading import Received, read_source
from stillwatch.share.words import EXTENSION_ID
from stillwatch.store.indicators import Indicators, active_marks

Bundle = dict[str, Any]
B = Settings(share=ShareSettings(provider="Provider B"))


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle, Path]:
    """Provider A's home, its bundle and the folder that both formats lie in."""
    place = tmp_path_factory.mktemp("a")
    home = home_with_logs(place)
    made = share_out(home, [with_finding(home)], place / "out", SETTINGS, ANN, now=NOW)
    return home, made.bundle, place / "out"


@pytest.fixture(scope="module")
def b_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provider B's home: three accounts of the same ring among people."""
    return home_with_logs(tmp_path_factory.mktemp("b"), ring=3, people=60)


@pytest.fixture
def b_home(b_logs: Path) -> Path:
    """The same without what another test took in."""
    for name in ("indicators.sqlite", "indicators.sqlite-wal", "indicators.sqlite-shm"):
        (b_logs / name).unlink(missing_ok=True)
    return b_logs


def taken(home: Path, bundle: Bundle, source: str = "A", now: float = NOW, settings: Settings = B) -> Taken:
    return take_in(home, Received(objects=bundle["objects"]), source, settings, ANN, now=now)


def changed(bundle: Bundle, change: Callable[[Bundle], None]) -> Bundle:
    """A copy whose indicator was changed."""
    made = copy.deepcopy(bundle)
    change(next(o for o in made["objects"] if o["type"] == "indicator"))
    return made


def test_a_bundle_becomes_indicators_that_a_hunt_reads(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    told = taken(b_home, sent[1])
    assert (told.active, told.held, dict(told.quarantined)) == (1, 0, {})
    marks = active_marks(b_home, NOW + 1)
    sign = next(o for o in sent[1]["objects"] if o["type"] == "indicator")
    values = sum(len(m["values"]) for m in sign["extensions"][EXTENSION_ID]["marks"])
    assert marks.num_rows == values
    assert set(marks.column("confidence").to_pylist()) == {0.95 * 0.9}
    kept = Indicators(b_home).rows("SELECT source, kind, grade, tlp, touched FROM indicators")
    assert kept == [{"source": "A", "kind": "distillation", "grade": "B2", "tlp": "amber+strict", "touched": 3}]


def test_the_misp_feed_says_the_same(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    told = take_in(b_home, read_source(str(sent[2] / "misp")), "A", B, ANN, now=NOW)
    assert (told.active, dict(told.quarantined)) == (1, {})
    by_misp = active_marks(b_home, NOW + 1).select(["kind", "value", "confidence"])
    for name in ("indicators.sqlite", "indicators.sqlite-wal", "indicators.sqlite-shm"):
        (b_home / name).unlink(missing_ok=True)
    taken(b_home, sent[1])
    assert by_misp == active_marks(b_home, NOW + 1).select(["kind", "value", "confidence"])


def test_an_indicator_ends_by_itself_and_never_lasts_longer_than_ninety_days(
    sent: tuple[Path, Bundle, Path], b_home: Path
) -> None:
    day = 86400.0
    taken(b_home, sent[1])
    assert active_marks(b_home, NOW + 59 * day).num_rows and not active_marks(b_home, NOW + 61 * day).num_rows
    for_ever = changed(sent[1], lambda o: o.update(valid_until="2999-01-01T00:00:00Z", modified="2026-11-26T00:00:00Z"))
    taken(b_home, for_ever)
    assert active_marks(b_home, NOW + 89 * day).num_rows and not active_marks(b_home, NOW + 91 * day).num_rows


HOSTILE: dict[str, tuple[Callable[[Bundle], None], str]] = {
    "an end in the past": (lambda o: o.update(valid_until="2026-11-25T11:00:00Z", valid_from="2026-11-01T00:00:00Z"),
                           "an indicator that has expired"),
    "no end": (lambda o: o.pop("valid_until"), "an indicator without an end"),
    "markup in its name": (lambda o: o.update(name="<img src=x onerror=alert(1)>"), "markup in a name"),
    "a right-to-left trick in its name": (lambda o: o.update(name="abc\u202egnp.exe"), "markup in a name"),
    "a name that is a number": (lambda o: o.update(name=7), "wrong type: a name"),
    "a pattern that is a list": (lambda o: o.update(pattern=["x"]), "wrong type: a pattern"),
    "a pattern for everyone": (lambda o: o.update(pattern="[user-account:user_id LIKE '%']", pattern_type="stix"),
                               "a pattern that matches everyone"),
    "a Sigma rule for everyone": (lambda o: o.update(pattern="detection:\n  s:\n    prompt: '*'\n"),
                                  "a pattern that matches everyone"),
    "no fingerprints": (lambda o: o.pop("extensions"), "an indicator without fingerprints of prompts"),
    "two marks": (lambda o: _marks(o, ["00" * 8, "11" * 8]), "too few marks to say anything"),
    "ten thousand marks": (lambda o: _marks(o, [f"{i:016x}" for i in range(10_000)]),
                           "more marks than any campaign has"),
    "marks that are no fingerprints": (lambda o: _marks(o, ["x" * 16] * 3), "wrong type: marks"),
    "another seed": (lambda o: _marks(o, ["00" * 8], seed="other-9"), "fingerprints of another seed"),
    "a score of a thousand": (lambda o: o["extensions"][EXTENSION_ID].update(score={"low": 1000}),
                              "wrong type: a score"),
    "a kind that there is not": (lambda o: o["extensions"][EXTENSION_ID].update(kind=["x"]),
                                 "wrong type: the kind of campaign"),
    "an id of another type": (lambda o: o.update(id=o["id"].replace("indicator", "campaign")),
                              "wrong type: the id is none of this type"),
    "a reference that is an object": (lambda o: o.update(created_by_ref={"a": 1}), "wrong type: a reference"),
    "a time that is none": (lambda o: o.update(valid_until="soon"), "wrong type: a time"),
    "another version of STIX": (lambda o: o.update(spec_version="2.0"), "not STIX 2.1"),
    "a text without end": (lambda o: o.update(description="a" * 300_000), "a text that is too long"),
}  # fmt: skip


def _marks(one: Bundle, values: list[str], seed: str = "stillwatch-1") -> None:
    one["extensions"][EXTENSION_ID]["marks"] = [{"kind": "opening", "seed": seed, "values": values}]


@pytest.mark.parametrize("name", list(HOSTILE))
def test_a_hostile_indicator_is_quarantined_with_its_reason(
    name: str, sent: tuple[Path, Bundle, Path], b_home: Path
) -> None:
    change, reason = HOSTILE[name]
    told = taken(b_home, changed(sent[1], change))
    assert told.active == told.held == 0
    assert told.quarantined == {reason: 1}
    assert Indicators(b_home).rows("SELECT source, reason, n FROM quarantine") == [
        {"source": "A", "reason": reason, "n": 1}
    ]


def test_a_circle_is_quarantined_and_the_rest_is_taken(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    group = next(o for o in sent[1]["objects"] if o["type"] == "grouping")
    a, b = (copy.deepcopy(group) | {"id": f"grouping--{n * 8}-0000-4000-8000-000000000000"} for n in "ab")
    a["object_refs"], b["object_refs"] = [b["id"]], [a["id"]]
    told = taken(
        b_home, {"objects": [*sent[1]["objects"], a, b, copy.deepcopy(group) | {"object_refs": [group["id"]]}]}
    )
    assert told.quarantined["refers to itself in a circle"] >= 2
    assert told.active == 1


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"[" * 100_000, "nested too deep"),
        (b'{"type":"bundle","objects":[' + b'{"a":' * 40 + b"1" + b"}" * 40 + b"]}", "nested too deep"),
        (b"{not json", "not JSON"),
        (b'{"type":"bundle","objects":[NaN]}', "not JSON"),
        (b'{"type":"bundle","objects":{"a":1}}', "wrong type: objects is no list"),
        (b"[1, 2]", "neither a STIX bundle nor a MISP event"),
    ],
)
def test_a_hostile_file_is_a_fault_and_no_crash(raw: bytes, fault: str, tmp_path: Path, b_home: Path) -> None:
    (tmp_path / "x.json").write_bytes(raw)
    received = read_source(str(tmp_path / "x.json"))
    assert received.faults == [fault]
    assert take_in(b_home, received, "A", B, ANN, now=NOW).quarantined == {fault: 1}


def test_a_huge_bundle_is_put_aside_whole(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    many = sent[1]["objects"] * 2500
    told = taken(b_home, {"objects": many})
    assert told.active == 0 and sum(told.quarantined.values()) == len(many)


def test_a_feed_is_read_within_its_folder_only(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "secret.json").write_text('{"type":"bundle","objects":[{"type":"stolen"}]}')
    names = {"../secret": {}, "/etc/passwd": {}, "9f8a0c1e-0000-4000-8000-000000000000": {}}
    (tmp_path / "feed" / "manifest.json").write_text(json.dumps(names))
    received = read_source(str(tmp_path / "feed"))
    assert not received.objects and not received.events
    assert sorted(received.faults) == ["a manifest's name is no event's"] * 2 + ["an event's file is missing"]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4), max_leaves=12,
)  # fmt: skip


@hypothesis_settings(max_examples=300, deadline=None)
@hypothesis_given(data=st.data())
def test_no_value_in_any_field_makes_the_check_fail(data: st.DataObject) -> None:
    sound = {
        "type": "indicator", "spec_version": "2.1", "id": "indicator--9f8a0c1e-0000-4000-8000-000000000000",
        "created": "2026-11-25T00:00:00Z", "modified": "2026-11-25T00:00:00Z", "pattern": "x", "pattern_type": "sigma",
        "valid_from": "2026-11-25T00:00:00Z", "valid_until": "2026-12-25T00:00:00Z", "extensions": {EXTENSION_ID: {
            "kind": "relay", "marks": [{"kind": "opening", "seed": "stillwatch-1", "values": ["00" * 8] * 3}]}},
    }  # fmt: skip
    field = data.draw(st.sampled_from([*sound, "revoked", "object_refs", "object_marking_refs", "labels"]))
    told = check_objects([sound | {field: data.draw(_JSON)}, data.draw(_JSON)], NOW, lambda _: False)
    assert len(told.indicators) + told.other + sum(told.refused.values()) == 2


def test_an_indicator_that_touches_too_many_customers_waits_for_a_person(
    sent: tuple[Path, Bundle, Path], tmp_path: Path
) -> None:
    home = home_with_logs(tmp_path, ring=0, people=60, borrowed=12)
    told = taken(home, sent[1])
    assert (told.active, told.held) == (0, 1)
    assert not active_marks(home, NOW + 1).num_rows
    (waiting,) = Indicators(home).rows("SELECT source, indicator, touched, customers FROM indicators")
    assert (waiting["touched"], waiting["customers"]) == (12, 60)
    with pytest.raises(UsageError, match="may not"):
        decide_held(home, Who("cat", "analyst"), "A", waiting["indicator"], approve=True, reason="fine")
    decide_held(home, ANN, "A", waiting["indicator"], approve=True, reason="looked at all twelve")
    assert active_marks(home, NOW + 1).num_rows
    assert look_again(home, B, ANN, now=NOW + 1) == 0, "what a person approved is not held again"
    record = Record(home)
    assert [r["what"] for r in record.rows("SELECT what FROM audit ORDER BY seq")] == [
        "indicators taken in", "indicator approved",
    ]  # fmt: skip


def test_what_a_person_refused_stays_refused_when_it_is_said_again(
    sent: tuple[Path, Bundle, Path], tmp_path: Path
) -> None:
    home = home_with_logs(tmp_path, ring=0, people=60, borrowed=12)
    taken(home, sent[1])
    (waiting,) = Indicators(home).rows("SELECT indicator FROM indicators")
    decide_held(home, ANN, "A", waiting["indicator"], approve=False, reason="a framework's template")
    taken(home, changed(sent[1], lambda o: o.update(modified="2026-11-27T00:00:00Z")))
    assert Indicators(home).rows("SELECT state FROM indicators") == [{"state": "refused"}]


def test_traffic_that_came_later_can_make_an_indicator_wait(sent: tuple[Path, Bundle, Path], tmp_path: Path) -> None:
    home = home_with_logs(tmp_path, ring=0, people=60)
    taken(home, sent[1])
    assert look_again(home, B, ANN, now=NOW + 1) == 0 and active_marks(home, NOW + 1).num_rows
    rows = [
        exchange(90_000 + 12 * n + i, account(n, "late"), template(n * 12 + i)) for n in range(12) for i in range(12)
    ]
    more_logs(home, tmp_path / "later.jsonl", rows)
    assert look_again(home, B, ANN, now=NOW + 1) == 1 and not active_marks(home, NOW + 1).num_rows


def test_a_source_revokes_its_own_and_nobody_elses(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    taken(b_home, sent[1], source="A")
    gone = changed(sent[1], lambda o: o.update(revoked=True, modified="2026-11-27T00:00:00Z"))
    assert taken(b_home, gone, source="Mallory").revoked == 1
    assert active_marks(b_home, NOW + 1).num_rows
    assert taken(b_home, gone, source="A").revoked == 1
    assert not active_marks(b_home, NOW + 1).num_rows


def test_the_same_bundle_twice_changes_nothing(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    taken(b_home, sent[1])
    again = taken(b_home, sent[1])
    assert (again.active, again.unchanged) == (0, 1)


def test_sightings_go_back_without_an_account_and_are_seen_where_they_belong(
    sent: tuple[Path, Bundle, Path], b_home: Path
) -> None:
    a_home, bundle, _ = sent
    taken(b_home, bundle)
    back = sightings(b_home, B, now=NOW + 5)
    (seen,) = [o for o in back["objects"] if o["type"] == "sighting"]
    told = seen["extensions"][EXTENSION_ID]
    assert told["suppressed"] == ["accounts"] and "counts" not in told and "count" not in seen
    assert "acct-" not in json.dumps(back)
    at_a = take_in(a_home, Received(objects=back["objects"]), "Provider B", SETTINGS, ANN, now=NOW + 9)
    assert (at_a.sightings, dict(at_a.quarantined)) == (1, {})
    rows = Indicators(a_home).rows(
        "SELECT s.source, s.low, g.campaign_id FROM sightings s JOIN given g ON g.stix_id = s.of_id"
    )
    assert rows == [{"source": "Provider B", "low": None, "campaign_id": "C-0badc0de00"}]


def test_a_sighting_of_what_was_never_given_is_quarantined(sent: tuple[Path, Bundle, Path], b_home: Path) -> None:
    taken(b_home, sent[1])
    back = sightings(b_home, B, now=NOW + 5)
    told = take_in(b_home, Received(objects=back["objects"]), "Nobody", B, ANN, now=NOW + 9)
    assert told.quarantined == {"a sighting of nothing that we gave": 1}
