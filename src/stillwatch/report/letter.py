"""Findings in a terminal: the sweep's summary, the list of campaigns, and an explanation as a letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from stillwatch.records.tables import ACCOUNT, EXCHANGE
from stillwatch.report.catalogue import Sign
from stillwatch.report.explain import Claim, Explanation, claim_line, facts_line, missing_columns, silenced
from stillwatch.report.findings import Findings
from stillwatch.report.plain_text import clean, compact, count_of, number, quoted, score_text, when

LABEL_STYLES: Mapping[str, str] = {
    "almost certain": "bold red",
    "very likely": "bold red",
    "likely": "bold yellow",
    "mixed": "yellow",
    "clear": "green",
}
_LISTED = 40
#: Columns that only the accounts file has, and columns that are empty for most customers of any provider.
_OF_ACCOUNTS = frozenset(column.name for column in ACCOUNT) - {column.name for column in EXCHANGE}
_SELDOM = frozenset({"allow", "allow_until", "status_changed_at", "referrer"})
_REASONS = 6


def say(console: Console, text: str, *, style: str = "", indent: int = 0) -> None:
    """One paragraph of plain text, wrapped to the terminal. Nothing in it is read as markup."""
    console.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False), highlight=False)


def item(console: Console, mark: str, text: str, *, style: str = "", indent: int = 2) -> None:
    """One item of a list: a mark, and a paragraph that hangs beside it."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style=style)
    grid.add_column()
    grid.add_row(Text(mark), Text(text))
    console.print(Padding(grid, (0, 0, 0, indent), expand=False))


def heading(console: Console, text: str) -> None:
    """A small heading with a blank line before it."""
    console.print()
    say(console, text, style="bold")


def letter(console: Console, told: Explanation) -> None:
    """The explanation, most important first."""
    say(console, told.headline, style="bold")
    for line in told.who:
        say(console, line, indent=2)
    of_whom = ", of its account" if told.kind == "exchange" else ""
    if told.evidence_for:
        heading(console, f"What speaks for it{of_whom}")
        _claims(console, told.evidence_for, "+")
    if told.evidence_against:
        heading(console, f"What speaks against it{of_whom}")
        _claims(console, told.evidence_against, "-")
    if not told.evidence_for and not told.evidence_against:
        heading(console, "Evidence")
        say(console, told.note or "No signal had anything to say, for or against.", indent=2)
    elif told.note:
        say(console, told.note, indent=2, style="dim")
    if told.look_alikes or told.accepted_text:
        heading(console, "Who else looks like this, and was that accepted?")
        for alike in told.look_alikes:
            say(console, f"{alike.signal.replace('_', ' ')}: {clean(alike.also_seen_in, 400)}", indent=2)
        if told.accepted_text:
            say(console, told.accepted_text, indent=2, style="italic")
    if told.unknown:
        heading(console, "What could not be evaluated")
        for unknown in told.unknown[:15]:
            say(console, f"{unknown.signal.replace('_', ' ')}. {unknown.cure}", indent=2)
        if len(told.unknown) > 15:
            say(console, f"and {len(told.unknown) - 15} more (see --json).", indent=2)
    if told.false_alarm:
        heading(console, "How often this would be a false alarm")
        say(console, told.false_alarm, indent=2)
    if told.look_at:
        heading(console, "What to look at")
        whose = "Examples of the group's exchanges: " if told.kind == "campaign" else "Exchanges: "
        say(console, whose + ", ".join(clean(i, 60) for i in told.look_at[:8]), indent=2)
    if told.contest:
        heading(console, "How to contest this")
        for i, step in enumerate(told.contest, 1):
            item(console, f"{i}.", step)
    if told.related:
        console.print()
        others = ", ".join(f"`stillwatch explain {quoted(r)}`" for r in told.related[:4])
        say(console, f"See also: {others}", style="dim")


def campaigns_table(console: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    """The campaigns, highest score first."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, expand=False)
    table.add_column("campaign", no_wrap=True, max_width=28, overflow="ellipsis")
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("label", no_wrap=True)
    table.add_column("accounts", justify="right", no_wrap=True)
    table.add_column("exchanges", justify="right", no_wrap=True)
    table.add_column("seen", no_wrap=True)
    table.add_column("what", min_width=20, max_width=60, overflow="fold")
    for row in rows[:_LISTED]:
        label = clean(row["label"], 20)
        table.add_row(
            Text(clean(row["campaign_id"], 40)), Text(score_text(row["score"])),
            Text(label, style=LABEL_STYLES.get(label, "")),
            number(row["accounts"]), compact(row["exchanges"] or 0),
            f"{when(row['first_seen'], clock=False)[5:]} – {when(row['last_seen'], clock=False)[5:]}",
            Text(f"{clean(row['kind'], 20).replace('_', ' ')}: {clean(row['title'], 120)}"),
        )
    console.print(table)
    if len(rows) > _LISTED:
        say(console, f"and {len(rows) - _LISTED} more: `stillwatch campaigns --json` lists all.", style="dim")


def sweep_letter(
    console: Console, findings: Findings, *, signs: Mapping[str, Sign], drill: Mapping[str, Any], home: str
) -> None:
    """After a sweep: what was read, what is missing, what was found, what to do next."""
    for line in intake_lines(findings.run):
        say(console, line)
    for line in blind_lines(findings, signs):
        say(console, line, style="yellow")
    rows = findings.campaign_rows()
    harvests = [r for r in rows if r["kind"] != "account_network"]
    console.print()
    suffix = "" if home == ".stillwatch" else f" --home {quoted(home, 200)}"
    if rows:
        say(console, found_line(harvests, len(rows) - len(harvests)), style="bold")
        campaigns_table(console, rows)
        first = quoted(rows[0]["campaign_id"])
        say(console, f"next: `stillwatch explain {first}{suffix}` says why, and how to contest it.")
    else:
        say(console, "Nothing found.", style="bold")
        for line in sure_lines(drill, suffix):
            say(console, line)
    lonely = _lonely(findings)
    if lonely:
        say(console, f"{count_of(lonely, 'account')} outside any group {'scores' if lonely == 1 else 'score'} "
                     f"55 or more: see accounts.parquet, or `stillwatch explain ACCOUNT{suffix}`.")


def found_line(harvests: Sequence[Mapping[str, Any]], networks: int) -> str:
    """`3 campaigns (2,600 accounts) and 1 account network found.`"""
    parts = []
    if harvests:
        accounts = sum(r["accounts"] or 0 for r in harvests)
        parts.append(f"{count_of(len(harvests), 'campaign')} ({count_of(accounts, 'account')})")
    if networks:
        parts.append(count_of(networks, "account network"))
    return " and ".join(parts) + " found."


def intake_lines(run: Mapping[str, Any]) -> list[str]:
    """What was read, kept and quarantined, from run.json; no line where the run does not say."""
    rows = run.get("rows")
    if not isinstance(rows, Mapping):
        return []
    files = run.get("inputs") or run.get("files") or []
    where = f" from {count_of(len(files), 'file')}" if isinstance(files, (list, tuple)) and files else ""
    line = f"Read {number(_count(rows, 'read'))} rows{where}, kept {number(_count(rows, 'kept'))}"
    twice, bad = _count(rows, "duplicates"), _count(rows, "quarantined")
    if twice:
        line += f", {number(twice)} were there already"
    line += f", {number(bad)} quarantined." if bad else ", none quarantined."
    lines = [line]
    reasons = rows.get("reasons") or run.get("reasons")
    if bad and isinstance(reasons, Mapping) and reasons:
        pairs = [(str(k), v) for k, v in reasons.items() if isinstance(v, (int, float))]
        worst = sorted(pairs, key=lambda kv: -kv[1])[:_REASONS]
        if worst:
            lines.append("Quarantined because: " + "; ".join(f"{clean(k, 120)} ({number(v)})" for k, v in worst) + ".")
    lost = rows.get("set_unknown")
    if isinstance(lost, Mapping) and lost:
        lines.append(f"Impossible or odd values, taken as unknown: {_counted(lost)}.")
    return [*lines, *_people_lines(run), *_passed_lines(run)]


def _people_lines(run: Mapping[str, Any]) -> list[str]:
    """What of the accounts file was not taken: an agreement that is lost there would accuse somebody."""
    told = run.get("accounts_file") or run.get("accounts")
    if not isinstance(told, Mapping) or "read" not in told:
        return []
    line = f"Accounts file: {number(_count(told, 'read'))} records, {number(_count(told, 'kept'))} accounts"
    bad = _count(told, "quarantined")
    line += f", {number(bad)} not taken ({_counted(told.get('reasons'))})." if bad else "."
    lost = told.get("set_unknown")
    return [line, *([f"Not readable in it, and so unknown: {_counted(lost)}."] if lost else [])]


def _passed_lines(run: Mapping[str, Any]) -> list[str]:
    files = run.get("passed_over") or run.get("files")
    files = [file for file in files if isinstance(file, Mapping)] if isinstance(files, (list, tuple)) else []
    passed = [file for file in files if file.get("why") or file.get("skipped")]
    if not passed:
        return []
    names = _some([clean(str(file.get("path", "")).rpartition("/")[2], 60) for file in passed], 8)
    return [f"Passed over, {count_of(len(passed), 'input')} that looked like no log or could not be read: {names}."]


def _counted(counts: Any) -> str:
    held = counts.items() if isinstance(counts, Mapping) else ()
    pairs = [(str(k), v) for k, v in held if isinstance(v, (int, float))]
    worst = sorted(pairs, key=lambda pair: -pair[1])[:_REASONS]
    return "; ".join(f"{clean(k, 120)} ({number(v)})" for k, v in worst)


def blind_lines(findings: Findings, signs: Mapping[str, Sign]) -> list[str]:
    """Which columns are missing, and which signals that silences."""
    shares = {name: share for name, share in missing_columns(findings.run).items() if name not in _SELDOM}
    gone = [name for name, share in shares.items() if share > 0.995]
    partly = [f"{clean(name, 40)} ({share:.0%})" for name, share in shares.items() if 0.5 < share <= 0.995]
    lines = []
    logged = [clean(name, 40) for name in gone if name not in _OF_ACCOUNTS]
    recorded = [clean(name, 40) for name in gone if name in _OF_ACCOUNTS]
    if logged:
        lines.append("Not in these logs: " + _some(logged, 12) + ".")
    if len(recorded) == len(_OF_ACCOUNTS - _SELDOM):
        lines.append("Nothing is known of the customers: --accounts FILE would tell who pays, and who signed up when.")
    elif recorded:
        lines.append("Not in the accounts file: " + _some(recorded, 12) + ".")
    if partly:
        lines.append("Mostly missing: " + _some(partly, 8) + ".")
    mute = silenced(findings, signs)
    known = f" of {len(signs)}" if signs else ""
    for words, names in (
        ("could not speak for that", [u.signal for u in mute if u.columns]),
        ("had too little traffic to go by", [u.signal for u in mute if not u.columns]),
    ):
        if names:
            told = _some([name.replace("_", " ") for name in names], 8)
            lines.append(f"{count_of(len(names), 'signal')}{known} {words}: {told}.")
    return lines


def sure_lines(drill: Mapping[str, Any], suffix: str = "") -> list[str]:
    """How sure "nothing found" is: what a drill found of harvests planted in these very logs."""
    rows = [r for r in drill.get("rows") or [] if isinstance(r, Mapping)]
    tried = [r for r in rows if isinstance(r.get("tried"), (int, float)) and r["tried"] > 0]
    if not tried:
        return [
            "How sure is that? Nobody has tried yet: "
            f"`stillwatch drill{suffix}` plants harvests of known size in a copy of these logs and counts "
            "what is found."
        ]
    lines = [f"How sure is that? A drill{_drilled_at(drill)} planted harvests in a copy of these logs:"]
    for row in tried[:12]:
        lines.append("  " + drill_sentence(row))
    missing = drill.get("missing_columns")
    if isinstance(missing, (list, tuple)) and missing:
        lines.append("  That is with the columns you have; missing: " + _some([clean(m, 40) for m in missing], 8) + ".")
    return lines


def drill_sentence(row: Mapping[str, Any]) -> str:
    """One size of a drill: `distillation, 40 accounts of 500 exchanges: found 9 of 10`."""
    return (
        f"{clean(row.get('kind'), 40).replace('_', ' ')}, {count_of(row.get('accounts'), 'account')} of "
        f"{count_of(row.get('exchanges_per_account'), 'exchange')} each: found {number(row.get('found'))} of "
        f"{number(row.get('tried'))}."
    )


def drill_table(console: Console, drill: Mapping[str, Any]) -> None:
    """A drill's document as a table, and what it says."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("planted harvest")
    for title in ("accounts", "exchanges each", "found", "tried", "its accounts flagged"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in drill.get("rows") or []:
        recall = row.get("recall")
        table.add_row(
            Text(clean(row.get("kind"), 40).replace("_", " ")), number(row.get("accounts")),
            number(row.get("exchanges_per_account")), number(row.get("found")), number(row.get("tried")),
            f"{recall:.0%}" if isinstance(recall, (int, float)) else "unknown",
        )
    console.print(table)


def _claims(console: Console, claims: Iterable[Claim], sign: str) -> None:
    shown = list(claims)
    for claim in shown[:12]:
        color = "red" if sign == "+" else "green"
        item(console, sign, claim.says or claim.signal.replace("_", " "), style=color)
        say(console, claim_line(claim), style="dim", indent=4)
        if claim.facts:
            say(console, facts_line(dict(list(claim.facts.items())[:6])), style="dim", indent=4)
    if len(shown) > 12:
        say(console, f"and {len(shown) - 12} lighter ones (see --json).", indent=2)


def _lonely(findings: Findings) -> int:
    """Accounts outside any group that score 55 or more."""
    import pyarrow.compute as pc

    high = pc.greater_equal(findings.accounts["score"], 55.0)
    alone = pc.is_null(findings.accounts["campaign_id"])
    return int(pc.sum(pc.and_(high, alone)).as_py() or 0)


def _count(rows: Mapping[str, Any], name: str) -> float | None:
    value = rows.get(name)
    if isinstance(value, Mapping):
        return float(sum(v for v in value.values() if isinstance(v, (int, float))))
    return value if isinstance(value, (int, float)) else None


def _drilled_at(drill: Mapping[str, Any]) -> str:
    at = drill.get("at")
    return f" on {clean(at, 25)[:10]}" if isinstance(at, str) and at else ""


def _some(names: Sequence[str], many: int) -> str:
    shown = ", ".join(names[:many])
    return shown if len(names) <= many else f"{shown} and {len(names) - many} more"
