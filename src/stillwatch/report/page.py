"""The findings as one self-contained HTML page: no script, no request to anywhere, everything escaped."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from stillwatch import __version__
from stillwatch.report.catalogue import Sign, signs
from stillwatch.report.charts import REST, REST_SAYS, color_of, score_chart, traffic_chart, waterfall
from stillwatch.report.explain import Claim, Explanation, claim_line, facts_line, of_campaign
from stillwatch.report.findings import Findings, Pictures, read_pictures
from stillwatch.report.letter import blind_lines, found_line, intake_lines, sure_lines
from stillwatch.report.network import network_chart
from stillwatch.report.plain_text import clean, number, percent_text, score_text, when

_IN_DETAIL = 30
_IN_TABLE = 300
_ACCOUNTS = 60


def write_page(home: Path, findings: Findings, out: Path) -> None:
    """Writes the page of `findings` to `out`, with pictures from the tables that the hunt left in `home`.

    Whole or not at all: a page that was there stays until the new one is complete. OSError as it comes.
    """
    text = render(findings, read_pictures(home), signs())
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name[:40]}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        mask = os.umask(0)
        os.umask(mask)
        Path(name).chmod(0o666 & ~mask)
        Path(name).replace(out)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def render(findings: Findings, pictures: Pictures, known: Mapping[str, Sign]) -> str:
    """The page as text. `known` is the signals' catalogue, for look-alikes and missing columns."""
    here = Path(__file__).parent
    style = (here / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rows = findings.campaign_rows()
    detailed = rows[:_IN_DETAIL]
    colors = color_of([str(r["campaign_id"]) for r in detailed])
    titles = {str(r["campaign_id"]): _title(r) for r in detailed[:12]}
    networks = sum(r["kind"] == "account_network" for r in rows)
    harvests = [r for r in rows if r["kind"] != "account_network"]
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    template = environment.from_string((here / "page.html.j2").read_text(encoding="utf-8"))
    return template.render(
        style=Markup(style), style_hash=Markup(f"sha256-{digest}"),
        headline=found_line(harvests, networks).rstrip(".") if rows else "Nothing found",
        intake=intake_lines(findings.run), blind=blind_lines(findings, known), sure=sure_lines(pictures.drill),
        table=[_table_row(r, i) for i, r in enumerate(rows[:_IN_TABLE])], more=max(len(rows) - _IN_TABLE, 0),
        score_chart=Markup(score_chart(detailed[:20], pictures.scores)),
        traffic_chart=Markup(traffic_chart(pictures.traffic, titles, colors)),
        campaigns=[_campaign(findings, r, i, pictures, known) for i, r in enumerate(detailed)],
        foot=_foot(findings),
    )


def _campaign(
    findings: Findings, row: Mapping[str, Any], place: int, pictures: Pictures, known: Mapping[str, Sign]
) -> dict[str, Any]:
    told: Explanation = of_campaign(findings, row, known, pictures.scores.get(row["campaign_id"], {}))
    prior = told.balance.get("prior_bits")
    steps = waterfall(*weighed(told, row), row["score"], prior, told.balance.get("few_bits"))
    accounts = [clean(a, 60) for a in (row["account_ids"] or [])[:_ACCOUNTS]]
    return {
        "anchor": f"c{place + 1}", "chip": f"c{place}", "title": _title(row), "id": clean(row["campaign_id"], 80),
        "told": told, "pro": _sides(told.evidence_for), "against": _sides(told.evidence_against),
        "rest": REST_SAYS if REST in steps else "", "waterfall": Markup(steps),
        "doubled": "that one operator runs these accounts" if row["kind"] == "account_network"
        else "that this is a harvest",
        "network": Markup(network_chart(pictures.ties, row["campaign_id"])),
        "alike": [{"signal": a.signal.replace("_", " "), "also_seen_in": clean(a.also_seen_in, 400)}
                  for a in told.look_alikes],
        "unknown": [
            f"{u.signal.replace('_', ' ')}. {u.cure}" for u in told.unknown
        ],
        "account_ids": accounts, "more_accounts": _more(row, len(accounts)),
        "look_at": [clean(e, 80) for e in told.look_at], "related": [clean(r, 80) for r in told.related[:12]],
    }


def weighed(told: Explanation, row: Mapping[str, Any]) -> tuple[list[Claim], list[Claim]]:
    """The evidence that moves this score: a network's is only whether one operator runs it."""
    network = row["kind"] == "account_network"
    pro, against = (
        [c for c in side if not network or c.about in ("coordination", "explanation")]
        for side in (told.evidence_for, told.evidence_against)
    )
    return pro, against


def _sides(claims: Sequence[Claim]) -> list[dict[str, str]]:
    return [
        {
            "says": claim.says or claim.signal.replace("_", " "),
            "weight": claim_line(claim),
            "facts": facts_line(dict(list(claim.facts.items())[:5])),
        }
        for claim in claims[:25]
    ]


def _table_row(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    label = clean(row["label"], 20)
    style = {"clear": "l-clear", "mixed": "l-mixed", "likely": "l-likely"}.get(label, "l-sure")
    return {
        "anchor": f"c{place + 1}" if place < _IN_DETAIL else "", "title": _title(row),
        "id": clean(row["campaign_id"], 60), "kind": clean(row["kind"], 30).replace("_", " "),
        "score": score_text(row["score"]), "label": label or "unknown", "label_class": style if label else "",
        "accounts": number(row["accounts"]), "exchanges": number(row["exchanges"]),
        "seen": f"{when(row['first_seen'], clock=False)} – {when(row['last_seen'], clock=False)}",
    }


def _title(row: Mapping[str, Any]) -> str:
    return clean(row["title"], 120) or clean(row["campaign_id"], 60) or "(no title)"


def _more(row: Mapping[str, Any], shown: int) -> str:
    rest = (row["accounts"] or 0) - shown
    return number(rest) if rest > 0 else ""


def _foot(findings: Findings) -> str:
    run = findings.run
    parts = [f"stillwatch {clean(run.get('stillwatch') or __version__, 20)}"]
    at = run.get("finished_at") or run.get("at") or run.get("started_at")
    if isinstance(at, str):
        parts.append(f"sweep of {clean(at, 25)}")
    prior = run.get("prior")
    if isinstance(prior, (int, float)):
        parts.append(f"base rate {percent_text(prior)}")
    digest = run.get("settings_sha256") or run.get("settings_hash")
    if isinstance(digest, str):
        parts.append(f"settings {clean(digest, 12)}")
    return " · ".join(parts) + ". A score is a probability at that base rate; a person decides what follows from it."
