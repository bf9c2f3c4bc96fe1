"""A disclosure drafted from findings: statements, judgements, explanations and figures, ready for templates."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from stillwatch import __version__
from stillwatch.disclose.charts import daily_chart, labels_of, sized
from stillwatch.disclose.competing import READINGS, explanations, least_contradicted, readings
from stillwatch.disclose.counting import Counted
from stillwatch.disclose.figures import Figures
from stillwatch.disclose.language import Language
from stillwatch.report.catalogue import Sign
from stillwatch.report.charts import waterfall
from stillwatch.share.words import ATLAS

_BANNED = re.compile(r"\d|customer|\b(?:two|three|four|five|ten|plan|price)\b", re.I)
_ROOM = 5.0


@dataclass(frozen=True)
class Draft:
    """What is written: disclosure.json as a dictionary, and what templates are given."""

    disclosure: dict[str, Any]
    context: dict[str, Any]


def draft(
    counted: Sequence[Counted], snapshot: Mapping[str, Any], snapshot_bytes: bytes, matter: Mapping[str, Any],
    lang: Language, known: Mapping[str, Sign], verdicts: frozenset[str], now: datetime,
) -> Draft:  # fmt: skip
    """The draft. `verdicts` are campaign ids that a person confirmed: only those can have high confidence."""
    say = _Sayer(lang)
    first = min(c.row["first_seen"] for c in counted).astimezone(UTC).date()
    last = max(c.row["last_seen"] for c in counted).astimezone(UTC).date()
    sha = hashlib.sha256(snapshot_bytes).hexdigest()
    id = f"SW-{now:%Y%m%d}-{sha[:6].upper()}"
    figures = Figures(lang, snapshot, sha, __version__, last.isoformat())
    period = {
        "id": "all", "start": first.isoformat(), "end": last.isoformat(), "end_day": "inclusive", "timezone": "UTC",
        "days": (last - first).days + 1, "first_seen": first.isoformat(),
        "detected_on": max(now.date(), last).isoformat(),
    }  # fmt: skip
    figures.days("all.days", "length of the period", period)
    figures.exact("all.campaigns", "campaigns in this disclosure", "campaigns",
                  {"table": "campaigns", "take": "count"})  # fmt: skip
    figures.exact("all.prior", "base rate", "share", _query("totals", "prior"))
    figures.exact("all.cell", "smallest count of people that is printed", "accounts", _query("totals", "smallest_cell"))
    dates = {"start": lang.day(first), "end": lang.day(last), "days": figures.with_unit("all.days")}
    if len(counted) == 1:
        opening = say("seen_single", **dates)
    else:
        opening = say("seen", campaigns=figures.with_unit("all.campaigns"), **dates)
    parts = [_part(c, figures, say, known, c.row["campaign_id"] in verdicts, snapshot) for c in counted]
    _totals(counted, figures)
    charts = [chart for part in parts for chart in part["charts"]]
    daily = sized(daily_chart(snapshot["days"], lang, say.plain("traffic_caption")))
    if daily:
        charts.append(("traffic", daily, "days"))
    named = [_named(entry, counted, parts, say) for entry in matter["named"]]
    statements = [{"id": "s.all", "text": plain(opening), "basis": "observed"}]
    statements += [{"id": f"s.{p['subject']}", "text": plain(p["seen"]), "basis": "observed"} for p in parts]
    disclosure: dict[str, Any] = {
        "format": "1", "id": id, "title": say.plain("title").replace("{id}", id), "language": lang.code,
        "author": matter["author"], "publisher": matter["publisher"], "created_at": _moment(now),
        "as_of": last.isoformat(), "code_version": __version__, "figures": list(figures.entries.values()),
        "periods": [period], "statements": statements,
        "sums": [] if len(counted) == 1 else [
            {"whole": f"all.{u}", "parts": [f"{p['subject']}.{u}" for p in parts], "overlap": _overlap(counted)}
            for u in ("accounts", "exchanges")
        ],
        "judgements": [p["judgement"] for p in parts] + [n["judgement"] for n in named],
        "sources": [
            {"id": "logs", "what": say.plain("source_own"), "reliability": "B", "credibility": 2},
            {"id": "records", "what": say.plain("source_records"), "reliability": "B", "credibility": 3},
            *(s for n in named for s in n["sources"]),
        ],
        "evidence": [e for p in parts for e in p["evidence"]] + [e for n in named for e in n["evidence"]],
        "hypotheses": [h for p in parts for h in p["hypotheses"]] + [n["hypothesis"] for n in named],
        "matrix": [row for p in parts for row in p["matrix"]] + [r for n in named for r in n["matrix"]],
        "subjects": [
            s for p in parts for s in (
                {"id": p["subject"], "name": p["subject"], "role": "operator", "legal_person": False},
                {"id": f"{p['subject']}-USERS", "name": f"{p['subject']}-USERS", "role": "served by the operator",
                 "legal_person": False},
            )
        ] + [n["subject"] for n in named],
        "marking": {"tlp": matter["tlp"], "pap": matter["pap"], "inputs": matter["inputs"]},
        "recipients": matter["recipients"], "legal": matter["legal"],
        "privacy": {"smallest_cell": matter["smallest_cell"], "review": matter["review"], "tokens": []},
        "antitrust": matter["antitrust"],
        "ai_assistance": {**matter["ai_assistance"], "says": plain(_assistance(matter, say))},
        "appeal": {**matter["appeal"], "says": plain(say("appeal", contact=matter["appeal"]["contact"]))},
        "corrections": {**matter["corrections"], "revoked": False,
                        "says": plain(say("corrections", contact=matter["corrections"]["contact"]))},
        "charts": [
            {"id": name, "sha256": hashlib.sha256(svg.encode()).hexdigest(), "table": table, "labels": labels_of(svg)}
            for name, svg, table in charts
        ],
    }  # fmt: skip
    context = {
        "d": disclosure, "t": say, "lang": lang, "parts": parts, "named": named, "opening": opening, "figures": figures,
        "shown": figures.shown, "with_unit": figures.with_unit, "daily": Markup(daily), "date": lang.day(now.date()),
        "assistance": _assistance(matter, say), "snapshot_sha256": sha, "version": __version__,
        "checked_on": _day(matter["legal"]["in_force_checked_on"], lang),
        "signal_says": lambda n: _sign(n, known, lang),
        "facts": snapshot["tables"]["facts"], "kinds": {c.subject: say.plain(f"kind_{c.row['kind']}") for c in counted},
    }  # fmt: skip
    return Draft(disclosure, context)


def plain(markup: Any) -> str:
    """Marked-up text without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", str(markup))).split())


class _Sayer:
    """Sentences of the language by key; their gaps filled with escaped text or marked-up figures."""

    def __init__(self, lang: Language) -> None:
        self.lang = lang

    def __call__(self, key: str, **gaps: Any) -> Markup:
        return Markup(html.escape(self.plain(key), quote=False)).format(**gaps)

    def plain(self, key: str) -> str:
        """The sentence as the language file has it."""
        return str(self.lang.words["text"][key])


def _part(
    c: Counted, figures: Figures, say: _Sayer, known: Mapping[str, Sign], confirmed: bool, snapshot: Mapping[str, Any]
) -> dict[str, Any]:
    lang, s, kind = say.lang, c.subject, str(c.row["kind"])
    where = {"campaign": s}
    error = {"rate": c.row["false_alarm_rate"], "method": "legitimate linked groups of the same window"}
    figures.interval(f"{s}.accounts", f"linked accounts of {s}", "accounts", c.accounts[0],
                     _query("campaigns", "accounts", where), error=error)  # fmt: skip
    figures.interval(f"{s}.exchanges", f"exchanges of {s}", "exchanges", c.exchanges[0],
                     _query("campaigns", "exchanges", where))  # fmt: skip
    figures.exact(f"{s}.score", f"score of {s}", "score", _query("campaigns", "score", where))
    rate: Markup | None = None
    if c.row["false_alarm_rate"]:
        rate = figures.approximate(f"{s}.wrong", f"false-positive rate of {s}", "percent",
                                   _query("campaigns", "false_alarm_percent", where))  # fmt: skip
    pro = [x for x in c.told.evidence_for if (x.bits or 0.0) >= 0.3][:12]
    against = [x for x in c.told.evidence_against if (x.bits or 0.0) <= -0.05][:8]
    for claim in (*pro, *against):
        figures.exact(f"{s}.{claim.signal}.bits", f"weight of {claim.signal} for {s}", "bits",
                      _query("weights", "bits", {**where, "signal": claim.signal}))  # fmt: skip
    for row in snapshot["tables"]["facts"]:
        if row["campaign"] == s and row["signal"] in {x.signal for x in (*pro, *against)}:
            chosen = {**where, "signal": row["signal"], "fact": row["fact"]}
            figures.exact(f"{s}.{row['signal']}.{row['fact']}", f"{row['fact']} of {row['signal']} for {s}", "measure",
                          _query("facts", "value", chosen))  # fmt: skip
    score = float(c.row["coordination_score"] if kind == "account_network" else c.row["score"] or 0.0)
    term = lang.term_for(score)
    bounds = lang.likelihood[term]
    confidence = _confidence(c, confirmed)
    judged = say(f"judged_{kind}", term=term, subject=s)
    ties = [x for x in pro if x.about == "coordination"]
    names = list(dict.fromkeys(say.plain(_tie(x.signal, lang)) for x in ties))[:4] or [say.plain("tie_other")]
    seen = say("campaign", subject=s, exchanges=figures.with_unit(f"{s}.exchanges"),
               accounts=figures.with_unit(f"{s}.accounts"), ties=_listed(names, say.plain("and")))  # fmt: skip
    prior, few = c.told.balance.get("prior_bits"), c.told.balance.get("few_bits")
    bars = sized(waterfall(pro, against, c.row["score"], prior, few)) if lang.code.startswith("en") else ""
    evidence = [
        {"id": f"{s}.{x.signal}", "what": _sign(x.signal, known, lang), "class": x.family, "about": "access",
         "source": "records" if x.family in ("payment", "registration", "signup_time", "standing") else "logs"}
        for x in (*pro, *against)
    ]  # fmt: skip
    bits = {x.signal: x.bits or 0.0 for x in (*pro, *against)}
    weighed = readings((*pro, *against))
    return {
        "subject": s, "kind": say.plain(f"kind_{kind}"), "seen": seen, "judged": judged, "pro": pro, "against": against,
        "confidence": say("confidence", confidence=lang.confidence[confidence], grades="B2, B3"),
        "error": say("error", rate=rate, subject=s) if rate else say("error_unknown", subject=s), "rate": rate,
        "judgement": {
            "id": f"j.{s}", "statement": plain(judged), "term": term, "low": max(bounds[0], min(score, 99.0) - _ROOM),
            "high": min(bounds[1], score + _ROOM), "confidence": confidence, "basis": "inferred",
            "sources": ["logs", "records"], "support": [e["id"] for e in evidence],
        },
        "evidence": evidence, "hypotheses": [{"id": f"{s}.{h}", "says": say.plain(h), "subject": s} if h == "h_harvest"
                                             else {"id": f"{s}.{h}", "says": say.plain(h)} for h in explanations()],
        "matrix": [{"evidence": f"{s}.{name}", "hypothesis": f"{s}.{h}", "reads": READINGS[sign]}
                   for name, row in weighed.items() for h, sign in zip(explanations(), row, strict=True)],
        "weighed": [(_seen(name, known, say, bits.get(name, 0.0)), row) for name, row in weighed.items()],
        "least": say("least_refuted", says=say.plain(least_contradicted(weighed, (*pro, *against)))),
        "charts": [(f"waterfall-{s}", bars, "weights")] if bars else [], "waterfall": Markup(bars),
        "alike": [(a.signal.replace("_", " "), a.also_seen_in) for a in c.told.look_alikes[:10]
                  if not _BANNED.search(a.also_seen_in)] if lang.code.startswith("en") else [],
        "unknown": ", ".join(n.replace("_", " ") for n in c.unknown[:12]),
        "techniques": [t for t in c.row["techniques"] or () if t in ATLAS],
        "first": lang.day(c.row["first_seen"].astimezone(UTC).date()),
        "last": lang.day(c.row["last_seen"].astimezone(UTC).date()),
        "days": [c.row["first_seen"].date().isoformat(), c.row["last_seen"].date().isoformat()],
    }  # fmt: skip


def _totals(counted: Sequence[Counted], figures: Figures) -> None:
    if len(counted) > 1:
        for unit in ("accounts", "exchanges"):
            low = sum(getattr(c, unit)[0] for c in counted)
            high = sum(getattr(c, unit)[1] for c in counted)
            whole = figures.snapshot["totals"] if "totals" in figures.snapshot else figures.snapshot["tables"]["totals"]
            low = max(low - (high - whole[0][unit]), 0)
            figures.interval(f"all.{unit}", f"{unit} of all campaigns, each counted once", unit, low,
                             _query("totals", unit))  # fmt: skip


def _named(
    entry: Mapping[str, Any], counted: Sequence[Counted], parts: Sequence[Mapping[str, Any]], say: _Sayer
) -> dict[str, Any]:
    part = next(p for c, p in zip(counted, parts, strict=True) if c.row["campaign_id"] == entry["campaign"])
    s, lang = part["subject"], say.lang
    term = lang.term_for(float(entry["low"] + entry["high"]) / 2)
    statement = _attribution(lang, term, entry["approved_phrase"], s)
    evidence = [{"id": f"{s}.named.{i}", "source": "logs", "about": "attribution", **e}
                for i, e in enumerate(entry["evidence"])]  # fmt: skip
    hypothesis = {"id": f"{s}.h_named", "says": plain(say("h_named", phrase=entry["approved_phrase"])),
                  "subject": f"{s}-NAMED"}  # fmt: skip
    return {
        "subject": {
            "id": f"{s}-NAMED", "name": entry["name"], "role": "operator", "legal_person": True,
            "approved_phrase": entry["approved_phrase"], "judgement": f"j.{s}.named", "reviewers": entry["reviewers"],
            "counsel": entry["counsel"],
        },
        "judgement": {
            "id": f"j.{s}.named", "statement": statement, "term": term, "low": entry["low"], "high": entry["high"],
            "confidence": entry["confidence"], "basis": "inferred", "sources": ["logs"],
            "support": [e["id"] for e in evidence],
        },
        "says": statement, "evidence": evidence, "hypothesis": hypothesis, "sources": list(entry.get("sources", ())),
        "confidence": say("confidence", confidence=lang.confidence[entry["confidence"]], grades="B2"),
        "matrix": [{"evidence": e["id"], "hypothesis": hypothesis["id"], "reads": "consistent"} for e in evidence],
    }  # fmt: skip


def _attribution(lang: Language, term: str, phrase: str, subject: str) -> str:
    if lang.code == "de":
        return f"Es ist {term}, dass {phrase} die Konten von {subject} führten."
    return f"It is {term} that {phrase} ran the accounts of {subject}."


def _confidence(c: Counted, confirmed: bool) -> str:
    rate = c.row["false_alarm_rate"]
    solid = c.families >= 5 and rate is not None and rate <= 0.01
    return "high" if solid and confirmed else "moderate" if solid or confirmed else "low"


def _sign(name: str, known: Mapping[str, Sign], lang: Language) -> str:
    written = dict(lang.words.get("signals", {}))
    if name in written:
        return str(written[name])
    headline = known[name].headline if name in known else ""
    return headline if headline and not _BANNED.search(headline) else name.replace("_", " ")


def _seen(name: str, known: Mapping[str, Sign], say: _Sayer, bits: float) -> str:
    """What was observed: the sign, or that it was looked for and not seen."""
    says = _sign(name, known, say.lang)
    about = known[name].about if name in known else ""
    return f"{say.plain('not_seen')}: {says}" if bits < 0 and about not in ("explanation", "") and (
        name != "human_conversation"
    ) else says  # fmt: skip


def _tie(signal: str, lang: Language) -> str:
    return f"tie_{signal}" if f"tie_{signal}" in lang.words["text"] else "tie_other"


def _listed(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def _overlap(counted: Sequence[Counted]) -> str:
    ids = [a for c in counted for a in c.row["account_ids"] or ()]
    return "none" if len(ids) == len(set(ids)) else "accounts in several campaigns are counted once"


def _assistance(matter: Mapping[str, Any], say: _Sayer) -> Markup:
    level = matter["ai_assistance"]["level"]
    key = {"none": "assistance_none", "assisted": "assistance_assisted"}.get(level, "assistance_generated")
    return say(key, reviewer=matter["ai_assistance"]["reviewed_by"] or "…") if level != "none" else say(key)


def _query(table: str, column: str, where: Mapping[str, str] | None = None) -> dict[str, Any]:
    return {"table": table, "take": "value", "column": column, "where": dict(where or {})}


def _day(iso: str, lang: Language) -> str:
    return lang.day(datetime.fromisoformat(iso).date())


def _moment(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
