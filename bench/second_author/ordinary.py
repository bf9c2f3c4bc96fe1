"""The ordinary crowd: people who chat, developers with an agent, small apps, firms with many users."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from . import words
from .world import NEW_MODEL, START, Client, World

_HARNESS = (
    "You are Patchwright, a careful coding companion running in the user's terminal. Read files before "
    "editing them, "
    "keep diffs small, run the tests, and never touch files outside the workspace. Workspace: {w}."
)
_TOOLS = ["read_file", "write_file", "run_shell", "search_code"]
_APP_JOBS = [
    "Classify this support ticket as billing, technical or other.\n\nTicket: {t}",
    "Summarise the call below in two sentences for our CRM.\n\n{t}",
    "Extract sender, date and amount as JSON.\n---\n{t}",
    "Rewrite this product text in a friendly tone, under 80 words:\n{t}",
    "Is the following review positive, negative or mixed? One word.\nReview: {t}",
    "Translate to {l}:\n{t}",
    "Answer the visitor using only the context.\nContext: {t}\nQuestion: {q}",
    "Suggest three subject lines for this mailing:\n{t}",
    "Tag this article with up to five keywords.\n\n{t}",
    "Check the text for personal data and list what you find.\n\n{t}",
]


def volume(r: random.Random, median: float, days: float, sigma: float = 1.1, cap: float = 180) -> int:
    """Exchanges over `days` of one account, heavy-tailed over accounts."""
    return max(1, int(min(cap, median * r.lognormvariate(0, sigma)) * days))


def chat(
    w: World,
    c: Client,
    at: datetime,
    turns: int,
    *,
    topic: str | None = None,
    system: str | None = None,
    tools: list[str] | None = None,
    end_user: str | None = None,
    pace: float = 60.0,
    ask: Callable[[int], str] | None = None,
    language: str | None = None,
    model: str | None = None,
) -> None:
    """One conversation; the client sends back what it was answered, sometimes cut to a sliding window."""
    r = w.r
    topic = topic or r.choice(words.TOPIC_NAMES)
    language = language or (c.language if r.random() < 0.85 else "en")
    history: list[dict[str, str]] = []
    session = w.token(12) if r.random() < 0.8 else None
    window = r.choice((4, 8, 40, 40, 40))
    for i in range(turns):
        prompt = ask(i) if ask else (words.follow_up if i else words.question)(r, topic, language)
        reply = words.answer(r, topic, language)
        if r.random() < 0.004:
            w.call(
                c,
                at,
                prompt=prompt,
                completion=None,
                history=history,
                status=r.choice((429, 500, 529)),
                system=system,
            )
            at += timedelta(seconds=r.uniform(2, 30))
        if r.random() < 0.004:
            reply, finish = "I can't help with that one, sorry.", "refusal"
        else:
            finish = "stop"
        reply = w.call(
            c,
            at,
            prompt=prompt,
            completion=reply,
            history=history[-window:],
            system=system,
            session=session,
            tools=tools,
            end_user=end_user,
            finish=finish,
            model=model,
        )
        history += [{"role": "user", "content": prompt}, {"role": "assistant", "content": reply}]
        at += timedelta(seconds=min(3000, r.expovariate(1 / pace) + 4))


def person(
    w: World,
    c: Client,
    n: int,
    interests: list[str] | None = None,
    first: float = 0,
    last: float | None = None,
) -> None:
    """`n` exchanges of somebody who chats about a few things."""
    r = w.r
    interests = interests or r.sample(words.TOPIC_NAMES, r.randint(2, 7))
    while n > 0:
        turns = min(n, 1 + int(r.expovariate(0.4)))
        at = w.moment(c, first, last)
        new = (
            w.released_day is not None
            and at > START + timedelta(days=w.released_day, hours=18)
            and r.random() < 0.3
        )
        chat(w, c, at, turns, topic=r.choice(interests), model=NEW_MODEL if new else None)
        n -= turns


def developer(w: World, c: Client, n: int, system: str = _HARNESS, tools: list[str] | None = None) -> None:
    """`n` exchanges of sessions with a coding agent that sends its vendor's system prompt."""
    r = w.r
    place = "/home/" + words.name(r).lower()
    topics = ["python", "web", "data", "ops"]
    while n > 0:
        turns = min(n, 2 + int(r.expovariate(0.2)))
        chat(
            w,
            c,
            w.moment(c),
            turns,
            topic=r.choice(topics),
            tools=tools or _TOOLS,
            language="en",
            system=system.format(w=f"{place}/{words.name(r).lower()}"),
            pace=25,
        )
        n -= turns


def app(w: World, c: Client, n: int, job: str | None = None) -> None:
    """`n` exchanges of a small program that runs one or two jobs over its owner's own records."""
    r = w.r
    jobs = (
        [job]
        if job
        else [
            r.choice(_APP_JOBS) + r.choice(("", "\nBe brief.", f"\n({words.name(r)} v{r.randint(1, 9)})"))
            for _ in range(r.choice((1, 1, 2)))
        ]
    )
    topics = r.sample(words.TOPIC_NAMES, 3)
    system = r.choice(
        (None, f"You work for {words.name(r)}, a {r.choice(topics)} company.", "Answer briefly and politely.")
    )
    c.temperature, c.max_tokens = r.choice((0.0, 0.2, 0.3)), r.choice((128, 256, 512, 1024))
    if r.random() < 0.5:
        c.hours, c.weekend = [1.0] * 24, 1.0
    for _ in range(n):
        t = r.choice(topics)
        text = " ".join(words.question(r, t) for _ in range(r.randint(1, 4)))
        prompt = r.choice(jobs).format(
            t=text, q=words.question(r, t), l=r.choice(("French", "German", "Thai"))
        )
        w.call(
            c,
            w.moment(c),
            prompt=prompt,
            completion=words.answer(r, t, sentences=r.randint(1, 3)),
            system=system,
        )


def firm(w: World, c: Client, n: int) -> None:
    """`n` exchanges of a firm's assistant that serves many named users."""
    r = w.r
    firm_name, subject = words.name(r), r.choice(words.TOPIC_NAMES)
    system = f"You are the assistant of {firm_name} Ltd. Help employees with {subject} questions."
    users = [w.token(10) for _ in range(r.randint(5, 60))]
    while n > 0:
        turns = min(n, 1 + int(r.expovariate(0.5)))
        chat(w, c, w.moment(c), turns, system=system, end_user=r.choice(users))
        n -= turns


def crowd(
    w: World, n: int, median: float = 1.6, *, label: str = "ordinary", ordinary: bool = True, **given: Any
) -> list[Client]:
    """`n` ordinary customers and their traffic; a tenth share a household's or carrier's address."""
    r = w.r
    carriers = [w.address() for _ in range(max(2, n // 60))]
    out = []
    for _ in range(n):
        c = w.client(**given)
        if r.random() < 0.1:
            c.ips.append(r.choice(carriers))
        u = r.random()
        if u < 0.66:
            person(w, c, volume(r, median, w.days))
        elif u < 0.84:
            developer(w, c, volume(r, median * 2, w.days))
        elif u < 0.95:
            app(w, c, volume(r, median * 2, w.days, 1.3))
        else:
            c.row["kind"], c.row["plan"] = "business", "team"
            firm(w, c, volume(r, median * 3, w.days))
        out.append(c)
    w.cohort(label, out, ordinary=ordinary)
    return out
