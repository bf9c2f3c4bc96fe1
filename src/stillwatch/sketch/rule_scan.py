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
from stillwatch.records.rules import Rule

Array = Any

_FLAGS = hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_CASELESS
_WORD_EDGE = re.compile(r"\\[bB]")
_TEXT_ENDS = re.compile(r"\\[AzZG]")


class CompiledRules:
    """Rules ready to scan prompts and system prompts. Pickles as its rules. One thread at a time."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)
        self.prompt = _Scanner([r for r in self.rules if "prompt" in r.applies_to])
        self.system = (
            self.prompt
            if all(set(r.applies_to) >= {"prompt", "system"} for r in self.rules)
            else _Scanner([r for r in self.rules if "system" in r.applies_to])
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return compile_rules, (self.rules,)


def compile_rules(rules: Sequence[Rule]) -> CompiledRules:
    """Compile the rules' expressions. UsageError names the rule whose expression Hyperscan refuses."""
    return CompiledRules(rules)


class _Scanner:
    def __init__(self, rules: Sequence[Rule]) -> None:
        self._empty = not rules
        if self._empty:
            return
        self._rooms = threading.local()
        self._exact = _database(rules, hyperscan.HS_FLAG_SINGLEMATCH)
        # `\A` and the like know nothing of lines: with such a rule each text is scanned alone.
        self._alone = any(_TEXT_ENDS.search(rule.expression) for rule in rules)
        self._wide = self._exact if self._alone else _database(rules, hyperscan.HS_FLAG_MULTILINE)

    def _room(self, database: Any) -> Any:
        """Hyperscan's scratch space may serve one scan at a time: each thread has its own for each database."""
        rooms = self._rooms.__dict__
        if id(database) not in rooms:
            rooms[id(database)] = hyperscan.Scratch(database)
        return rooms[id(database)]

    def matches(self, buffer: Array, starts: Array, ends: Array) -> tuple[Array, Array]:
        """(row, code) of each rule that matches in ``buffer[starts[row]:ends[row]]``, by row and then code.

        Texts lie in the buffer in order, one byte or more (a line feed) between them; a start of -1 is no text.
        """
        present = np.flatnonzero((starts >= 0) & (ends > starts))
        if self._empty or not present.size:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int16)
        candidates = present if self._alone else self._candidates(buffer, starts, present)
        view = memoryview(buffer)
        rows: list[int] = []
        codes: list[int] = []
        for row in candidates.tolist():
            found: list[int] = []
            text = view[int(starts[row]) : int(ends[row])]
            self._exact.scan(text, match_event_handler=_collect, context=found, scratch=self._room(self._exact))
            if found:
                # Hyperscan may report a rule of several branches twice although it was asked for once.
                own = sorted(set(found))
                codes.extend(own)
                rows.extend([row] * len(own))
        return np.array(rows, dtype=np.int64), np.array(codes, dtype=np.int16)

    def _candidates(self, buffer: Array, starts: Array, present: Array) -> Array:
        match_ends: list[int] = []
        room = self._room(self._wide)
        self._wide.scan(memoryview(buffer), match_event_handler=_collect_end, context=match_ends, scratch=room)
        if not match_ends:
            return np.empty(0, dtype=np.int64)
        # A match that ends at byte e used byte e - 1; that byte lies in the last text that starts at or before it.
        at = np.searchsorted(starts[present], np.unique(np.array(match_ends, dtype=np.int64)) - 1, side="right") - 1
        return present[np.unique(at[at >= 0])]


def _collect(code: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(code)


def _collect_end(code: int, start: int, end: int, flags: int, found: list[int]) -> None:
    found.append(end)


def _flags(rule: Rule) -> int:
    # Hyperscan knows `\b` only of ASCII words: a rule that asks for it does without Unicode classes.
    return int(_FLAGS if _WORD_EDGE.search(rule.expression) else _FLAGS | hyperscan.HS_FLAG_UCP)


def _database(rules: Sequence[Rule], more: int) -> Any:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[rule.expression.encode() for rule in rules],
            ids=[rule.code for rule in rules],
            elements=len(rules),
            flags=[_flags(rule) | more for rule in rules],
        )
    except hyperscan.HyperscanError as failure:
        raise _refused(rules, more) or failure from failure
    return database


def _refused(rules: Sequence[Rule], more: int) -> UsageError | None:
    """The error for the first rule that does not compile alone."""
    for rule in rules:
        try:
            hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK).compile(
                expressions=[rule.expression.encode()], ids=[rule.code], elements=1, flags=[_flags(rule) | more]
            )
        except hyperscan.HyperscanError as failure:
            return UsageError(
                f"rule {rule.id}",
                f"Hyperscan refuses its expression: {failure}",
                "look-around and back references are not supported; an expression may not match the empty text",
            )
    return None
