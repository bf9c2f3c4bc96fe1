"""Figures: each number that a disclosure prints, with its query, its interval, its hedge and how it is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from markupsafe import Markup, escape

from stillwatch.disclose.language import Language
from stillwatch.disclose.snapshot import ask
from stillwatch.share.intervals import rounded, step_of


@dataclass
class Figures:
    """Collects the figures of one disclosure and writes each as marked-up HTML. `entries` go into disclosure.json."""

    lang: Language
    snapshot: Mapping[str, Any]
    snapshot_sha256: str
    code_version: str
    as_of: str
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    def interval(self, id: str, what: str, unit: str, low: int, query: Mapping[str, Any], **more: Any) -> Markup:
        """A count with its lower bound, both rounded outwards to two digits as whatever leaves."""
        high = int(ask(self.snapshot, query))
        told = rounded(low, high)
        hedge, _, rest = str(self.lang.words["between"]).partition(" ")
        printed = rest.format(low=self.lang.count(told.low), high=self.lang.count(told.high))
        self._add(id, what, printed, hedge, unit, high, low, high, step_of(high), query, **more)
        return self.shown(id)

    def exact(self, id: str, what: str, unit: str, query: Mapping[str, Any], **more: Any) -> Markup:
        """A number that is certain, as it is."""
        value = ask(self.snapshot, query)
        exponent = Decimal(str(value)).normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        printed = self.lang.count(abs(value))
        sign = "−" if value < 0 else ""
        self._add(id, what, sign + printed, "", unit, value, value, value, float(Decimal(1).scaleb(min(exponent, 0))),
                  query, **more)  # fmt: skip
        return self.shown(id)

    def approximate(self, id: str, what: str, unit: str, query: Mapping[str, Any]) -> Markup:
        """A number to two digits, with a hedge; a percentage with its sign."""
        value = float(ask(self.snapshot, query))
        digits = 1 - math.floor(math.log10(abs(value))) if value else 0
        near = Decimal(str(round(value, digits)))
        printed = self.lang.count(near)
        if unit == "percent":
            printed = str(self.lang.words["percent"]).format(n=printed).replace(" ", "\u00a0")
        hedge = next(word for word, kind in self.lang.hedges.items() if kind == "approximately")
        exponent = near.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        rounding = float(Decimal(1).scaleb(min(exponent, 0)))
        self._add(id, what, printed, hedge, unit, value, value, value, rounding, query)
        return self.shown(id)

    def days(self, id: str, what: str, period: Mapping[str, Any]) -> Markup:
        """The length of a period."""
        n = period["days"]
        self._add(id, what, self.lang.count(n), "", "days", n, n, n, 1, {"period": period["id"]})
        return self.shown(id)

    def shown(self, id: str) -> Markup:
        """A figure as HTML: its hedge, then its number bound to its id."""
        entry = self.entries[id]
        hedge = Markup("{} ").format(entry["hedge"]) if entry["hedge"] else Markup("")
        return hedge + Markup('<data data-figure="{}">{}</data>').format(id, entry["printed"])

    def with_unit(self, id: str) -> Markup:
        """The same with its unit in words: `between 24,000 and 25,000 accounts`."""
        entry = self.entries[id]
        words = [word for word, kind in self.lang.units.items() if kind == entry["unit"]]
        word = words[0] if entry["value"] == 1 else words[1] if len(words) > 1 else words[0]
        return self.shown(id) + Markup("\u00a0") + escape(word)

    def _add(
        self, id: str, what: str, printed: str, hedge: str, unit: str, value: float, low: float, high: float,
        rounding: float, query: Mapping[str, Any], **more: Any,
    ) -> None:  # fmt: skip
        self.entries[id] = {
            "id": id, "what": what, "printed": printed, "hedge": hedge, "unit": unit, "value": value, "low": low,
            "high": high, "rounding": rounding, "query": {"id": f"q.{id}", **query},
            "snapshot_sha256": self.snapshot_sha256, "code_version": self.code_version, "recomputed": value,
            "as_of": self.as_of, **more,
        }  # fmt: skip
