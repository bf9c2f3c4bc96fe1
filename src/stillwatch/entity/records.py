"""One entry of a public register or list, whatever the format that it was published in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fact:
    """What one source says: `field` (`legal name`, `direct parent` ...), `value`, and `on` (ISO date or '')."""

    field: str
    value: str
    source: str
    on: str = ""


@dataclass(frozen=True)
class Entry:
    """An entry: the register, its own number there, all its names, countries it gives, and its facts."""

    register: str
    number: str
    names: tuple[str, ...]
    countries: tuple[str, ...]
    facts: tuple[Fact, ...]
    kind: str = "register"
    """`register` says who somebody is; `listing` says what a list holds against somebody."""
    ties: tuple[tuple[str, str], ...] = ()
    """(relation, number in the same register): `direct parent`, `ultimate parent`, `registry id`."""
