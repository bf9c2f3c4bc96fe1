"""Innocent businesses that show a harvest's signs: resellers, routers, auditors, contractors, bots."""

# Word lists read better as one string each.
# ruff: noqa: SIM905
from __future__ import annotations

from datetime import timedelta

from . import words
from .harvests import AGENTS_OF_BATCH, task, worked
from .lookalikes import many_calls, unattended
from .ordinary import app, chat
from .world import START, Client, World


def _served(w: World, c: Client, n: int, system: str | None, users: int, *, named: bool) -> None:
    ids = [w.token(8) for _ in range(users)]
    while n > 0:
        turns = min(n, 1 + int(w.r.expovariate(0.4)))
        language = w.r.choice(("en", "en", "en", "de", "es", "pt", "ja"))
        chat(
            w,
            c,
            w.moment(c),
            turns,
            system=system,
            end_user=w.r.choice(ids) if named else None,
            language=language,
        )
        n -= turns


def declared_reseller(w: World, n: int = 50) -> list[Client]:
    """A reseller by contract: its sub-accounts share invoice, servers and client, and serve many."""
    build = w.build()
    net, bill, org = "91.208.33", w.token(), "org_" + w.token(8)
    out = []
    for _ in range(w.count(n, 10)):
        c = unattended(
            w.client(
                born=w.r.uniform(90, 120),
                kind="reseller",
                verification="business",
                payment_kind="invoice",
                payment_fingerprint=bill,
                email_domain="tokenhaus.example",
                org_id=org,
                agents=["tokenhaus-gw/2"],
                prints=[build],
                ips=[w.address(net)],
                plan="enterprise",
            )
        )
        _served(w, c, w.r.randint(120, 320), None, 40, named=True)
        out.append(c)
    w.cohort("declared_reseller", out)
    w.network("declared_reseller", out)
    return out


def router(w: World, n: int = 16) -> list[Client]:
    """A model router, verified as a business, that names no users: bare metadata, mixed traffic."""
    build = w.build()
    net, bill = "66.33.108", w.token()
    out = []
    for _ in range(w.count(n, 6)):
        c = unattended(
            w.client(
                born=w.r.uniform(100, 400),
                kind="business",
                verification="business",
                payment_kind="invoice",
                payment_fingerprint=bill,
                email_domain="anyroute.example",
                agents=["anyroute-proxy"],
                prints=[build],
                ips=[w.address(net)],
                plan="enterprise",
                channel="aggregator",
            )
        )
        _served(w, c, w.r.randint(350, 700), None, 1, named=False)
        out.append(c)
    w.cohort("router", out)
    w.network("router", out)
    return out


def audit_capture(w: World, n: int = 12) -> list[Client]:
    """Lenders and insurers that must keep a written reason for each decision."""
    out = []
    for _ in range(w.count(n)):
        c = unattended(
            w.client(
                born=w.r.uniform(60, 300), kind="enterprise", verification="business", payment_kind="invoice"
            )
        )
        firm = words.name(w.r)
        head = (
            f"{firm} compliance record. A decision was taken below. Write out the full reasoning that led "
            f"to it, each step, "
            "so that an auditor can follow it."
        )

        def draw(head: str = head) -> tuple[str, str]:
            k = w.r.randint(1000, 99999)
            return (
                f"{head}\nCase {k}: {words.answer(w.r, 'money', sentences=4)} Decision: "
                f"{w.r.choice(('approve', 'decline'))}.",
                worked(w.r, "analysis", 6),
            )

        many_calls(w, c, w.r.randint(150, 400), draw)
        out.append(c)
    w.cohort("audit_capture", out)
    return out


def moderation_vendor(w: World, n: int = 8) -> list[Client]:
    """Trust-and-safety firms that have political posts rated and rewritten."""
    acts = "protest|election|border dispute|strike|censorship order|party congress|sanction|referendum".split(
        "|"
    )
    out = []
    for _ in range(w.count(n)):
        c = unattended(w.client(born=w.r.uniform(60, 300), kind="business", verification="business"))
        policy = f"Policy {words.name(w.r)} {w.r.randint(1, 9)}"
        rule = f"{policy}: rate the post 0-4 and rewrite it so that it breaks no rule."

        def draw(rule: str = rule) -> tuple[str, str]:
            said = f"{words.question(w.r, 'law')} {words.question(w.r, 'work')}"
            post = f"{words.name(w.r)} on the {w.r.choice(acts)}: {said}"
            return (
                f"{rule}\nPost: {post}",
                f"Rating {w.r.randint(0, 4)}. {words.answer(w.r, 'law', sentences=2)}",
            )

        many_calls(w, c, w.r.randint(250, 500), draw)
        out.append(c)
    w.cohort("moderation_vendor", out)
    return out


def agreed_synthetic(w: World, n: int = 24) -> list[Client]:
    """A partner's bulk data generation by contract: `allow` says so, little else tells it from a harvest."""
    net, org = "64.190.77", "org_" + w.token(8)
    frames = [
        "Create one training example of the kind below, with complete reasoning.\n{t}",
        "Solve and explain each step so that a student model can learn from it.\n{t}",
    ]
    out = []
    for _ in range(w.count(n, 8)):
        c = unattended(
            w.client(
                born=w.r.uniform(15, 40),
                kind="business",
                verification="business",
                allow="synthetic data agreement",
                allow_until=START + timedelta(days=300),
                ips=[w.address(net)],
                agents=[AGENTS_OF_BATCH[0]],
                payment_kind="invoice",
                email_domain="brightset.example",
                org_id=org,
                max_tokens=8192,
            )
        )
        many_calls(
            w,
            c,
            w.r.randint(150, 350),
            lambda: (w.r.choice(frames).format(t=task(w.r, "agentic")), worked(w.r, "agentic")),
        )
        out.append(c)
    w.cohort("agreed_synthetic", out)
    return out


def migrations(w: World, n: int = 15) -> list[Client]:
    """Old workloads moved to new accounts: no ramp, full rate on the first day, one job."""
    out = []
    for _ in range(w.count(n)):
        c = w.client(born=-w.r.uniform(1, 4), kind="business", verification=w.r.choice(("business", "phone")))
        app(w, c, w.r.randint(250, 500))
        out.append(c)
    w.cohort("migrations", out)
    return out


def ci_bots(w: World, n: int = 40) -> list[Client]:
    """Review bots on one key each: cloud runners' many addresses, several user agents, day and night."""
    builds = [w.build(), w.build()]
    runners = [w.address("20.102") for _ in range(400)]
    out = []
    for _ in range(w.count(n, 10)):
        c = unattended(
            w.client(
                born=w.r.uniform(10, 300),
                agents=["reviewbot-action/5", "node-fetch", "curl/8.5.0"],
                ips=w.r.sample(runners, 60),
                temperature=0.0,
            )
        )
        c.prints = [*c.prints, *builds]
        many_calls(
            w,
            c,
            w.r.randint(30, 220),
            lambda: (
                f"Review this change. List bugs, then style, then missing "
                f"tests.\n```\n{words.code(w.r)}\n{words.code(w.r)}\n```",
                words.answer(w.r, "python"),
            ),
        )
        out.append(c)
    w.cohort("ci_bots", out)
    return out
