"""Why a campaign, an account or an exchange is judged as it is: for, against, unknown, and how to contest it."""

from __future__ import annotations

import dataclasses
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from stillwatch.campaigns.reasons import KEPT_FROM, LEAST_BITS, weighed_reason
from stillwatch.errors import UsageError
from stillwatch.report.base_rate import prior_of, reconciled
from stillwatch.report.catalogue import Sign, column_of
from stillwatch.report.contest import ways_to_contest
from stillwatch.report.findings import Findings, plain
from stillwatch.report.plain_text import (
    bits_text,
    clean,
    count_of,
    number,
    odds_text,
    p_text,
    percent_text,
    rate_text,
    score_text,
    span,
)

KIND_WORDS: Mapping[str, str] = {
    "distillation": "this harvests answers without agreement, to train a model, as it looks",
    "relay": "this harvests answers without agreement, by relaying another vendor's own users, as it looks",
    "replay": "this harvests answers without agreement, by sending stored sessions again, as it looks",
    "account_network": "one operator runs these accounts, which as a whole do not harvest",
}
#: What a weight compares, by what its signal is about.
_SUPPOSITIONS: Mapping[str, tuple[str, str]] = {
    "conduct": ("if it harvests", "if it does not"),
    "coordination": ("if one operator runs it", "if they are strangers"),
    "relay": ("if it is a relay", "if it is not"),
    "explanation": ("if it harvests", "if there is an innocent reason"),
}
_LOOK_AT = 20
_NEAREST_AMONG = 50_000


@dataclass(frozen=True)
class Claim:
    """One signal's claim: `says`, weighed in `bits` (log2 likelihood ratio) with its `p_value`."""

    signal: str
    family: str
    bits: float | None
    p_value: float | None
    says: str
    facts: Mapping[str, float | None]
    exchange_ids: tuple[str, ...]
    about: str = "conduct"
    of_group: bool = False
    """Whether it is said of the account's group, not of the account alone."""


@dataclass(frozen=True)
class LookAlike:
    """Innocents who show the same sign: `also_seen_in` as the signal's own docstring names them."""

    signal: str
    also_seen_in: str


@dataclass(frozen=True)
class Unknown:
    """A signal that could not speak: the `columns` that would let it; none where traffic is too little instead."""

    signal: str
    columns: tuple[str, ...]
    share: float

    @property
    def cure(self) -> str:
        """What it would take."""
        if self.columns:
            return f"It would take: {', '.join(self.columns)}."
        return "The columns are there; it would take more traffic, or others to compare with."


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of one judgement, ready to be printed or written as JSON."""

    kind: str
    id: str
    headline: str
    who: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    evidence_for: tuple[Claim, ...] = ()
    evidence_against: tuple[Claim, ...] = ()
    look_alikes: tuple[LookAlike, ...] = ()
    accepted: tuple[Claim, ...] = ()
    accepted_text: str = ""
    unknown: tuple[Unknown, ...] = ()
    balance: Mapping[str, float | None] = field(default_factory=dict)
    false_alarm: str = ""
    look_at: tuple[str, ...] = ()
    contest: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    note: str = ""
    """What of the evidence is not kept, and so not shown."""
    row: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The same as plain JSON values; identifiers whole, as the provider gave them."""
        document: dict[str, Any] = plain(dataclasses.asdict(self))
        return document


def explain(
    findings: Findings,
    id: str,
    store: Any | None = None,
    *,
    signs: Mapping[str, Sign] | None = None,
    scores: Mapping[str, Mapping[str, Any]] | None = None,
    rules: Sequence[Any] = (),
) -> Explanation:
    """The explanation of a campaign, account or exchange by its id, looked up in that order.

    `store` (`exchange_files()`, `account_ids()`) finds exchanges; `signs` is the signals' catalogue; `scores`
    the weighing behind each campaign; `rules` name pattern codes. An unknown id is a UsageError that
    names the nearest known ones.
    """
    signs = signs or {}
    campaign = findings.campaign(id)
    if campaign is not None:
        return of_campaign(findings, campaign, signs, (scores or {}).get(id, {}))
    account = findings.account(id)
    if account is not None:
        return of_account(findings, account, signs)
    if store is not None:
        from stillwatch.report.exchange import of_exchange

        found = of_exchange(findings, id, store, rules, signs)
        if found is not None:
            return found
    close = nearest_ids(findings, id)
    hint = "did you mean " + ", ".join(close) + "?" if close else "`stillwatch campaigns` lists what was found"
    raise UsageError(clean(id, 80) or "(empty id)", "no campaign, account or exchange has this id", hint)


def of_campaign(
    findings: Findings, row: Mapping[str, Any], signs: Mapping[str, Sign], balance: Mapping[str, Any]
) -> Explanation:
    """Why a group of accounts is reported."""
    claims = _claims(findings.evidence_of("campaign", row["campaign_id"]), signs)
    mine = findings.accounts.filter(
        pc.is_in(findings.accounts["account_id"], value_set=_strings(row["account_ids"] or []))
    )
    network = row["kind"] == "account_network"
    who = [
        f"{count_of(row['accounts'], 'account')} sent {count_of(row['exchanges'], 'exchange')} "
        f"{span(row['first_seen'], row['last_seen'])}.",
        f"Does it harvest, whoever it is: {score_text(row['conduct_score'])} of 100. "
        f"Is it one operator, whatever it does: {score_text(row['coordination_score'])} of 100.",
    ]
    if row["targets"]:
        who.append("It goes after " + ", ".join(clean(t, 80) for t in row["targets"][:8]) + ".")
    if row["techniques"]:
        techniques = ", ".join(clean(t, 40) for t in row["techniques"][:12])
        note = clean(row["techniques_note"], 500).rstrip(".")
        who.append(f"MITRE ATLAS: {techniques}" + (f" ({note})" if note else "") + ".")
    if network:
        who.append(
            "Linked does not mean guilty: customers behind this operator are not called distillers for it, "
            "and their own scores stay what their conduct says."
        )
    words = KIND_WORDS.get(row["kind"], KIND_WORDS["distillation"])
    title = clean(row["title"], 160) or count_of(row["accounts"], "account")
    headline = f"{title}: {_label(row)} (score {score_text(row['score'])}, the probability in percent that {words})."
    rate = row["false_alarm_rate"]
    alarm = "How often a legitimate group would score as high is not known for this one."
    if rate is not None:
        alarm = f"Legitimate groups that would score as high: {rate_text(rate)}. {reconciled(findings.run)}"
    return _explanation(
        "campaign", row["campaign_id"], headline, who, claims, signs,
        unknown=_unknown(mine["not_evaluable"].to_pylist(), findings.run, signs),
        balance=balance, alarm=alarm, row=row, related=tuple(row["related"] or ()), linked=True,
    )


def of_account(findings: Findings, row: Mapping[str, Any], signs: Mapping[str, Sign]) -> Explanation:
    """Why an account has its score: its own evidence, and its group's where it is in one."""
    claims = _claims(findings.evidence_of("account", row["account_id"]), signs)
    who = [f"{count_of(row['exchanges'], 'exchange')} in the window."]
    note = ""
    if not claims:
        claims = _of_reasons(row["reasons"] or (), signs)
        note = f"Evidence is kept whole for accounts that score {KEPT_FROM:.0f} or more, or are in a campaign; of this "
        note += "one, the heaviest reasons." if claims else f"one, no signal weighs {LEAST_BITS} bits or more."
    group = findings.campaign(row["campaign_id"]) if row["campaign_id"] else None
    alarm = "An account's score holds at the base rate named in [calibrate] prior."
    if group is not None:
        who.append(
            f"It is one of {count_of(group['accounts'], 'account')} in {clean(group['campaign_id'], 60)}, "
            f"{clean(group['title'], 120)} (score {score_text(group['score'])})."
        )
        if group["kind"] == "account_network":
            who.append("That is an account network: being in one does not raise this account's own score.")
        else:
            who.append("An account in a reported harvest is scored by all evidence, its group's included.")
            said = _claims(findings.evidence_of("campaign", group["campaign_id"]), signs)
            claims += [dataclasses.replace(claim, of_group=True) for claim in said]
            claims.sort(key=_heaviest)
        rate = group["false_alarm_rate"]
        if rate is not None:
            alarm = f"Legitimate groups that would score as high as its group: {rate_text(rate)}. "
            alarm += reconciled(findings.run)
    who += [clean(reason, 400) for reason in (row["reasons"] or [])[:12] if not _told(reason, claims)]
    prior = prior_of(findings.run)
    start = f", at a base rate of {percent_text(prior)}" if prior is not None else ""
    headline = (
        f"Account {clean(row['account_id'], 80)}: {_label(row)} (score {score_text(row['score'])}, the probability in "
        f"percent that it harvests without agreement{start})."
    )
    return _explanation(
        "account", row["account_id"], headline, who, claims, signs,
        unknown=_unknown([row["not_evaluable"] or []], findings.run, signs), balance={}, alarm=alarm, row=row,
        related=(group["campaign_id"],) if group else (), linked=group is not None, note=note,
    )


def silenced(findings: Findings, signs: Mapping[str, Sign]) -> tuple[Unknown, ...]:
    """Signals that could not speak of at least half of all accounts, the most silenced first."""
    return tuple(u for u in _unknown(findings.accounts["not_evaluable"].to_pylist(), findings.run, signs)
                 if u.share >= 0.5)


def missing_columns(run: Mapping[str, Any]) -> dict[str, float]:
    """Column to the share of kept exchanges (0..1) that lack it, as the run recorded; empty where it did not."""
    recorded = run.get("missing") or run.get("missing_columns") or run.get("columns_missing") or {}
    if isinstance(recorded, (list, tuple)):
        return {str(name): 1.0 for name in recorded}
    if not isinstance(recorded, Mapping):
        return {}
    rows = run.get("rows")
    kept = rows.get("kept") if isinstance(rows, Mapping) else None
    shares: dict[str, float] = {}
    for name, value in recorded.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            whole = isinstance(value, int) and isinstance(kept, (int, float)) and kept > 0
            shares[str(name)] = min(1.0, value / kept) if whole and kept else min(1.0, float(value))
    for inside in ("prompt", "system"):  # `messages` holds both: lacking only its double is lacking nothing
        if inside in shares:
            shares[inside] = min(shares[inside], shares.get("messages", 0.0))
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def nearest_ids(findings: Findings, id: str, many: int = 3) -> list[str]:
    """Known campaign and account ids that look like `id`, bounded and printable."""
    id = id[:200]
    known = [str(c) for c in findings.campaigns["campaign_id"].to_pylist() if c]
    accounts = findings.accounts["account_id"]
    known += [a[:200] for a in accounts.slice(0, _NEAREST_AMONG).to_pylist() if a]
    if len(id) >= 3 and len(accounts) > _NEAREST_AMONG:
        prefixed = accounts.filter(pc.starts_with(accounts, id[:-1]))
        known += [a[:200] for a in prefixed.slice(0, 20).to_pylist() if a]
    holding = [k for k in known if len(id) >= 4 and id.lower() in k.lower()][:many]
    close = difflib.get_close_matches(id, known, many, 0.6) if id else []
    return [clean(k, 80) for k in dict.fromkeys(holding + close)][:many]


def _explanation(
    kind: str,
    id: str,
    headline: str,
    who: Sequence[str],
    claims: Sequence[Claim],
    signs: Mapping[str, Sign],
    *,
    unknown: Sequence[Unknown],
    balance: Mapping[str, Any],
    alarm: str,
    row: Mapping[str, Any],
    related: tuple[str, ...],
    linked: bool,
    note: str = "",
) -> Explanation:
    accepted = tuple(c for c in claims if (c.bits or 0.0) < 0 and _is_explanation(c))
    against = tuple(c for c in claims if (c.bits or 0.0) < 0)
    pro = tuple(c for c in claims if (c.bits or 0.0) >= 0)
    alike = tuple(
        LookAlike(name, signs[name].also_seen_in)
        for name in dict.fromkeys(c.signal for c in pro if (c.bits or 0.0) > 0.2)
        if name in signs and signs[name].also_seen_in
    )
    look_at = tuple(dict.fromkeys(i for c in pro for i in c.exchange_ids))[:_LOOK_AT]
    return Explanation(
        kind=kind, id=id, headline=headline, who=tuple(who), seen=tuple(c.says for c in claims if c.says),
        evidence_for=pro, evidence_against=against, look_alikes=alike, accepted=accepted,
        accepted_text=_accepted_text(accepted, pro, unknown, signs), unknown=tuple(unknown),
        balance={k: v for k, v in plain(dict(balance)).items() if v is None or isinstance(v, (int, float))},
        false_alarm=alarm, look_at=look_at, contest=ways_to_contest(
            kind, agreed=any(c.signal == "agreed_use" for c in accepted), linked=linked,
            columns=list(dict.fromkeys(column for u in unknown for column in u.columns)),
        ), related=related, row=row,
        note=note,
    )


def _accepted_text(
    accepted: Sequence[Claim], pro: Sequence[Claim], unknown: Sequence[Unknown], signs: Mapping[str, Sign]
) -> str:
    asked = [name for name, s in signs.items() if s.about == "explanation"]
    mute = [u.signal for u in unknown if u.signal in asked]
    unasked = f" {len(mute)} of {len(asked)} known explanations could not be checked." if mute else ""
    if not accepted:
        if asked and len(mute) == len(asked):
            return "No innocent explanation could be checked: the columns that would show one are not logged."
        return "No innocent explanation that stillwatch knows was found to hold." + unasked
    total, weight = sum(c.bits or 0.0 for c in accepted), sum(c.bits or 0.0 for c in pro)
    names = ", ".join(c.signal.replace("_", " ") for c in accepted[:6])
    held = "and outweighs the signs" if -total >= weight else "but does not outweigh the signs"
    return f"Accepted in part or whole ({bits_text(total)}), {held} ({bits_text(weight)}): {names}." + unasked


def _claims(rows: Sequence[Mapping[str, Any]], signs: Mapping[str, Sign]) -> list[Claim]:
    out = []
    for row in rows:
        sign = signs.get(row["signal"])
        facts = row["facts"] or {}
        out.append(
            Claim(
                signal=clean(row["signal"], 80), family=clean(row["family"], 60), bits=plain(row["weight_bits"]),
                p_value=plain(row["p_value"]), says=clean(row["says"], 600),
                facts={clean(k, 60): plain(v) for k, v in list(dict(facts).items())[:30]},
                exchange_ids=tuple(i for i in (row["exchange_ids"] or []) if i),
                about=sign.about if sign else clean(row["family"], 60),
            )
        )
    return sorted(out, key=_heaviest)


def _of_reasons(reasons: Sequence[str], signs: Mapping[str, Sign]) -> list[Claim]:
    """The claims that an account's reasons hold, where no rows of evidence are kept."""
    found = [weighed for weighed in map(weighed_reason, reasons) if weighed is not None]
    out = []
    for weighed in found:
        sign = signs.get(weighed.signal)
        family, about = (sign.family, sign.about) if sign else ("", "conduct")
        name = clean(weighed.signal, 80)
        out.append(Claim(name, family, weighed.bits, None, clean(weighed.says, 600), {}, (), about))
    return sorted(out, key=_heaviest)


def _heaviest(claim: Claim) -> tuple[float, str]:
    return (-abs(claim.bits or 0.0), claim.signal)


def _is_explanation(claim: Claim) -> bool:
    return "explanation" in (claim.about, claim.family)


def _told(reason: str, claims: Sequence[Claim]) -> bool:
    """Whether a reason only repeats what a claim says."""
    return any(c.says and c.says[:60] in clean(reason, 600) for c in claims)


def _unknown(
    lists: Sequence[Sequence[str] | None], run: Mapping[str, Any], signs: Mapping[str, Sign]
) -> tuple[Unknown, ...]:
    """Signals that could not speak of any of these actors, or of half of them, with the columns to blame."""
    counts = Counter(name for names in lists for name in set(names or ()))
    lacking = missing_columns(run)
    gone = {name for name, share in lacking.items() if share > 0.5}
    out = []
    for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:60]:
        share = n / max(len(lists), 1)
        if share < 0.5:
            continue
        needs = tuple(dict.fromkeys(signs[name].needs)) if name in signs else ()
        if name in signs and signs[name].family == "foreign" and run.get("foreign_campaigns") == 0:
            continue  # it had nothing to ask about: no log and no traffic would change that
        blamed = tuple(n for n in needs if gone & {n, column_of(n), column_of(n).removesuffix(" (accounts file)")})
        # a run that records what is missing clears the other columns; else all that it needs are under suspicion
        blamed = blamed if lacking else needs
        out.append(Unknown(clean(name, 80), tuple(dict.fromkeys(column_of(n) for n in blamed)), share))
    return tuple(out)


def _label(row: Mapping[str, Any]) -> str:
    return clean(row["label"], 20) or "not labelled"


def _strings(values: Sequence[str]) -> Any:
    import pyarrow as pa

    return pa.array(values, pa.string())


def claim_line(claim: Claim) -> str:
    """A claim's weight in words: `template sweep: +4.1 bits (17 times likelier if it harvests), p = 0.002`."""
    yes, no = _SUPPOSITIONS.get(claim.about, _SUPPOSITIONS["conduct"])
    name = (claim.signal.replace("_", " ") or "a signal") + (", of its group" if claim.of_group else "")
    chance = f", {p_text(claim.p_value)}" if claim.p_value is not None else ""
    return f"{name}: {bits_text(claim.bits)} ({odds_text(claim.bits, yes, no)}){chance}"


def facts_line(facts: Mapping[str, float | None]) -> str:
    """Facts on one line: `prompts 1,200 · distinct share 0.97`."""
    parts = []
    for name, value in facts.items():
        whole = value is not None and float(value).is_integer()
        shown = number(value) if whole or value is None else "0.000" if abs(value) < 0.0005 else f"{value:.3g}"
        parts.append(f"{name.replace('_', ' ')} {shown}")
    return " · ".join(parts)
