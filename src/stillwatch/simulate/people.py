"""Makes the accounts of a cohort: what the provider knows of each, and where it calls from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.simulate.cohort import Cohort
from stillwatch.simulate.grammar import U64, Ints, invented_names
from stillwatch.simulate.stage import COUNTRY_HOURS, Stage, pick

Floats = npt.NDArray[np.float64]
_PLANS = {
    "individual": {"pro": 0.5, "free": 0.2, "max": 0.1, "payg": 0.2},
    "business": {"team": 0.4, "payg": 0.6},
    "enterprise": {"enterprise": 1.0},
    "education": {"education": 1.0},
    "research": {"research": 1.0},
    "startup": {"payg": 0.6, "startup": 0.4},
    "reseller": {"enterprise": 0.4, "payg": 0.6},
}


@dataclass
class People:
    """The accounts of one cohort, by position."""

    cohort: Cohort
    ids: list[str]
    records: list[dict[str, Any]]
    seeds: U64
    rate: Floats
    begins: Floats
    ends: Floats
    zone: Ints
    addresses: npt.NDArray[np.int64]
    pooled: Ints
    agents: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    orgs: list[str]
    adopts_at: Floats
    made: Ints
    favourite: Ints


def token(rng: np.random.Generator, prefix: str = "", count: int = 1) -> list[str]:
    """Random identifiers that say nothing of whose they are."""
    raw = rng.bytes(10 * count).hex()
    return [prefix + raw[i * 20 : i * 20 + 20] for i in range(count)]


def _values(stage: Stage, rng: np.random.Generator, cohort: Cohort, kind: str, fresh: list[Any]) -> list[Any]:
    """A value for each account: its own, or, for the share of accounts that share, one out of the cohort's stock."""
    share, group = cohort.signup.shared.get(kind, (0.0, 1))
    count = len(fresh)
    if share <= 0:
        return fresh
    size = max(1, round(count * share / max(group, 1)))
    stock = stage.stock(cohort.pool or f"{cohort.name}/{id(cohort)}", kind, size, lambda more: fresh[:more] or fresh)
    sharing = rng.random(count) < share
    which = rng.integers(0, len(stock), count)
    return [stock[w] if s else f for s, w, f in zip(sharing, which, fresh, strict=True)]


def settle(stage: Stage, cohort: Cohort, rng: np.random.Generator) -> People:
    """Draw the accounts of a cohort."""
    n, up, line = cohort.accounts, cohort.signup, cohort.line
    ids = token(rng, "acct_", n)
    kinds = pick(rng, up.kinds, n)
    plans = [pick(rng, _PLANS[k], 1)[0] for k in kinds]
    country = _values(stage, rng, cohort, "country", pick(rng, up.countries, n))
    age = np.exp(rng.uniform(np.log(up.age_days[0]), np.log(up.age_days[1]), n))
    stop = min(stage.days, cohort.start + cohort.days)
    room = max(0.0, stop - cohort.start)
    begins = cohort.start + rng.uniform(0, min(cohort.join_days, room * 0.9), n)
    ends = np.full(n, stop)
    if cohort.life_days is not None:
        ends = np.minimum(stop, begins + rng.exponential(cohort.life_days, n) + 0.5)
    created = begins - (age[:1] + rng.uniform(0, 0.3, n) if up.one_day else age)
    homes = stage.addresses.make(line.place, [c for c in country for _ in range(max(1, line.addresses))])
    matrix = homes.reshape(n, -1)
    if line.addresses == 0:
        fresh_pool = stage.addresses.make(line.place, pick(rng, up.countries, min(4000, 40 * n + 200)))
        matrix = fresh_pool[rng.integers(0, len(fresh_pool), (n, 64))]
    pooled = np.array(
        stage.stock(
            cohort.pool or f"{cohort.name}/{id(cohort)}",
            "exit",
            max(1, line.pool_size),
            lambda more: [int(x) for x in stage.addresses.make(line.place, [country[i % n] for i in range(more)])],
        ),
        np.int64,
    )
    ips = [stage.addresses.text[i] for i in matrix[:, 0]]
    ip_share = up.shared.get("signup_ip", (0.0, 1))[0]
    if ip_share and line.pooled:
        exits = [stage.addresses.text[i] for i in pooled]
        ips = [
            exits[int(x)] if y < ip_share else ip
            for ip, x, y in zip(ips, rng.integers(0, len(exits), n), rng.random(n), strict=True)
        ]
    else:
        ips = _values(stage, rng, cohort, "signup_ip", ips)
    own = [f"{name}.example" for name in invented_names(n, int(rng.integers(1 << 30)))]
    mail = [
        {"public": stage.public_mail[a], "rented": stage.rented_mail[b], "own": o}[m]
        for m, a, b, o in zip(
            pick(rng, up.email, n),
            rng.integers(0, len(stage.public_mail), n),
            rng.integers(0, len(stage.rented_mail), n),
            own,
            strict=True,
        )
    ]
    mail = _values(stage, rng, cohort, "email_domain", mail)
    lengths = rng.integers(2, 10, (n, 3))
    shape = [
        "a" * int(a) + ("." + "a" * int(b) if c % 3 == 0 else "9" * int(c % 3))
        if s == "named"
        else "a" * int(a % 4 + 1) + "9" * int(b % 5) + "a" * int(c % 3) + "9"
        for s, (a, b, c) in zip(pick(rng, up.shape, n), lengths, strict=True)
    ]
    shape = _values(stage, rng, cohort, "email_shape", shape)
    cards = _values(stage, rng, cohort, "payment", token(rng, "", n))
    devices = _values(stage, rng, cohort, "device", token(rng, "", n))
    phones = _values(stage, rng, cohort, "phone", token(rng, "", n))
    orgs = token(rng, "org_", n)
    if cohort.orgs:
        orgs = [orgs[i % cohort.orgs] for i in range(n)]
    referrers = _values(
        stage, rng, cohort, "referrer", pick(rng, {"": 0.7, "search": 0.15, "newsletter": 0.05, "forum": 0.1}, n)
    )
    verified, paid = pick(rng, up.verification, n), pick(rng, up.payment, n)
    false_ban = rng.random(n) < 0.004
    records: list[dict[str, Any]] = []
    for i in range(n):
        banned = up.suspended_day if up.suspended_day is not None else (ends[i] if false_ban[i] else None)
        if banned is not None and banned < stage.days:
            ends[i] = min(ends[i], banned)
        records.append(
            {
                "account_id": ids[i],
                "created_at": stage.when(float(created[i])).isoformat(timespec="seconds"),
                "org_id": orgs[i],
                "plan": plans[i],
                "kind": kinds[i],
                "verification": verified[i],
                "email_domain": mail[i],
                "email_shape": shape[i],
                "email_hash": token(rng)[0],
                "phone_hash": None if verified[i] in ("none", "email") else phones[i],
                "payment_fingerprint": cards[i],
                "payment_kind": paid[i],
                "device_fingerprint": devices[i],
                "signup_ip": ips[i],
                "signup_country": country[i],
                "referrer": referrers[i] or None,
                "status": "suspended" if banned is not None and banned < stage.days else "active",
                "status_changed_at": stage.when(float(banned)).isoformat(timespec="seconds")
                if banned is not None and banned < stage.days
                else None,
                "allow": up.allow,
                "allow_until": stage.when(stage.days + 180).isoformat(timespec="seconds") if up.allow else None,
            }
        )
    rate = np.exp(rng.normal(0, cohort.spread, n))
    if cohort.spread < 1.0:
        rate /= rate.mean()
    else:
        rate = np.minimum(rate / np.exp(cohort.spread**2 / 2), 60.0)
    forms = (
        stage.agents[line.client]
        if not line.one_client
        else [stage.agents[line.client][int(rng.integers(len(stage.agents[line.client])))]]
    )
    numbers = np.array([stage.agent_number[f] for f in forms])
    agents = numbers[rng.integers(0, len(numbers), (n, 12 if line.many_clients else 1))]
    lag = rng.exponential(cohort.adopt[1], 1 if cohort.adopt_together else n) / 24.0
    return People(
        cohort,
        ids,
        records,
        rng.integers(0, 1 << 63, n).astype(np.uint64),
        rate * cohort.per_day,
        begins,
        ends,
        np.array([COUNTRY_HOURS[c] for c in country], np.int64),
        matrix,
        pooled,
        agents,
        rng.integers(0, 1 << 63, (n, line.keys)).astype(np.uint64),
        orgs,
        np.broadcast_to(stage.release_day + lag, n).astype(float),
        np.zeros(n, np.int64),
        {"best": np.zeros(n, np.int64), "small": np.ones(n, np.int64)}.get(
            cohort.models, (rng.random(n) < 0.35).astype(np.int64)
        ),
    )
