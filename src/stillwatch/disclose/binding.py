"""Which figure each number of a text stands for, and what is wrong where it stands for none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stillwatch.disclose.language import Language
from stillwatch.disclose.numerals import Numeral, days_in, numerals_in, phrase_spans
from stillwatch.disclose.package import Document, Package
from stillwatch.disclose.visible_text import Block, strings_of

#: Numbers that are names: standards, techniques, tables of a scale, hashes.
_NAMES = re.compile(
    r"ICD 203|RFC \d+|SHA-\d+|TLP 2\.0|STIX 2\.1|TAXII 2\.1|AML\.(?:T|M|CS)\d{4}(?:\.\d{3})?|AA\d\d-\d{3}[A-Z]|"
    r"\d+ U\.?S\.?C\.? §? ?\d+(?:\([a-z0-9]\))*|Admiralty [A-F][1-6]|\b[A-F][1-6]\b|\b[0-9a-f]{64}\b|"
    r"Ed25519|https?://\S+|\b[\w.+-]+@[\w.-]+\.\w+|stillwatch \d+(?:\.\d+)+"
)


@dataclass(frozen=True)
class Use:
    """One number in a text. `figure` is None where none has this number; `wrong` is the rule that it breaks, or ''."""

    numeral: str
    place: str
    figure: str | None
    wrong: str
    why: str


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
    lang = package.language
    names = [text for place, text in strings_of(package.disclosure) if re.search(r"(^|\.)id$", place)]
    fixed = [entry["phrase"] for entry in package.disclosure.get("fixed_phrases", ())]
    labels = _chart_labels(package) if document.form == "pdf" else []
    page = re.compile(str(lang.reading["page"]))
    for block in document.shown.blocks:
        place = f"{document.name}, {block.place}"
        text = block.text
        spans = [m.span() for m in _NAMES.finditer(text)] + [m.span() for m in page.finditer(text)]
        spans += phrase_spans(text, [*names, *fixed, package.disclosure["id"]])
        for found in days_in(_blank(text, spans), lang):
            spans.append((found.start, found.end))
            if not any(found.is_of(day) for day in package.known_dates):
                yield Use(found.shown, place, None, "F1", "no declared date is this one")
        spans += list(_scale_rows(text, lang))
        for start, end, figure in _intervals(text, package, lang):
            spans.append((start, end))
            yield Use(text[start:end], place, figure["id"], "", "")
        bound = list(block.bound)
        for numeral in numerals_in(text, lang, spans):
            if document.form == "pdf" and numeral.shown in labels:
                candidates = _with_value(package, numeral, lang)
                if not candidates or not _agrees(candidates, numeral):
                    labels.remove(numeral.shown)
                    continue
            yield _bind(package, numeral, place, lang, bound, document, block)


def _bind(
    package: Package, numeral: Numeral, place: str, lang: Language, bound: list[tuple[str, str]], document: Document,
    block: Block,
) -> Use:  # fmt: skip
    candidates = _with_value(package, numeral, lang)
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
    same_unit = [c for c in candidates if not numeral.unit or c["unit"] == numeral.unit]
    if not same_unit:
        units = ", ".join(sorted({c["unit"] for c in candidates}))
        return Use(says, place, candidates[0]["id"], "F8", f"the figure counts {units}, the text {numeral.unit}")
    for figure in same_unit:
        if figure["hedge"].lower() == numeral.hedge.lower():
            return Use(says, place, figure["id"], "", "")
    figure = same_unit[0]
    wanted = f"“{figure['hedge']}”" if figure["hedge"] else "no hedge"
    return Use(says, place, figure["id"], "F3", f"the figure is printed with {wanted}")


def _agrees(candidates: list[dict[str, Any]], numeral: Numeral) -> bool:
    return any(
        c["hedge"].lower() == numeral.hedge.lower() and c["unit"] == numeral.unit and (numeral.unit or numeral.hedge)
        for c in candidates
    )


def _with_value(package: Package, numeral: Numeral, lang: Language) -> list[dict[str, Any]]:
    by_value = package.__dict__.setdefault("_by_value", {})
    if not by_value:
        for figure in package.disclosure["figures"]:
            if lang.hedge_class(figure["hedge"]) or not figure["hedge"]:
                for printed in printed_values(figure, lang):
                    by_value.setdefault(printed.value, []).append(figure)
    found: list[dict[str, Any]] = by_value.get(numeral.value, [])
    return found


def _intervals(text: str, package: Package, lang: Language) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Where an interval figure stands in full: `between 24,000 and 25,000`."""
    for figure in package.disclosure["figures"]:
        if figure["hedge"] and not lang.hedge_class(figure["hedge"]):
            phrase = re.escape(f"{figure['hedge']} {figure['printed']}")
            for m in re.finditer(phrase + r"(?![\d.,]*\d)", text, flags=re.IGNORECASE):
                yield m.start(), m.end(), figure


def _scale_rows(text: str, lang: Language) -> Iterator[tuple[int, int]]:
    """Rows of the table of likelihoods: `95–99%` are part of the scale, not of the finding."""
    for low, high in lang.likelihood.values():
        for m in re.finditer(rf"(?<!\d){low:.0f}\s?[–-]\s?{high:.0f}\s?%", text):
            yield m.span()


def _chart_labels(package: Package) -> list[str]:
    from stillwatch.disclose.numerals import numerals_in as read

    labels = [label for chart in package.disclosure.get("charts", ()) for label in chart["labels"]]
    return [n.shown for label in labels for n in read(label, package.language)]


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + "\0" * (end - start) + text[end:]
    return text


def same(a: float | int, b: float | int) -> bool:
    """Whether two numbers are the same to nine digits."""
    return abs(Decimal(str(a)) - Decimal(str(b))) <= Decimal("1e-9") * max(abs(Decimal(str(a))), Decimal(1))
