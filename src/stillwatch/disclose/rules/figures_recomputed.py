"""F2, F4, F5, F6, F7, F9: figures come out the same again, add up, and say how wrong they may be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from stillwatch.disclose.binding import all_uses, printed_values, same
from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.package import SNAPSHOT, Package
from stillwatch.disclose.snapshot import ask


@rule("F2")
def queries_give_the_value_again(package: Package) -> Iterator[Fault]:
    """A figure has a query, the snapshot's SHA-256 and the code's version, and asking again gives the same value."""
    digest = package.sha256(SNAPSHOT) if SNAPSHOT in package.files else ""
    periods = {p["id"] for p in package.disclosure["periods"]}
    for figure in package.disclosure["figures"]:
        where = f"figure {figure['id']}"
        if figure["snapshot_sha256"] != digest:
            yield Fault(where, "was queried from another snapshot than the one in the package", "make the report anew")
            continue
        if figure["code_version"] != package.disclosure["code_version"]:
            yield Fault(where, "was computed by another version than the disclosure names", "make the report anew")
        if "period" in figure["query"]:
            if figure["query"]["period"] not in periods:
                yield Fault(where, "names a period that is not declared", "declare it")
            continue
        again = ask(package.snapshot, figure["query"])
        if not (same(again, figure["recomputed"]) and same(again, figure["value"])):
            yield Fault(where, f"says {figure['value']}, recomputed {figure['recomputed']}; the query gives {again}",
                        "make the report anew from this snapshot")  # fmt: skip


@rule("F4")
def points_are_certain(package: Package) -> Iterator[Fault]:
    """A point value is printed only where the interval is narrower than the rounding; else the interval is printed."""
    for figure in package.disclosure["figures"]:
        if figure["hedge"] or figure.get("suppressed"):
            continue
        low, high = figure["low"], figure["high"]
        if high is None or not low <= figure["value"] <= high:
            yield Fault(f"figure {figure['id']}", "is a point without a closed interval around it", "say low and high")
        elif high - low >= figure["rounding"] and not (low == high == figure["value"]):
            yield Fault(f"figure {figure['id']}", f"lies between {low} and {high}, rounded to {figure['rounding']}",
                        "print the interval, or round more coarsely")  # fmt: skip


@rule("F5")
def parts_make_the_whole(package: Package) -> Iterator[Fault]:
    """Parts add up to the whole within rounding, and an overlap between parts is stated."""
    sums = package.disclosure.get("sums", ())
    if not sums:
        raise NotApplicable("no figure is a sum of others")
    lang = package.language
    for entry in sums:
        whole, parts = package.figure(entry["whole"]), [package.figure(p) for p in entry["parts"]]
        where = f"sum {entry['whole']}"
        if not entry["overlap"].strip():
            yield Fault(where, "does not say whether parts overlap", "“none”, or “counted once” and how many")
        if len({p["unit"] for p in (whole, *parts)}) > 1:
            yield Fault(where, "adds figures of different units", "add like to like")
            continue
        if any(f.get("suppressed") for f in (whole, *parts)):
            continue
        total = sum((Decimal(str(p["low"])) for p in parts), Decimal(0))
        printed = printed_values(whole, lang)[0]
        kind = lang.hedge_class(whole["hedge"])
        step = max(printed.step, Decimal(str(whole["rounding"])))
        if entry["overlap"].strip().lower() not in ("none", "keine"):
            fits = Decimal(str(whole["low"])) <= total
        elif kind in ("over", "at least"):
            fits = printed.value <= total < printed.value + step
        else:
            slack = sum((Decimal(str(p["rounding"])) for p in (whole, *parts)), Decimal(0)) / 2
            added = sum((Decimal(str(p["value"])) for p in parts), Decimal(0))
            fits = abs(added - Decimal(str(whole["value"]))) <= slack
        if not fits:
            yield Fault(where, f"the parts make {total:,f}, the whole is printed as {whole['printed']}",
                        "correct the part or the whole, or state the overlap")  # fmt: skip


@rule("F6")
def comparisons_are_recomputed(package: Package) -> Iterator[Fault]:
    """Ratios (“double”) and superlatives (“largest known”) are recomputed; a superlative has a scope and a date."""
    lang, seen = package.language, False
    ratios = {r["phrase"].lower(): r for r in package.disclosure.get("ratios", ())}
    tops = {s["phrase"].lower(): s for s in package.disclosure.get("superlatives", ())}
    for phrase, ratio in ratios.items():
        seen = True
        yield from _ratio(package, phrase, ratio, lang.hedge_class(ratio["hedge"]))
    for phrase, top in tops.items():
        seen = True
        if not top["scope"].strip() or not top["against"]:
            yield Fault(
                f"superlative “{phrase}”", "has no scope or nothing it was compared with", "say of what, until when"
            )
            continue
        mine = package.figure(top["figure"])
        beaten = [a for a in top["against"] if package.figure(a)["value"] >= mine["value"]]
        if beaten:
            yield Fault(f"superlative “{phrase}”", f"figure {beaten[0]} is as large", "drop the superlative")
    for document in package.documents:
        for block in document.shown.blocks:
            text = block.text.lower()
            for word in lang.ratios:
                for m in re.finditer(rf"(?<!\w){re.escape(word.lower())}(?!\w)", text):
                    seen = True
                    if not any(p in text[max(m.start() - 60, 0) : m.end() + 60] for p in ratios):
                        yield Fault(f"{document.name}, {block.place}", f"“{word}” is no ratio of the disclosure",
                                    "declare what is compared with what, or cut it")  # fmt: skip
            for word in lang.superlatives:
                if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text):
                    seen = True
                    if not any(p in text for p in tops):
                        yield Fault(f"{document.name}, {block.place}", f"“{word}” is no superlative of the disclosure",
                                    "declare its scope and as-of date, or cut it")  # fmt: skip
    if not seen:
        raise NotApplicable("nothing is compared")


@rule("F7")
def dates_are_possible(package: Package) -> Iterator[Fault]:
    """A period starts before it ends, is in UTC, says whether its end counts, and is found after it began."""
    for period in package.disclosure["periods"]:
        where = f"period {period['id']}"
        start, end = date.fromisoformat(period["start"]), date.fromisoformat(period["end"])
        if start > end:
            yield Fault(where, "ends before it starts", "correct the dates")
            continue
        if period["timezone"] != "UTC":
            yield Fault(where, f"is in {period['timezone'][:20]}", "write dates in UTC")
        if period["end_day"] not in ("inclusive", "exclusive"):
            yield Fault(where, "does not say whether its end counts", "inclusive or exclusive")
            continue
        days = (end - start).days + (period["end_day"] == "inclusive")
        if days != period["days"]:
            yield Fault(where, f"has {days} days ({period['end_day']}), not {period['days']}", "correct the count")
        if date.fromisoformat(period["detected_on"]) < date.fromisoformat(period["first_seen"]):
            yield Fault(where, "was detected before it was first seen", "correct the dates")
        for figure in package.disclosure["figures"]:
            if figure["query"].get("period") == period["id"] and figure["value"] != period["days"]:
                yield Fault(f"figure {figure['id']}", f"says {figure['value']} days; its period has {period['days']}",
                            "write the period's days")  # fmt: skip


@rule("F9")
def accusing_counts_say_their_error(package: Package) -> Iterator[Fault]:
    """Next to each count of “fraudulent” accounts stand a false-positive rate and the method that measured it.

    A count that quotes somebody else's publication says instead, in the same document, that no rate was published.
    """
    lang, seen = package.language, False
    accused = tuple(lang.reading["accused"])
    for document in package.documents:
        text = document.shown.text
        says_rate = any(word.lower() in text.lower() for word in lang.reading["rate"])
        for block in document.shown.blocks:
            if not any(re.search(rf"(?<!\w){w}(?!\w)", block.text, re.I) for w in accused):
                continue
            for use_document, use in all_uses(package):
                place = f"{document.name}, {block.place}"
                if use_document is not document or use.place != place or use.figure is None:
                    continue
                figure = package.figure(use.figure)
                if figure["unit"] != "accounts":
                    continue
                seen = True
                yield from _error(figure, place, says_rate)
    if not seen:
        raise NotApplicable("nobody is counted as fraudulent")


def _error(figure: dict[str, Any], place: str, says_rate: bool) -> Iterator[Fault]:
    error = figure.get("error")
    if error is None or not error["method"].strip():
        yield Fault(f"figure {figure['id']}", "calls accounts fraudulent without saying how often that is wrong",
                    "add error: {rate, method}")  # fmt: skip
    elif error["rate"] is None and not figure.get("reported_by"):
        yield Fault(f"figure {figure['id']}", "is our own count and has no false-positive rate", "measure it")
    elif error["rate"] is not None and not 0 <= error["rate"] <= 1:
        yield Fault(f"figure {figure['id']}", "has a rate outside of 0..1", "a share")
    elif not says_rate:
        yield Fault(place, "counts fraudulent accounts but its document says nothing of the false-positive rate",
                    "print rate and method, or that none was published")  # fmt: skip


def _ratio(package: Package, phrase: str, ratio: dict[str, Any], kind: str) -> Iterator[Fault]:
    of, to = package.figure(ratio["of"]), package.figure(ratio["to"])
    factor = Decimal(str(ratio["factor"]))
    word = next((v for w, v in package.language.ratios.items() if w.lower() in phrase), None)
    if word is not None and not same(word, ratio["factor"]):
        yield Fault(f"ratio “{phrase}”", f"means {word}, declared {ratio['factor']}", "say the same")
        return
    value = Decimal(str(of["value"])) / Decimal(str(to["value"]))
    least = Decimal(str(of["low"])) / Decimal(str(to["high"] if to["high"] is not None else to["value"]))
    holds = {
        "over": least > factor,
        "at least": least >= factor,
        "nearly": factor * Decimal("0.9") <= value < factor,
        "approximately": abs(value - factor) <= factor * Decimal("0.05"),
        "fewer than": value < factor,
        "up to": value <= factor,
        "": abs(value - factor) <= factor * Decimal("0.05"),
    }[kind]
    if not holds:
        yield Fault(f"ratio “{phrase}”", f"{ratio['of']} is {value:.2f} times {ratio['to']}", "correct or cut it")
