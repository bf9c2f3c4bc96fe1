"""Published figures pass as written; each altered copy fails by exactly the rule that it breaks; sound ones pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cases import CASES, base, case, change, fill, opened, published, released
from stillwatch.disclose.gate import check, failed, rules

ALTERED = sorted((CASES / "altered").glob("*.yaml"))
SOUND = sorted((CASES / "sound").glob("*.yaml"))


def changed(path: Path, folder: Path) -> Path:
    wanted = case(path)
    package = base(wanted["base"], folder)
    if not wanted.get("after"):
        change(package, wanted)
        if "also" in wanted:
            change(package, {"set": wanted["also"]})
        if wanted.get("refill"):
            again(package)
    return package


def again(package: Path) -> None:
    """The snapshot was changed on purpose: figures are of the new one."""
    file = package / "disclosure.json"
    text = file.read_text("utf-8")
    old = json.loads(text)["figures"][0]["snapshot_sha256"]
    file.write_text(text.replace(old, "@snapshot"), "utf-8")
    fill(package)


def test_there_are_at_least_thirty_altered_copies_and_ten_sound_ones() -> None:
    assert len(ALTERED) >= 30 and len(SOUND) >= 10


def test_every_rule_is_broken_by_some_altered_copy() -> None:
    assert {case(path)["breaks"] for path in ALTERED} == {rule.id for rule in rules()}


@pytest.mark.parametrize("path", ALTERED, ids=lambda p: p.stem)
def test_an_altered_copy_fails_by_exactly_the_rule_that_it_breaks(path: Path, tmp_path: Path) -> None:
    wanted = case(path)
    package = changed(path, tmp_path)
    if wanted.get("after"):
        outside = published(package, tmp_path)
        change(package, wanted)
    else:
        outside = released(package, tmp_path, tuple(wanted.get("approvers", ("Approver One", "Approver Two"))))
    verdicts = check(opened(package, outside))
    wrong = [r for r in failed(verdicts) if wanted.get("after") or r != "I2"]
    assert wrong == [wanted["breaks"]], [(v.rule, v.faults[:3]) for v in verdicts if v.outcome == "fail"]
    for verdict in verdicts:
        assert all(f.where and f.what and f.mend for f in verdict.faults), verdict.rule


@pytest.mark.parametrize("path", SOUND, ids=lambda p: p.stem)
def test_a_sound_disclosure_passes_every_rule(path: Path, tmp_path: Path) -> None:
    package = changed(path, tmp_path)
    outside = published(package, tmp_path)
    verdicts = check(opened(package, outside))
    assert failed(verdicts) == (), [(v.rule, v.faults[:3]) for v in verdicts if v.outcome == "fail"]
    assert all(v.why for v in verdicts if v.outcome == "not applicable")
