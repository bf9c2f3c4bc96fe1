"""One package holds the letter and what machines read: one alias, one rounding, one gate before a peer reads either."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_disclose_report import MATTER

from cases import approver
from share.servers import ours
from share.towns import ANN, CANARY, NOW, account, home_with_logs, with_finding
from stillwatch.cli.menu import menu
from stillwatch.decide.record import Record
from stillwatch.disclose.for_machines import check_pushed, place_in
from stillwatch.disclose.gate import check
from stillwatch.disclose.package import Outside, read_package
from stillwatch.disclose.release import approve, correct, publish, withdraw, write_approval
from stillwatch.disclose.reporting import write_report
from stillwatch.disclose.signing import public_key_of
from stillwatch.errors import UsageError
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.collections import INDICATORS, Collections
from stillwatch.share.outgoing import Given, share_out
from stillwatch.share.reading import read_source
from stillwatch.share.taxii_client import Server
from stillwatch.share.words import EXTENSION_ID

AT = datetime.fromtimestamp(NOW, UTC)
OUTSIDE = Outside(AT, canaries=(CANARY,), account_ids=frozenset(account(n) for n in range(20)))
TERMS = MATTER.replace("TLP:AMBER", "TLP:AMBER+STRICT")
PUBLISHER = Settings(share=ShareSettings(provider="Example Models", contact="disclosure@models.example"))


@dataclass(frozen=True)
class Both:
    """A home, and a package with a report of its campaign and what `share out` wrote beside it."""

    home: Path
    package: Path
    given: Given


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    place = tmp_path_factory.mktemp("both")
    home = home_with_logs(place)
    campaign = with_finding(home, signals=(("shared_payment", "payment"), ("template_sweep", "content")))
    (place / "matter.toml").write_text(TERMS, "utf-8")
    write_report(home, (campaign,), place / "package", AT, matter=place / "matter.toml")
    return Both(home, place / "package", share_out(home, [campaign], place / "package", PUBLISHER, ANN, now=NOW))


def test_a_report_with_what_share_out_writes_passes_every_content_rule(both: Both) -> None:
    verdicts = check(read_package(both.package, OUTSIDE), stage="content")
    assert [(v.rule, v.faults[:3]) for v in verdicts if v.outcome == "fail"] == []
    asked = {v.rule for v in verdicts if v.outcome == "pass"}
    assert {"F10", "P1", "P2", "P3", "P5", "A1", "M1", "I1"} <= asked
    assert len([f for f in both.given.files if f.is_relative_to(both.package)]) == 5


def test_the_letter_and_the_bundle_speak_of_one_campaign_by_one_name_in_the_same_numbers(both: Both) -> None:
    (alias,) = both.given.aliases.values()
    disclosure = json.loads((both.package / "disclosure.json").read_text("utf-8"))
    assert disclosure["subjects"][0]["name"] == alias
    (campaign,) = (o for o in both.given.bundle["objects"] if o["type"] == "campaign")
    counts = campaign["extensions"][EXTENSION_ID]["counts"]
    letter = (both.package / "letter.md").read_text("utf-8").replace("\u00a0", " ")
    for unit in ("accounts", "exchanges"):
        assert f"{counts[unit]['low']} and {counts[unit]['high']} {unit}" in letter


@pytest.mark.parametrize("end", ["low", "high"])
def test_a_bundle_that_counts_otherwise_than_the_letter_is_stopped(end: str, both: Both) -> None:
    package = read_package(both.package, Outside(AT))
    bundle = json.loads(package.files["bundle.json"])
    (campaign,) = (o for o in bundle["objects"] if o["type"] == "campaign")
    campaign["extensions"][EXTENSION_ID]["counts"]["accounts"][end] += 1
    altered = type(package)(package.folder, {**package.files, "bundle.json": json.dumps(bundle).encode()}, Outside(AT))
    assert "F10" in [v.rule for v in check(altered, stage="content") if v.outcome == "fail"]


@pytest.fixture
def own(both: Both, tmp_path: Path) -> Both:
    """The same, to be changed and released by one test."""
    for name, folder in (("home", both.home), ("package", both.package)):
        shutil.copytree(folder, tmp_path / name)
    return replace(both, home=tmp_path / "home", package=tmp_path / "package")


def released(
    one: Both, outside: Outside = OUTSIDE, *, to: Path | None = None, careless: bool = False
) -> dict[str, Any]:
    """Approves by two, or as a house would that does not ask the rules, and publishes."""
    record = Record(one.home)
    yes = write_approval if careless else approve
    for name in ("Approver One", "Approver Two"):
        yes(read_package(one.package, outside), record, approver(record, name), "read all of it")
    told = replace(outside, public_key=public_key_of(one.home))
    return publish(one.package, record, approver(record, "Publisher"), told, to=to)


def served(home: Path) -> list[dict[str, Any]]:
    """What a peer's client reads from this home's TAXII server, each object in its last version."""
    token = Collections(home).make_token("Provider B", NOW)
    with ours(home, PUBLISHER, clock=lambda: NOW + 60) as url:
        return Server(f"{url}/stillwatch/", token).pull(INDICATORS)


def test_a_peer_reads_a_bundle_once_two_have_approved_it_and_it_was_published(own: Both) -> None:
    assert served(own.home) == [], "a draft is nobody's to read"
    done = released(own)
    assert done["served"] == len(own.given.bundle["objects"])
    assert served(own.home) == own.given.bundle["objects"]


def test_a_withdrawn_bundle_is_revoked_where_peers_read_it(own: Both) -> None:
    released(own)
    record = Record(own.home)
    outside = replace(OUTSIDE, public_key=public_key_of(own.home))
    withdraw(own.package, record, approver(record, "Publisher"), outside, "the accounts were a class")
    gone = {o["type"] for o in served(own.home) if o.get("revoked")}
    assert {"campaign", "indicator"} <= gone and not gone & {"identity", "attack-pattern", "extension-definition"}


def test_a_correction_does_not_revoke_what_the_newer_release_still_says(own: Both, tmp_path: Path) -> None:
    released(own)
    old = json.loads((own.package / "disclosure.json").read_text("utf-8"))["id"]
    matter = tmp_path / "matter.toml"
    matter.write_text(f'{TERMS}supersedes = "{old}"\n'.replace("on = 2026-11-25", "on = 2026-11-26"), "utf-8")
    campaigns, later = list(own.given.aliases), AT + timedelta(days=1)
    write_report(own.home, campaigns, tmp_path / "newer", later, matter=matter)
    newer = replace(own, package=tmp_path / "newer")
    share_out(own.home, campaigns, newer.package, PUBLISHER, ANN, now=later.timestamp())
    released(newer, replace(OUTSIDE, now=later))
    record = Record(own.home)
    outside = replace(OUTSIDE, now=later, public_key=public_key_of(own.home))
    done = correct(own.package, newer.package, record, approver(record, "Publisher"), outside, "a count was too high")
    assert done["revoked_objects"] == 0
    assert not [o for o in served(own.home) if o.get("revoked")]


@pytest.mark.parametrize("file", ["bundle.json", "misp/*-*.json", "sigma/*.yml"])
@pytest.mark.parametrize("careless", [False, True])
def test_a_planted_canary_is_refused_by_its_rule_and_nothing_is_served(file: str, careless: bool, own: Both) -> None:
    planted = next(own.package.glob(file))
    alias = next(iter(own.given.aliases.values()))
    planted.write_text(planted.read_text("utf-8").replace(alias, f"{alias} {CANARY}", 1), "utf-8")
    with pytest.raises(UsageError, match=r"fails .*P2"):
        released(own, careless=careless)
    assert served(own.home) == []


def test_what_one_person_approved_is_not_served(own: Both) -> None:
    record = Record(own.home)
    approve(read_package(own.package, OUTSIDE), record, approver(record, "Approver One"), "")
    outside = replace(OUTSIDE, public_key=public_key_of(own.home))
    with pytest.raises(UsageError, match="fails I3"):
        publish(own.package, record, approver(record, "Publisher"), outside)
    assert served(own.home) == []


def test_what_is_for_named_persons_is_published_and_not_served(own: Both) -> None:
    for file in (f for f in own.package.rglob("*") if f.is_file() and f.suffix in (".html", ".md", ".json", ".css")):
        text = file.read_text("utf-8").replace("TLP:AMBER+STRICT", "TLP:RED").replace("tlp:amber+strict", "tlp:red")
        file.write_text(text.replace(r"TLP:AMBER\+STRICT", "TLP:RED").replace('"member"', '"person"'), "utf-8")
    assert released(own)["served"] == 0
    assert served(own.home) == []


def test_only_a_released_bundle_or_sightings_are_handed_to_a_peers_server(own: Both, tmp_path: Path) -> None:
    def push(file: Path) -> None:
        check_pushed(file, read_source(str(file)).objects, own.home)

    with pytest.raises(UsageError, match="was not released"):
        push(own.package / "bundle.json")
    released(own, to=tmp_path / "sent")
    for folder in (own.package, tmp_path / "sent"):
        push(folder / "bundle.json")
    elsewhere = tmp_path / "bundle.json"
    shutil.copy(own.package / "bundle.json", elsewhere)
    with pytest.raises(UsageError, match="was not released"):
        push(elsewhere)
    (tmp_path / "sent" / "release" / "more.json").write_text(elsewhere.read_text("utf-8"), "utf-8")
    with pytest.raises(UsageError, match="does not hold it"):
        push(tmp_path / "sent" / "release" / "more.json")
    sent = tmp_path / "sent" / "bundle.json"
    sent.write_text(sent.read_text("utf-8").replace("DIST-", "DIST-0"), "utf-8")
    with pytest.raises(UsageError, match="was changed"):
        push(sent)
    elsewhere.write_text(json.dumps({"type": "bundle", "id": own.given.bundle["id"], "objects": [
        {"type": "sighting", "id": "sighting--9f8a0c1e-0000-4000-8000-000000000001"}]}))  # fmt: skip
    push(elsewhere)


def test_files_join_a_package_until_it_is_published_and_are_a_draft_anywhere_else(own: Both, tmp_path: Path) -> None:
    assert place_in(own.package) == own.package
    assert place_in(tmp_path / "elsewhere") == tmp_path / "elsewhere" / "draft"
    released(own)
    with pytest.raises(UsageError, match="published already"):
        place_in(own.package)


def test_the_command_says_whether_it_wrote_a_draft_or_into_a_package(own: Both, tmp_path: Path) -> None:
    def share(out: Path) -> str:
        words = [*own.given.aliases, "--out", str(out), "--home", str(own.home), "--set", "share.provider=A"]
        told = CliRunner().invoke(menu, ["share", "out", *words])
        assert told.exit_code == 0, told.output
        return told.output

    assert f"stillwatch release check {own.package}" in share(own.package)
    assert "A draft" in share(tmp_path / "elsewhere")
    assert sorted(f.name for f in (tmp_path / "elsewhere").iterdir()) == ["draft"]


@pytest.mark.parametrize("command", [("share", "out"), ("release",)])
def test_either_commands_help_leads_to_the_other(command: tuple[str, ...]) -> None:
    said = " ".join(CliRunner().invoke(menu, [*command, "--help"]).output.split())
    assert "stillwatch report" in said and "taxii" in said.lower()
    assert "release publish" in said if command == ("share", "out") else "stillwatch share out" in said
