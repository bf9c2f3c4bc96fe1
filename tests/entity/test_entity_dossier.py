"""A dossier says what records say, shows where they contradict each other, and keeps namesakes apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.entity.dossier import Dossier, as_document, as_text, dossier
from stillwatch.entity.formats import formats
from stillwatch.entity.names import folded, likeness, parted
from stillwatch.errors import UsageError

RECORDS = Path(__file__).parent / "records"
ALL = tuple(str(path) for path in sorted(RECORDS.iterdir()))


def values(told: Dossier, field: str) -> list[str]:
    return [f.value for f in told.facts if f.field == field]


def test_every_fact_has_a_source_and_what_is_registered_has_a_date() -> None:
    told = dossier("Nordlicht Modelle AG", ALL)
    assert told.facts and all(f.source and f.value for f in told.facts)
    assert {f.on for f in told.facts if f.field == "LEI"} == {"2026-05-04", "2026-09-01"}
    assert set(values(told, "LEI")) == {"5299000FICTION000A01"}


def test_parents_subsidiaries_listing_and_sector_come_from_different_registers() -> None:
    told = dossier("Nordlicht Modelle AG", ALL)
    assert values(told, "direct parent") == ["Polarstern Beteiligungen SE (5299000FICTION000A03)"]
    assert values(told, "former subsidiary") == ["Nordlicht Modelle GmbH (5299000FICTION000A02)"]
    assert values(told, "listing") == ["NLMO on NYSE"]
    assert "SIC 7372" in values(told, "sector")[0]
    assert any("101000000" in v for v in values(told, "reported")), "the latest value that was filed"
    assert not any("Revenue" in v for v in values(told, "reported")), "who it is, not how it earns"


def test_what_sources_contradict_is_shown_and_not_decided() -> None:
    told = dossier("Nordlicht Modelle AG", ALL)
    status = next(c for c in told.contradictions if c.field == "status")
    assert {f.value for f in status.says} == {"ACTIVE", "INACTIVE"}
    assert "Contradictions:" in as_text(told)


def test_only_filings_that_mention_the_matter_are_named() -> None:
    told = dossier("Nordlicht Modelle AG", ALL, ["distillation"])
    assert [f.on for f in told.filings] == ["2026-07-02"]
    assert not dossier("Nordlicht Modelle AG", ALL, ["embargo"]).filings


def test_another_legal_form_is_another_legal_person() -> None:
    told = dossier("Nordlicht Modelle AG", ALL)
    apart = {c.name: c.why for c in told.candidates}
    assert "another legal form" in apart["Nordlicht Modelle GmbH"]
    assert not any("GmbH" in f.value for f in told.facts if f.field == "legal name")


def test_a_listed_namesake_in_another_country_is_a_candidate_and_not_the_same() -> None:
    told = dossier("Nordlicht Modelle AG", ALL)
    assert not values(told, "listed")
    assert any(c.name == "Nordlicht Modelle" and "no country in common" in c.why for c in told.candidates)


def test_a_listing_is_found_under_the_transliterated_name_and_under_the_original() -> None:
    for name in ("Yuandeng Intelligent Technology Co., Ltd.", "远灯智能科技有限公司"):
        told = dossier(name, ALL)
        assert set(values(told, "listed")) >= {"Entity List (EL) - Bureau of Industry and Security"}, name
        assert "91 FR 00001" in values(told, "notice")
    assert "OFAC SDN" in values(dossier("Yuandeng Intelligent Technology Co Ltd", ALL), "listed")


def test_two_entries_of_one_name_in_a_register_are_not_guessed_between() -> None:
    told = dossier("Harbour Lantern Holdings Ltd", ALL)
    assert not told.facts and "not for a program to say" in told.why_none
    assert {c.number for c in told.candidates} >= {"8880000FICTION000K01", "8880000FICTION000G01", "90001"}


def test_an_unknown_name_has_no_facts_and_says_so() -> None:
    told = dossier("Entirely Unknown Laboratories", ALL)
    assert not told.facts and told.why_none
    assert as_document(told)["asked"] == "Entirely Unknown Laboratories"


@pytest.mark.parametrize(
    ("asked", "found", "how"),
    [
        ("Étoile S.A.", "ETOILE SA", "same"),
        ("Lantern Ltd", "Lantern Limited", "same"),
        ("Lantern", "Lantern Co., Ltd.", "same"),
        ("Lantern AG", "Lantern GmbH", "form differs"),
        ("Lantern", "Lantern Cloud Services", "candidate"),
        ("Yuan Deng", "Yuandeng", "candidate"),
        ("Lantern Labs", "Lantrn Labs", "candidate"),
        ("Lantern Labs", "Beacon Works", "different"),
        ("Co", "Limited", "different"),
    ],
)
def test_names_are_compared_with_care(asked: str, found: str, how: str) -> None:
    assert likeness(asked, found) == how
    assert likeness(found, asked) == how


def test_legal_forms_are_parted_from_names_in_several_scripts() -> None:
    assert parted("远灯智能科技有限公司") == ("远灯智能科技", "youxian gongsi")
    assert parted("ООО Фонарь")[1] == "llc"
    assert folded("  “Müller”  &  Söhne ") == "muller and sohne"


def test_a_file_of_no_known_format_and_one_that_lies_are_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UsageError, match="no format"):
        dossier("X", [str(tmp_path / "notes.txt")])
    (tmp_path / "sdn.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><sdnList></sdnList>')
    with pytest.raises(UsageError, match="cannot be read"):
        dossier("X", [str(tmp_path / "sdn.xml")])
    (tmp_path / "lei.json").write_text('{"data": [{"type": "lei-records", "id": 3}]}')
    with pytest.raises(UsageError, match="cannot be read"):
        dossier("X", [str(tmp_path / "lei.json")])


def test_each_format_has_a_sample_and_no_two_claim_the_same_file() -> None:
    for path in RECORDS.iterdir():
        claims = [f.name for f in formats() if f.reads(path.name, path.read_bytes())]
        assert len(claims) == 1, (path.name, claims)


def test_hostile_text_in_a_record_cannot_move_the_terminal(tmp_path: Path) -> None:
    text = (RECORDS / "lei-records.json").read_text("utf-8").replace("Hamburg", "x").replace(
        "Northern Light Models", "\\u001b[2JNorth"
    )
    (tmp_path / "lei.json").write_text(text, "utf-8")
    assert "\x1b" not in as_text(dossier("Nordlicht Modelle AG", [str(tmp_path / "lei.json")]))
