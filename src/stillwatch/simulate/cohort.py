"""What a population of accounts is: who signs up, from where, when they call, and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field

from stillwatch.simulate.grammar import Said

Weights = dict[str, float]


@dataclass
class Signup:
    """How the accounts look to the provider. `shared` maps a field to (share of accounts that share it,
    accounts a value).
    """

    kinds: Weights = field(default_factory=lambda: {"individual": 0.7, "business": 0.25, "startup": 0.05})
    verification: Weights = field(
        default_factory=lambda: {"email": 0.5, "phone": 0.35, "identity": 0.1, "business": 0.05}
    )
    payment: Weights = field(
        default_factory=lambda: {"card": 0.85, "virtual_card": 0.06, "prepaid": 0.04, "credits": 0.05}
    )
    email: Weights = field(default_factory=lambda: {"public": 0.7, "own": 0.27, "rented": 0.03})
    shape: Weights = field(default_factory=lambda: {"named": 0.75, "random": 0.25})
    shared: dict[str, tuple[float, int]] = field(default_factory=dict)
    age_days: tuple[float, float] = (1.0, 900.0)
    """Created this many days before the cohort starts: the least and the most, log-uniform."""
    one_day: bool = False
    """All created within hours of each other."""
    countries: Weights = field(
        default_factory=lambda: {
            "US": 0.35,
            "DE": 0.08,
            "GB": 0.08,
            "IN": 0.1,
            "JP": 0.07,
            "BR": 0.05,
            "FR": 0.06,
            "SG": 0.04,
            "KR": 0.05,
            "CA": 0.05,
            "NL": 0.04,
            "AU": 0.03,
        }
    )
    allow: str | None = None
    suspended_day: float | None = None
    """Day of the world on which all of them are banned."""


@dataclass
class Line:
    """Addresses and clients. `place` is home, office, server or resident (rotating residential addresses)."""

    place: str = "home"
    addresses: int = 2
    """Addresses an account comes from; 0 means a fresh one nearly every time."""
    pooled: float = 0.0
    """Share of exchanges that leave through addresses which the whole cohort (or `pool`) uses."""
    pool_size: int = 1
    client: str = "app"
    """app, sdk, browser or harness."""
    many_clients: bool = False
    one_client: bool = False
    channels: Weights = field(default_factory=lambda: {"first_party": 1.0})
    end_users: int = 0
    """The customer's own users that are passed on, for each account; 0 passes none."""
    keys: int = 1


@dataclass
class Traffic:
    """One kind of conversation and its settings."""

    said: Said
    weight: float = 1.0
    turns: float = 1.0
    """Mean exchanges in a conversation, at most eight."""
    gap_s: float = 60.0
    items: str = "own"
    """own (a fresh number each time), queue (dealt once), pool (drawn from `item_count`), walk (each account
    through all).
    """
    item_count: int = 0
    queue: str = ""
    templates: int = 1
    template_by: str = "account"
    loose: float = 0.0
    foreign: float = 0.0
    """Share of conversations that begin with answers which this provider never gave."""
    tools: list[str] | None = None
    parts: bool = False
    """Tool calls and results stand as content parts in the history."""
    temperature: tuple[float | None, ...] = (None, None, 0.7, 1.0, 0.2)
    max_tokens: tuple[int | None, ...] = (None, 1024, 4096)
    n: int | None = None
    logprobs: bool | None = None
    stream: float = 0.5
    input_tokens: float = 500.0
    output_tokens: float = 450.0
    reasoning: float = 0.3
    refused: float = 0.01
    errors: float = 0.01
    retry_elsewhere: bool = False
    session_ids: float = 0.8
    from_day: float = -1e9
    until_day: float = 1e9


@dataclass
class Cohort:
    """A population that behaves alike. Days are counted from the world's start."""

    name: str
    accounts: int
    traffic: list[Traffic]
    per_day: float
    spread: float = 0.5
    """Sigma of the lognormal that accounts' rates are drawn from."""
    role: str = "legitimate"
    campaign: str | None = None
    network: str | None = None
    signup: Signup = field(default_factory=Signup)
    line: Line = field(default_factory=Line)
    rhythm: str = "human"
    """human, office, flat, nightly, pulses."""
    bursty: float = 0.7
    """How uneven an account's days are, from 0 (all alike) to 1."""
    fitted: bool = False
    """Days and hours as uneven as real clients' (`arrivals`), in the place of `bursty`."""
    start: float = 0.0
    days: float = 1e9
    join_days: float = 0.0
    life_days: float | None = None
    ramp_days: float = 0.0
    in_step: float = 0.0
    """0: accounts keep their own hours; 1: all are on and off together."""
    models: str = "mixed"
    """mixed, best or small."""
    adopt: tuple[float, float] = (0.8, 480.0)
    """Share of traffic that moves to a new model, and the mean lag in hours."""
    adopt_together: bool = False
    pool: str = ""
    """Cohorts with the same pool draw shared values from one stock."""
    orgs: int = 0
    """Organisations that the accounts belong to; 0 gives each its own."""
