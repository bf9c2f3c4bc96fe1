"""L1, L2: judgements in one scale of likelihood, confidence apart from it, and what kind of statement each is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.package import Package

BASES = ("observed", "inferred", "assumed")


@rule("L1")
def judgements_are_graded(package: Package) -> Iterator[Fault]:
    """A judgement has one ICD 203 term that fits its range, a confidence in a sentence of its own, and graded sources.

    Sources carry Admiralty grades (A–F for reliability, 1–6 for credibility). Words outside of the scale are refused.
    """
    lang = package.language
    sources = {s["id"]: s for s in package.disclosure["sources"]}
    for source in sources.values():
        if source["reliability"] not in "ABCDEF" or not source["reliability"] or not 1 <= source["credibility"] <= 6:
            yield Fault(f"source {source['id']}", "has no Admiralty grade", "A–F and 1–6")
    for judgement in package.disclosure["judgements"]:
        where = f"judgement {judgement['id']}"
        bounds = lang.likelihood.get(judgement["term"])
        if bounds is None:
            yield Fault(where, f"“{judgement['term'][:40]}” is no term of the scale", "one of ICD 203's first row")
        elif not bounds[0] <= judgement["low"] <= judgement["high"] <= bounds[1]:
            yield Fault(where, f"“{judgement['term']}” means {bounds[0]:g}–{bounds[1]:g}%, the range is "
                        f"{judgement['low']}–{judgement['high']}%", "choose the term that holds the range")  # fmt: skip
        elif judgement["low"] < 1 or judgement["high"] > 99:
            yield Fault(where, "claims certainty", "ICD 203 ends at 99%")
        elif terms_in(judgement["statement"], package) != [judgement["term"]]:
            yield Fault(where, "does not hold its term exactly once", "one term a judgement")
        if judgement["confidence"] not in ("low", "moderate", "high"):
            yield Fault(where, "has no confidence", "low, moderate or high")
        if not judgement["sources"] or any(s not in sources for s in judgement["sources"]):
            yield Fault(where, "has no graded source", "name sources by id")
    for document in package.documents:
        for block in document.shown.blocks:
            for sentence in sentences(block.text):
                place = f"{document.name}, {block.place}"
                low = sentence.lower()
                if terms_in(sentence, package) and any(c.lower() in low for c in lang.confidence.values()):
                    yield Fault(place, "says likelihood and confidence in one sentence", "two sentences")
                for word in lang.not_likelihood:
                    if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", low):
                        yield Fault(place, f"“{word}” is no term of the scale", "use the scale's term, or cut it")


@rule("L2")
def statements_are_labelled(package: Package) -> Iterator[Fault]:
    """Each statement and judgement is labelled as observed, inferred or assumed, in its own paragraph of the letter."""
    lang = package.language
    letters = [d for d in package.documents if d.stem == "letter"]
    if not letters:
        raise NotApplicable("there is no letter")
    entries = [("statement", s["id"], s["text"], s["basis"]) for s in package.disclosure["statements"]]
    entries += [("judgement", j["id"], j["statement"], j["basis"]) for j in package.disclosure["judgements"]]
    for kind, name, text, basis in entries:
        if basis not in BASES:
            yield Fault(f"{kind} {name}", f"has the basis “{basis[:20]}”", "observed, inferred or assumed")
            continue
        for letter in letters:
            wanted = _plain(text)
            labelled = [b for b in letter.shown.blocks if wanted in _plain(b.text)]
            if not labelled:
                yield Fault(f"{letter.name}, {kind} {name}", "does not stand in the letter as declared",
                            "print it word for word, or take it out of disclosure.json")  # fmt: skip
            elif not any(lang.labels[basis] in b.text for b in labelled):
                yield Fault(f"{letter.name}, {labelled[0].place}", f"{kind} {name} lacks “{lang.labels[basis]}”",
                            "begin its paragraph with the label")  # fmt: skip


def terms_in(text: str, package: Package) -> list[str]:
    """The scale's terms in a text, longest first, so that `very likely` is not `likely` too."""
    found, low = [], text.lower()
    for term in sorted(package.language.likelihood, key=len, reverse=True):
        pattern = rf"(?<!\w){re.escape(term.lower())}(?!\w)"
        found += [term] * len(re.findall(pattern, low))
        low = re.sub(pattern, " ", low)
    return found


def sentences(text: str) -> list[str]:
    """A text in sentences."""
    return [s for s in re.split(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ“„])", text) if s]


def _plain(text: Any) -> str:
    return " ".join(str(text).replace("\u00a0", " ").split()).lower()
