"""The innocent who show a harvest's signs: as many, as loud, and named in public criticism.

Each function makes its accounts and their traffic, records the cohort by name and gives the clients.
"""

# Word lists read better as one string each.
from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from . import words
from .harvests import task, worked
from .ordinary import chat, developer, person
from .world import NEW_MODEL, Client, World

_PUBLIC = random.Random("a public benchmark that everybody has")
BENCHMARK = [
    f"{words.name(_PUBLIC)} has {_PUBLIC.randint(3, 90)} {n} and gives {_PUBLIC.randint(1, 9)} to each of "
    f"{_PUBLIC.randint(2, 12)} friends. {words.name(_PUBLIC)} returns half. How many are left?"
    for n in words.TOPICS["kitchen"] + words.TOPICS["garden"] + words.TOPICS["car"]
    for _ in range(8)
]
_EVAL_FRAME = "Question: {t}\nThink step by step, then give the answer after 'Answer:'."


def many_calls(
    w: World,
    c: Client,
    n: int,
    draw: Callable[[], tuple[str, str]],
    system: str | None = None,
    first: float = 0,
    **over: Any,
) -> None:
    """`n` single-turn calls, each (prompt, answer) drawn anew."""
    for _ in range(n):
        prompt, reply = draw()
        w.call(c, w.moment(c, first), prompt=prompt, completion=reply, system=system, **over)


def unattended(c: Client) -> Client:
    """The client, now a program that runs at all hours and writes English."""
    c.hours, c.weekend, c.language = [1.0] * 24, 1.0, "en"
    return c


def eval_harnesses(w: World, n: int = 12) -> list[Client]:
    """Unrelated teams that run public benchmarks day and night, all the more once a model is released."""
    out = []
    for _ in range(w.count(n)):
        c = unattended(
            w.client(
                born=w.r.uniform(20, 400),
                kind="research",
                agents=["evalkit/0.4.3 vega-python/1.14.2"],
                temperature=0.0,
                max_tokens=1024,
            )
        )
        items = w.r.sample(BENCHMARK, 300)

        def draw(items: list[str] = items) -> tuple[str, str]:
            return _EVAL_FRAME.format(t=w.r.choice(items)), worked(w.r, "maths", 4)

        many_calls(w, c, 150 + w.r.randint(0, 200), draw)
        if w.released_day is not None:
            many_calls(w, c, 250, draw, first=w.released_day + 0.8, model=NEW_MODEL)
        out.append(c)
    w.cohort("eval_harnesses", out)
    return out


def judges(w: World, n: int = 10) -> list[Client]:
    """Companies that let the model grade their own product's answers by a rubric."""
    out = []
    for _ in range(w.count(n)):
        c = unattended(
            w.client(born=w.r.uniform(30, 500), kind="business", verification="business", temperature=0.0)
        )
        topic, firm = w.r.choice(words.TOPIC_NAMES), words.name(w.r)
        head = (
            f"You are grading answers of the {firm} assistant. Rubric: correctness 0-5, tone 0-5, "
            f"grounding 0-5. "
            "Explain the score for each line, then return JSON."
        )

        def draw(topic: str = topic, head: str = head) -> tuple[str, str]:
            q, a = words.question(w.r, topic), words.answer(w.r, topic)
            return (
                f"{head}\n\nQ: {q}\nA: {a}",
                f"correctness {w.r.randint(0, 5)}: {words.answer(w.r, topic, sentences=2)}",
            )

        many_calls(w, c, w.r.randint(200, 500), draw)
        out.append(c)
    w.cohort("judges", out)
    return out


def classroom(w: World, n: int = 60) -> list[Client]:
    """A course: sign-up in one lesson, one campus address, one assignment, then each his own way."""
    exits = [w.address("129.44.7") for _ in range(2)]
    skill, grant = "maths", w.token()
    assignments = [
        f"Assignment {i + 1}: {task(w.r, skill)} Show every step of your reasoning." for i in range(4)
    ]
    out = []
    for _ in range(w.count(n, 12)):
        c = w.client(
            born=w.r.uniform(6, 6.05),
            country="US",
            kind="education",
            plan="free",
            payment_kind="credits",
            payment_fingerprint=grant,
            email_domain="campus.example",
            email_shape="aaaaaa9999",
            referrer="course",
            signup_ip=exits[0],
            ips=[*exits, w.address()],
            language="en",
            model="vega-3",
        )
        for a in w.r.sample(assignments, 3):
            at = w.moment(c)

            def ask(i: int, a: str = a) -> str:
                return words.follow_up(w.r, "school") if i else a

            chat(w, c, at, w.r.randint(2, 7), topic="school", ask=ask)
        person(w, c, w.r.randint(3, 25), ["school", "python", "data"])
        out.append(c)
    w.cohort("classroom", out)
    return out


def hackathon(w: World, n: int = 40) -> list[Client]:
    """A weekend's teams: same-day accounts, sponsor credits, one hall, a starter kit, no ramp."""
    hall, sponsor = w.address("80.12.9"), w.token()
    kit = "You are the helper of the BuildJam starter kit. Use the tools, keep to the plan, report back."
    out = []
    for _ in range(w.count(n, 10)):
        c = w.client(
            born=-5.0 - w.r.uniform(0, 0.2),
            country="DE",
            plan="payg",
            payment_kind="credits",
            payment_fingerprint=sponsor,
            referrer="buildjam",
            signup_ip=hall,
            ips=[hall],
            verification="email",
            channel="first_party",
        )
        c.hours, c.weekend, c.language = [1.0] * 24, 1.0, "en"
        developer(w, c, w.r.randint(40, 160), kit, ["search", "deploy"])
        out.append(c)
    w.cohort("hackathon", out)
    return out


def corporate_card(w: World, n: int = 45) -> list[Client]:
    """One company's seats, each an account, all on its card and in its network."""
    net, card, org = "194.61.20", w.token(), "org_" + w.token(8)
    out = []
    for _ in range(w.count(n, 10)):
        c = w.client(
            born=w.r.uniform(30, 31),
            country="GB",
            kind="business",
            verification="business",
            payment_fingerprint=card,
            payment_kind="card",
            email_domain="hartwell.example",
            ips=[w.address(net)],
            plan="team",
            org_id=org,
        )
        (developer if w.r.random() < 0.4 else person)(w, c, w.r.randint(20, 140))
        out.append(c)
    w.cohort("corporate_card", out)
    return out


def coding_fleet(w: World, n: int = 260) -> list[Client]:
    """Unrelated developers whose editor sends its vendor's one long system prompt."""
    vendor = (
        "You are Inkwell, the pair programmer of the Inkwell editor. Think through the change before you "
        "answer, plan the edit, "
        "call one tool at a time, and show complete files. The user sees a diff view. Project root: {w}."
    )
    out = []
    build = w.build()
    for _ in range(w.count(n, 20)):
        c = w.client(agents=["Inkwell/3.2.1"], prints=[build], max_tokens=8192, channel="first_party")
        developer(
            w,
            c,
            max(2, int(w.r.lognormvariate(3.0, 1.0))),
            vendor,
            ["open", "apply_patch", "terminal", "lint"],
        )
        out.append(c)
    w.cohort("coding_fleet", out)
    return out


def framework_template(w: World, n: int = 120) -> list[Client]:
    """Users of a popular agent framework whose default prompt asks for thought, action and observation."""
    frame = (
        "Answer the question with the tools. Use this format:\nThought: reason about what to do, in "
        "full\nAction: a tool\n"
        "Observation: its result\n... (repeat)\nFinal Answer: the answer\n\nBegin!\nQuestion: {t}\nThought:"
    )
    out = []
    for _ in range(w.count(n, 15)):
        c = w.client(agents=["chainlet/0.9.4"], temperature=0.0)
        topics = w.r.sample(words.TOPIC_NAMES, 2)

        def draw(topics: list[str] = topics) -> tuple[str, str]:
            t = w.r.choice(topics)
            return frame.format(t=words.question(w.r, t)), "I should search. Action: search " + words.answer(
                w.r, t, sentences=3
            )

        many_calls(w, c, max(3, int(w.r.lognormvariate(3.3, 0.9))), draw)
        out.append(c)
    w.cohort("framework_template", out)
    return out


def power_users(w: World, n: int = 25) -> list[Client]:
    """Single people with an unattended queue that works at every limit, all hours."""
    out = []
    for _ in range(w.count(n)):
        c = unattended(w.client(born=w.r.uniform(30, 500), kind="individual", plan="pro"))
        developer(w, c, w.r.randint(300, 600))
        out.append(c)
    w.cohort("power_users", out)
    return out


def privacy_cards(w: World, n: int = 60) -> list[Client]:
    """People who pay with one issuer's virtual cards and write from masked mail."""
    out = []
    for _ in range(w.count(n, 10)):
        c = w.client(payment_kind="virtual_card", email_domain="hidemail.example", email_shape="aaaaaaaa99")
        person(w, c, w.r.randint(5, 80))
        out.append(c)
    w.cohort("privacy_cards", out)
    return out


def vpn_users(w: World, n: int = 80) -> list[Client]:
    """Customers of one VPN: twenty exits in changing countries, all shared, some sign-ups in the window."""
    exits = [w.address("146.70.55") for _ in range(20)]
    out = []
    for _ in range(w.count(n, 10)):
        c = w.client(signup_ip=w.r.choice(exits), ips=w.r.sample(exits, 6), asn=9009)
        (developer if w.r.random() < 0.3 else person)(w, c, w.r.randint(5, 90))
        out.append(c)
    w.cohort("vpn_users", out)
    return out


def public_benchmark(w: World, n: int = 90) -> list[Client]:
    """Strangers who run one popular public benchmark with its own frame, beside their normal use."""
    out = []
    for _ in range(w.count(n, 12)):
        c = w.client(agents=["evalkit/0.4.3 vega-python/1.14.2"], temperature=0.0)
        person(w, c, w.r.randint(3, 40))
        for item in w.r.sample(BENCHMARK, w.r.randint(60, 200)):
            w.call(c, w.moment(c), prompt=_EVAL_FRAME.format(t=item), completion=worked(w.r, "maths", 4))
        out.append(c)
    w.cohort("public_benchmark", out)
    return out
