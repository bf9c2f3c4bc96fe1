"""A dossier: what public records say of one organisation; who only has a like name stands apart, as a candidate."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stillwatch.entity.formats import formats
from stillwatch.entity.names import likeness
from stillwatch.entity.records import Entry, Fact
from stillwatch.errors import OutsideError, UsageError
from stillwatch.report.plain_text import clean

_LARGEST = 600 << 20
_MOST_CANDIDATES = 40
#: Fields of which an organisation has one value: two are a contradiction.
_SINGLE = ("legal name", "jurisdiction", "status", "LEI", "CIK", "country of legal address")
_ORDER = (
    "legal name", "other name", "former name", "LEI", "CIK", "jurisdiction", "country of legal address", "status",
    "category", "direct parent", "ultimate parent", "subsidiary", "listing", "sector", "reported", "listed",
    "programme",
)  # fmt: skip


@dataclass(frozen=True)
class Candidate:
    """Somebody with a like name, who is not held to be the same: why not."""

    register: str
    number: str
    name: str
    why: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Contradiction:
    """A field of which sources say different things."""

    field: str
    says: tuple[Fact, ...]


@dataclass(frozen=True)
class Dossier:
    """Facts on one organisation, each with source and date; contradictions; filings on the matter; candidates."""

    asked: str
    facts: tuple[Fact, ...]
    contradictions: tuple[Contradiction, ...]
    filings: tuple[Fact, ...]
    candidates: tuple[Candidate, ...]
    read: tuple[str, ...]
    why_none: str = ""


def dossier(name: str, sources: Sequence[str], terms: Sequence[str] = ()) -> Dossier:
    """What these files or URLs say of `name`. UsageError for a file of no known format.

    A register's entry is taken where its name is the same and no other entry of that register has the same name. A
    listing is taken where the name is the same and a country agrees with a register's. All else is a candidate.
    """
    read: list[str] = []
    entries: list[Entry] = []
    for source in sources:
        label, data = _load(source)
        entries += _entries(label, data)
        read.append(label)
    return _told(name, entries, terms, tuple(read))


def as_document(told: Dossier) -> dict[str, Any]:
    """The dossier as plain JSON values."""
    return asdict(told)


def as_text(told: Dossier) -> str:
    """The dossier to read. Text of records is made harmless for a terminal."""
    lines = [f"{clean(told.asked, 120)}: what {len(told.read)} sources say", ""]
    if told.why_none:
        lines += [told.why_none, ""]
    for fact in told.facts:
        lines.append(f"  {fact.field}: {clean(fact.value, 300)}  [{clean(fact.source, 80)}{_on(fact)}]")
    if told.contradictions:
        lines += ["", "Contradictions:"]
        for entry in told.contradictions:
            says = "; ".join(f"{clean(f.value, 80)} [{clean(f.source, 60)}{_on(f)}]" for f in entry.says)
            lines.append(f"  {entry.field}: {says}")
    if told.filings:
        lines += ["", "Filings that mention the matter:"]
        lines += [f"  {clean(f.value, 200)}  [{clean(f.source, 80)}{_on(f)}]" for f in told.filings]
    if told.candidates:
        lines += ["", "Candidates, not the same:"]
        for c in told.candidates:
            lines.append(f"  {clean(c.name, 120)}  ({clean(c.register, 40)} {clean(c.number, 30)}): {c.why}")
    return "\n".join(lines)


def _told(name: str, entries: Sequence[Entry], terms: Sequence[str], read: tuple[str, ...]) -> Dossier:
    alike = [(e, _best(name, e)) for e in entries if e.names]
    candidates: list[Candidate] = []
    chosen: list[Entry] = []
    why_none = ""
    for register in dict.fromkeys(e.register for e, _ in alike if e.kind == "register"):
        same = [e for e, how in alike if e.register == register and e.kind == "register" and how == "same"]
        numbers = {e.number for e in same}
        if len(numbers) == 1:
            chosen += same
        elif numbers:
            why_none = (
                f"{register} has {len(numbers)} entries of this name; which one is meant is not for a program to say."
            )
            candidates += [_candidate(e, "a namesake: the same name, another entry") for e in same]
    countries = {c for e in chosen for c in e.countries}
    chosen, apart = _agreeing(chosen)
    candidates += [_candidate(e, "the same name in another register, and no country in common") for e in apart]
    for entry, how in alike:
        if entry.kind == "listing" and how == "same":
            shared = countries & set(entry.countries)
            if chosen and shared:
                chosen.append(entry)
            elif not chosen:
                candidates.append(_candidate(entry, "the same name; no register entry to compare it with"))
            else:
                why = "no country in common" if entry.countries else "the list gives no country to compare"
                candidates.append(_candidate(entry, f"the same name; {why}"))
        elif how in ("form differs", "candidate"):
            why = "another legal form: another legal person" if how == "form differs" else "a name that is only alike"
            candidates.append(_candidate(entry, why))
    facts = [f for e in chosen for f in e.facts if f.field != "filing"] + _family(chosen, entries)
    filings = [
        f for e in chosen for f in e.facts
        if f.field == "filing" and any(t.casefold() in f.value.casefold() for t in terms)
    ]  # fmt: skip
    if not chosen and not why_none:
        why_none = "No register read here has an entry of this name."
    known = {name: i for i, name in enumerate(_ORDER)}
    facts = sorted(dict.fromkeys(facts), key=lambda f: (known.get(f.field, 99), f.field, f.source, f.value))
    few = tuple(candidates[:_MOST_CANDIDATES])
    return Dossier(name, tuple(facts), _contradictions(facts), tuple(filings), few, read, why_none)


def _best(name: str, entry: Entry) -> str:
    ranks = ("same", "form differs", "candidate", "different")
    return min((likeness(name, n) for n in entry.names), key=ranks.index)


def _agreeing(chosen: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Entries of different registers are one where countries meet or one gives none; else the first stays."""
    kept: list[Entry] = []
    apart: list[Entry] = []
    for entry in chosen:
        known = {c for k in kept for c in k.countries}
        same_register = any(k.register == entry.register and k.number == entry.number for k in kept)
        if not kept or same_register or not known or not entry.countries or known & set(entry.countries):
            kept.append(entry)
        else:
            apart.append(entry)
    return kept, apart


def _family(chosen: Sequence[Entry], entries: Sequence[Entry]) -> list[Fact]:
    """Parents and subsidiaries by number, under the names that the register gives them."""
    titles = {e.number: e.names[0] for e in entries if e.names}
    mine = {e.number for e in chosen if e.register == "GLEIF"}
    out = []
    for entry in entries:
        for relation, other in entry.ties:
            fact = entry.facts[0]
            if entry.number in mine:
                shown = f"{titles.get(other, 'an entity that was not read')} ({other})"
                out.append(Fact(relation, shown, fact.source, fact.on))
            elif other in mine and "parent" in relation:
                shown = f"{titles.get(entry.number, 'an entity that was not read')} ({entry.number})"
                out.append(
                    Fact(f"{'former ' if relation.startswith('former') else ''}subsidiary", shown, fact.source, fact.on)
                )
    return out


def _contradictions(facts: Sequence[Fact]) -> tuple[Contradiction, ...]:
    out = []
    for field in _SINGLE:
        says = [f for f in facts if f.field == field]
        if len({f.value.casefold().strip() for f in says}) > 1:
            out.append(Contradiction(field, tuple(says)))
    return tuple(out)


def _candidate(entry: Entry, why: str) -> Candidate:
    return Candidate(entry.register, entry.number, entry.names[0], why, entry.facts[:6])


def _entries(label: str, data: bytes) -> tuple[Entry, ...]:
    for known in formats():
        if known.reads(label, data):
            try:
                return known.read(label, data)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, SyntaxError) as error:
                raise UsageError(
                    label, f"looks like {known.name} and cannot be read so", "take the file as published"
                ) from error
    names = ", ".join(known.name for known in formats())
    raise UsageError(label, "is of no format that is known here", f"one of {names}, as published")


def _load(source: str) -> tuple[str, bytes]:
    if source.startswith("https://") or source.startswith("http://127.0.0.1"):
        asked = urllib.request.Request(source, headers={"User-Agent": "stillwatch"})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                data: bytes = answer.read(_LARGEST)
        except OSError as error:
            raise OutsideError(source[:100], "cannot be reached", "save the file, and name it with --from") from error
        return source, data
    path = Path(source)
    try:
        return path.name, path.read_bytes()
    except OSError as error:
        raise UsageError(source[:200], f"cannot be read ({error.strerror})", "check the path") from error


def _on(fact: Fact) -> str:
    return f", {fact.on}" if fact.on else ""
