"""Pages that only look: today, campaigns, accounts, decisions, appeals, the audit log, search; tables as files."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import numpy as np
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse

from stillwatch.console import drawings
from stillwatch.console.beside import accused, more_than, suspended_of, suspended_since, why_in_none
from stillwatch.console.place import Ask
from stillwatch.console.searching import LONGEST_QUERY, Found, by_name, by_raw_value
from stillwatch.console.sheets import SHEETS, moved, words
from stillwatch.console.shelf import Shelf, slug
from stillwatch.console.show import show, table
from stillwatch.console.tables import FORMATS, LONGEST_FILTER, arranged, at_time, exported
from stillwatch.decide import people
from stillwatch.decide.live import exempt_accounts, holding, one_decision, wrong_campaigns
from stillwatch.decide.policy import STRONG
from stillwatch.report.charts import REST_SAYS
from stillwatch.report.explain import KIND_WORDS
from stillwatch.report.letter import found_line, intake_lines, sure_lines
from stillwatch.report.page import weighed
from stillwatch.report.plain_text import clean, score_text

_MEMBERS = 200
_NAMING = ("account", "campaign", "subject")


def today(ask: Ask) -> Response:
    """What there is to do: campaigns, what is new, what waits, what could not be seen."""
    shelf = ask.shelf
    harvests = [r for r in shelf.campaigns if r["kind"] != "account_network"]
    headline = found_line(harvests, len(shelf.campaigns) - len(harvests)).rstrip(".") if shelf.campaigns else ""
    wrong = len(wrong_campaigns(ask.record) & set(shelf.by_campaign))
    if wrong:
        headline += f" ({wrong:,} marked wrong)"
    run = shelf.findings.run
    return show(
        ask, "today.html.j2", headline=headline, news=_news(shelf), campaigns=table(ask, "campaigns", 20),
        waits=table(ask, "decisions", state="proposed", now=str(ask.now)),
        appeals=table(ask, "appeals", open="1") if ask.may("analyst") else None,
        near=table(ask, "near", 8), missing=table(ask, "missing", 8), quarantine=table(ask, "quarantine", 8),
        intake=intake_lines(run), blind=shelf.blind, days=drawings.traffic_by_day(shelf),
        sure=sure_lines(shelf.pictures.drill),
        swept_at=shelf.sweeps[-1]["at"] if shelf.sweeps else "",
    )  # fmt: skip


def campaign(ask: Ask) -> Response:
    """Everything on one campaign or network."""
    id, shelf = ask.named(), ask.shelf
    told = shelf.explanation("campaign", id)
    if told is None:
        return _gone(ask, id)
    row = told.row
    pro, against = weighed(told, row)
    value = dict(ask.query).get("value", "")
    chance = shelf.pictures.scores.get(id, {}).get("chance_scores")
    return show(
        ask, "campaign.html.j2", id=id, row=row, told=told, title=clean(row["title"], 160) or clean(id, 60),
        moved=moved(row, (shelf.before or {}).get(id), shelf.before is not None), pro=pro, against=against,
        steps=drawings.waterfall(shelf, id), happened=drawings.happened(shelf, ask.record, id), value=value,
        near=table(ask, "near", 5), evidence=table(ask, "evidence", 10, campaign=id), rest=REST_SAYS,
        accounts=table(ask, "accounts", 10, campaign=id, value=value),
        shared=table(ask, "shared", 8, campaign=id), history=table(ask, "history", 8, campaign=id),
        decisions=table(ask, "decisions", 10, campaign=id, state="all", now=str(ask.now)),
        verdicts=table(ask, "verdicts", subject=id), notes=table(ask, "notes", subject=id),
        related=[(r, shelf.by_campaign.get(r)) for r in row["related"] or []],
        explanations=_explanations(shelf, told), chance_groups=len(chance) if isinstance(chance, list) else 0,
        suspended=suspended_of(shelf, row["account_ids"] or []), strong=STRONG,
        kind_words=KIND_WORDS.get(row["kind"], KIND_WORDS["distillation"]),
    )  # fmt: skip


def accounts(ask: Ask) -> Response:
    """All accounts of the latest sweep."""
    silent = len(ask.shelf.record_place.keys() - ask.shelf.place.keys())
    return show(ask, "accounts.html.j2", accounts=table(ask, "accounts"), silent=silent)


def account(ask: Ask) -> Response:
    """One account beside its peers, why it is judged so, and what may be said to it."""
    id, shelf, record, now = ask.named(), ask.shelf, ask.record, ask.now
    told = shelf.explanation("account", id)
    details = shelf.account_record(id)
    held = holding(record, id, now)
    if told is None and not details and not held:
        return _gone(ask, id)
    row = told.row if told is not None else {"account_id": id, "score": None, "label": None, "campaign_id": None,
                                             "exchanges": None, "reasons": [], "not_evaluable": []}  # fmt: skip
    known = {k: v for k, v in details.items() if v is not None and isinstance(v, str) and k != "account_id"}
    known |= {k: at for k in ("created_at", "status_changed_at", "allow_until") if (at := details.get(k)) is not None}
    return show(
        ask, "account.html.j2", id=id, row=row, told=told, known=known, peers=_peers(shelf, row), held=held,
        suspended=suspended_since(details), bands=drawings.peer_bands(shelf, id), accused=accused(shelf, row),
        outside=why_in_none(shelf, row) if told is not None and not row["campaign_id"] else "",
        campaign=shelf.by_campaign.get(row["campaign_id"] or ""), may_tell=people.may_be_told(record, id, now),
        would_tell=[h["tell"] for h in held if h["tell"]], exempt=id in exempt_accounts(record, now),
        evidence=table(ask, "evidence", 10, account=id),
        decisions=table(ask, "decisions", 10, account=id, state="all", now=str(now)),
        appeals=table(ask, "appeals", account=id) if ask.may("analyst") else None,
        verdicts=table(ask, "verdicts", subject=id), notes=table(ask, "notes", subject=id),
        allowed=[a for a in record.rows("SELECT * FROM allows WHERE scope='account' AND value=? AND ended_at IS NULL",
                                        (id,)) if a["until"] is None or a["until"] > now],
    )  # fmt: skip


def decisions(ask: Ask) -> Response:
    """What holds, what waits, what ended; allowances and verdicts."""
    state = dict(ask.query).get("state", "live")
    state = state if state in ("live", "proposed", "all") else "live"
    return show(
        ask, "decisions.html.j2", state=state, decisions=table(ask, "decisions", state=state, now=str(ask.now)),
        allows=table(ask, "allows"), verdicts=table(ask, "verdicts"),
    )  # fmt: skip


def decision(ask: Ask) -> Response:
    """One decision: what, on whom, why, what gateways did about it, and what can be done now."""
    id = str(ask.request.path_params["id"])[:200]
    row = one_decision(ask.record, id)
    live = row["state"] in ("proposed", "active") and row["expires_at"] > ask.now
    lines = ask.record.rows("SELECT * FROM audit WHERE subject=? ORDER BY seq", (id,))
    return show(
        ask, "decision.html.j2", id=id, row=row, live=live, members=row["members"][:_MEMBERS],
        more=max(0, len(row["members"]) - _MEMBERS), lines=lines, made=at_time(row["created_at"]),
        ends=at_time(row["expires_at"]), approved=at_time(row["approved_at"]), ended=at_time(row["ended_at"]),
        suspended=suspended_of(ask.shelf, row["members"]), acted=sum(u["acted"] for u in row["usage"]),
        would=sum(u["would"] for u in row["usage"]),
    )  # fmt: skip


def appeals(ask: Ask) -> Response:
    """Appeals, open ones first in view."""
    only = dict(ask.query).get("open", "1")
    return show(ask, "appeals.html.j2", only=only, appeals=table(ask, "appeals", open="1" if only == "1" else ""))


def appeal(ask: Ask) -> Response:
    """One appeal, what it is against, and its answer."""
    number = min(int(ask.request.path_params["number"]), (1 << 53) - 1)
    found = ask.record.rows("SELECT * FROM appeals WHERE appeal_id=?", (number,))
    if not found:
        return _gone(ask, f"appeal {number}")
    row = found[0]
    return show(ask, "appeal.html.j2", row=row, brought=at_time(row["at"]), answered=at_time(row["decided_at"]),
                told=ask.shelf.explanation("account", row["account_id"]))  # fmt: skip


def audit(ask: Ask) -> Response:
    """Who did what; with `verify` the chain of hashes is checked."""
    checked = ask.record.verify_audit() if dict(ask.query).get("verify") else None
    head = ask.record.rows("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1")
    return show(ask, "audit.html.j2", audit=table(ask, "audit"), checked=checked, head=head[0]["hash"] if head else "")


def keys(ask: Ask) -> Response:
    """The keyboard, as a page."""
    return show(ask, "keys.html.j2")


def search(ask: Ask) -> Response:
    """Ids and titles that hold `q`; a raw identifier is asked for by a form, so that no URL holds it."""
    query = dict(ask.query).get("q", "")[:LONGEST_QUERY]
    found = by_name(ask.shelf, ask.record, query)
    return _found(ask, query, found)


def search_raw(ask: Ask) -> Response:
    """The search form: an exact id leads to its page, other text to the hits, and analysts ask by raw identifiers."""
    query = ask.given("q", LONGEST_QUERY).strip()
    found = by_name(ask.shelf, ask.record, query)
    if query in ask.shelf.by_campaign:
        return RedirectResponse(f"/campaigns/{slug(query)}", 303)
    if query in ask.shelf.place or query in ask.shelf.record_place:
        return RedirectResponse(f"/accounts/{slug(query)}", 303)
    if found.decisions == (query,):
        return RedirectResponse(f"/decisions/{quote(query, safe='')}", 303)
    if found.anything and not ask.given("raw"):
        return RedirectResponse(f"/search?q={quote(query, safe='')}", 303)
    if query and ask.may("analyst"):
        holders = by_raw_value(ask.place.home, query)
        people.looked(ask.record, ask.who, "looked up an identifier", "identifier", ask.now, accounts=len(holders))
        found = Found(found.campaigns, found.accounts, found.decisions, holders, True, found.more)
    return _found(ask, query, found)


def export(ask: Ask) -> Response:
    """A table as a file: the same rows in the same order, all of them; `only` leaves the rows that were ticked."""
    name, kind = str(ask.request.path_params["name"]), str(ask.request.path_params["kind"])
    if name not in SHEETS or kind not in FORMATS:
        raise HTTPException(404, "There is no such table.")
    if name == "appeals" and not ask.may("analyst"):
        raise HTTPException(403, "This takes the role analyst.")
    query = ask.request.query_params
    given = {k: ask.shelf.id_of(v[:2000]) if k in _NAMING else v[:2000] for k, v in query.items()}
    sheet = SHEETS[name](ask.shelf, ask.record, {**given, "now": str(ask.now)})
    rows = arranged(sheet, given.get("q", "")[:LONGEST_FILTER], given.get("sort", "") or sheet.sort,
                    [ask.shelf.id_of(v) for v in query.getlist("only")[:5000]])  # fmt: skip
    return StreamingResponse(
        exported(rows, kind), media_type=FORMATS[kind],
        headers={"Content-Disposition": f'attachment; filename="stillwatch-{name}.{kind}"'},
    )  # fmt: skip


def traffic_chart(ask: Ask) -> Response:
    """Traffic over time."""
    return JSONResponse(drawings.traffic(ask.shelf))


def campaign_chart(ask: Ask) -> Response:
    """One of a campaign's charts."""
    id, chart, shelf = ask.named(), str(ask.request.path_params["chart"]), ask.shelf
    if id not in shelf.by_campaign:
        raise HTTPException(404, "There is no such campaign.")
    drawn: Any
    if chart == "waterfall":
        drawn = drawings.waterfall(shelf, id)
    elif chart == "network":
        drawn = drawings.network(shelf, id, dict(ask.query).get("value", ""))
    elif chart == "history":
        drawn = drawings.history(shelf, id)
    elif chart == "timeline":
        drawn = drawings.timeline(shelf, ask.record, id)
    else:
        raise HTTPException(404, "There is no such chart.")
    return JSONResponse(drawn)


def peers_chart(ask: Ask) -> Response:
    """Where an account lies among all."""
    return JSONResponse(drawings.peers(ask.shelf, ask.named()))


def _found(ask: Ask, query: str, found: Found) -> Response:
    shelf = ask.shelf
    rows = [shelf.by_campaign[c] for c in found.campaigns]
    return show(
        ask,
        "search.html.j2",
        query=query,
        found=found,
        rows=rows,
        people={a: shelf.account(a) for a in (*found.accounts, *(h.account_id for h in found.holders[:200]))},
    )


def _gone(ask: Ask, what: str) -> Response:
    return show(ask, "wrong.html.j2", 404, code=404, what=f"There is nothing here by the name {clean(what, 80)}.",
                hint="It may be of an earlier sweep, or its customer was forgotten. Search for it.")  # fmt: skip


def _news(shelf: Shelf) -> dict[str, list[Any]]:
    """What the latest sweep changed: new campaigns, changed minds (score by 5 or more, or kind), and gone ones."""
    if shelf.before is None:
        return {"new": [], "changed": [], "gone": []}
    changed = []
    for row in shelf.campaigns:
        old = shelf.before.get(row["campaign_id"])
        if old is None:
            continue
        was, now = old.get("score"), row["score"]
        other = isinstance(was, (int, float)) and now is not None and abs(was - now) >= 5.0
        if other or old.get("kind") != row["kind"]:
            changed.append((row, moved(row, old, True)))
    gone = [(id, words(old.get("kind")), old.get("score")) for id, old in shelf.before.items()
            if id not in shelf.by_campaign]  # fmt: skip
    return {"new": [r for r in shelf.campaigns if r["campaign_id"] not in shelf.before], "changed": changed,
            "gone": gone}  # fmt: skip


def _explanations(shelf: Shelf, told: Any) -> list[dict[str, Any]]:
    """Every innocent explanation that stillwatch knows, and what came of asking: held, rejected or not askable."""
    held = {c.signal: c for c in told.accepted}
    mute = {u.signal: u for u in told.unknown}
    asked = shelf.pictures.scores.get(told.id, {}).get("asked")
    measured = asked if isinstance(asked, dict) else {}
    rows = []
    for name, sign in shelf.signs.items():
        if sign.about != "explanation":
            continue
        if name in held:
            said = f"holds in part: {held[name].says}" if held[name].says else "holds in part"
            rows.append({"name": name, "outcome": said, "bits": held[name].bits, "headline": sign.headline})
        elif name in mute and name not in measured:
            rows.append({"name": name, "outcome": f"could not be asked. {mute[name].cure}", "bits": None,
                         "headline": sign.headline})  # fmt: skip
        else:
            said = f" Measured: {measured[name]}" if isinstance(measured.get(name), str) else ""
            rows.append({"name": name, "outcome": f"asked, and rejected: nothing speaks for it here.{said}",
                         "bits": None, "headline": sign.headline})  # fmt: skip
    return sorted(rows, key=lambda r: (r["bits"] is None, r["outcome"], r["name"]))


def _peers(shelf: Shelf, row: Any) -> list[tuple[str, str, float, str]]:
    """(what, the value in words, share of all accounts below it, 0..1, the share in words)."""
    out = []
    for name, says, ordered in (("score", "score", shelf.sorted_scores),
                                ("exchanges", "exchanges", shelf.sorted_exchanges)):  # fmt: skip
        if row[name] is not None and len(ordered):
            below = float(np.searchsorted(ordered, row[name], side="left")) / len(ordered)
            shown = score_text(row[name]) if name == "score" else f"{row[name]:,}"
            out.append((says, shown, below, more_than(below)))
    return out
