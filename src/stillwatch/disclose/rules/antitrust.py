"""A1–A5: technical facts only, ranges, no joint response, the same for everyone in a tier, counsel has signed.

Source: the U.S. agencies' policy statement on sharing of cybersecurity information, 10 April 2014: such information is
technical in nature, unlike prices, output and business plans. It is no safe harbour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.package import Package
from stillwatch.disclose.shape import shape_sha256

_BANNED = re.compile(
    r"(?<!\w)(?:pric(?:e|es|ing)|discounts?|rebates?|margins?|capacit(?:y|ies)|roadmaps?|customers?|revenues?|turnover|"
    r"market shares?|profit\w*|Preise?n?|Rabatt\w*|Marge\w*|Kapazität\w*|Kunden?|Kundin\w*|Umsatz\w*|Umsätze\w*|"
    r"Marktanteil\w*)(?!\w)",
    re.I,
)
_JOINT = re.compile(
    r"we (?:all )?agree(?:d)? (?:to|not to|that)|\bjointly (?:block|refuse|suspend|stop|raise|limit|deny)|"
    r"(?:should|must|will|shall) (?:all )?(?:stop|cease|refuse|decline) (?:to )?(?:serv|sell|offer|deal)|\bboycott|"
    r"(?:members|participants|providers|all of us) (?:should|must|will|shall) (?:all )?"
    r"(?:block|refuse|suspend|stop|deny|raise)|"
    r"coordinated (?:response|suspension|pricing|refusal)|stop serving|common (?:blacklist|pricing)|"
    r"gemeinsam (?:sperren|ablehnen|kündigen)|(?:sollten|müssen) (?:alle )?(?:\w+ ){0,4}(?:sperren|ablehnen)|boykott",
    re.I,
)


@rule("A1")
def no_commercial_words(package: Package) -> Iterator[Fault]:
    """No words or fields of business: price, discount, margin, capacity, roadmap, customer, revenue, market share.

    Counsel can clear an exact phrase, with a reason.
    """
    cleared = package.disclosure["antitrust"].get("cleared_phrases", ())
    for entry in cleared:
        if not entry["why"].strip():
            yield Fault("antitrust.cleared_phrases", "clears a phrase without a reason", "say why")
    for place, text in package.texts:
        if place.startswith("disclosure.json, antitrust"):
            continue
        for entry in cleared:
            text = text.replace(entry["phrase"], " ")
        m = _BANNED.search(text.replace("_", " "))
        if m:
            yield Fault(place, f"says “{m[0]}”", "say it in technical words, or have counsel clear the phrase")


@rule("A2")
def no_volumes_of_a_product(package: Package) -> Iterator[Fault]:
    """Our own volumes by product are given as ranges, never as points."""
    lang = package.language
    marked = [f for f in package.disclosure["figures"] if f.get("per_product")]
    by_product = [
        f for f in package.disclosure["figures"]
        if not f.get("per_product") and ({"model", "product"} & set(f["query"].get("where", {})))
    ]  # fmt: skip
    for figure in by_product:
        yield Fault(f"figure {figure['id']}", "is asked by product and not marked so", "per_product: true, and a range")
    for figure in marked:
        interval = bool(figure["hedge"]) and not lang.hedge_class(figure["hedge"])
        if not interval:
            yield Fault(f"figure {figure['id']}", "is a volume of one product", "print an interval")
    if not marked and not by_product:
        raise NotApplicable("no figure is of one product")


@rule("A3")
def everybody_decides_alone(package: Package) -> Iterator[Fault]:
    """Nothing recommends or reports a joint commercial response: each recipient decides alone."""
    for place, text in package.texts:
        m = _JOINT.search(text)
        if m:
            yield Fault(place, f"“{m[0]}” asks for a joint response", "say what was seen; leave the response out")


@rule("A4")
def a_tier_gets_the_same(package: Package) -> Iterator[Fault]:
    """All recipients of a tier get the same package; each recipient has one tier."""
    tiers: dict[str, str] = {}
    for recipient in package.disclosure["recipients"]:
        name = recipient["name"]
        if not recipient["tier"].strip():
            yield Fault(f"recipient {name[:40]}", "has no tier", "name its tier")
        if tiers.setdefault(name, recipient["tier"]) != recipient["tier"]:
            yield Fault(f"recipient {name[:40]}", "stands in two tiers", "one tier each")
    deliveries = package.json_of("release/deliveries.json", list) if "release/deliveries.json" in package.files else []
    sent: dict[str, set[str]] = {}
    for delivery in deliveries:
        sent.setdefault(delivery["tier"], set()).add(delivery["manifest_sha256"])
    for tier, packages in sent.items():
        if len(packages) > 1:
            yield Fault(f"tier {tier[:40]}", "was given different packages", "send the same to all")


@rule("A5")
def counsel_has_signed(package: Package) -> Iterator[Fault]:
    """Counsel signed off, by number, the field list that this version writes."""
    signed = package.disclosure["antitrust"]
    if not signed["counsel"].strip() or not signed["sign_off_id"].strip():
        yield Fault("antitrust", "names no counsel or no sign-off", "counsel and sign_off_id")
    if signed["approved_shape_sha256"] != shape_sha256():
        yield Fault("antitrust.approved_shape_sha256", "is of another field list than this version writes",
                    "have counsel approve `stillwatch release shape`")  # fmt: skip
