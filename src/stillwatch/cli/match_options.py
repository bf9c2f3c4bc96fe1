"""What the commands of `match` have in common: which accounts, which peer, where to listen."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.match.sets import MatchSet
    from stillwatch.match.wire import Line

F = TypeVar("F", bound=Callable[..., Any])
FILE = click.Path(path_type=Path, dir_okay=False)


def value_options(function: F) -> F:
    """--accounts, --logs, --kinds and what else says which values are read."""
    for option in (
        click.option("--template-uses", type=click.IntRange(1), default=50, show_default=True,
                     help="Exchanges that a prompt's fingerprint must be in to be a template."),
        click.option("--format", "dialect", default="auto", show_default=True, metavar="NAME",
                     help="The logs' format."),
        click.option("--calling-code", default="", metavar="DIGITS", help="Country of phones written without one: 49."),
        click.option("--kinds", default="payment,email,phone,device,network,template", show_default=True,
                     metavar="LIST", help="What to compare."),
        click.option("--logs", multiple=True, metavar="LOGS", help="Logs, for networks and templates, read anew."),
        click.option("--accounts", multiple=True, type=FILE, metavar="FILE", help="Accounts file, read anew."),
    ):  # fmt: skip
        function = option(function)
    return function


def set_options(function: F) -> F:
    """The same, and --campaign: of which accounts."""
    function = click.option(
        "--campaign", "campaigns", multiple=True, metavar="ID",
        help="Only accounts of this campaign of the latest sweep. May be repeated.",
    )(function)  # fmt: skip
    return value_options(function)


def listen_options(port: int) -> Callable[[F], F]:
    """--host, --port (by default `port`) and --behind-tls."""

    def add(function: F) -> F:
        function = click.option("--behind-tls", is_flag=True, help="Listen off loopback: TLS is in front.")(function)
        return options.listen_options(port)(function)

    return add


def line_options(function: F) -> F:
    """--as and --token-file: who we are to a peer."""
    function = click.option(
        "--token-file", type=FILE, metavar="FILE", help="The peer's secret (else STILLWATCH_MATCH_SECRET)."
    )(function)
    return click.option("--as", "name", required=True, metavar="NAME", help="Our name, as the peer paired it.")(
        function
    )


def line_to(url: str, name: str, token_file: Path | None) -> Line:
    """The line to a peer, by the secret in a file or in STILLWATCH_MATCH_SECRET."""
    from stillwatch.match.wire import Line

    secret = os.environ.get("STILLWATCH_MATCH_SECRET", "")
    if token_file is not None:
        options.check_files("--token-file", (token_file,))
        secret = token_file.read_text("utf-8", "replace")[:200]
    return Line(url, name, secret)


def set_of(
    home: Path, accounts: tuple[Path, ...], logs: tuple[str, ...], kinds: str, campaigns: tuple[str, ...],
    calling_code: str, dialect: str, template_uses: int, **more: Any,
) -> MatchSet:  # fmt: skip
    """The set that the options ask for. UsageError where an input is missing or nothing of it is matchable."""
    from stillwatch.match.sets import make_set

    options.check_files("--accounts", accounts)
    if calling_code and not (calling_code.isascii() and calling_code.isdigit() and len(calling_code) <= 3):
        raise UsageError("--calling-code", "is 1 to 3 digits", "--calling-code 49")
    only = {id for ids in members_of(home, campaigns).values() for id in ids} if campaigns else None
    names = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    return make_set(accounts, logs, names, only=only, calling_code=calling_code, dialect=dialect,
                    template_uses=template_uses, **more)  # fmt: skip


def members_of(home: Path, campaigns: Sequence[str], where: str = "--campaign") -> dict[str, set[str]]:
    """Campaign to the ids of its accounts, by the latest sweep. UsageError where one is not there."""
    from stillwatch.report.findings import read_findings

    rows = read_findings(home).campaign_rows()
    known = {str(row["campaign_id"]): row["account_ids"] for row in rows}
    gone = [id for id in campaigns if id not in known]
    if gone:
        raise UsageError(where, f"there is no {gone[0][:40]!r} in the latest sweep", "stillwatch campaigns")
    return {campaign: {str(id) for id in known[campaign]} for campaign in campaigns}


def tell_url(does: str, host: str, port: int, home: Path, as_json: bool) -> None:
    """Says where a server listens."""
    if as_json:
        terminal.print_json({"url": f"http://{host}:{port}", "home": str(home)})
    click.echo(f"{does} on http://{host}:{port} (Ctrl-C ends it).", err=True)


def tell_set(found: MatchSet) -> None:
    """Says what a set holds of each kind, and what was left out."""
    for kind, size in found.sizes.items():
        click.echo(f"{kind}: {size:,} tokens", err=True)
    for kind, why in found.not_matchable.items():
        click.echo(f"{kind}: {why}", err=True)
    for kind, lost in found.left_out.items():
        if kind in found.sizes:
            click.echo(f"{kind}: left out: {', '.join(f'{n:,} {why}' for why, n in lost.items())}", err=True)
