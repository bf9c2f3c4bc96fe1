"""P4, P5, P7: counts too small to hide in, templates too few to be nobody's, addresses that are somebody's home."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.package import Package

#: Units that count people or what stands for them.
_OF_PEOPLE = frozenset({"accounts", "users", "keys", "organisations"})
_HOSTED = frozenset({"hosting", "proxy"})
_LONGEST_VALID = timedelta(days=90)
_QUAD = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?:/\d{1,2})?(?![\w.]*\d)")
_STRING_RULE = re.compile(r"\.(?:ya?ml)$")


@rule("P4")
def small_cells_are_suppressed(package: Package) -> Iterator[Fault]:
    """A count of people below k is suppressed, and one suppressed part of a whole hides nothing: suppress two."""
    k = package.disclosure["privacy"]["smallest_cell"]
    if k < 5:
        yield Fault("privacy.smallest_cell", f"is {k}", "10 is usual, 5 the least")
    figures = {f["id"]: f for f in package.disclosure["figures"]}
    for figure in figures.values():
        if figure["unit"] in _OF_PEOPLE and 0 < figure["value"] < k and not figure.get("suppressed"):
            yield Fault(f"figure {figure['id']}", f"is below {k}", "suppress it: “fewer than 10”")
        if figure.get("suppressed") and package.language.hedge_class(figure["hedge"]) != "fewer than":
            yield Fault(f"figure {figure['id']}", "is suppressed and still printed", "print “fewer than” and k")
    for entry in package.disclosure.get("sums", ()):
        hidden = [p for p in entry["parts"] if figures[p].get("suppressed")]
        if len(hidden) == 1 and not figures[entry["whole"]].get("suppressed"):
            yield Fault(f"sum {entry['whole']}", f"gives {hidden[0]} away by subtraction", "suppress a second part")


@rule("P5")
def templates_are_nobodys(package: Package) -> Iterator[Fault]:
    """A template or rule string leaves only if at least k accounts sent it."""
    k = package.disclosure["privacy"]["smallest_cell"]
    given = package.disclosure.get("templates", [])
    rules = [n for n in package.files if n.startswith("sigma/") or _STRING_RULE.search(n)]
    if not given and not rules:
        raise NotApplicable("no template is shared")
    for entry in given:
        if entry["accounts"] < k:
            yield Fault(f"template “{entry['rule'][:24]}…”", f"was seen in {entry['accounts']} accounts",
                        f"leave it out: {k} at least")  # fmt: skip
    listed = {entry["rule"] for entry in given}
    for name in rules:
        for m in re.finditer(r"^\s*(?:keywords?|\w*\|contains|\$\w+)\s*[:=]\s*['\"](.{12,})['\"]",
                             package.files[name].decode("utf-8"), flags=re.MULTILINE):  # fmt: skip
            if m[1] not in listed:
                yield Fault(
                    name, "holds a string that no count stands behind", "declare it in templates, with accounts"
                )


@rule("P7")
def addresses_are_not_homes(package: Package) -> Iterator[Fault]:
    """Addresses are of hosting or proxies, or justified and shared by many; what is shared ends within ninety days."""
    declared = {a["value"]: a for a in package.disclosure.get("addresses", ())}
    today, seen = package.outside.now.date(), bool(declared)
    for value, entry in declared.items():
        where = f"address in AS{entry['asn']}"
        if not _is_address(value):
            yield Fault(where, "is no address", "an address or a network")
        if entry["kind"] not in _HOSTED and (not entry.get("justification", "").strip() or entry["accounts"] < 2):
            yield Fault(
                where, f"is {entry['kind']}: somebody's home or a carrier's customers", "leave it out, or justify it"
            )
        if not today <= date.fromisoformat(entry["valid_until"]) <= today + _LONGEST_VALID:
            yield Fault(where, "does not end within ninety days", "set valid_until")
    for place, text in package.texts:
        for shown in _QUAD.findall(text):
            if _is_address(shown) and shown not in declared and not place.startswith("disclosure.json, code_version"):
                seen = True
                yield Fault(place, "holds an address that is not declared", "declare it in addresses, or take it out")
    for name, bundle in package.stix.items():
        for i, thing in enumerate(bundle.get("objects", ())):
            if thing.get("type") != "indicator":
                continue
            seen = True
            yield from _ends(thing, f"{name}, objects[{i}]")
    if not seen:
        raise NotApplicable("no address or indicator is shared")


def _ends(thing: dict[str, Any], where: str) -> Iterator[Fault]:
    if "valid_until" not in thing:
        yield Fault(where, "is an indicator without an end", "valid_until, ninety days at most")
        return
    start, end = (datetime.fromisoformat(thing[k].replace("Z", "+00:00")) for k in ("valid_from", "valid_until"))
    if not start < end <= start + _LONGEST_VALID:
        yield Fault(where, "is valid for longer than ninety days", "shorten valid_until")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
