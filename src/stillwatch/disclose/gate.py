"""The release gate: every rule asked of a package; what cannot be evaluated has failed."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from stillwatch.disclose.package import Package
from stillwatch.errors import StillwatchError

Stage = Literal["content", "release"]


@dataclass(frozen=True)
class Fault:
    """Where a rule is broken, what is wrong, and what would mend it."""

    where: str
    what: str
    mend: str


class NotApplicable(Exception):
    """Raised by a rule that has nothing to look at here; its words say why."""


Check = Callable[[Package], Iterator[Fault]]


@dataclass(frozen=True)
class Rule:
    """One rule: its `id`, the sentence that it holds, and the stage at which it can be asked."""

    id: str
    says: str
    stage: Stage
    check: Check


@dataclass(frozen=True)
class Verdict:
    """What a rule says of a package: `pass`, `fail` with its faults, or `not applicable` and why."""

    rule: str
    says: str
    outcome: Literal["pass", "fail", "not applicable"]
    faults: tuple[Fault, ...] = ()
    why: str = ""


_FOUND: dict[str, Rule] = {}


def rule(id: str, stage: Stage = "content") -> Callable[[Check], Check]:
    """Makes a function a rule. Its docstring's first paragraph is the rule as people read it."""

    def enter(check: Check) -> Check:
        says = " ".join((check.__doc__ or "").strip().partition("\n\n")[0].split())
        assert id not in _FOUND and says, id
        _FOUND[id] = Rule(id, says, stage, check)
        return check

    return enter


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, found by walking the folder `rules`, in the order F, L, P, A, M, I."""
    from stillwatch.disclose import rules as folder

    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    return tuple(sorted(_FOUND.values(), key=lambda r: ("FLPAMI".index(r.id[0]), int(r.id[1:]))))


def check(package: Package, *, stage: Stage | None = None) -> tuple[Verdict, ...]:
    """All rules' verdicts (or those of one stage). Never raises for what a package holds: that is a failed rule."""
    return tuple(_ask(rule, package) for rule in rules() if stage in (None, rule.stage))


def failed(verdicts: tuple[Verdict, ...]) -> tuple[str, ...]:
    """The ids of the rules that failed."""
    return tuple(v.rule for v in verdicts if v.outcome == "fail")


def _ask(rule: Rule, package: Package) -> Verdict:
    try:
        faults = tuple(rule.check(package))
    except NotApplicable as why:
        return Verdict(rule.id, rule.says, "not applicable", why=str(why))
    except StillwatchError as error:
        return _unasked(rule, error.where, error.what, error.hint)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, ArithmeticError, RecursionError) as error:
        what = f"cannot be evaluated ({type(error).__name__}: {str(error)[:80]})"
        return _unasked(rule, "disclosure.json", what, "see P1: fields are missing or mistyped")
    return Verdict(rule.id, rule.says, "fail" if faults else "pass", faults)


def _unasked(rule: Rule, where: str, what: str, mend: str) -> Verdict:
    return Verdict(rule.id, rule.says, "fail", (Fault(where, what, mend),))
