"""M1–M6: how far it may go, to whom, on whose consent, on what basis in law, and whether something holds it back.

Source: FIRST, Traffic Light Protocol 2.0; MISP, PAP taxonomy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.package import Document, Package

#: From the widest to the strictest.
TLP = ("TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT", "TLP:RED")
PAP = ("PAP:CLEAR", "PAP:GREEN", "PAP:AMBER", "PAP:RED")
#: Marking definitions of TLP 2.0 in STIX. Source: OASIS, cti-stix-common-objects.
TLP_IN_STIX = {
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "TLP:CLEAR",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "TLP:GREEN",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "TLP:AMBER",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "TLP:AMBER+STRICT",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "TLP:RED",
}
#: Who may read what, at the strictest. `client` is of the recipient's own; `government` is outside of TLP's promise.
_STRICTEST = {
    "public": "TLP:CLEAR", "community": "TLP:GREEN", "client": "TLP:AMBER", "member": "TLP:AMBER+STRICT",
    "organisation": "TLP:AMBER+STRICT", "government": "TLP:AMBER+STRICT", "person": "TLP:RED",
}  # fmt: skip
_BLOCKS = re.compile(r"(?<!\w)(?:block|blocks|blocking|deny|suspend|sperren)(?!\w)", re.I)
_CHECKED_WITHIN = timedelta(days=30)


@rule("M1")
def everything_is_marked(package: Package) -> Iterator[Fault]:
    """Each object is marked, a bundle as its strictest object, and the report never less strictly than its inputs."""
    mine = package.disclosure["marking"]["tlp"]
    if mine not in TLP:
        yield Fault("marking.tlp", f"“{mine[:20]}” is none of TLP 2.0", f"one of {', '.join(TLP)}")
        return
    if package.disclosure["marking"]["pap"] not in PAP:
        yield Fault("marking.pap", "is none of PAP", f"one of {', '.join(PAP)}")
    for entry in package.disclosure["marking"]["inputs"]:
        if entry["tlp"] not in TLP:
            yield Fault(f"input of {entry['from'][:40]}", "is not marked", f"one of {', '.join(TLP)}")
        elif TLP.index(entry["tlp"]) > TLP.index(mine) and "consent_to_widen" not in entry:
            yield Fault("marking.tlp", f"{mine} is wider than {entry['tlp']} of {entry['from'][:40]}",
                        "mark as strictly as the input, or get its consent")  # fmt: skip
    for name, bundle in package.stix.items():
        yield from _stix(name, bundle, mine)
    for name, content in package.misp.items():
        tags = {str(t.get("name", "")).upper() for t in content["Event"].get("Tag", ())}
        if mine not in tags:
            yield Fault(name, f"is not tagged {mine.lower()}", "tag the event as the disclosure is marked")


@rule("M2")
def recipients_may_read_it(package: Package) -> Iterator[Fault]:
    """Every recipient is in the audience of its marking; TLP:AMBER+STRICT goes neither to the public nor to clients."""
    mine, pap = package.disclosure["marking"]["tlp"], package.disclosure["marking"]["pap"]
    for recipient in package.disclosure["recipients"]:
        allowed = _STRICTEST.get(recipient["kind"])
        where = f"recipient {recipient['name'][:40]}"
        if allowed is None:
            yield Fault(where, f"is of the kind “{recipient['kind'][:20]}”", f"one of {', '.join(_STRICTEST)}")
        elif mine in TLP and TLP.index(mine) > TLP.index(allowed):
            yield Fault(
                where, f"({recipient['kind']}) is outside of the audience of {mine}", "drop it, or mark it wider"
            )
    if not package.disclosure["recipients"]:
        yield Fault("recipients", "nobody is named", "name recipients, or the public")
    if pap in ("PAP:AMBER", "PAP:RED"):
        for name, bundle in package.stix.items():
            for i, thing in enumerate(bundle.get("objects", ())):
                if thing.get("type") == "course-of-action" and _BLOCKS.search(str(thing.get("name", ""))):
                    yield Fault(
                        f"{name}, objects[{i}]", f"asks to block under {pap}", "PAP:GREEN where blocking is meant"
                    )


@rule("M3")
def widening_has_consent(package: Package) -> Iterator[Fault]:
    """What somebody else marked is widened only with that source's written consent."""
    mine, widened = package.disclosure["marking"]["tlp"], False
    for entry in package.disclosure["marking"]["inputs"]:
        wider = entry["tlp"] in TLP and mine in TLP and TLP.index(entry["tlp"]) > TLP.index(mine)
        if wider and "consent_to_widen" in entry:  # without one, M1 speaks
            widened = True
            if not re.search(r"\d{4}-\d{2}-\d{2}", entry["consent_to_widen"]):
                yield Fault(
                    f"input of {entry['from'][:40]}", "is widened without a dated consent", "who agreed, and when"
                )
    if not widened:
        raise NotApplicable("nothing of others is widened")


@rule("M4")
def there_is_a_basis_in_law(package: Package) -> Iterator[Fault]:
    """A basis in law is named, checked within thirty days to be in force, and more than a breach of terms.

    Source: 6 U.S.C. 650 leaves breaches of consumer terms alone out of “cybersecurity threat”.
    """
    legal = package.disclosure["legal"]
    if not legal["statute"].strip() or not legal["checked_by"].strip():
        yield Fault("legal", "names no basis or nobody who checked it", "statute and checked_by")
    age = package.outside.now.date() - date.fromisoformat(legal["in_force_checked_on"])
    if not timedelta(days=-1) <= age <= _CHECKED_WITHIN:
        yield Fault("legal.in_force_checked_on", f"is {age.days} days ago", "have counsel check that it is in force")
    if not any(e.strip() for e in legal["non_terms_elements"]):
        yield Fault(
            "legal.non_terms_elements", "names only a breach of terms", "fraudulent identity, stolen card, evasion …"
        )
    for place, text in package.texts:
        if re.search(r"safe[- ]harbou?r", text, re.I) and not re.search(r"\b(no|not|nor|kein)\b", text, re.I):
            yield Fault(place, "promises a safe harbour", "counsel says what applies, not a constant")


@rule("M5")
def every_page_is_marked(package: Package) -> Iterator[Fault]:
    """The TLP label stands in the header and the footer of each page."""
    mine = package.disclosure["marking"]["tlp"]
    label = re.compile(rf"{re.escape(mine)}(?![\w+])")
    other = re.compile(r"TLP:[A-Z]+(?:\+STRICT)?")
    for document in package.documents:
        yield from _pages(document, mine, label)
        for m in other.finditer(document.shown.text):
            if m[0] != mine:
                yield Fault(document.name, f"is marked {m[0]} too", f"one label: {mine}")
                break


@rule("M6")
def nothing_holds_it_back(package: Package) -> Iterator[Fault]:
    """No embargo, legal hold or law-enforcement hold stands."""
    legal = package.disclosure["legal"]
    if legal["embargo_until"] is not None and _moment(legal["embargo_until"]) > package.outside.now:
        yield Fault("legal.embargo_until", f"lasts until {legal['embargo_until']}", "wait")
    if legal["legal_hold"]:
        yield Fault("legal.legal_hold", "stands", "counsel lifts it")
    if legal["law_enforcement_hold"]:
        yield Fault("legal.law_enforcement_hold", "stands", "the authority lifts it")


def _stix(name: str, bundle: dict[str, Any], mine: str) -> Iterator[Fault]:
    strictest = -1
    for i, thing in enumerate(bundle.get("objects", ())):
        if thing.get("type") in ("marking-definition", "extension-definition"):
            continue
        marks = [TLP_IN_STIX[ref] for ref in thing.get("object_marking_refs", ()) if ref in TLP_IN_STIX]
        if not marks:
            yield Fault(f"{name}, objects[{i}]", "has no TLP 2.0 marking", "object_marking_refs")
            continue
        strictest = max(strictest, *(TLP.index(m) for m in marks))
    if strictest > TLP.index(mine):
        yield Fault(
            name, f"holds an object of {TLP[strictest]} under {mine}", "mark the disclosure as its strictest object"
        )


def _pages(document: Document, mine: str, label: re.Pattern[str]) -> Iterator[Fault]:
    blocks = document.shown.blocks
    if document.form == "pdf":
        for number, page in enumerate(document.shown.pages, 1):
            if len(label.findall(page)) < 2:
                yield Fault(f"{document.name}, page {number}", f"lacks {mine} in header or footer", "render it again")
    elif not blocks or not (label.search(blocks[0].text) and label.search(blocks[-1].text)):
        yield Fault(document.name, f"does not begin and end with {mine}", "header and footer")
    if document.form == "html":
        boxes = re.findall(r"@(top|bottom)-\w+\s*{[^}]*content:[^};]*", document.shown.style)
        printed = re.sub(r"\\", "", document.shown.style)
        if {"top", "bottom"} - set(boxes) or not label.search(printed):
            yield Fault(document.name, "prints pages without the label", "the style sheet's @page margin boxes")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
