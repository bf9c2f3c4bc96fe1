"""Which figure each number of a text stands for, and what is wrong where it stands for none."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stillwatch.disclose.language import Language
from stillwatch.disclose.numerals import Numeral, days_in, numerals_in, phrase_pattern
from stillwatch.disclose.package import Document, Package
from stillwatch.disclose.visible_text import Block, strings_of

#: Numbers that are names: standards, techniques, tables of a scale, hashes.
_NAMES = re.compile(
    r"ICD 203|RFC \d+|SHA-\d+|TLP 2\.0|STIX 2\.1|TAXII 2\.1|AML\.(?:T|M|CS)\d{4}(?:\.\d{3})?|AA\d\d-\d{3}[A-Z]|"
    r"\d+ U\.?S\.?C\.? §? ?\d+(?:\([a-z0-9]\))*|Admiralty [A-F][1-6]|\b[A-F][1-6]\b|\b[0-9a-f]{64}\b|"
    r"Ed25519|https?://\S+|\b[\w.+-]+@[\w.-]+\.\w+|stillwatch \d+(?:\.\d+)+"
)
_AN_ID = re.compile(r"[A-Z][A-Z0-9-]{2,40}")


@dataclass(frozen=True)
class Use:
    """One number in a text. `figure` is None where none has this number; `wrong` is the rule that it breaks, or ''."""

    numeral: str
    place: str
    figure: str | None
    wrong: str
    why: str
    key: str = ""
    """What is compared between formats: the hedge and the number, however they are written."""


def uses(package: Package, document: Document) -> tuple[Use, ...]:
    """Every number and date of a document, in order, with the figure that it is bound to."""
    known = _cache(package)
    if document.name not in known:
        known[document.name] = tuple(_uses(package, document))
    return known[document.name]


def all_uses(package: Package) -> Iterator[tuple[Document, Use]]:
    """The same of all documents."""
    for document in package.documents:
        for use in uses(package, document):
            yield document, use


def printed_values(figure: dict[str, Any], lang: Language) -> list[Numeral]:
    """A figure's printed form as numbers: one, or two for an interval."""
    return numerals_in(figure["printed"], lang)


def _cache(package: Package) -> dict[str, tuple[Use, ...]]:
    known: dict[str, tuple[Use, ...]] = package.__dict__.setdefault("_uses", {})
    return known


def _uses(package: Package, document: Document) -> Iterator[Use]:
    lang, pdf = package.language, document.form == "pdf"
    names = _names(package)
    drawn = _drawn(package, document) if pdf else []
    axis = {day.shown for label in drawn for day in days_in(label, lang)}
    found: list[tuple[Numeral, Block]] = []
    for block in document.shown.blocks:
        place, text = f"{document.name}, {block.place}", block.text
        spans = [m.span() for m in names.finditer(text)]
        for day in days_in(_blank(text, spans), lang):
            spans.append((day.start, day.end))
            if day.shown not in axis and not any(day.is_of(known) for known in package.known_dates):
                yield Use(day.shown, place, None, "F1", "no declared date is this one")
        spans += list(_scale_rows(text, lang))
        for start, end, figure in _intervals(text, package):
            spans.append((start, end))
            yield Use(text[start:end], place, figure, "", "", text[start:end].lower())
        found += [(numeral, block) for numeral in numerals_in(text, lang, spans)]
    labels: Counter[tuple[str, str]] = Counter()
    for label in drawn:
        dates = [(day.start, day.end) for day in days_in(label, lang)]
        labels.update((n.hedge.lower(), n.shown) for n in numerals_in(label, lang, dates))
    if labels:
        found = _without_labels(package, found, labels)
    for numeral, block in found:
        yield _bind(package, numeral, f"{document.name}, {block.place}", lang, list(block.bound), document)


def _names(package: Package) -> re.Pattern[str]:
    """What looks like a number and is a name: of standards, pages, ids (a corrected release too), allowed phrases."""
    if "_names" not in package.__dict__:
        ids = [text for place, text in strings_of(package.disclosure) if re.search(r"(^|\.)id$", place)]
        fixed = [entry["phrase"] for entry in package.disclosure.get("fixed_phrases", ())]
        corrected = str(package.disclosure["corrections"]["supersedes"] or "")
        ids += [package.disclosure["id"]] + ([corrected] if _AN_ID.fullmatch(corrected) else [])
        phrases = phrase_pattern([*ids, *fixed])
        page = str(package.language.reading["page"])
        package.__dict__["_names"] = re.compile(f"{_NAMES.pattern}|{page}|{phrases.pattern}")
    pattern: re.Pattern[str] = package.__dict__["_names"]
    return pattern


def _without_labels(
    package: Package, found: list[tuple[Numeral, Block]], labels: Counter[tuple[str, str]]
) -> list[tuple[Numeral, Block]]:
    """A PDF's numbers without those that its charts draw: first what no figure explains, then as many as are left."""
    left = []
    for numeral, block in found:
        key = (numeral.hedge.lower(), numeral.shown)
        fits = [c for c in _with_value(package, numeral) if c["hedge"].lower() == numeral.hedge.lower()]
        if not fits and labels[key] > 0:
            labels[key] -= 1
        else:
            left.append((numeral, block))
    out = []
    for numeral, block in left:
        key = (numeral.hedge.lower(), numeral.shown)
        if labels[key] > 0:
            labels[key] -= 1
        else:
            out.append((numeral, block))
    return out


def _bind(
    package: Package, numeral: Numeral, place: str, lang: Language, bound: list[tuple[str, str]], document: Document
) -> Use:  # fmt: skip
    candidates = _with_value(package, numeral)
    says = f"{numeral.hedge} {numeral.shown}".strip()
    if not candidates:
        return Use(says, place, None, "F1", "no figure has this number")
    if document.form == "html":
        declared = [name for name, text in bound if numeral.shown in text]
        if not declared:
            return Use(says, place, None, "F1", "it stands outside of a <data data-figure> element")
        chosen = [c for c in candidates if c["id"] in declared]
        if not chosen:
            return Use(says, place, None, "F1", f"it is marked as figure {declared[0][:40]}, which says another number")
        candidates = chosen
    # the text of a PDF runs on from cell to cell, so what follows a number there need not be its unit
    pdf = document.form == "pdf"
    same_unit = [c for c in candidates if pdf or not numeral.unit or c["unit"] == numeral.unit]
    if not same_unit:
        units = ", ".join(sorted({c["unit"] for c in candidates}))
        return Use(says, place, candidates[0]["id"], "F8", f"the figure counts {units}, the text {numeral.unit}")
    for figure in same_unit:
        if figure["hedge"].lower() == numeral.hedge.lower():
            key = f"{numeral.hedge.lower()} {numeral.value.normalize():f}".strip()
            return Use(says, place, figure["id"], "", "", key)
    figure = same_unit[0]
    wanted = f"“{figure['hedge']}”" if figure["hedge"] else "no hedge"
    return Use(says, place, figure["id"], "F3", f"the figure is printed with {wanted}")


def _with_value(package: Package, numeral: Numeral) -> list[dict[str, Any]]:
    if "_by_value" not in package.__dict__:
        by_value: dict[Decimal, list[dict[str, Any]]] = {}
        lang = package.language
        for figure in package.disclosure["figures"]:
            if lang.hedge_class(figure["hedge"]) or not figure["hedge"]:
                for printed in printed_values(figure, lang):
                    by_value.setdefault(printed.value, []).append(figure)
        package.__dict__["_by_value"] = by_value
    found: list[dict[str, Any]] = package.__dict__["_by_value"].get(numeral.value, [])
    return found


def _intervals(text: str, package: Package) -> Iterator[tuple[int, int, str]]:
    """Where an interval figure stands in full, with its id: `between 24,000 and 25,000`."""
    if "_intervals" not in package.__dict__:
        lang = package.language
        package.__dict__["_intervals"] = [
            (re.compile(re.escape(f"{f['hedge']} {f['printed']}") + r"(?![\d.,]*\d)", re.IGNORECASE), f["id"])
            for f in package.disclosure["figures"] if f["hedge"] and not lang.hedge_class(f["hedge"])
        ]  # fmt: skip
    taken: list[int] = []
    for pattern, name in package.__dict__["_intervals"]:
        for m in pattern.finditer(text):
            if m.start() not in taken:
                taken.append(m.start())
                yield m.start(), m.end(), name


def _scale_rows(text: str, lang: Language) -> Iterator[tuple[int, int]]:
    """Rows of the table of likelihoods: `95–99%` are part of the scale, not of the finding."""
    for low, high in lang.likelihood.values():
        for m in re.finditer(rf"(?<!\d){low:.0f}\s?[–-]\s?{high:.0f}\s?%", text):
            yield m.span()


def _drawn(package: Package, document: Document) -> list[str]:
    """The words that the charts of a document draw; none where its HTML has no chart."""
    page = package.files.get(f"{document.name.removesuffix('.pdf')}.html", b"")
    charts = package.disclosure.get("charts", ()) if b"<svg" in page else ()
    return [label for chart in charts for label in chart["labels"]]


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\0" * (end - start) + text[end:]
    return text


def same(a: float | int, b: float | int) -> bool:
    """Whether two numbers are the same to nine digits."""
    return abs(Decimal(str(a)) - Decimal(str(b))) <= Decimal("1e-9") * max(abs(Decimal(str(a))), Decimal(1))
