"""The ground a world stands on: addresses, clients, models, stocks of shared values, and its clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.simulate.cohort import Weights
from stillwatch.simulate.grammar import Ints, invented_names

HOUR_US = 3_600_000_000
COUNTRY_HOURS = {
    "US": -6,
    "DE": 1,
    "GB": 0,
    "IN": 5,
    "JP": 9,
    "BR": -3,
    "FR": 1,
    "SG": 8,
    "KR": 9,
    "CA": -5,
    "NL": 1,
    "AU": 10,
    "CN": 8,
    "HK": 8,
}
_AGENTS = {
    "app": ["desk-app/{}.{} (mac)", "desk-app/{}.{} (win)", "phone-app/{}.{} (ios)", "phone-app/{}.{} (android)"],
    "browser": [
        "Mozilla/5.0 (Windows NT 10.0) Chrome/{}.0.{}",
        "Mozilla/5.0 (Macintosh) Safari/{}.{}",
        "Mozilla/5.0 (X11) Firefox/{}.{}",
    ],
    "sdk": [
        "model-sdk-py/{}.{}",
        "model-sdk-js/{}.{}",
        "python-requests/2.{}.{}",
        "aiohttp/3.{}.{}",
        "Go-http-client/{}.{}",
        "okhttp/4.{}.{}",
    ],
    "harness": ["forgeline/{}.{}", "kodexa/{}.{}", "openburrow/{}.{}"],
}


@dataclass
class Addresses:
    """All addresses of a world, appended to as accounts are made."""

    rng: np.random.Generator
    text: list[str] = field(default_factory=list)
    asn: list[int] = field(default_factory=list)
    country: list[str] = field(default_factory=list)
    _nets: dict[tuple[str, str], list[tuple[str, int]]] = field(default_factory=dict)
    _cache: Any = None

    def _networks(self, place: str, country: str) -> list[tuple[str, int]]:
        """Networks of a kind in a country. Proxied households lie in the same networks as other households."""
        key = ("home" if place == "resident" else place, country)
        if key not in self._nets:
            count = 220 if key[0] == "home" else 60
            first = self.rng.integers(11, 224, count)
            first = np.where(
                (first == 127) | (first == 172) | (first == 192) | (first == 169) | (first == 198) | (first == 203),
                45,
                first,
            )
            rest = self.rng.integers(0, 256, (count, 2))
            base = int(self.rng.integers(4_200_000_000, 4_294_000_000))
            self._nets[key] = [(f"{a}.{b}.{c}.", base + int(b) % 7) for a, (b, c) in zip(first, rest, strict=True)]
            self._nets[key] += [(f"2001:db8:{int(x):x}:", base + 9) for x in self.rng.integers(1, 65535, count // 4)]
        return self._nets[key]

    def make(self, place: str, countries: list[str]) -> Ints:
        """New addresses, one for each country given; their numbers."""
        begin = len(self.text)
        pick, host = self.rng.random(len(countries)), self.rng.integers(1, 255, len(countries))
        low = self.rng.integers(1, 65535, (len(countries), 2))
        for i, country in enumerate(countries):
            nets = self._networks(place, country)
            prefix, asn = nets[int(pick[i] * len(nets))]
            self.text.append(f"{prefix}{low[i, 0]:x}::{low[i, 1]:x}" if ":" in prefix else f"{prefix}{host[i]}")
            self.asn.append(asn)
            self.country.append(country)
        self._cache = None
        return np.arange(begin, len(self.text))

    def columns(self) -> tuple[Any, Any, Any]:
        """Address, AS number and country, by number."""
        if self._cache is None:
            self._cache = (pa.array(self.text), pa.array(self.asn, pa.int64()), pa.array(self.country))
        found: tuple[Any, Any, Any] = self._cache
        return found


@dataclass
class Stage:
    """What the profiles of one world share. Its draws are for profiles; engines have their own."""

    rng: np.random.Generator
    scale: float
    start: datetime
    days: float
    wild: bool = False
    """Draw each profile's knobs anew (True) or keep to the published numbers (False)."""
    queues: dict[str, int] = field(default_factory=dict)
    stocks: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    campaigns: dict[str, dict[str, str]] = field(default_factory=dict)
    label: str = ""
    flat: bool = False
    """The provider logs the last user message and the system prompt instead of conversations."""

    def __post_init__(self) -> None:
        self.addresses = Addresses(np.random.default_rng(self.rng.integers(1 << 62)))
        family = invented_names(40, int(self.rng.integers(1 << 30)))
        self.models = [family[0], f"{family[0]}-mini", f"{family[0]}-2"]
        self.release_day = float(self.rng.uniform(0.35, 0.65)) * self.days
        self.releases = [(-200.0, self.models[0]), (-150.0, self.models[1]), (self.release_day, self.models[2])]
        self.public_mail = [
            "gmail.com",
            "gmail.com",
            "gmail.com",
            "outlook.com",
            "icloud.com",
            "yahoo.com",
            "proton.me",
            "qq.com",
            "naver.com",
            "gmx.de",
        ]
        self.rented_mail = [f"{n}.example" for n in invented_names(60, int(self.rng.integers(1 << 30)))]
        self.agents: dict[str, list[str]] = {}
        for kind, forms in _AGENTS.items():
            versions = self.rng.integers(1, 60, (6, 2))
            self.agents[kind] = [f.format(a, b) for f in forms for a, b in versions]
        everything = [a for each in self.agents.values() for a in each]
        self.agent_number = {a: i for i, a in enumerate(everything)}
        self.agent_array = pa.array(everything)
        self.prints = pa.array([self._print() for _ in everything])

    def _print(self) -> str:
        """A TLS client fingerprint in JA4's shape."""
        ciphers, extensions = self.rng.integers(10, 20, 2)
        first, second = self.rng.integers(0, 1 << 48, 2)
        return f"t13d{ciphers}{extensions}h2_{first:012x}_{second:012x}"

    def when(self, day: float) -> datetime:
        """The moment that lies so many days after the world's start."""
        return self.start + timedelta(days=day)

    def size(self, published: float, least: int = 8) -> int:
        """Accounts of a published number at this scale."""
        drawn = published * self.scale * (float(np.exp(self.rng.uniform(-0.7, 0.7))) if self.wild else 1.0)
        return max(least, round(drawn))

    def knob(self, published: float, low: float, high: float) -> float:
        """A published (or assumed) value, or in wild worlds one drawn between bounds."""
        return float(self.rng.uniform(low, high)) if self.wild else published

    def campaign(self, name: str, kind: str, source: str, assumed: str) -> str:
        """Enter a campaign into the truth; its name, made unique."""
        title, number = f"{self.label}{name}", 2
        while title in self.campaigns:
            title, number = f"{self.label}{name}-{number}", number + 1
        self.campaigns[title] = {"kind": kind, "source": source, "assumed": assumed, "profile": name}
        return title

    def stock(self, pool: str, kind: str, size: int, make: Callable[[int], list[Any]]) -> list[Any]:
        """Values that the cohorts of a pool share; made on first use and topped up when more are asked for."""
        held = self.stocks.setdefault((pool, kind), [])
        if len(held) < size:
            held.extend(make(size - len(held)))
        return held[:size]


def pick(rng: np.random.Generator, weights: Weights, count: int) -> list[str]:
    """Draw names by weight."""
    names = list(weights)
    p = np.array([weights[n] for n in names], float)
    return [names[i] for i in rng.choice(len(names), count, p=p / p.sum())]
