"""`match tokens`: an evaluator, tokens of values, of a campaign for a feed, and looking ours up in others' feeds."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal
from stillwatch.cli.match_options import (
    FILE,
    line_options,
    line_to,
    listen_options,
    members_of,
    set_of,
    set_options,
    tell_set,
    tell_url,
    value_options,
)
from stillwatch.errors import UsageError


@click.group()
def tokens() -> None:
    """Tokens for indicators in feeds (RFC 9497), made with an evaluator that never sees a value."""


@tokens.command("serve")
@click.option("--inputs-a-day", type=click.IntRange(1), default=10_000, show_default=True, help="Of one member.")
@click.option(
    "--epoch-days", type=click.IntRange(1, 366), default=30, show_default=True, help="How long a key is used."
)
@listen_options(8778)
@options.home_option
@options.json_option
def serve_tokens(
    inputs_a_day: int, epoch_days: int, host: str, port: int, behind_tls: bool, home: Path, as_json: bool
) -> None:
    """Run the evaluator: it holds the key, and sees no value."""
    from stillwatch.match.book import Book
    from stillwatch.match.evaluator import Evaluating, Rates
    from stillwatch.match.running import run

    evaluating = Evaluating(Book(home), Rates(inputs_a_day, epoch_days))
    tell_url("Evaluating", host, port, home, as_json)
    run(evaluating.app(), host, port, behind_tls=behind_tls)


@tokens.command()
@click.argument("url", metavar="URL")
@click.option("--kind", required=True, metavar="KIND", help="payment, email, phone, device, network or template.")
@click.option(
    "--from",
    "source",
    type=click.File("r", encoding="utf-8"),
    default="-",
    metavar="FILE",
    help="Values, one a line (default: standard input).",
)
@click.option("--key-id", default="", metavar="ID", help="The key that the evaluator must use.")
@click.option("--calling-code", default="", metavar="DIGITS", help="Country of phones written without one: 49.")
@line_options
@options.json_option
def make(
    url: str, kind: str, source: Any, key_id: str, calling_code: str, name: str, token_file: Path | None, as_json: bool
) -> None:
    """Make tokens of values with an evaluator's help. Values are read from a file, never from the command line."""
    from stillwatch.match.evaluator import make_tokens

    line = line_to(url, name, token_file)
    values = [(kind, text) for text in (row.strip() for row in source) if text]
    made = [str(token) for token in make_tokens(line, values, key_id=key_id, calling_code=calling_code)]
    if as_json:
        terminal.print_json({"tokens": made})
    else:
        terminal.print_pieces(token + "\n" for token in made)


@tokens.command("check")
@click.argument("source", type=click.File("r", encoding="utf-8"), metavar="FILE")
@options.json_option
def check_tokens(source: Any, as_json: bool) -> None:
    """Say of each line whether it may pass as a token; bare hashes and raw identifiers are refused, with the reason."""
    from stillwatch.records.token import why_no_token

    found = [(number, why_no_token(row.strip())) for number, row in enumerate(source, 1) if row.strip()]
    wrong = [{"line": number, "why": why} for number, why in found if why is not None]
    if as_json:
        terminal.print_json({"lines": len(found), "refused": wrong})
    else:
        for one in wrong[:50]:
            click.echo(f"line {one['line']}: {one['why']}")
        click.echo(f"{len(found) - len(wrong):,} of {len(found):,} may pass.")
    if wrong:
        raise UsageError("tokens", f"{len(wrong):,} of {len(found):,} lines are no tokens", "docs/matching.md says why")


@tokens.command()
@click.argument("url", metavar="URL")
@line_options
@options.json_option
def key(url: str, name: str, token_file: Path | None, as_json: bool) -> None:
    """Show the key that an evaluator uses now, and when it ends. Compare the key's id with other members."""
    import dataclasses

    from stillwatch.match.evaluator import key_of

    held = key_of(line_to(url, name, token_file))
    if as_json:
        terminal.print_json(dataclasses.asdict(held))
        return
    click.echo(f"{held.evaluator}: key {held.key_id} of epoch {held.epoch}, until {_day(held.ends_at)} ({held.suite})")


@tokens.command("campaign")
@click.argument("url", metavar="URL")
@click.argument("campaigns", nargs=-1, required=True, metavar="CAMPAIGN...")
@click.option("--out", "out", type=FILE, required=True, metavar="FILE", help="Where they go, for `share out --tokens`.")
@click.option("--least-holders", type=click.IntRange(2), default=2, show_default=True, metavar="N",
              help="Accounts of the campaign that must hold a value.")  # fmt: skip
@click.option("--most", type=click.IntRange(1, 2000), default=2000, show_default=True, metavar="N",
              help="Tokens of one campaign at most; what most accounts hold comes first.")  # fmt: skip
@click.option("--key-id", default="", metavar="ID", help="The key that the evaluator must use.")
@value_options
@line_options
@options.home_option
@options.json_option
def campaign_(
    url: str, campaigns: tuple[str, ...], out: Path, least_holders: int, most: int, key_id: str,
    accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str, calling_code: str, dialect: str,
    template_uses: int, name: str, token_file: Path | None, home: Path, as_json: bool,
) -> None:  # fmt: skip
    """Make tokens of what a campaign's accounts share, to leave with it in a feed."""
    from stillwatch.match.evaluator import key_of
    from stillwatch.match.feed_tokens import plain, tokens_of_campaigns
    from stillwatch.share.tokens import write_token_file

    members = members_of(home, tuple(dict.fromkeys(campaigns)), "CAMPAIGN")
    line = line_to(url, name, token_file)
    held = key_of(line)
    _pinned(held.key_id, key_id)
    values = set_of(home, accounts, logs, kinds, (), calling_code, dialect, template_uses, named=plain)
    made = tokens_of_campaigns(line, held, members, values, least_holders=least_holders, most=most)
    write_token_file(out, made.sets)
    counts = {campaign: len(one.tokens) for campaign, one in made.sets.items()}
    if as_json:
        terminal.print_json({"file": str(out), "tokens": counts, "kept_back": made.kept_back, "key_id": held.key_id,
                             "ends_at": held.ends_at, "not_matchable": values.not_matchable})  # fmt: skip
        return
    tell_set(values)
    for campaign in members:
        back = ", ".join(f"{n:,} {why}" for why, n in made.kept_back.get(campaign, {}).items())
        click.echo(f"{campaign}: {counts.get(campaign, 0):,} tokens" + (f"; stayed here: {back}" if back else ""))
    click.echo(f"{out}: they hold until {_day(held.ends_at)}, when the evaluator's key ends.")


@tokens.command("find")
@click.argument("url", metavar="URL")
@click.option("--limit", type=click.IntRange(1), default=10_000, show_default=True, metavar="N",
              help="Values of ours to ask the evaluator at most.")  # fmt: skip
@click.option("--key-id", default="", metavar="ID", help="The key that the evaluator must use.")
@set_options
@line_options
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def find_(
    url: str, limit: int, key_id: str, accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str,
    campaigns: tuple[str, ...], calling_code: str, dialect: str, template_uses: int, name: str,
    token_file: Path | None, by: str | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Look our accounts up in others' tokens; the next hunt reads who holds them."""
    import dataclasses

    from stillwatch.match.evaluator import key_of
    from stillwatch.match.feed_tokens import look_up, plain
    from stillwatch.share.holders import keep_holders, wanted_tokens

    settings = options.read_settings(home, settings_file, overrides)
    wanted = wanted_tokens(home)
    line = line_to(url, name, token_file)
    held = key_of(line)
    _pinned(held.key_id, key_id)
    ended = [one for one in wanted if one.ended]
    others = [one for one in wanted if not one.ended and one.key_id != held.key_id]
    seen, asked = [], 0
    if len(wanted) > len(ended) + len(others):
        values = set_of(home, accounts, logs, kinds, campaigns, calling_code, dialect, template_uses, named=plain)
        if not as_json:
            tell_set(values)
        found, asked = look_up(line, held, wanted, values, limit=limit)
        seen = keep_holders(home, found, settings, options.who(by), asked=asked)
    if as_json:
        rows = [[{"source": one.source, "indicator": one.indicator, "epoch": one.epoch, "key_id": one.key_id}
                 for one in part] for part in (ended, others)]  # fmt: skip
        terminal.print_json({"asked": asked, "indicators": [dataclasses.asdict(one) for one in seen],
                             "expired": rows[0], "of_another_key": rows[1], "key_id": held.key_id})  # fmt: skip
        return
    for one in seen:
        click.echo(f"{one.source}  {one.indicator}  {one.accounts:,} accounts here, {one.state}")
    for old in ended:
        click.echo(
            f"{old.source}  {old.indicator}  expired: the key of epoch {old.epoch} has ended; ask for new tokens"
        )
    for other in others:
        click.echo(
            f"{other.source}  {other.indicator}  made with key {other.key_id} of {other.evaluator}: ask that one"
        )
    click.echo(f"{asked:,} values were asked of the evaluator; {len(seen):,} indicators could be matched.")


def _pinned(used: str, wanted: str) -> None:
    if wanted and used != wanted:
        raise UsageError("evaluator", f"uses the key {used}, not {wanted[:40]}", "ask the others which key they see")


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
