"""What leaves is what was chosen, in forms that others' own programs read; what was planted does not leave."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import uuid
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser
from pymisp import MISPEvent
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.validation import SigmaValidator
from sigma.validators.core import validators
from stix2validator import ValidationOptions, validate_string

from share.towns import ANN, CANARY, NOW, SETTINGS, account, home_with_logs, with_finding
from stillwatch.decide.marks import Mark
from stillwatch.decide.record import Record
from stillwatch.errors import UsageError
from stillwatch.settings import Settings
from stillwatch.share import leaving
from stillwatch.share.intervals import rounded
from stillwatch.share.outgoing import Given, share_out
from stillwatch.share.stix import schema_text
from stillwatch.share.words import EXTENSION_ID, OURS, TLP

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Given]:
    place = tmp_path_factory.mktemp("a")
    home = home_with_logs(place)
    campaign = with_finding(home)
    out = place / "out"
    return home, out, share_out(home, [campaign], out, SETTINGS, ANN, now=NOW)


def objects(given: Given, kind: str) -> list[dict[str, Any]]:
    return [o for o in given.bundle["objects"] if o["type"] == kind]


def test_the_bundle_passes_the_strict_validator(given: tuple[Path, Path, Given]) -> None:
    """All but the advice on random ids: MITRE's own ATLAS ids are made from names, as ours are."""
    options = ValidationOptions(strict=True, version="2.1", enforce_refs=True, disabled="uuid-check")
    told = validate_string(json.dumps(given[2].bundle), options)
    assert told.is_valid, [str(e) for r in told.object_results for e in r.errors]


def test_another_library_reads_the_bundle_without_leave_for_anything_custom(given: tuple[Path, Path, Given]) -> None:
    read = stix2.parse(given[2].bundle, allow_custom=False)
    assert {o["type"] for o in read["objects"]} >= {"campaign", "indicator", "intrusion-set", "attack-pattern"}


def test_every_extension_holds_to_the_published_schema_and_the_schema_bites(given: tuple[Path, Path, Given]) -> None:
    schema = json.loads(schema_text())
    held = [
        o["extensions"][EXTENSION_ID] for o in given[2].bundle["objects"] if EXTENSION_ID in o.get("extensions", {})
    ]
    assert len(held) == 2
    for extension in held:
        jsonschema.validate(extension, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(extension | {"account_ids": ["a"]}, schema)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(extension | {"counts": {"accounts": 20}}, schema)
    assert schema_text() == (ROOT / "docs/formats/distillation-indicators-1.schema.json").read_text("utf-8")


def test_misp_reads_the_bundle_and_the_feed(given: tuple[Path, Path, Given]) -> None:
    parser = ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(stix2.parse(given[2].bundle, allow_custom=False))
    parser.parse_stix_bundle()
    assert not parser.errors, parser.errors
    assert parser.misp_event.info
    feed = given[1] / "misp"
    manifest = json.loads((feed / "manifest.json").read_text("utf-8"))
    (name,) = manifest
    event = MISPEvent()
    event.load_file(str(feed / f"{name}.json"))
    assert [a.value for a in event.attributes if a.comment == "kind"] == ["distillation"]
    assert any(t.name == "tlp:amber+strict" for t in event.tags)
    hashes = (feed / "hashes.csv").read_text("utf-8").split()
    assert len(hashes) == len(event.attributes)
    assert hashes[0] == f"{hashlib.md5(event.attributes[0].value.encode()).hexdigest()},{name}"


def test_sigma_reads_the_rules_and_finds_nothing_wrong(given: tuple[Path, Path, Given]) -> None:
    (file,) = (given[1] / "sigma").glob("*.yml")
    rules = SigmaCollection.from_yaml(file.read_text("utf-8"))
    assert not rules.errors
    correlations = [r for r in rules.rules if isinstance(r, SigmaCorrelationRule)]
    assert {(r.type.name, r.group_by[0]) for r in correlations} == {
        ("VALUE_COUNT", "account_id"), ("VALUE_COUNT", "payment_token"),
    }  # fmt: skip
    needs_the_network_or_tlp_1 = ("ATTACKTagValidator", "D3FENDTagValidator", "TLPv1TagValidator")
    chosen = [v for v in validators.values() if v.__name__ not in needs_the_network_or_tlp_1]
    rules.resolve_rule_references()
    assert not SigmaValidator(chosen).validate_rules(iter(rules.rules))
    pattern = SigmaCollection.from_yaml(objects(given[2], "indicator")[0]["pattern"])
    assert len(pattern.rules) == 1 and not pattern.errors


def test_every_object_is_marked_and_every_indicator_ends(given: tuple[Path, Path, Given]) -> None:
    for one in given[2].bundle["objects"]:
        if one["type"] != "marking-definition":
            assert one["object_marking_refs"] == [TLP["amber+strict"]]
    assert [o["name"] for o in objects(given[2], "marking-definition")] == ["TLP:AMBER+STRICT"]
    (sign,) = objects(given[2], "indicator")
    assert sign["valid_until"] == "2027-01-24T12:00:00.000Z"
    refs = {r for o in given[2].bundle["objects"] for k, v in o.items() if k.endswith(("_ref", "_refs"))
            for r in (v if isinstance(v, list) else [v])}  # fmt: skip
    assert refs <= {o["id"] for o in given[2].bundle["objects"]}


def test_nothing_that_was_planted_gets_out_by_any_format(given: tuple[Path, Path, Given]) -> None:
    home, _, made = given
    written = b"\n".join(f.read_bytes() for f in made.files)
    assert len(made.files) == 5
    planted = [CANARY, "C-0badc0de00", "198.51.100.77", "mail.test", "worked solution"]
    for number in range(20):
        raw = account(number).encode()
        planted += [account(number), hashlib.md5(raw).hexdigest(), hashlib.sha256(raw).hexdigest(),
                    base64.b64encode(raw).decode(), str(uuid.uuid5(OURS, account(number)))]  # fmt: skip
    planted += [(home / "secret.key").read_bytes().hex()]
    for secret in planted:
        assert secret.encode().lower() not in written.lower(), secret[:12]


def test_counts_are_intervals_and_times_are_days(given: tuple[Path, Path, Given]) -> None:
    (campaign,) = objects(given[2], "campaign")
    told = campaign["extensions"][EXTENSION_ID]
    assert (told["counts"]["accounts"]["low"], told["counts"]["accounts"]["high"]) == (17, 20)
    assert (told["counts"]["exchanges"]["low"], told["counts"]["exchanges"]["high"]) == (210, 240)
    assert told["score"]["low"] == 95 and told["icd203"] == "almost certain"
    assert campaign["first_seen"].endswith("T00:00:00.000Z") and campaign["last_seen"] == "2026-11-23T00:00:00.000Z"
    assert told["targets"] == ["reasoning traces"] and told["techniques"] == ["AML.T0024.002"]
    assert told["signs"] == ["payment"]


@pytest.mark.parametrize("n", [10, 11, 99, 100, 2345, 28_800_000])
def test_an_interval_holds_the_count_and_hides_its_last_digits(n: int) -> None:
    between = rounded(n, n)
    assert between.low <= n < between.high
    assert len(str(between.low).rstrip("0")) <= 2


@pytest.mark.parametrize(
    ("low", "high", "told"), [(2_210, 2_345, (2_200, 2_400)), (17, 20, (17, 20)), (0, 1_200, (0, 1_200))]
)
def test_an_uncertain_count_is_rounded_outwards_at_both_ends(low: int, high: int, told: tuple[int, int]) -> None:
    assert (rounded(low, high).low, rounded(low, high).high) == told


def test_a_fingerprint_that_reads_like_a_card_number_stays_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = [0x4539148803436467, 0x004412345678ABCD, 0xA4539148803436BC, 0x0123456789ABCDEF]
    marks = tuple(Mark("opening", value, 20) for value in values)
    monkeypatch.setattr(leaving, "marks_by_kind", lambda window, named: {id: marks for id, _ in named})
    home = home_with_logs(tmp_path)
    made = share_out(home, [with_finding(home)], tmp_path / "out", SETTINGS, ANN, now=NOW)
    (sign,) = objects(made, "indicator")
    assert sign["extensions"][EXTENSION_ID]["marks"][0]["values"] == ["004412345678abcd", "0123456789abcdef"]


def test_of_fewer_than_ten_accounts_only_the_outline_leaves(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path, ring=9)
    made = share_out(home, [with_finding(home, members=9)], tmp_path / "out", SETTINGS, ANN, now=NOW)
    (campaign,) = objects(made, "campaign")
    told = campaign["extensions"][EXTENSION_ID]
    assert told["suppressed"] == ["accounts", "exchanges"] and "counts" not in told
    assert not objects(made, "indicator") and made.without_marks == (campaign["name"],)
    assert not re.search(r"\b9\b", json.dumps(told))


def test_the_same_campaign_keeps_its_ids_and_another_key_gives_others(tmp_path: Path) -> None:
    home, other = home_with_logs(tmp_path / "a"), home_with_logs(tmp_path / "b")
    first = share_out(home, [with_finding(home)], tmp_path / "1", SETTINGS, ANN, now=NOW)
    again = share_out(home, [with_finding(home)], tmp_path / "2", SETTINGS, ANN, now=NOW + 9000)
    third = share_out(other, [with_finding(other)], tmp_path / "3", SETTINGS, ANN, now=NOW)
    ids = [{o["id"] for o in g.bundle["objects"] if o["type"] != "grouping"} for g in (first, again, third)]
    assert ids[0] == ids[1]
    kinds = {i.partition("--")[0] for i in ids[0] & ids[2]}
    assert kinds == {"identity", "extension-definition", "attack-pattern", "marking-definition"}
    created = [objects(g, "campaign")[0] for g in (first, again)]
    assert created[0]["created"] == created[1]["created"] and created[0]["modified"] < created[1]["modified"]


def test_a_provider_without_a_name_and_a_campaign_that_is_not_there_are_refused(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home)
    with pytest.raises(UsageError, match="provider"):
        share_out(home, [campaign], tmp_path / "out", Settings(), ANN)
    with pytest.raises(UsageError, match="no such campaign"):
        share_out(home, ["C-nothing"], tmp_path / "out", SETTINGS, ANN)
    with pytest.raises(UsageError, match="--tlp"):
        share_out(home, [campaign], tmp_path / "out", SETTINGS, ANN, tlp="purple")
    assert not (tmp_path / "out").exists()


def test_a_network_leaves_as_infrastructure_without_templates(tmp_path: Path) -> None:
    home = home_with_logs(tmp_path)
    campaign = with_finding(home, kind="account_network", campaign_id="N-0badc0de00")
    made = share_out(home, [campaign], tmp_path / "out", SETTINGS, ANN, now=NOW)
    assert objects(made, "infrastructure") and not objects(made, "campaign") and not objects(made, "indicator")


def test_what_was_shared_stands_in_the_audit_log(given: tuple[Path, Path, Given]) -> None:
    record = Record(given[0])
    lines = record.rows("SELECT what, subject, details FROM audit WHERE what = 'shared out'")
    assert lines and json.loads(lines[0]["details"])["tlp"] == "amber+strict"
    assert record.verify_audit()[1] is None
