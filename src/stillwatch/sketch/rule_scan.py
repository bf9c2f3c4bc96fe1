"""All rules at once over each text of a batch, by Hyperscan.

Each text is scanned alone, which makes the answer exact: no match reaches over a row's edge, and ``^`` and ``$`` mean
the text's ends. A call costs 0.3 microseconds; one scan of the whole batch would save that, and costs more: rules
with open gaps stay alive over the rows that follow (bench/notes.md).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import hyperscan
import numpy as np

from stillwatch.errors import UsageError
from stillwatch.patterns.databases import compiled
from stillwatch.records.rules import Rule

Array = Any

class CompiledRules:
    """Rules ready to scan prompts and system prompts. Pickles as its rules. One thread at a time."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        database = _Database(self.rules)
        self.prompt = _Scanner(database, [r.code for r in self.rules if "prompt" in r.applies_to])
        self.system = _Scanner(database, [r.code for r in self.rules if "system" in r.applies_to])

    def __reduce__(self) -> tuple[Any, ...]:
        return compile_rules, (self.rules,)


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """Compile the rules' expressions. UsageError names the rule whose expression Hyperscan refuses."""
    return CompiledRules(rules)


class _Database:
    """What both scanners share: one compiled database for all rules."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rooms = threading.local()
        self.exact: Any = _database(rules) if rules else None

    def room(self) -> Any:
        """Hyperscan's scratch space may serve one scan at a time: each thread has its own."""
        room = getattr(self._rooms, "room", None)
        if room is None:
            room = self._rooms.room = hyperscan.Scratch(self.exact)
        return room


class _Scanner:
    def __init__(self, database: _Database, codes: Sequence[int]) -> None:
        self._database = database
        self._codes = frozenset(codes)

    def matches(self, buffer: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
        """(row, code) of each rule that matches in ``buffer[starts[row]:ends[row]]``, by row and then code.

        A start of -1 is no text.
        """
        present = np.flatnonzero((starts >= 0) & (ends > starts))
        rows: list[int] = []
        codes: list[int] = []
        if self._codes and present.size:
            view, scan, room = memoryview(buffer), self._database.exact.scan, self._database.room()
            found: list[int] = []
            spans = zip(present.tolist(), starts[present].tolist(), ends[present].tolist(), strict=True)
            for row, start, end in spans:
                # By place and not by name: naming the arguments costs as much again as the call.
                scan(view[start:end], _collect, 0, found, room)
                if found:
                    # A rule is reported at each end of each of its branches; those for other places are not asked for.
                    own = sorted(self._codes.intersection(found))
                    codes.extend(own)
                    rows.extend([row] * len(own))
                    found.clear()
        return np.array(rows, dtype=np.int64), np.array(codes, dtype=np.int16)


def _collect(code: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(code)


def _database(rules: Sequence[Rule]) -> Any:
    try:
        return compiled([(rule.code, rule.expression) for rule in rules])
    except hyperscan.HyperscanError as failure:
        raise _refused(rules) or failure from failure


def _refused(rules: Sequence[Rule]) -> UsageError | None:
    """The error for the first rule that does not compile alone."""
    for rule in rules:
        try:
            compiled([(rule.code, rule.expression)])
        except hyperscan.HyperscanError as failure:
            return UsageError(
                f"rule {rule.id}",
                f"Hyperscan refuses its expression: {failure}",
                "look-around and back references are not supported; an expression may not match the empty text",
            )
    return None
