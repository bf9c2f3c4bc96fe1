"""Templates: everything escaped, everything from logs bounded and without control characters."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from stillwatch import __version__
from stillwatch.console.place import Ask
from stillwatch.console.sheets import SHEETS, details_of, words
from stillwatch.console.shelf import short, slug
from stillwatch.console.tables import FORMATS, PAGE_ROWS, Page, page_of
from stillwatch.decide.propose import asked_of, whom_of
from stillwatch.report.charts import COLORS
from stillwatch.report.plain_text import (
    bits_text,
    clean,
    compact,
    count_of,
    number,
    odds_text,
    p_text,
    rate_text,
    score_text,
    when,
)

HERE = Path(__file__).parent
THEMES = ("auto", "light", "dark")
THEME_COOKIE = "stillwatch_theme"


@cache
def environment() -> Environment:
    """The templates with their filters."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    env.filters |= {
        "clean": clean, "slug": slug, "short": short, "number": number, "compact": compact, "score": score_text,
        "bits": bits_text, "odds": odds_text, "chance": p_text, "rate": rate_text, "when": when, "words": words,
        "facts": _facts, "pairs": _pairs, "own_reason": _own_reason, "day": lambda value: when(value, clock=False),
        "label_class": label_class, "many": count_of, "whom": whom_of,
        "asked": asked_of,
    }  # fmt: skip
    env.globals |= {"static": static_url, "version": __version__, "formats": tuple(FORMATS), "themes": THEMES,
                    "colors": COLORS}  # fmt: skip
    return env


@cache
def static_url(name: str) -> str:
    """A file of ours with its hash, so that browsers may keep it."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def label_class(label: Any) -> str:
    """The class of a label's chip; the label itself is always written, too."""
    return {"clear": "l-clear", "mixed": "l-mixed", "likely": "l-likely", "very likely": "l-sure",
            "almost certain": "l-sure"}.get(str(label), "l-none")  # fmt: skip


def theme_of(cookies: Mapping[str, str]) -> str:
    """The theme that a browser asked for."""
    given = cookies.get(THEME_COOKIE, "auto")
    return given if given in THEMES else "auto"


def show(ask: Ask, template: str, status: int = 200, **context: Any) -> Response:
    """A page for somebody who is logged in."""
    said = ask.session.said
    ask.session.said = ()
    shelf = ask.shelf
    waiting = ask.record.rows(
        "SELECT count(*) AS n FROM decisions WHERE state='proposed' AND expires_at > ?", (ask.now,)
    )[0]["n"]
    open_appeals = ask.record.rows("SELECT count(*) AS n FROM appeals WHERE state LIKE 'open%'")[0]["n"]
    text = environment().get_template(template).render(
        ask=ask, who=ask.who, csrf=ask.session.csrf, theme=theme_of(ask.request.cookies), said=said, path=ask.path,
        here=_here(ask), waiting=waiting, open_appeals=open_appeals, shelf=shelf, **context,
    )  # fmt: skip
    return HTMLResponse(text, status)


def table(ask: Ask, name: str, rows_a_page: int = PAGE_ROWS, **given: str) -> Page:
    """One of the tables, as this request sorts, filters and pages it."""
    return page_of(SHEETS[name](ask.shelf, ask.record, given), ask.path, ask.query, rows_a_page)


def _here(ask: Ask) -> str:
    """The path with its parameters, for forms that come back."""
    query = ask.request.url.query
    return ask.path + (f"?{query}" if query else "")


def _own_reason(reasons: Any) -> str:
    """The first reason that speaks of the account itself, not only of its group."""
    held = [str(r) for r in reasons or () if r]
    return next((r for r in held if not r.startswith(("It belongs to ", "Of the group:"))), held[0] if held else "")


def _pairs(details: Any) -> str:
    """An audit line's details in words: `accounts 40 · action suspend`."""
    told = ((clean(k, 40).replace("_", " "), v) for k, v in details_of({"details": details}).items())
    return clean(" · ".join(f"{k} {clean(v, 300)}" for k, v in told if v not in (None, "")), 600)


def _facts(facts: Any) -> str:
    from stillwatch.report.explain import facts_line

    pairs = facts.items() if isinstance(facts, Mapping) else facts or ()
    return facts_line({clean(k, 60): v for k, v in list(pairs)[:8]})
