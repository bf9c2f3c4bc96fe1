"""F1, F3, F8, F10: every number of a text is a figure, with its hedge and unit, the same in every format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from stillwatch.disclose.binding import all_uses, printed_values, uses
from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.numerals import numerals_in
from stillwatch.disclose.package import Package
from stillwatch.disclose.snapshot import unit_of

#: How far below (nearly) or to either side (approximately) a value may lie: shares of the printed number.
NEARLY, APPROXIMATELY = Decimal("0.05"), Decimal("0.05")


@rule("F1")
def every_number_is_bound(package: Package) -> Iterator[Fault]:
    """Every number, number word, percentage and date in rendered text is bound to a figure or an allowed phrase.

    Allowed are names (ICD 203, AML.T0024), page numbers and `fixed_phrases`, which may not be quantities.
    """
    if not package.documents:
        yield Fault("package", "holds no letter", "stillwatch report CAMPAIGN --out PACKAGE")
    for _, use in all_uses(package):
        if use.wrong == "F1":
            yield Fault(
                use.place, f"“{use.numeral}” is not bound: {use.why}", "give it a figure with a query, or cut it"
            )
    for entry in package.disclosure.get("fixed_phrases", ()):
        for numeral in numerals_in(entry["phrase"], package.language):
            if numeral.unit or numeral.step > 1 or numeral.hedge:
                yield Fault(f"fixed_phrases “{entry['phrase'][:40]}”", "is a quantity", "make it a figure")


@rule("F3")
def hedges_hold(package: Package) -> Iterator[Fault]:
    """A hedge says what it means, and a figure has the same hedge everywhere.

    `over X`: low > X. `nearly X`: value < X and at least 0.95 X. `approximately X`: within 5 %. `at least X`: low >= X.
    `fewer than X`: high < X. `up to X`: high <= X. None: the value rounds to X.
    """
    lang = package.language
    for figure in package.disclosure["figures"]:
        if figure.get("suppressed"):
            continue
        yield from _printed_right(figure, lang.hedge_class(figure["hedge"]), package)
    for _, use in all_uses(package):
        if use.wrong == "F3":
            yield Fault(use.place, f"“{use.numeral}”: {use.why}", "write the hedge that the figure declares, or none")


@rule("F8")
def units_are_kept_apart(package: Package) -> Iterator[Fault]:
    """Accounts are not keys or users; exchanges are not tokens or requests: a figure keeps the unit of its column."""
    for figure in package.disclosure["figures"]:
        query = figure["query"]
        if "period" in query:
            if figure["unit"] != "days":
                yield Fault(f"figure {figure['id']}", f"counts {figure['unit']} of a period", "a period has days")
            continue
        counted = unit_of(package.snapshot, query)
        if figure["unit"] != counted:
            yield Fault(f"figure {figure['id']}", f"is called {figure['unit']}; its column counts {counted}",
                        f"write {counted}, or query another column")  # fmt: skip
    for _, use in all_uses(package):
        if use.wrong == "F8":
            yield Fault(use.place, f"“{use.numeral}”: {use.why}", "write the figure's own unit")


@rule("F10")
def formats_agree(package: Package) -> Iterator[Fault]:
    """A figure is identical in every format of the same document, and in STIX and MISP.

    A count for machines is a figure's interval as it is printed; a figure that is one number has its low and high.
    """
    stems: dict[str, list[Any]] = {}
    for document in package.documents:
        stems.setdefault(document.stem, []).append(document)
    compared = False
    for same in stems.values():
        first = next((d for d in same if d.form == "html"), same[0])
        want = Counter(use.key for use in uses(package, first) if not use.wrong and use.key)
        for other in same:
            if other is first:
                continue
            compared = True
            have = Counter(use.key for use in uses(package, other) if not use.wrong and use.key)
            for name in sorted((want - have) + (have - want)):
                yield Fault(other.name, f"“{name}” stands {have[name]} times, in {first.name} {want[name]} times",
                            "render both from the same source")  # fmt: skip
    known = {_bounds(figure, package) for figure in package.disclosure["figures"]}
    for name, content in {**package.stix, **package.misp}.items():
        compared = True
        for place, low, high in _counts(content):
            if (_number(low), _number(high)) not in known:
                yield Fault(f"{name}, {place}", f"counts {low} to {high}, which is no figure of the disclosure",
                            "write the figure's low and high")  # fmt: skip
    for name, content in package.misp.items():
        for place, low in _misp_counts(content):
            if low not in {k[0] for k in known} | {k[1] for k in known}:
                yield Fault(f"{name}, {place}", f"counts {low}, which is no figure", "write the figure's low and high")
    if not compared:
        raise NotApplicable("there is one format of each document and nothing for machines")


def _bounds(figure: dict[str, Any], package: Package) -> tuple[Decimal | None, Decimal | None]:
    """What a figure tells machines: the two ends that it prints, else its low and high."""
    printed = printed_values(figure, package.language)
    if len(printed) == 2:
        return printed[0].value.normalize(), printed[1].value.normalize()
    return _number(figure["low"]), _number(figure["high"])


def _printed_right(figure: dict[str, Any], kind: str, package: Package) -> Iterator[Fault]:
    printed = printed_values(figure, package.language)
    where = f"figure {figure['id']}"
    value, low = _decimal(figure["value"]), _decimal(figure["low"])
    high = None if figure["high"] is None else _decimal(figure["high"])
    if figure["hedge"] and not kind:
        if len(printed) != 2 or high is None or printed[0].value > low or printed[1].value < high:
            yield Fault(where, f"“{figure['hedge']} {figure['printed']}” does not hold its interval",
                        "print the whole interval, rounded outwards")  # fmt: skip
        return
    if len(printed) != 1 or printed[0].hedge:
        yield Fault(where, f"“{figure['printed']}” is not one number", "print one number; the hedge has its own field")
        return
    x, step = printed[0].value, printed[0].step
    if _decimal(figure["rounding"]) < step and _decimal(figure["rounding"]) != step:
        yield Fault(
            where, f"is printed to {step:f} but declares a rounding of {figure['rounding']}", "declare what is done"
        )
    holds = {
        "over": low > x,
        "at least": low >= x,
        "nearly": x * (1 - NEARLY) <= low and value < x and (high is None or high <= x),
        "approximately": abs(value - x) <= x * APPROXIMATELY and abs(low - x) <= x * APPROXIMATELY
        and high is not None and abs(high - x) <= x * APPROXIMATELY,
        "fewer than": high is not None and high < x,
        "up to": high is not None and high <= x,
        "": abs(value - x) * 2 <= max(step, _decimal(figure["rounding"])),
    }[kind]  # fmt: skip
    if not holds:
        bounds = f"{figure['low']} to {'…' if high is None else figure['high']}"
        says = f"{figure['hedge']} {figure['printed']}".strip()
        yield Fault(where, f"“{says}” does not hold: the value is {figure['value']} ({bounds})",
                    "choose the hedge that holds, or print another number")  # fmt: skip


def _counts(value: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(value, dict):
        if {"low", "high", "method", "as_of"} <= set(value):
            yield place, value["low"], value["high"]
        for key, inner in value.items():
            yield from _counts(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _counts(inner, f"{place}[{i}]")


def _misp_counts(value: Any) -> Iterator[tuple[str, Decimal]]:
    for i, attribute in enumerate(value["Event"].get("Attribute", ())):
        if attribute.get("type") == "counter" and re.fullmatch(r"[\d.]+", str(attribute.get("value"))):
            yield f"Attribute[{i}]", _decimal(attribute["value"]).normalize()


def _number(value: Any) -> Decimal | None:
    return None if value is None else _decimal(value).normalize()


def _decimal(value: Any) -> Decimal:
    return Decimal(str(value))
