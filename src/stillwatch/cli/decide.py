"""`decide` and `decisions`: what policy says to do about the findings, what it would have done, what holds now."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal


@click.command()
@click.option(
    "--policy",
    "policy_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The policy (default: [decide] policy, else the one that ships).",
)
@click.option(
    "--what-if",
    "what_if_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="POLICY",
    help="Decide nothing: replay what is stored under this policy and count whom it would have met.",
)
@click.option(
    "--every",
    type=click.FloatRange(0.5, 24 * 365),
    default=24.0,
    show_default=True,
    metavar="HOURS",
    help="With --what-if: how often a sweep would have looked.",
)
@click.option(
    "--approval",
    type=click.FloatRange(0, 24 * 365),
    default=4.0,
    show_default=True,
    metavar="HOURS",
    help="With --what-if: how long a person takes to approve.",
)
@click.option("--show-policy", is_flag=True, help="Print the policy that ships, to start your own from.")
@options.home_option
@options.settings_options
@options.json_option
def decide(
    policy_file: Path | None,
    what_if_file: Path | None,
    every: float,
    approval: float,
    show_policy: bool,
    home: Path,
    settings_file: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Bring the decisions in line with the latest findings, under a policy.

    Decisions are simulated (recorded and shown, never enforced) until a row of the policy says `mode = "enforce"`.
    A group is suspended only after a person has approved.
    """
    from stillwatch.decide.lapses import lapses
    from stillwatch.decide.policy import read_policy
    from stillwatch.report.plain_text import clean

    if show_policy:
        from importlib.resources import files

        terminal.print_pieces([files("stillwatch.decide").joinpath("default_policy.toml").read_text("utf-8")])
        return
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch import pipeline

    if what_if_file is not None:
        _what_if(home, settings, read_policy(what_if_file), every, approval, as_json)
        return
    chosen = policy_file or (Path(settings.decide.policy) if settings.decide.policy else None)
    policy = read_policy(chosen)
    decided = pipeline.decide(home, policy, settings=settings)
    lapsing = lapses(home, policy)
    document = {"policy": policy.origin, "policy_sha256": policy.sha256, "new": decided.new, "renewed": decided.renewed,
                "waiting": decided.waiting, "replaced": decided.replaced,
                "hours_between_sweeps": lapsing.hours_apart, "rules_that_lapse": lapsing.rules}  # fmt: skip
    if as_json:
        terminal.print_json(document)
        return
    click.echo(f"{len(decided.new)} new, {len(decided.renewed)} renewed, {len(decided.replaced)} replaced, "
               f"{len(decided.waiting)} waiting for approval.")  # fmt: skip
    if gap := lapsing.says():
        click.echo(f"decide: {clean(gap, 1000)}", err=True)
    _show(_rows(home, "live"), home)


@click.command()
@click.option("--waiting", is_flag=True, help="Only those that wait for a person's approval.")
@click.option("--ended", is_flag=True, help="Those that ended, too.")
@click.option("--campaign", metavar="ID", help="Only those on this campaign.")
@click.option("--account", metavar="ID", help="Only what holds for this account, its exemptions, what it may be told.")
@click.option("--allowed", "others", flag_value="allows", help="Allowances instead, those that ended too.")
@click.option("--verdicts", "others", flag_value="verdicts", help="People's verdicts instead.")
@click.option("--appeals", "others", flag_value="appeals", help="Customers' appeals instead, open ones first.")
@options.home_option
@options.json_option
def decisions(
    waiting: bool, ended: bool, campaign: str | None, account: str | None, others: str | None, home: Path, as_json: bool
) -> None:
    """List decisions: what holds, what waits, for whom, until when, and why. Or allowances, verdicts, appeals."""
    if others is not None:
        _show_others(home, others, account, as_json)
        return
    rows = _rows(home, "all" if ended else "live")
    told: list[str] = []
    exempt_from: list[str] = []
    if account is not None:
        from stillwatch.decide.live import held_back, holding
        from stillwatch.decide.people import may_be_told
        from stillwatch.decide.record import Record

        options.check_id("--account", account)
        record = Record(home, create=False)
        now = time.time()
        held = {row["decision_id"] for row in held_back(record, account, now)}
        exempt_from = [row["decision_id"] for row in holding(record, account, now) if row["decision_id"] not in held]
        told = may_be_told(record, account, now)
        record.close()
        rows = [row for row in rows if row["decision_id"] in held]
    rows = [
        row for row in rows
        if (not waiting or row["state"] == "proposed") and (campaign is None or row["campaign_id"] == campaign)
    ]  # fmt: skip
    if as_json:
        of_account = {"may_be_told": told, "exempt_from": exempt_from} if account is not None else {}
        terminal.print_json({"decisions": rows, **of_account})
        return
    _show(rows, home)
    from stillwatch.report.plain_text import clean

    if exempt_from:
        click.echo(f"Named, but exempt (allowed, agreed, found wrong, or in appeal): {', '.join(exempt_from)}")
    for sentence in told:
        click.echo(f"May be told: {clean(sentence, 600)}")


_OTHERS = {
    "allows": "SELECT *, value AS account_id FROM allows ORDER BY ended_at IS NOT NULL, allow_id DESC",
    "verdicts": "SELECT *, subject AS account_id FROM verdicts ORDER BY withdrawn_at IS NOT NULL, verdict_id DESC",
    "appeals": "SELECT * FROM appeals ORDER BY state NOT LIKE 'open%', appeal_id DESC",
}


def _show_others(home: Path, which: str, account: str | None, as_json: bool) -> None:
    from stillwatch.decide.record import Record
    from stillwatch.report.plain_text import clean

    record = Record(home, create=False)
    rows = [row for row in record.rows(_OTHERS[which]) if account is None or row["account_id"] == account]
    record.close()
    if as_json:
        terminal.print_json({which: rows})
        return
    if not rows:
        click.echo(f"No {'allowances' if which == 'allows' else which}.")
    for row in rows:
        if which == "allows":
            until = "until it is lifted"
            if row["until"] is not None:
                until = time.strftime("until %Y-%m-%d %H:%M UTC", time.gmtime(row["until"]))
            head = f"{row['decision_id']}  {row['scope']} {row['value']}  {'ended' if row['ended_at'] else until}"
            says = row["reason"]
        elif which == "verdicts":
            state = "  (taken back)" if row["withdrawn_at"] else ""
            head, says = f"{row['verdict_id']}  {row['verdict']}  {row['kind']} {row['subject']}{state}", row["reason"]
        else:
            head = f"{row['appeal_id']}  {row['state']}  {row['account_id']}  {row['decision_id'] or 'nothing held'}"
            says = row["says"]
        click.echo(f"{clean(head, 200)}: {clean(says or '', 2000)}")


def _rows(home: Path, which: str) -> list[dict[str, Any]]:
    from stillwatch.decide.live import live_rows
    from stillwatch.decide.record import Record

    record = Record(home, create=False)
    try:
        if which == "live":
            rows = live_rows(record, time.time())
        else:
            rows = record.rows("SELECT * FROM decisions ORDER BY created_at DESC, decision_id")
        counts = {r["decision_id"]: r["n"] for r in record.rows(
            "SELECT decision_id, count(*) AS n FROM members GROUP BY decision_id")}  # fmt: skip
    finally:
        record.close()
    return [{**row, "accounts": counts.get(row["decision_id"], 1)} for row in rows]


def _show(rows: list[dict[str, Any]], home: Path) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from stillwatch.decide.propose import whom_of
    from stillwatch.report.plain_text import clean, quoted

    if not rows:
        click.echo("No decisions.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("decision", "action", "for", "accounts", "mode", "state", "ends (UTC)"):
        table.add_column(title, justify="right" if title == "accounts" else "left", overflow="fold")
    for row in rows:
        ends = time.strftime("%Y-%m-%d %H:%M", time.gmtime(row["expires_at"]))
        whom = row["campaign_id"] if row["scope"] == "campaign" else f"{row['scope']} {row['value']}"
        table.add_row(
            row["decision_id"], row["action"], Text(clean(whom or "", 60)), f"{row['accounts']:,}",
            "enforced" if row["mode"] == "enforce" else "simulated", row["state"], ends,
        )  # fmt: skip
    terminal.console().print(table)
    for row in rows:
        if row["variant"] == "gentler" and (whom := whom_of(row["why"])):
            click.echo(f"{row['decision_id']}, {row['action'].replace('_', ' ')}: {clean(whom, 400)}")
    if any(row["state"] == "proposed" for row in rows):
        suffix = "" if str(home) == ".stillwatch" else f" --home {quoted(home, 200)}"
        waiting = next(row["decision_id"] for row in rows if row["state"] == "proposed")
        click.echo(f"next: `stillwatch approve {waiting}{suffix}` after reading `stillwatch explain CAMPAIGN`.")


def _what_if(home: Path, settings: Any, policy: Any, every: float, approval: float, as_json: bool) -> None:
    from stillwatch.foresight import foresee

    with terminal.progress() as progress:
        outcome, sweeps = foresee(
            home, policy, settings=settings, every_hours=every, approval_hours=approval, progress=progress
        )
    document = {
        "policy": policy.origin, "policy_sha256": policy.sha256, "sweeps": sweeps,
        "decisions": outcome.decisions, "waited_for_approval": outcome.waited_for_approval,
        "accounts_hit": outcome.accounts_hit, "exchanges_hit": outcome.exchanges_hit, "exchanges": outcome.exchanges,
        "legitimate_accounts_hit": list(outcome.legitimate_accounts_hit),
        "legitimate_exchanges_hit": outcome.legitimate_exchanges_hit, "newcomers_met": outcome.newcomers_met,
        "prevented": outcome.prevented, "lessened": outcome.lessened,
        "campaigns": [vars(c) | {} for c in outcome.campaigns],
    }  # fmt: skip
    if as_json:
        terminal.print_json(document)
        return
    click.echo(
        f"Nothing was decided. Under this policy, swept every {every:g} h and approved within {approval:g} h:\n"
        f"  {outcome.decisions} decisions, {outcome.waited_for_approval} of them approved by a person; "
        f"{outcome.accounts_hit:,} accounts and {outcome.exchanges_hit:,} of {outcome.exchanges:,} exchanges met\n"
        f"  {100 * outcome.prevented:.1f} % of the campaigns' exchanges stopped, {100 * outcome.lessened:.1f} % "
        f"answered with something withheld\n"
        f"  {len(outcome.legitimate_accounts_hit)} accounts that the latest sweep calls clear, "
        f"{outcome.legitimate_exchanges_hit:,} exchanges of theirs; {outcome.newcomers_met} newcomers met"
    )
    for c in outcome.campaigns:
        late = "never" if c.first_decided_after_hours is None else f"after {c.first_decided_after_hours:.1f} h"
        click.echo(
            f"  {c.campaign_id}: first acted on {late}; of {c.exchanges:,} exchanges {100 * c.prevented:.1f} % "
            f"stopped, {100 * c.lessened:.1f} % lessened"
        )
    click.echo("Judged by the latest sweep, not by the truth: what it missed counts as legitimate or not at all.")
