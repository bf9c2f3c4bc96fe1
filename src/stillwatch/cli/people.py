"""What people do about decisions: approve, refuse, lift, allow, verdict, appeal; audit and calibrate."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.decide.record import Record

F = TypeVar("F", bound=Callable[..., Any])


def _on_a_decision(function: F) -> F:
    """DECISION, and who acts where."""
    for option in (options.json_option, options.home_option, options.by_option):
        function = option(function)
    return click.argument("decision", metavar="DECISION")(function)


def _record(home: Path) -> Record:
    from stillwatch.decide.record import Record

    return Record(home)


def _number(subject: str, of: str, hint: str) -> int:
    if not subject.isascii() or not subject.isdigit():
        raise UsageError(subject[:60], f"is no {of}'s number", hint)
    return int(subject[:15])


@click.command()
@click.option("--note", default="", metavar="TEXT", help="What you looked at.")
@_on_a_decision
def approve(decision: str, note: str, by: str | None, home: Path, as_json: bool) -> None:
    """Approve a decision that waits: from now on it holds."""
    from stillwatch.decide import people

    people.approve(_record(home), options.who(by), decision, time.time(), note=note)
    terminal.done(as_json, f"{decision} holds now.", decision_id=decision, state="active")


@click.command()
@options.reason_option
@_on_a_decision
def refuse(decision: str, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    """Refuse a decision that waits for approval."""
    from stillwatch.decide import people

    people.refuse(_record(home), options.who(by), decision, time.time(), reason=reason)
    terminal.done(as_json, f"{decision} is refused.", decision_id=decision, state="refused")


@click.command()
@options.reason_option
@_on_a_decision
def lift(decision: str, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    """End a decision or an allowance that holds, at once."""
    from stillwatch.decide import people

    people.lift(_record(home), options.who(by), decision, time.time(), reason=reason)
    terminal.done(as_json, f"{decision} is lifted.", decision_id=decision, state="lifted")


@click.command()
@click.argument("scope", type=click.Choice(["account", "key", "organisation"]))
@click.argument("value", metavar="ID")
@click.option("--until", type=options.Moment(), metavar="T", help="Until when (default: until it is lifted).")
@options.reason_option
@options.by_option
@options.home_option
@options.json_option
def allow(
    scope: str, value: str, until: datetime | None, reason: str, by: str | None, home: Path, as_json: bool
) -> None:
    """Let an account, key or organisation pass, whatever else is decided."""
    from stillwatch.decide import people

    options.check_id("ID", value)
    made = people.allow(
        _record(home), options.who(by), time.time(), scope=scope, value=value, reason=reason,
        until=until.timestamp() if until else None,
    )  # fmt: skip
    terminal.done(as_json, f"{made}: this {scope} passes now. `stillwatch lift {made}` ends it.", decision_id=made)


@click.command()
@click.argument("verdict", type=click.Choice(["confirm", "wrong", "withdraw"]))
@click.argument("subject", metavar="ID|NUMBER")
@options.reason_option
@options.by_option
@options.home_option
@options.json_option
def verdict(verdict: str, subject: str, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    """Say what you concluded on the campaign or account ID, or withdraw verdict NUMBER.

    `wrong` undoes what was decided, at once. A withdrawn verdict is no longer heeded: what it undid comes back with the
    next `decide`, as far as the findings still hold it.
    """
    from stillwatch.decide import people
    from stillwatch.decide.verdicts import kind_of, verdict_on

    if verdict == "withdraw":
        number = _number(subject, "verdict", "stillwatch decisions --verdicts lists them with their numbers")
        people.withdraw_verdict(_record(home), options.who(by), number, time.time(), reason=reason)
        terminal.done(as_json, f"Verdict {number} is withdrawn.", verdict_id=number, verdict=verdict)
        return
    options.check_id("ID", subject)
    record = _record(home)
    kind = kind_of(home, record, subject)
    number = verdict_on(home, record, options.who(by), kind, subject, verdict, reason, time.time())
    undone = " What was decided is undone." if verdict == "wrong" else ""
    says = f"Verdict {number} on this {kind} is kept.{undone}"
    terminal.done(as_json, says, verdict_id=number, kind=kind, verdict=verdict)


@click.command()
@click.argument("subject", metavar="ACCOUNT|NUMBER")
@click.option("--says", metavar="TEXT", help="Enter an appeal of ACCOUNT, in the customer's words.")
@click.option("--grant", is_flag=True, help="Answer appeal NUMBER: the customer is right.")
@click.option("--reject", is_flag=True, help="Answer appeal NUMBER: the decision stands.")
@click.option("--reason", default="", metavar="TEXT", help="Why, with --grant or --reject.")
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def appeal(
    subject: str,
    says: str | None,
    grant: bool,
    reject: bool,
    reason: str,
    by: str | None,
    home: Path,
    settings_file: Path | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Enter a customer's appeal, or answer one. While it is open the customer may go on after verifying."""
    from stillwatch.decide import people
    from stillwatch.decide.policy import read_policy

    if (says is not None) + grant + reject != 1:
        raise UsageError("appeal", "one of --says, --grant, --reject", "stillwatch appeal ACCOUNT --says TEXT")
    if says is not None:
        options.check_id("ACCOUNT", subject)
        chosen = options.read_settings(home, settings_file, overrides).decide.policy
        soften = read_policy(Path(chosen) if chosen else None).appeal_while_open
        number = people.appeal(_record(home), options.who(by), subject, time.time(), says=says, soften=soften)
        terminal.done(as_json, f"Appeal {number} is entered.", appeal_id=number, state="open")
        return
    number = _number(subject, "appeal", "stillwatch appeal NUMBER --grant --reason TEXT")
    people.answer_appeal(_record(home), options.who(by), number, time.time(), granted=grant, reason=reason)
    said = "granted" if grant else "rejected"
    terminal.done(as_json, f"Appeal {number} is {said}.", appeal_id=number, granted=grant)


@click.command()
@click.option("--verify", is_flag=True, help="Check the chain of hashes; exit status 2 where it is broken.")
@options.home_option
@options.json_option
def audit(verify: bool, home: Path, as_json: bool) -> None:
    """Show who did what and when, or check that nothing was taken out of that log."""
    from stillwatch.decide.record import Record
    from stillwatch.report.plain_text import clean

    record = Record(home, create=False)
    lines, fault = record.verify_audit()
    if verify:
        head = record.rows("SELECT hash FROM audit ORDER BY seq DESC LIMIT 1")
        if fault:
            hint = "compare with a backup; ask who can write here"
            raise UsageError("audit log", f"holds for {lines} lines, then: {fault}", hint)
        terminal.done(as_json, f"The audit log holds: {lines} lines, head {head[0]['hash'] if head else 'none'}.",
                      lines=lines, fault=fault, head=head[0]["hash"] if head else None)  # fmt: skip
        return
    rows = record.rows("SELECT * FROM audit ORDER BY seq")
    if as_json:
        terminal.print_json({"audit": rows, "lines": lines, "fault": fault})
        return
    for row in rows:
        click.echo(f"{row['seq']:>6}  {row['at']}  {clean(row['who'], 40)} ({row['role']})  {row['what']}  "
                   f"{clean(row['subject'], 80)}  {clean(row['details'], 200)}")  # fmt: skip


@click.command()
@click.option("--write", is_flag=True, help="Leave the base rate in DIR/learned.toml, which later runs read.")
@options.home_option
@options.settings_options
@options.json_option
def calibrate(write: bool, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Compare scores with people's verdicts, and fit the base rate to them."""
    import dataclasses

    from stillwatch.decide.learn import LEAST_VERDICTS, learn
    from stillwatch.decide.record import Record
    from stillwatch.report.plain_text import percent_text

    settings = options.read_settings(home, settings_file, overrides)
    learned = learn(Record(home, create=False), settings.calibrate.prior)
    if write:
        if learned.prior is None:
            few = f"takes {LEAST_VERDICTS} verdicts or more on campaigns; there are {learned.verdicts}"
            raise UsageError("--write", few,
                             "stillwatch verdict confirm|wrong CAMPAIGN --reason TEXT")  # fmt: skip
        fresh = home / "learned.toml.new"
        fresh.write_text(
            f"# Fitted to {learned.verdicts} verdicts by `stillwatch calibrate`; stillwatch.toml goes over it.\n"
            f"[calibrate]\nprior = {learned.prior:.6f}\n", "utf-8",
        )  # fmt: skip
        fresh.replace(home / "learned.toml")
    if as_json:
        terminal.print_json({**dataclasses.asdict(learned), "written": write})
        return
    click.echo(f"{learned.verdicts} verdicts on scored campaigns, {learned.confirmed} confirmed.")
    for b in learned.bins:
        if b.verdicts:
            click.echo(f"  scores {b.low:g} to {b.high:g}: {b.verdicts} verdicts, mean score {b.mean_score:.0f} %, "
                       f"confirmed {100 * b.confirmed / b.verdicts:.0f} %")  # fmt: skip
    if learned.prior is None:
        click.echo(f"Too few to fit a base rate: {LEAST_VERDICTS} are needed.")
    else:
        shift = f"{learned.shift_bits:+.2f} bits"
        fits, was = percent_text(learned.prior), percent_text(learned.was)
        click.echo(f"Base rate that fits them: {fits} (was {was}, {shift}).")
        click.echo("Only reported campaigns get verdicts, so this speaks of those, not of what was never reported.")
