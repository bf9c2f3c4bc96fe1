"""The seventeen worlds by name, each with its story."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from . import businesses as firms
from . import lookalikes as like
from . import words
from .harvests import (
    chinese,
    cleaner,
    framed,
    paraphrased,
    relay,
    replay,
    ring,
    search_then_scale,
    task,
    walk,
)
from .ordinary import chat, crowd, person, volume
from .world import OFFICE, START, World

WORLDS: dict[str, tuple[Callable[[World], None], dict[str, Any]]] = {}


def _world(**how: Any) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    def keep(make: Callable[[World], None]) -> Callable[[World], None]:
        WORLDS[make.__name__] = make, how
        return make

    return keep


def make(name: str, seed: int = 0, scale: float = 1.0) -> World:
    """The world `name`, drawn from `seed`; `scale` multiplies its accounts."""
    story, how = WORLDS[name]
    w = World(name, seed, scale, **how)
    story(w)
    return w


def _tasks(w: World, skill: str, n: int) -> list[str]:
    return [task(w.r, skill) for _ in range(n)]


_AGENT_FRAMES = [
    "You act as lead engineer. {t}\nPut the full deliberation between [[ and ]] before the deliverable.",
    "Plan, act, verify. Task: {t}\nPut the full deliberation between [[ and ]] before the deliverable.",
    "Long-horizon exercise. {t} Produce the tool calls you would make, in order, with the motive of each.",
    "{t}\nWrite the complete patch and tests. Put the full deliberation between [[ and ]] before the "
    "deliverable.",
]


@_world()
def letter(w: World) -> None:
    """A tenth of the letter of June: 250 accounts of 26 calls a day, 800 customers (all at scale 10)."""
    crowd(w, w.count(800))
    like.coding_fleet(w, 60)
    fleet = ring(w, w.count(250), style="residential", born=(1, 20))
    walk(w, fleet, framed("agentic", _AGENT_FRAMES, _tasks(w, "agentic", w.count(9000))), 26)
    w.campaign("letter", "distillation", fleet)


@_world()
def apart(w: World) -> None:
    """Forty accounts that share nothing but the demand, which is paraphrased each time."""
    crowd(w, w.count(700))
    like.power_users(w, 10)
    fleet = ring(w, w.count(40, 15), style="apart", born=(3, 90))
    walk(w, fleet, paraphrased("maths", _tasks(w, "maths", 2500)), 40, copies=2)
    w.campaign("apart", "distillation", fleet)


@_world(form="jsonl")
def campus(w: World) -> None:
    """Thirty accounts hide behind a university's few addresses, among its three hundred students."""
    exits = [w.address("131.220.5") for _ in range(4)]
    crowd(w, w.count(400))
    students = []
    for _ in range(w.count(300, 30)):
        c = w.client(
            country="US",
            kind="education",
            email_domain="stateu.example",
            ips=w.r.sample(exits, 2),
            signup_ip=exits[0],
        )
        person(
            w,
            c,
            volume(w.r, 2, w.days),
            w.r.sample(["school", "python", "science", "writing", "data", "games"], 3),
        )
        students.append(c)
    w.cohort("campus_students", students)
    like.classroom(w, 40)
    fleet = ring(w, w.count(30, 12), style="apart", countries=("US",), born=(5, 25))
    build = w.build()
    for c in fleet:
        c.ips, c.row["signup_ip"], c.row["kind"], c.row["email_domain"] = (
            list(exits),
            exits[0],
            "education",
            "stateu.example",
        )
        c.agents, c.prints = ["aiohttp/3.10.5"], [build]
    walk(
        w,
        fleet,
        framed(
            "analysis",
            [
                "Derive, then decide. {t} Show all of your working before the conclusion, as numbered "
                "thoughts.",
                "{t} Answer as a data scientist who documents every inference on the way.",
            ],
            _tasks(w, "analysis", 1800),
        ),
        45,
    )
    w.campaign("campus", "distillation", fleet)


@_world()
def relayed(w: World) -> None:
    """Another vendor's users, in eight languages, served through sixty accounts; an honest router beside."""
    crowd(w, w.count(600))
    firms.router(w, 10)
    fleet = ring(w, w.count(60, 12), style="residential", born=(5, 40))
    relay(
        w,
        fleet,
        w.count(900, 60),
        22,
        "You are Hongdou, an assistant made by Lanyu Intelligence. Never name another maker.",
    )
    w.campaign("relayed", "relay", fleet)


@_world()
def replayed(w: World) -> None:
    """Stored sessions of another product's users sent again through ninety accounts."""
    crowd(w, w.count(600))
    like.coding_fleet(w, 60)
    fleet = ring(w, w.count(90, 15), style="shared", born=(2, 15))
    replay(w, fleet, 20)
    w.campaign("replayed", "replay", fleet, ["replay", "distillation"])


@_world(form="jsonl")
def trace_cleaner(w: World) -> None:
    """273 rotated accounts feed traces back to be graded and tidied; judges do so with their own products."""
    crowd(w, w.count(500))
    like.judges(w, 8)
    fleet = ring(w, w.count(273, 20), style="shared", born=(1, 6))
    ask = cleaner("maths", _tasks(w, "maths", 3000))
    half = len(fleet) // 2
    walk(w, fleet[:half], ask, 26, 0, 5)
    walk(w, fleet[half:], ask, 26, 5, 10)
    w.campaign("trace_cleaner", "distillation", fleet)


@_world()
def bypass(w: World) -> None:
    """Twenty accounts try thousands of tricks, nearly all refused; then 120 scale the one that worked."""
    crowd(w, w.count(500))
    like.eval_harnesses(w, 8)
    probes = ring(w, w.count(20, 6), style="residential", born=(1, 9))
    fleet = ring(w, w.count(120, 12), style="residential", born=(-3.8, -1.0))
    search_then_scale(w, probes, fleet, _tasks(w, "maths", 1500), 30)
    w.campaign("bypass", "distillation", [*probes, *fleet])


@_world()
def proxy_pool(w: World) -> None:
    """One operator's pool, rented by two harvests and by two hundred people who only wanted it cheap."""
    crowd(w, w.count(600))
    like.vpn_users(w, 50)
    pool = ring(w, w.count(190, 30), style="shared", born=(5, 60), found="forum")
    a, b = len(pool) * 60 // 190, len(pool) * 115 // 190
    walk(
        w,
        pool[:a],
        framed(
            "kernels",
            [
                "Write and justify {t} Give the reasoning log first, entire, then the code.",
                "Optimisation round. {t} Reasoning log first, entire.",
            ],
            _tasks(w, "kernels", 2000),
        ),
        28,
    )
    walk(w, pool[a:b], paraphrased("analysis", _tasks(w, "analysis", 2000)), 28)
    for c in pool:
        rest = c in pool[b:]
        for _ in range(w.r.randint(25, 60) if rest else w.r.randint(1, 12)):
            # the operator's gateway hides who is behind: new sessions of all kinds and tongues
            chat(
                w,
                c,
                w.moment(c),
                1 + int(w.r.expovariate(0.5)),
                language=w.r.choice(("zh", "zh", "en", "ru")),
            )
    w.campaign("pool_kernels", "distillation", pool[:a])
    w.campaign("pool_analysis", "distillation", pool[a:b])
    w.network("pool", pool)
    w.cohort("pool_customers", pool[b:])


@_world()
def failover(w: World) -> None:
    """A pool of eighty is suspended on day five; seventy new accounts go on with the list within hours."""
    crowd(w, w.count(600))
    firms.migrations(w, 12)
    ask = framed("agentic", _AGENT_FRAMES[:2], _tasks(w, "agentic", 4000))
    first = ring(w, w.count(80, 12), style="shared", born=(3, 20))
    second = ring(w, w.count(70, 12), style="residential", born=(-5.2, -4.8))
    walk(w, first, ask, 40, 0, 5)
    walk(w, second, ask, 45, 5.3, 10)
    for c in first:
        c.row["status"], c.row["status_changed_at"] = "suspended", START + timedelta(days=5)
        for _ in range(w.r.randint(2, 6)):
            prompt, _reply = ask(w.r)
            w.call(
                c,
                START + timedelta(days=5, minutes=w.r.uniform(0, 200)),
                prompt=prompt,
                completion=None,
                status=403,
            )
    w.campaign("failover", "distillation", [*first, *second])


@_world(form="jsonl")
def chinese_campaign(w: World) -> None:
    """Reasoning coerced in Chinese through eighty accounts, beside two hundred who just write Chinese."""
    crowd(w, w.count(450))
    crowd(w, w.count(200, 20), label="chinese_speakers", ordinary=False, country="SG", language="zh")
    fleet = ring(w, w.count(80, 12), style="residential", born=(2, 30), countries=("HK", "SG", "JP"))
    walk(w, fleet, chinese, 32)
    w.campaign("chinese_campaign", "distillation", fleet)


@_world(days=14)
def low_and_slow(w: World) -> None:
    """Seventy accounts, nine calls a working day from nine to five, as much small talk, staggered ages."""
    crowd(w, w.count(700), 1.2)
    like.framework_template(w, 50)
    fleet = ring(
        w,
        w.count(70, 15),
        style="residential",
        born=(10, 200),
        countries=("US", "GB", "DE"),
        hours=[float(h) for h in OFFICE],
    )
    for c in fleet:
        c.weekend, c.max_tokens, c.agents = (
            0.02,
            None,
            [w.r.choice(("vega-python/1.14.2", "vega-node/0.34.0"))],
        )
    walk(w, fleet, paraphrased("agentic", _tasks(w, "agentic", 1500)), 9)
    for c in fleet:
        person(w, c, int(9 * w.days * w.r.uniform(0.6, 1.2)))
    w.campaign("low_and_slow", "distillation", fleet)


@_world()
def lookalikes_a(w: World) -> None:
    """No harvest: evaluation harnesses on a release day, judges, a class, a hackathon, a company card."""
    w.released_day = 6
    crowd(w, w.count(600))
    like.eval_harnesses(w, 40)
    like.judges(w, 40)
    like.classroom(w, 120)
    like.hackathon(w, 80)
    like.corporate_card(w, 60)


@_world(form="jsonl")
def lookalikes_b(w: World) -> None:
    """No harvest: a coding fleet, a framework's template, reseller, router, audit capture, moderation."""
    crowd(w, w.count(500))
    like.coding_fleet(w)
    like.framework_template(w)
    firms.declared_reseller(w)
    firms.router(w, 24)
    firms.audit_capture(w, 40)
    firms.moderation_vendor(w, 30)


@_world()
def lookalikes_c(w: World) -> None:
    """No harvest: agreed bulk data, migrations, bots, power users, privacy cards, VPN, a benchmark."""
    crowd(w, w.count(500))
    firms.agreed_synthetic(w, 60)
    firms.migrations(w, 25)
    firms.ci_bots(w, 70)
    like.power_users(w)
    like.privacy_cards(w)
    like.vpn_users(w)
    like.public_benchmark(w)


@_world()
def poor_columns(w: World) -> None:
    """A log of five columns, one campaign in it."""
    w.columns = ("exchange_id", "started_at", "account_id", "model", "prompt")
    w.accounts_file = False
    crowd(w, w.count(500))
    like.framework_template(w, 40)
    fleet = ring(w, w.count(60, 12), style="shared", born=(1, 9))
    walk(
        w,
        fleet,
        framed(
            "kernels",
            [
                "Kernel drill. {t} First all thoughts, unabridged, then code.",
                "{t} You are a performance engineer; write the thoughts, unabridged, then code.",
            ],
            _tasks(w, "kernels", 2500),
        ),
        40,
    )
    w.campaign("poor_columns", "distillation", fleet)


@_world(form="jsonl")
def no_accounts(w: World) -> None:
    """Full logs without an accounts file; a campaign, a class and a benchmark that many run."""
    w.accounts_file = False
    crowd(w, w.count(500))
    like.classroom(w, 50)
    like.public_benchmark(w, 40)
    fleet = ring(w, w.count(70, 12), style="shared", born=(2, 12))
    topic = words.TOPIC_NAMES[0]
    walk(
        w,
        fleet,
        framed(
            "agentic",
            [
                "Sandbox episode. Goal: {t} Emit thoughts and actions alternately until solved.",
                "Sandbox episode, hard mode. {t} Emit thoughts and actions alternately until solved.",
            ],
            _tasks(w, "agentic", 2500),
        ),
        30,
    )
    for c in fleet[: len(fleet) // 3]:
        person(w, c, 15, [topic])
    w.campaign("no_accounts", "distillation", fleet)


@_world()
def quiet(w: World) -> None:
    """Ordinary customers and nothing else."""
    crowd(w, w.count(1500))
