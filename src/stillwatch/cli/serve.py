"""`serve`, `console`, `token` and `tokens`: the decision service, the pages for people, and who may ask either."""

from __future__ import annotations

import time
from pathlib import Path

import click

from stillwatch.cli import options, terminal


@click.command()
@options.listen_options(8765)
@options.home_option
@options.settings_options
@options.json_option
def serve(
    host: str, port: int, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Run the decision service: what gateways follow, where people approve and undo. Every route asks for a token."""
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.service import serve as run

    terminal.tell_url("Serving decisions on", f"http://{host}:{port}", home, as_json)
    run(home, settings, host=host, port=port)


@click.command()
@options.listen_options(8766)
@click.option("--no-browser", is_flag=True, help="Only print the link, open nothing.")
@options.home_option
@options.settings_options
@options.json_option
def console(
    host: str, port: int, no_browser: bool, home: Path, settings_file: Path | None, overrides: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Open the console: where an analyst looks, reads why, decides and searches. The link logs you in, once."""
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.console import serve_console

    def tell(link: str) -> None:
        terminal.tell_url("The console is at", link, home, as_json)

    serve_console(home, settings, host=host, port=port, browser=not no_browser and not as_json, tell=tell)


@click.command()
@click.argument("name", metavar="NAME")
@click.argument("role", type=click.Choice(["gateway", "reader", "analyst", "approver"]))
@options.home_option
@options.json_option
def token(name: str, role: str, home: Path, as_json: bool) -> None:
    """Make a token for the decision service. It is shown this once."""
    from stillwatch.decide.record import Record
    from stillwatch.decide.tokens import make_token

    made = make_token(Record(home), options.who(None), name, role, time.time())
    if as_json:
        terminal.print_json({"name": name, "role": role, "token": made})
    else:
        click.echo(made)


@click.command()
@click.option("--revoke", metavar="ID", help="End this token, at once.")
@options.home_option
@options.json_option
def tokens(revoke: str | None, home: Path, as_json: bool) -> None:
    """List tokens (never their secrets), or revoke one."""
    from stillwatch.decide import tokens as kept
    from stillwatch.decide.record import Record

    record = Record(home)
    if revoke is not None:
        kept.revoke_token(record, options.who(None), revoke, time.time())
    rows = kept.tokens(record)
    if as_json:
        terminal.print_json({"tokens": rows})
        return
    for row in rows:
        state = "revoked" if row["revoked_at"] else "holds"
        click.echo(f"{row['token_id']}  {row['role']:<9} {state:<8} {row['name']}")
