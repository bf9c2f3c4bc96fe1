"""L3, L4, L5: who is named and in which words, what is said of training, and what is never a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stillwatch.disclose.gate import Fault, rule
from stillwatch.disclose.package import Package
from stillwatch.disclose.rules.language_of_judgement import sentences

_LEAST_LIKELY = 55.0
_WATCHED = Path(__file__).parents[1] / "watched_names.txt"
_PEOPLES = re.compile(
    r"(?<!\w)(?:Chinese|Russian|Iranian|North Korean|Korean|Japanese|Indian|American|Israeli|Arab|Turkish|Vietnamese|"
    r"Taiwanese|Ukrainian|Pakistani|Nigerian|Brazilian|German|French|British|Uyghur|Tibetan|Han|Jewish|Muslim|Asian|"
    r"Slavic|African|European|Latino|nationalit(?:y|ies)|ethnic(?:ity|ally)?|citizenship|race|racial|"
    r"chinesische[nrs]?|russische[nrs]?|iranische[nrs]?|Chines(?:e|en|in)|Russen?|Nationalität|Staatsangehörigkeit|"
    r"ethnisch\w*|Herkunft|native[- ]language|Muttersprache|Mandarin-speaking)(?!\w)"
)


@rule("L3")
def names_are_earned_and_exact(package: Package) -> Iterator[Fault]:
    """A legal person is named only in the approved words, with two classes of evidence, alternatives and sign-off.

    The phrase is exact: “operators affiliated with X” must not become “X”. Sign-off: two reviewers and counsel.
    """
    subjects = [s for s in package.disclosure["subjects"] if s["legal_person"]]
    phrases = {s["approved_phrase"]: s for s in subjects if s.get("approved_phrase")}
    for subject in subjects:
        yield from _earned(package, subject)
    names = {s["name"] for s in subjects} | set(_WATCHED.read_text("utf-8").split("\n"))
    for name in sorted(n for n in names if n and not n.startswith("#")):
        allowed = [p for p in phrases if name in p]
        for place, text in package.texts:
            if place.startswith("disclosure.json") and not re.search(
                r"(statement|\.text|\.says|\.title|title$)", place
            ):
                continue
            for m in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                if not any(_inside(text, m.start(), phrase) for phrase in allowed):
                    mend = f"write “{allowed[0]}”" if allowed else "take the name out: nobody approved it"
                    yield Fault(place, f"names {name} in other words than approved", mend)
                    break


@rule("L4")
def access_is_not_training(package: Package) -> Iterator[Fault]:
    """A claim that answers were used for training needs evidence of that, apart from evidence of access."""
    evidence = {e["id"]: e for e in package.disclosure.get("evidence", ())}
    supported = {
        j["statement"] for j in package.disclosure["judgements"]
        if any(evidence[e]["about"] == "training_use" for e in j.get("support", ()))
    }  # fmt: skip
    for document in package.documents:
        for block in document.shown.blocks:
            for sentence in sentences(block.text):
                if not any(re.search(p, sentence, re.I) for p in package.language.reading["training"]):
                    continue
                if any(re.search(p, sentence, re.I) for p in package.language.reading["not_claimed"]):
                    continue
                if not any(_overlaps(sentence, s) for s in supported):
                    yield Fault(f"{document.name}, {block.place}", "claims use in training, shown is access",
                                "say what was accessed; or add evidence on training_use and a judgement")  # fmt: skip


@rule("L5")
def nobody_is_judged_by_origin(package: Package) -> Iterator[Fault]:
    """Nationality, ethnicity and mother tongue are never a feature or a reason."""
    for place, text in package.texts:
        m = _PEOPLES.search(text)
        if m and not place.startswith("disclosure.json, language"):
            yield Fault(place, f"“{m[0]}” is said of people", "say what was done; name an organisation only by L3")
    for entry in package.disclosure.get("evidence", ()):
        if re.search(r"country|language|geograph|Land\b", entry["class"], re.I):
            yield Fault(f"evidence {entry['id']}", "goes by country or language", "leave it out of the reasons")


def _earned(package: Package, subject: dict[str, Any]) -> Iterator[Fault]:
    where = f"subject {subject['id']}"
    if not subject.get("approved_phrase"):
        yield Fault(where, "has no approved phrase", "the exact words in which it may be named")
        return
    if len(set(subject.get("reviewers", ()))) < 2 or not subject.get("counsel", "").strip():
        yield Fault(where, "lacks two reviewers or counsel", "two different reviewers, and counsel")
        return
    judgements = {j["id"]: j for j in package.disclosure["judgements"]}
    judgement = judgements.get(subject.get("judgement", ""))
    if judgement is None:
        yield Fault(where, "rests on no judgement", "name the judgement that attributes")
        return
    if judgement["low"] < _LEAST_LIKELY:
        yield Fault(where, f"is named at {judgement['low']}%", "naming takes “likely” or more")
    evidence = {e["id"]: e for e in package.disclosure.get("evidence", ())}
    classes = {evidence[e]["class"] for e in judgement.get("support", ())}
    if len(classes) < 2:
        yield Fault(where, f"rests on {len(classes)} class of evidence", "two that do not depend on each other")
    others = [h for h in package.disclosure["hypotheses"] if h.get("subject") != subject["id"]]
    judged = {row["hypothesis"] for row in package.disclosure.get("matrix", ())}
    if not any(h["id"] in judged for h in others):
        yield Fault(where, "was weighed against no other explanation", "put alternatives into the matrix")


def _inside(text: str, at: int, phrase: str) -> bool:
    return any(m.start() <= at < m.end() for m in re.finditer(re.escape(phrase), text))


def _overlaps(sentence: str, statement: str) -> bool:
    a, b = " ".join(sentence.lower().split()), " ".join(statement.lower().split())
    return b in a or a in b
