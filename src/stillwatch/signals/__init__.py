"""Signals: each file measures actors and has an opinion. A new signal is one new file here and its test."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

import numpy as np

from stillwatch.actors.opinion import Opinion
from stillwatch.actors.view import View
from stillwatch.errors import UsageError
from stillwatch.store.window import Expression

__all__ = ["About", "Opinion", "Signal", "all_signals", "extra_sums", "measure", "not_evaluable", "signal"]

Array = np.ndarray[Any, Any]
About = Literal["conduct", "coordination", "relay", "explanation"]


@dataclass(frozen=True)
class Signal:
    """A registered signal. `about` says which score it moves; `actors` whom it can speak of."""

    name: str
    family: str
    about: About
    needs: tuple[str, ...]
    actors: tuple[str, ...]
    sums: Mapping[str, Expression]
    measure: Callable[..., Opinion]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def doc(self) -> str:
        """The docstring: what it measures, who else shows it, where the idea comes from."""
        return inspect.getdoc(self.measure) or ""

    def speaks_of(self, view: View) -> bool:
        """Whether it can speak of this view's kind of actor."""
        return ("group" if view.grouped else "account") in self.actors

    def __call__(self, view: View, **settings: Any) -> Opinion:
        unknown = sorted(set(settings) - set(self.settings))
        if unknown:
            known = ", ".join(sorted(self.settings)) or "none"
            raise UsageError(f"[signals.{self.name}]", f"unknown setting {unknown[0]!r}", f"known: {known}")
        return self.measure(view, **settings)


def signal(
    *,
    family: str,
    about: About,
    needs: tuple[str, ...] = (),
    actors: tuple[str, ...] = ("account", "group"),
    sums: Mapping[str, Expression] | None = None,
) -> Callable[[Callable[..., Opinion]], Signal]:
    """Makes a function a signal: its name the signal's name, its keywords the settings.

    `needs` names columns (of exchanges, or `account.NAME`); an actor for which one of them is hardly
    known is "not evaluable". `sums` are additive statistics per account that the function reads by name.
    """

    def make(measure: Callable[..., Opinion]) -> Signal:
        keywords = {
            p.name: p.default
            for p in inspect.signature(measure).parameters.values()
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        }
        return Signal(measure.__name__, family, about, needs, actors, dict(sums or {}), measure, keywords)

    return make


@cache
def all_signals() -> tuple[Signal, ...]:
    """Every signal in this folder, by name."""
    found: dict[str, Signal] = {}
    for module in pkgutil.iter_modules(__path__):
        loaded = importlib.import_module(f"{__name__}.{module.name}")
        found.update({v.name: v for v in vars(loaded).values() if isinstance(v, Signal)})
    return tuple(found[name] for name in sorted(found))


def extra_sums() -> dict[str, Expression]:
    """The sums that signals declare beside the book's own."""
    return {name: f for s in all_signals() for name, f in s.sums.items()}


def not_evaluable(s: Signal, view: View, *, least: float = 0.2) -> Array:
    """For each actor: whether a column that the signal needs is known in too few of its exchanges or accounts."""
    out = np.zeros(view.actors, dtype=bool)
    for column in s.needs:
        if column.startswith("account."):
            out |= view.customers_known(column.removeprefix("account.")) < least
        else:
            out |= view.known(column) < least
    return out


def measure(view: View, settings: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Opinion]:
    """Every signal's opinion of every actor it can speak of; not evaluable ones have nan and 0 bits."""
    settings = settings or {}
    unknown = sorted(set(settings) - {s.name for s in all_signals()})
    if unknown:
        raise UsageError("[signals]", f"no signal is called {unknown[0]!r}", "see docs/signals.md for the names")
    opinions: dict[str, Opinion] = {}
    for s in all_signals():
        if not s.speaks_of(view):
            continue
        opinion = s(view, **settings.get(s.name, {}))
        mute = not_evaluable(s, view) | ~np.isfinite(opinion.statistic)
        opinions[s.name] = Opinion(
            np.where(mute, np.nan, opinion.statistic), np.where(mute, 0.0, opinion.bits), opinion.says, opinion.facts
        )
    return opinions
