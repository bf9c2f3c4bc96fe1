"""Reports of found campaigns: a page for who decides, the same figures in every format and language."""

from __future__ import annotations

import json
import re
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from stillwatch.disclose.gate import check, failed
from stillwatch.disclose.language import known_languages, language
from stillwatch.disclose.matter import read_matter
from stillwatch.disclose.numerals import days_in, numerals_in
from stillwatch.disclose.package import Outside, read_package
from stillwatch.disclose.reporting import write_report
from stillwatch.disclose.shape import shape_sha256
from stillwatch.disclose.visible_text import read_html, read_markdown, read_pdf
from stillwatch.errors import UsageError

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))

from hand_made import findings, pictures

CAMPAIGNS = ("sw-ring", "sw-fleet", "sw-net")
MATTER = f"""
author = "Analyst A"
tlp = "TLP:AMBER"
pap = "PAP:GREEN"
[publisher]
name = "Example Models"
contact = "disclosure@models.example"
[[recipients]]
name = "Member providers of the forum"
kind = "member"
tier = "members"
[legal]
statute = "contract and computer-misuse law of the publisher's seat"
in_force_checked_on = 2026-11-20
checked_by = "Counsel C"
non_terms_elements = ["identities made to look like strangers"]
[review]
by = "Privacy reviewer P"
on = 2026-11-25
outcome = "no personal information"
[antitrust]
counsel = "Counsel C"
sign_off_id = "CS-0011"
approved_shape_sha256 = "{shape_sha256()}"
[ai_assistance]
level = "generated-and-reviewed"
reviewed_by = "Analyst B"
[appeal]
contact = "appeals@models.example"
[corrections]
contact = "errors@models.example"
"""
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    (home / "findings").mkdir()
    found = findings()
    for name in ("campaigns", "accounts", "evidence"):
        pq.write_table(getattr(found, name), home / "findings" / f"{name}.parquet")
    (home / "findings" / "run.json").write_text(json.dumps(dict(found.run)))
    (home / "secret.key").write_bytes(b"k" * 32)
    pictures(home)
    return home


def written(home: Path, out: Path, matter: str = MATTER, **more: Any) -> Path:
    file = out.with_suffix(".toml")
    file.write_text(matter, "utf-8")
    write_report(home, more.pop("campaigns", CAMPAIGNS), out, NOW, matter=file, **more)
    return out


def content_faults(package: Path) -> list[Any]:
    ids = frozenset(f"acct-{i:04d}" for i in range(1300))
    verdicts = check(read_package(package, Outside(NOW, account_ids=ids)), stage="content")
    return [(v.rule, v.faults[:3]) for v in verdicts if v.outcome == "fail"]


@pytest.mark.parametrize("code", known_languages())
def test_a_report_passes_the_gate_in_every_language_and_format(code: str, home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package", lang=code, pdf=True)
    assert content_faults(package) == []
    assert {p.suffix for p in package.glob("letter.*")} == {".html", ".md", ".pdf"}


def test_the_letter_is_one_page_and_every_page_is_marked(home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package", pdf=True)
    letter = read_pdf((package / "letter.pdf").read_bytes())
    assert len(letter.pages) == 1
    report = read_pdf((package / "report.pdf").read_bytes())
    assert len(report.pages) > 2 and all(page.count("TLP:AMBER") >= 2 for page in report.pages)


def test_a_report_without_a_matter_file_is_written_and_refused_by_the_rules_that_people_fill_in(
    home: Path, tmp_path: Path
) -> None:
    write_report(home, CAMPAIGNS, tmp_path / "package", NOW)
    wrong = set(failed(check(read_package(tmp_path / "package", Outside(NOW)), stage="content")))
    assert {"P6", "A5", "M2", "M4", "I5", "I6", "I7"} <= wrong
    assert not {"F1", "F2", "F3", "F8", "L2", "L4", "P2"} & wrong, "what a program can know is right"


def test_the_customers_of_a_network_are_a_subject_of_their_own_and_are_not_accused(home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package", campaigns=("sw-net",))
    disclosure = json.loads((package / "disclosure.json").read_text("utf-8"))
    assert {s["role"] for s in disclosure["subjects"]} == {"operator", "served by the operator"}
    letter = (package / "letter.md").read_text("utf-8")
    assert "not thereby said to have collected answers" in letter and "collected answers from them" not in letter


def test_competing_explanations_stand_side_by_side(home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package")
    disclosure = json.loads((package / "disclosure.json").read_text("utf-8"))
    by_evidence: dict[str, set[str]] = {}
    for row in disclosure["matrix"]:
        by_evidence.setdefault(row["evidence"], set()).add(row["hypothesis"])
    assert by_evidence and all(len(h) == 4 for h in by_evidence.values())
    assert {row["reads"] for row in disclosure["matrix"]} == {"consistent", "inconsistent", "neutral"}


def test_no_account_id_and_no_total_of_the_provider_is_in_the_package(home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package", pdf=True)
    for path in package.rglob("*"):
        if path.is_file():
            assert b"acct-" not in path.read_bytes(), path.name
    days = json.loads((package / "evidence" / "snapshot.json").read_text("utf-8"))["days"]
    assert {d["campaign"] for d in days} <= {
        s["name"] for s in json.loads((package / "disclosure.json").read_text("utf-8"))["subjects"]
    }


def test_high_confidence_takes_a_persons_confirmation(home: Path, tmp_path: Path) -> None:
    from stillwatch.decide.people import give_verdict
    from stillwatch.decide.record import Record, Who

    def confidences(out: Path) -> set[str]:
        return {j["confidence"] for j in json.loads((out / "disclosure.json").read_text("utf-8"))["judgements"]}

    assert "high" not in confidences(written(home, tmp_path / "before"))
    record = Record(home)
    give_verdict(record, Who("A", "analyst"), 1.0, kind="campaign", subject="sw-ring", verdict="confirm", reason="seen")
    record.close()
    assert confidences(written(home, tmp_path / "after")) & {"moderate", "high"}


def test_an_organisations_own_template_goes_first_and_a_broken_one_says_what_it_lacks(
    home: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "letter.html.j2").write_text(
        '{% extends "shell.html.j2" %}{% block main %}<h1>Our own letter</h1><p>{{ opening }}</p>{% endblock %}'
    )
    package = written(home, tmp_path / "package", templates=mine)
    assert "Our own letter" in (package / "letter.md").read_text("utf-8")
    assert any(rule == "L2" for rule, _ in content_faults(package)), "the gate reads what was really written"
    (mine / "letter.html.j2").write_text("{{ no_such_thing }}")
    with pytest.raises(UsageError, match="no_such_thing"):
        written(home, tmp_path / "other", templates=mine)


def test_somebody_is_named_only_in_the_approved_words(home: Path, tmp_path: Path) -> None:
    named = (
        MATTER
        + """
[[named]]
campaign = "sw-ring"
name = "Fictional Lantern"
approved_phrase = "operators affiliated with Fictional Lantern"
low = 80
high = 90
confidence = "moderate"
reviewers = ["Reviewer R", "Reviewer S"]
counsel = "Counsel C"
evidence = [{class = "metadata", what = "request metadata"}, {class = "infrastructure", what = "shared servers"}]
"""
    )
    package = written(home, tmp_path / "package", named)
    assert content_faults(package) == []
    assert "operators affiliated with Fictional Lantern" in (package / "letter.md").read_text("utf-8")
    weaker = written(home, tmp_path / "weaker", named.replace('class = "infrastructure"', 'class = "metadata"'))
    assert [rule for rule, _ in content_faults(weaker)] == ["L3"]


def test_a_matter_file_tells_all_its_faults_at_once(tmp_path: Path) -> None:
    file = tmp_path / "matter.toml"
    file.write_text('autor = "x"\nauthor = 3\n[legal]\nstatut = "y"\n[[named]]\nname = "z"\n')
    with pytest.raises(UsageError) as told:
        read_matter(file)
    assert all(word in str(told.value) for word in ("autor", "author", "legal.statut", "approved_phrase"))


def test_an_unknown_campaign_and_a_full_folder_are_refused(home: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no campaign") as told:
        write_report(home, ("nope",), tmp_path / "package", NOW)
    assert (told.value.hint or "").startswith("one of ") and CAMPAIGNS[0] in (told.value.hint or "")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        write_report(home, CAMPAIGNS, tmp_path / "full", NOW)


def test_where_a_sweep_found_nothing_the_error_says_so_and_names_no_empty_list(home: Path, tmp_path: Path) -> None:
    empty = tmp_path / "home"
    shutil.copytree(home / "findings", empty / "findings")
    campaigns = empty / "findings" / "campaigns.parquet"
    pq.write_table(pq.read_table(campaigns).slice(0, 0), campaigns)
    with pytest.raises(UsageError, match="which found none") as told:
        write_report(empty, ("nope",), tmp_path / "package", NOW)
    assert "one of" not in (told.value.hint or "")


def test_markdown_says_what_the_page_says(home: Path, tmp_path: Path) -> None:
    package = written(home, tmp_path / "package")
    for stem in ("letter", "report", "annex"):
        page = read_html((package / f"{stem}.html").read_text("utf-8")).text
        text = read_markdown((package / f"{stem}.md").read_text("utf-8")).text
        words = [sorted(re.findall(r"\w{3,}", t)) for t in (page, text)]
        assert words[0] == words[1], stem


@pytest.mark.parametrize(
    ("code", "text", "value", "hedge", "unit"),
    [
        ("en-GB", "over 16 million exchanges", 16_000_000, "over", "exchanges"),
        ("en-GB", "28.8M exchanges", 28_800_000, "", "exchanges"),
        ("en-GB", "nearly 25,000 fraudulent accounts", 25_000, "nearly", "accounts"),
        ("en-GB", "some forty keys", 40, "some", "keys"),
        ("en-US", "about 0.32%", 0.32, "about", "percent"),
        ("de", "mehr als 3,4 Millionen Aufrufe", 3_400_000, "mehr als", "exchanges"),
        ("de", "etwa 24.000 betrügerischen Konten", 24_000, "etwa", "accounts"),
    ],
)
def test_numbers_are_read_as_people_write_them(code: str, text: str, value: float, hedge: str, unit: str) -> None:
    (found,) = numerals_in(text, language(code))
    assert (float(found.value), found.hedge, found.unit) == (value, hedge, unit)


@pytest.mark.parametrize("text", ["22 April 2026", "April 22, 2026", "2026-04-22", "22 April", "April 2026"])
def test_dates_are_read_as_people_write_them(text: str) -> None:
    (found,) = days_in(f"from {text} on", language("en-GB"))
    assert found.is_of(datetime(2026, 4, 22).date()) and not found.is_of(datetime(2026, 5, 23).date())


def test_a_reports_end_is_not_torn_from_its_sources(home: Path, tmp_path: Path) -> None:
    import pypdf

    package = written(home, tmp_path / "package", pdf=True)
    pages = [page.extract_text() for page in pypdf.PdfReader(package / "report.pdf").pages]
    assert "Sources" in pages[-1] and "appeal" in pages[-1].lower()
