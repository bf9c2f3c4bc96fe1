"""Pattern rules over a prompt, where Hyperscan is installed: its automata take linear time, whatever the prompt."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

from stillwatch_gateway.quiet import Faults

MOST_RULES, LONGEST_EXPRESSION = 10_000, 16384


class GatewayRule(NamedTuple):
    """One rule as the service gives it: `code` 1 to 32767, `id`, a Hyperscan expression."""

    code: int
    id: str
    expression: str


class RuleScan:
    """The rules that a prompt is scanned with. `state`: why there are none, or how many."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._ready: tuple[Any, dict[int, str]] | None = None
        self._rooms = threading.local()
        self.state = "no rules were given"

    def set_rules(self, raw: object) -> int:
        """Take over the rules of ``GET /v1/rules``: a list of ``{"code", "id", "expression", "applies_to"}``; those for
        prompts are compiled. Bad ones are counted and left out. How many are in use.

        A rule may come as several entries of one code, one for each branch of its expression. The project's own hundred
        rules take about ten seconds to compile; requests go on meanwhile, unscanned.
        """
        rules = [] if not isinstance(raw, list) else [rule for one in raw[:MOST_RULES] if (rule := self._rule(one))]
        if not rules:
            self._ready, self.state = None, "no rules were given"
            return 0
        try:
            import hyperscan
        except ImportError:
            self._ready, self.state = None, "hyperscan is not installed"
            return 0
        try:
            database = _compiled(hyperscan, rules)
        except hyperscan.HyperscanError:
            rules = [rule for rule in rules if self._compiles(hyperscan, rule)]
            database = _compiled(hyperscan, rules) if rules else None
        ids = {rule.code: rule.id for rule in rules}
        self._ready = None if database is None else (database, ids)
        self.state = f"{len(ids)} rules"
        return len(ids)

    def flags(self, text: str) -> tuple[str, ...]:
        """``rule:ID`` for each rule that matches, in the rules' order."""
        ready = self._ready
        if ready is None:
            return ()
        database, ids = ready
        if getattr(self._rooms, "database", None) is not database:
            import hyperscan

            self._rooms.scratch, self._rooms.database = hyperscan.Scratch(database), database
        found: set[int] = set()
        raw = text.encode("utf-8", "replace")
        database.scan(raw, match_event_handler=_collect, context=found, scratch=self._rooms.scratch)
        return tuple(f"rule:{ids[code]}" for code in ids if code in found) if found else ()

    def _rule(self, raw: object) -> GatewayRule | None:
        if isinstance(raw, dict):
            code, one, expression = raw.get("code"), raw.get("id"), raw.get("expression")
            applies = raw.get("applies_to", ["prompt"])
            if (
                isinstance(code, int) and 0 < code < 32768 and isinstance(one, str) and 0 < len(one) <= 128
                and isinstance(expression, str) and 0 < len(expression) <= LONGEST_EXPRESSION
                and isinstance(applies, (list, tuple))
            ):  # fmt: skip
                return GatewayRule(code, one, expression) if "prompt" in applies else None
        self._faults.note("rules")
        return None

    def _compiles(self, hyperscan: Any, rule: GatewayRule) -> bool:
        try:
            _compiled(hyperscan, [rule])
        except hyperscan.HyperscanError as error:
            self._faults.note("rules", error)
            return False
        return True


def _compiled(hyperscan: Any, rules: Sequence[GatewayRule]) -> Any:
    # As the analysis compiles them: bytes, letters of either case; one match of a rule says enough.
    flags = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(
        expressions=[rule.expression.encode() for rule in rules],
        ids=[rule.code for rule in rules],
        flags=[flags] * len(rules),
    )
    return database


def _collect(code: int, start: int, end: int, flags: int, found: set[int]) -> None:
    found.add(code)
