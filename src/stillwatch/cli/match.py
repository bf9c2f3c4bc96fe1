"""`match`: compare accounts with another provider in private; tokens for indicators; disputes."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

import click

from stillwatch.cli import options, terminal
from stillwatch.cli.match_options import (
    FILE,
    F,
    line_options,
    line_to,
    listen_options,
    set_of,
    set_options,
    tell_set,
    tell_url,
)
from stillwatch.cli.tokens import tokens
from stillwatch.errors import UsageError


@click.group()
def match() -> None:
    """Compare accounts with another provider in private: how many are common, then, if both agree, which."""


def _terms_options(function: F) -> F:
    for option in (
        click.option("--share-alarm", type=float, default=0.5, show_default=True, metavar="SHARE",
                     help="Share of the smaller set in common above which a person must look."),
        click.option("--least-common", type=click.IntRange(1), default=10, show_default=True, metavar="K",
                     help="Below this, no matches are shown, whoever consents."),
        click.option("--limit", type=click.IntRange(1, 1_000_000), default=100_000, show_default=True, metavar="N",
                     help="Largest set that asks."),
    ):  # fmt: skip
        function = option(function)
    return function


@match.command()
@click.argument("name", metavar="NAME")
@click.option("--role", type=click.Choice(["match", "evaluate"]), default="match", show_default=True)
@click.option("--secret-file", type=FILE, metavar="FILE", help="Take the secret that the other side made.")
@options.by_option
@options.home_option
@options.json_option
def pair(name: str, role: str, secret_file: Path | None, by: str | None, home: Path, as_json: bool) -> None:
    """Make the secret that we share with a peer. It is shown this once; hand it over out of band."""
    from stillwatch.match.book import Book

    given = None
    if secret_file is not None:
        options.check_files("--secret-file", (secret_file,))
        given = secret_file.read_text("utf-8", "replace")[:200]
    secret = Book(home).pair(options.who(by), name, role, time.time(), given)
    terminal.done(as_json, secret, name=name, role=role, secret=secret)


@match.command()
@click.option("--revoke", metavar="NAME", help="End this peer's secret, at once.")
@options.by_option
@options.home_option
@options.json_option
def peers(revoke: str | None, by: str | None, home: Path, as_json: bool) -> None:
    """List peers (never their secrets), or revoke one."""
    from stillwatch.match.book import Book

    book = Book(home)
    if revoke is not None:
        book.revoke(options.who(by), revoke, time.time())
    rows = book.peers()
    if as_json:
        terminal.print_json({"peers": rows})
        return
    for row in rows:
        click.echo(f"{row['name']:<24} {row['role']:<9} {'revoked' if row['revoked_at'] else 'holds'}")


@match.command()
@set_options
@_terms_options
@click.option(
    "--least-size",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    metavar="N",
    help="Smallest set that may ask: a set of one is a question about one customer.",
)
@click.option("--runs", type=click.IntRange(1), default=4, show_default=True, help="Runs of a peer in a period.")
@click.option("--period-days", type=float, default=30.0, show_default=True, metavar="DAYS")
@click.option(
    "--consent",
    type=click.Choice(["ask", "cardinality", "never"]),
    default="ask",
    show_default=True,
    help="Ask a person before the count and the matches; only before the matches; or never show matches.",
)
@listen_options(8777)
@options.home_option
@options.json_option
def serve(
    accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str, campaigns: tuple[str, ...], calling_code: str,
    dialect: str, template_uses: int, limit: int, least_common: int, share_alarm: float, least_size: int, runs: int,
    period_days: float, consent: str, host: str, port: int, behind_tls: bool, home: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Answer a peer's questions. TLS is a reverse proxy's matter: this listens on loopback."""
    from stillwatch.match.answers import Answering
    from stillwatch.match.book import Book
    from stillwatch.match.crossing import Workers
    from stillwatch.match.running import run
    from stillwatch.match.terms import Terms

    book = Book(home)
    terms = Terms(limit, least_size, runs, period_days, least_common, share_alarm, consent).check()
    found = set_of(home, accounts, logs, kinds, campaigns, calling_code, dialect, template_uses)
    tell_set(found)
    answering = Answering(book, found, terms, Workers(), tell=lambda line: click.echo(line, err=True))
    tell_url("Answering", host, port, home, as_json)
    try:
        run(answering.app(), host, port, behind_tls=behind_tls)
    finally:
        answering.close()


@match.command("with")
@click.argument("url", metavar="URL")
@set_options
@_terms_options
@line_options
@click.option("--reveal", is_flag=True, help="We consent to matches; the person is asked once the count is known.")
@click.option("--yes", is_flag=True, help="Do not ask the person (an alarm still ends the run).")
@click.option("--despite-alarm", is_flag=True, help="Consent even where the share of the set is alarming.")
@click.option(
    "--wait",
    "wait_s",
    type=float,
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the peer's word.",
)
@options.by_option
@options.home_option
@options.json_option
def with_(
    url: str, accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str, campaigns: tuple[str, ...],
    calling_code: str, dialect: str, template_uses: int, limit: int, least_common: int, share_alarm: float, name: str,
    token_file: Path | None, reveal: bool, yes: bool, despite_alarm: bool, wait_s: float, by: str | None, home: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Ask a peer how many of our tokens it also has; with --reveal, and its consent, which."""
    from stillwatch.match.asks import Count, match_with
    from stillwatch.match.book import Book
    from stillwatch.match.crossing import Workers
    from stillwatch.match.terms import Terms

    book, line = Book(home), line_to(url, name, token_file)
    terms = Terms(limit=limit, least_common=least_common, least_size=least_common, share_alarm=share_alarm).check()
    found = set_of(home, accounts, logs, kinds, campaigns, calling_code, dialect, template_uses)
    tell_set(found)

    def consents(count: Count) -> bool:
        told = f"{count.common:,} of our {count.own_size:,} tokens are among the peer's {count.their_size:,}."
        if count.alarm:
            told += " ALARM: an alarming share of the smaller set; it may hold networks or prompts that everyone has."
        click.echo(told, err=True)
        if not reveal or (count.alarm and not despite_alarm):
            return False
        return yes or (sys.stdin.isatty() and click.confirm("Show each other which?", default=False, err=True))

    workers = Workers()
    try:
        outcome = match_with(book, line, url, found, terms, workers, options.who(by), consents=consents, wait_s=wait_s)
    finally:
        workers.close()
    if as_json:
        terminal.print_json({**dataclasses.asdict(outcome), "not_matchable": found.not_matchable})
        return
    says = {
        "below": f"Fewer than {least_common} or the peer's own least: nothing more is shown.",
        "counted": "No consent here: the run ends with the count.",
        "refused": "The peer did not consent: the run ends with the count.",
        "done": f"{outcome.matches:,} matches, {outcome.accounts:,} of our accounts: {outcome.file}",
        "disputed": "The peer disputes the matches: see `stillwatch match open`.",
    }
    click.echo(f"{outcome.run_id}: {outcome.common:,} common ({', '.join(outcome.kinds)}). {says[outcome.state]}")


@match.command()
@click.argument("run_id", metavar="RUN")
@click.option("--yes/--no", "yes", required=True, default=None, help="The word.")
@options.by_option
@options.home_option
@options.json_option
def consent(run_id: str, yes: bool, by: str | None, home: Path, as_json: bool) -> None:
    """Give our word on a run that waits for it: first for the count, then for the matches."""
    from stillwatch.match.book import Book

    about = Book(home).consent(options.who(by), run_id, yes, time.time())
    word = "the count" if about == "waiting" else "the matches"
    terminal.done(as_json, f"{run_id}: {'yes' if yes else 'no'} to {word}.", run_id=run_id, about=word, yes=yes)


@match.command()
@options.home_option
@options.json_option
def runs(home: Path, as_json: bool) -> None:
    """List runs: with whom, which kinds, sizes, count, consent, commitments; never a token."""
    from stillwatch.match.book import Book

    rows = Book(home).runs()
    if as_json:
        terminal.print_json({"runs": rows})
        return
    for row in rows:
        facts = row["facts"]
        sizes = f"own {facts['own_size']:,}, theirs {facts['their_size']:,}, common {facts.get('count', '-')}"
        click.echo(f"{row['run_id']}  {row['side']:<8} {row['state']:<10} {row['peer'][:40]}  {sizes}")


@match.command("open")
@click.argument("run_id", metavar="RUN")
@click.option(
    "--out", type=FILE, required=True, metavar="FILE", help="Where to write it (mode 0600): it holds the set."
)
@set_options
@options.home_option
@options.json_option
def open_(
    run_id: str, out: Path, accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str, campaigns: tuple[str, ...],
    calling_code: str, dialect: str, template_uses: int, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """In a dispute: write what an arbiter needs to see that we used the set that we committed to."""
    from stillwatch.match.book import Book
    from stillwatch.match.commitment import Opening, commit

    run = Book(home).run(run_id)
    found = set_of(home, accounts, logs, kinds, campaigns, calling_code, dialect, template_uses)
    kept, facts = run["opening"], run["facts"]
    if not kept.get("key") or "own_message" not in facts:
        raise UsageError(run_id, "has no opening: it ended early, or is older than 90 days")
    if commit(found.tokens, bytes.fromhex(kept["nonce"])) != facts["own_commitment"]:
        raise UsageError(
            run_id, "these inputs do not make the set of that run", "give the files and options as they were"
        )
    opening = Opening(run_id, run["side"], kept["nonce"], kept["key"], tuple(found.tokens), facts["own_message"],
                      int(kept["most"]))  # fmt: skip
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(opening.as_dict(), file)
    says = f"{out}: the opening of {run_id}. It holds our whole set: for the arbiter only."
    terminal.done(as_json, says, run_id=run_id, file=str(out), tokens=len(found.tokens))


@match.command()
@click.argument("opening", type=FILE, metavar="FILE")
@options.home_option
@options.json_option
def check(opening: Path, home: Path, as_json: bool) -> None:
    """Check a peer's opening against what our transcript says it committed to and sent."""
    from stillwatch.match.book import Book
    from stillwatch.match.commitment import faults, read_opening

    options.check_files("FILE", (opening,))
    try:
        document = json.loads(opening.read_bytes())
    except ValueError:
        document = None
    shown = read_opening(document)
    facts = Book(home).run(shown.run_id, "answers" if shown.side == "asks" else "asks")["facts"]
    if "their_message" not in facts:
        raise UsageError(shown.run_id, "ended before the peer's message came", "there is nothing to check")
    wrong = faults(shown, facts["their_commitment"], facts["their_message"])
    if as_json:
        terminal.print_json({"run_id": shown.run_id, "holds": not wrong, "faults": wrong})
    else:
        click.echo(f"{shown.run_id}: " + ("; ".join(wrong) if wrong else "the opening holds"))


match.add_command(tokens)
