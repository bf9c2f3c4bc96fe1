"""One package holds the letter and what machines read: one alias, one rounding, and the gate has nothing to say."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_disclose_report import MATTER

from share.towns import ANN, CANARY, NOW, account, home_with_logs, with_finding
from stillwatch.disclose.gate import check
from stillwatch.disclose.package import Outside, read_package
from stillwatch.disclose.reporting import write_report
from stillwatch.settings import Settings, ShareSettings
from stillwatch.share.outgoing import Given, share_out
from stillwatch.share.words import EXTENSION_ID

AT = datetime.fromtimestamp(NOW, UTC)
PUBLISHER = Settings(share=ShareSettings(provider="Example Models", contact="disclosure@models.example"))


@dataclass(frozen=True)
class Both:
    """A package with a report and what `share out` wrote beside it."""

    package: Path
    given: Given


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    place = tmp_path_factory.mktemp("both")
    home = home_with_logs(place)
    campaign = with_finding(home, signals=(("shared_payment", "payment"), ("template_sweep", "content")))
    (place / "matter.toml").write_text(MATTER.replace("TLP:AMBER", "TLP:AMBER+STRICT"), "utf-8")
    write_report(home, (campaign,), place / "package", AT, matter=place / "matter.toml")
    return Both(place / "package", share_out(home, [campaign], place / "package", PUBLISHER, ANN, now=NOW))


def test_a_report_with_what_share_out_writes_passes_every_content_rule(both: Both) -> None:
    outside = Outside(AT, canaries=(CANARY,), account_ids=frozenset(account(n) for n in range(20)))
    verdicts = check(read_package(both.package, outside), stage="content")
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
