"""All rules at once over all texts of a batch, by Hyperscan.

One scan of the whole buffer finds the *candidates*: rows in which some match ends. Only these are scanned again,
each alone and each rule once, which makes the answer exact (no match reaches over a row's edge, and ``^`` and ``$``
mean the text's ends). One call for each text would cost about half as much again on ordinary traffic.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import Any

import hyperscan
import numpy as np

from stillwatch.errors import UsageError
from stillwatch.patterns.databases import compiled
from stillwatch.records.rules import Rule

Array = Any

_TEXT_ENDS = re.compile(r"\\[AzZG]")
#: The edges of a word at an expression's ends: there a line's end and the text's end come to the same.
_WORD_EDGES = re.compile(r"\(\?:\^\|\[\^a-z\]\)|\(\?:\[\^a-z\]\|\$\)")
_ANCHOR = re.compile(r"(?<![\[\\])\^|(?<!\\)\$")


class CompiledRules:
    """Rules ready to scan prompts and system prompts. Pickles as its rules. One thread at a time."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        databases = _Databases(self.rules)
        self.prompt = _Scanner(databases, [r.code for r in self.rules if "prompt" in r.applies_to])
        self.system = _Scanner(databases, [r.code for r in self.rules if "system" in r.applies_to])

    def __reduce__(self) -> tuple[Any, ...]:
        return compile_rules, (self.rules,)


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """Compile the rules' expressions. UsageError names the rule whose expression Hyperscan refuses."""
    return CompiledRules(rules)


class _Databases:
    """What both scanners share: one compiled database, and a second only where a rule cares for the text's ends."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rooms = threading.local()
        # `\A` and the like know nothing of lines: with such a rule each text is scanned alone.
        self.alone = any(_TEXT_ENDS.search(rule.expression) for rule in rules)
        anchored = any(_ANCHOR.search(_WORD_EDGES.sub("", rule.expression)) for rule in rules)
        self.exact: Any = _database(rules, lines=not (self.alone or anchored)) if rules else None
        self.wide: Any = _database(rules, lines=True) if anchored and not self.alone else self.exact

    def room(self, database: Any) -> Any:
        """Hyperscan's scratch space may serve one scan at a time: each thread has its own for each database."""
        rooms: dict[Any, Any] = self._rooms.__dict__
        if id(database) not in rooms:
            rooms[id(database)] = hyperscan.Scratch(database)
        return rooms[id(database)]


class _Scanner:
    def __init__(self, databases: _Databases, codes: Sequence[int]) -> None:
        self._databases = databases
        self._codes = frozenset(codes)

    def matches(self, buffer: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
        """(row, code) of each rule that matches in ``buffer[starts[row]:ends[row]]``, by row and then code.

        Texts lie in the buffer in order, one byte or more (a line feed) between them; a start of -1 is no text.
        """
        present = np.flatnonzero((starts >= 0) & (ends > starts))
        if not self._codes or not present.size:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int16)
        candidates = present if self._databases.alone else self._candidates(buffer, starts, present)
        view = memoryview(buffer)
        exact, room = self._databases.exact, self._databases.room(self._databases.exact)
        rows: list[int] = []
        codes: list[int] = []
        for row in candidates.tolist():
            found: list[int] = []
            text = view[int(starts[row]) : int(ends[row])]
            exact.scan(text, match_event_handler=_collect, context=found, scratch=room)
            # A rule is reported at each end of each of its branches, and those for other places are not asked for.
            own = sorted(self._codes.intersection(found))
            if own:
                codes.extend(own)
                rows.extend([row] * len(own))
        return np.array(rows, dtype=np.int64), np.array(codes, dtype=np.int16)

    def _candidates(self, buffer: Array, starts: Array, present: Array) -> Array:
        match_ends: list[int] = []
        wide = self._databases.wide
        room = self._databases.room(wide)
        wide.scan(memoryview(buffer), match_event_handler=_collect_end, context=match_ends, scratch=room)
        if not match_ends:
            return np.empty(0, dtype=np.int64)
        # A match that ends at byte e used byte e - 1; that byte lies in the last text that starts at or before it.
        at = np.searchsorted(starts[present], np.unique(np.array(match_ends, dtype=np.int64)) - 1, side="right") - 1
        return present[np.unique(at[at >= 0])]


def _collect(code: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(code)


def _collect_end(code: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(end)


def _database(rules: Sequence[Rule], *, lines: bool) -> Any:
    try:
        return compiled([(rule.code, rule.expression) for rule in rules], lines=lines)
    except hyperscan.HyperscanError as failure:
        raise _refused(rules, lines=lines) or failure from failure


def _refused(rules: Sequence[Rule], *, lines: bool) -> UsageError | None:
    """The error for the first rule that does not compile alone."""
    for rule in rules:
        try:
            compiled([(rule.code, rule.expression)], lines=lines)
        except hyperscan.HyperscanError as failure:
            return UsageError(
                f"rule {rule.id}",
                f"Hyperscan refuses its expression: {failure}",
                "look-around and back references are not supported; an expression may not match the empty text",
            )
    return None
