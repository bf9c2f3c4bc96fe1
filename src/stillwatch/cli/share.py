"""`share` and `taxii`: what is given to other providers, what is taken from them, and the server and client between."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.share.taxii_client import Server

TLP = ("clear", "green", "amber", "amber+strict", "red")


class WithDefault(click.Group):
    """A group whose first command is meant where none is named: `share C-1 --out DIR` is `share out C-1 --out DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts the first command in front of arguments that name none."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they were written."""
        return list(self.commands)


@click.group(cls=WithDefault)
def share() -> None:
    """Give findings to other providers' machines (`share CAMPAIGN...`), and take theirs in (`share in`)."""


@share.command("out")
@click.argument("campaigns", nargs=-1, required=True, metavar="CAMPAIGN...")
@click.option("--out", "out", type=click.Path(path_type=Path, file_okay=False), required=True, metavar="PACKAGE|DIR",
              help="A package of `stillwatch report`, which they join. In another folder: its draft/.")  # fmt: skip
@click.option("--tlp", type=click.Choice(TLP), default="amber+strict", show_default=True, metavar="LEVEL",
              help="Who may see it: clear, green, amber, amber+strict or red (TLP 2.0).")  # fmt: skip
@click.option("--format", "formats", default="stix,misp,sigma", show_default=True, metavar="NAMES",
              help="Of stix, misp and sigma, those to write.")  # fmt: skip
@click.option("--tokens", "token_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Tokens of what their accounts held, from `stillwatch match tokens campaign`.")  # fmt: skip
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def out_(
    campaigns: tuple[str, ...], out: Path, tlp: str, formats: str, token_file: Path | None, by: str | None, home: Path,
    settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Draft campaigns as a STIX 2.1 bundle, a MISP feed and Sigma rules. No account, no text, no exact count.

    Peers read none of it before the gate: `stillwatch report CAMPAIGN --out PACKAGE`, `share out CAMPAIGN --out
    PACKAGE`, `release check PACKAGE`, `release approve PACKAGE` by two, `release publish PACKAGE`; `taxii serve` then
    serves it.
    """
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.disclose.for_machines import place_in
    from stillwatch.share.outgoing import share_out

    for campaign in campaigns:
        options.check_id("CAMPAIGN", campaign)
    names = tuple(dict.fromkeys(part.strip() for part in formats.split(",") if part.strip()))
    sets = None
    if token_file is not None:
        from stillwatch.share.tokens import read_token_file

        options.check_files("--tokens", (token_file,))
        sets = read_token_file(token_file, time.time())
    place = place_in(out)
    given = share_out(home, campaigns, place, settings, options.who(by), tlp=tlp, formats=names, tokens=sets)
    if as_json:
        terminal.print_json({
            "bundle_id": given.bundle["id"], "files": [str(f) for f in given.files], "aliases": given.aliases,
            "without_marks": list(given.without_marks), "tokens": dict(given.tokens), "draft": place != out,
        })  # fmt: skip
        return
    for campaign, alias in given.aliases.items():
        note = " (outline only: too few accounts, or no template of its own)" if alias in given.without_marks else ""
        held = f", with {given.tokens[alias]:,} tokens" if alias in given.tokens else ""
        click.echo(f"{campaign} leaves as {alias}{note}{held}")
    click.echo(f"{len(given.files)} files in {place}, TLP:{tlp.upper()}")
    if place == out:
        click.echo(f"next: `stillwatch release check {out}`")
    else:
        click.echo("A draft: what leaves is released with a report (`stillwatch share out --help` says how).")


@share.command("in")
@click.argument("where", metavar="FILE|DIR|URL")
@click.option("--source", required=True, metavar="NAME", help="Who sent it: kept with each indicator.")
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def in_(
    where: str, source: str, by: str | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Take in a STIX bundle or a MISP feed: its indicators are read by the next hunt, until they expire."""
    settings = options.read_settings(home, settings_file, overrides)
    options.check_id("--source", source)
    from stillwatch.share.incoming import look_again, take_in
    from stillwatch.share.reading import read_source

    taken = take_in(home, read_source(where), source, settings, options.who(by))
    _taken(taken, look_again(home, settings, options.who(by)), as_json)


@share.command()
@options.home_option
@options.json_option
def indicators(home: Path, as_json: bool) -> None:
    """List others' indicators that were taken in: state, source, what they would touch, until when."""
    rows = _rows(home, "SELECT * FROM indicators ORDER BY source, indicator")
    _list_indicators(rows, as_json)


@share.command()
@options.home_option
@options.json_option
def held(home: Path, as_json: bool) -> None:
    """List indicators that wait for a person: they would touch more customers than `[share] most_touched`."""
    rows = _rows(home, "SELECT * FROM indicators WHERE state = 'held' ORDER BY source, indicator")
    _list_indicators(rows, as_json)


@share.command("approve")
@click.argument("source", metavar="NAME")
@click.argument("indicator", metavar="INDICATOR")
@options.reason_option
@options.by_option
@options.home_option
@options.json_option
def approve_(source: str, indicator: str, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    """Let an indicator that waits take part, whomever it touches."""
    _decide(source, indicator, True, reason, by, home, as_json)


@share.command("refuse")
@click.argument("source", metavar="NAME")
@click.argument("indicator", metavar="INDICATOR")
@options.reason_option
@options.by_option
@options.home_option
@options.json_option
def refuse_(source: str, indicator: str, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    """Refuse an indicator that waits, also when its source says it again."""
    _decide(source, indicator, False, reason, by, home, as_json)


@share.command()
@click.option("--out", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write what was seen here of others' indicators, as a STIX bundle to send back.")  # fmt: skip
@click.option("--source", metavar="NAME", help="Only of this source's indicators.")
@options.home_option
@options.settings_options
@options.json_option
def sightings(
    out: Path | None, source: str | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """List what others saw of our indicators; or write what we saw of theirs."""
    settings = options.read_settings(home, settings_file, overrides)
    if out is not None:
        import json

        from stillwatch.share.outgoing import sightings as seen_here

        bundle = seen_here(home, settings, source=source)
        out.write_text(json.dumps(bundle, indent=1) + "\n", "utf-8")
        seen = sum(o["type"] == "sighting" for o in bundle["objects"])
        terminal.done(as_json, f"{seen} sightings in {out}", sightings=seen, file=str(out))
        return
    rows = _rows(
        home,
        "SELECT s.*, g.campaign_id FROM sightings s LEFT JOIN given g ON g.stix_id = s.of_id ORDER BY s.taken_at DESC",
    )
    if as_json:
        terminal.print_json({"sightings": rows})
        return
    for row in rows:
        many = "some" if row["low"] is None else f"{row['low']:,} to {row['high'] or row['low']:,}"
        click.echo(_line(f"{row['campaign_id']}  seen by {row['source']}: {many} accounts"))
    if not rows:
        click.echo("Nobody has told of a sighting yet.")


@click.group()
def taxii() -> None:
    """Serve what is shared to peers over TAXII 2.1, or ask a peer's server."""


@taxii.command()
@options.listen_options(8766)
@options.home_option
@options.settings_options
@options.json_option
def serve(
    host: str, port: int, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """Run the TAXII 2.1 server. Put TLS in front of it (a reverse proxy) where it leaves the machine."""
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.service.taxii import serve as run

    terminal.tell_url("Serving TAXII 2.1 on", f"http://{host}:{port}/taxii2/", home, as_json)
    run(home, settings, host=host, port=port)


@taxii.command()
@click.argument("name", metavar="NAME")
@click.option("--revoke", is_flag=True, help="End this peer's token instead, at once.")
@options.by_option
@options.home_option
@options.json_option
def token(name: str, revoke: bool, by: str | None, home: Path, as_json: bool) -> None:
    """Make a peer's token, shown this once: it reads what we share and hands in sightings."""
    from stillwatch.decide.record import Record
    from stillwatch.share.collections import Collections

    options.check_id("NAME", name)
    who, now = options.who(by), time.time()
    kept, record = Collections(home), Record(home)
    made = None
    if revoke:
        kept.revoke(name, now)
    else:
        made = kept.make_token(name, now)
    with record.act():
        record.audit(who, "taxii token revoked" if revoke else "taxii token made", name, now)
    terminal.done(as_json, made or f"{name} has no token any more.", name=name, token=made)


@taxii.command()
@options.home_option
@options.json_option
def peers(home: Path, as_json: bool) -> None:
    """List who has a token for our server, never the tokens."""
    from stillwatch.share.collections import Collections

    rows = Collections(home).peers()
    if as_json:
        terminal.print_json({"peers": rows})
        return
    for row in rows:
        click.echo(f"{'revoked' if row['revoked_at'] else 'holds':<8} {row['name']}")


def _server_options(function: Any) -> Any:
    for option in (
        click.option("--user", default="", metavar="NAME", help="Send the token as this user's password (HTTP Basic)."),
        click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                     help="Where the server's token lies (default: the variable STILLWATCH_TAXII_TOKEN)."),
        click.option("--collection", metavar="ID", help="Which collection (left out: the only one that fits)."),
    ):  # fmt: skip
        function = option(function)
    return function


@taxii.command()
@click.argument("url", metavar="URL")
@click.option("--source", required=True, metavar="NAME", help="Who runs it: kept with each indicator.")
@click.option("--added-after", metavar="T", type=options.Moment(), help="Only what came after this time.")
@_server_options
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def pull(
    url: str, source: str, added_after: Any, collection: str | None, token_file: Path | None, user: str,
    by: str | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Take in what a peer's TAXII 2.1 collection holds; URL is the server's API root."""
    settings = options.read_settings(home, settings_file, overrides)
    options.check_id("--source", source)
    from stillwatch.share.incoming import look_again, take_in
    from stillwatch.share.reading import Received
    from stillwatch.share.stix import moment

    server = _server(url, token_file, user)
    chosen = collection or _only(server, "can_read")
    objects = server.pull(chosen, moment(added_after) if added_after is not None else None)
    taken = take_in(home, Received(objects=objects), source, settings, options.who(by))
    _taken(taken, look_again(home, settings, options.who(by)), as_json)


@taxii.command()
@click.argument("url", metavar="URL")
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A released package's bundle, or sightings (left out: ours of its indicators).")  # fmt: skip
@click.option("--source", metavar="NAME", help="Only sightings of this source's indicators.")
@_server_options
@options.by_option
@options.home_option
@options.settings_options
@options.json_option
def push(
    url: str, file: Path | None, source: str | None, collection: str | None, token_file: Path | None, user: str,
    by: str | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Hand sightings, or a bundle, in at a peer's TAXII 2.1 server; URL is the server's API root."""
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.disclose.for_machines import check_pushed
    from stillwatch.share.outgoing import pushed, sightings
    from stillwatch.share.reading import read_source

    if file is None:
        objects = sightings(home, settings, source=source)["objects"]
    else:
        objects = read_source(str(file)).objects
        check_pushed(file, objects, home)
    server = _server(url, token_file, user)
    chosen = collection or _only(server, "can_write")
    counts = server.push(chosen, objects)
    pushed(home, options.who(by), url, counts)
    says = f"{counts['success']} taken, {counts['failure']} refused, {counts['pending']} not decided yet"
    terminal.done(as_json, says, **counts)


def _server(url: str, token_file: Path | None, user: str) -> Server:
    from stillwatch.share.taxii_client import Server

    options.check_id("URL", url)
    secret = os.environ.get("STILLWATCH_TAXII_TOKEN", "")
    if token_file is not None:
        options.check_files("--token-file", (token_file,))
        secret = token_file.read_text("utf-8").strip()
    return Server(url if url.endswith("/") else f"{url}/", secret, user)


def _only(server: Server, right: str) -> str:
    fit = [c for c in server.collections() if c.get(right) is True]
    if len(fit) != 1:
        names = ", ".join(str(c["id"])[:60] for c in fit[:8]) or "none"
        raise UsageError("--collection", f"{len(fit)} collections are open to you for that", f"one of: {names}")
    return str(fit[0]["id"])


def _rows(home: Path, sql: str) -> list[dict[str, Any]]:
    from stillwatch.store.indicators import Indicators

    kept = Indicators(home)
    try:
        return kept.rows(sql)
    finally:
        kept.close()


def _line(text: str) -> str:
    from stillwatch.report.plain_text import clean

    return clean(text, 300)


def _list_indicators(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        terminal.print_json({"indicators": rows})
        return
    for row in rows:
        until = time.strftime("%Y-%m-%d", time.gmtime(row["until_at"]))
        touched = f"touches {row['touched']:,} of {row['customers']:,} accounts"
        state = "expired" if row["until_at"] <= time.time() else row["state"]
        click.echo(_line(f"{state:<8} {row['source']}  {row['indicator']}  {touched}, until {until}"))
    if not rows:
        click.echo("None.")


def _taken(taken: Any, held_now: int, as_json: bool) -> None:
    if as_json:
        terminal.print_json(taken.as_dict() | {"held_again": held_now})
        return
    click.echo(
        f"{taken.source}: {taken.active} indicators hold, {taken.held} wait for a person, {taken.revoked} revoked, "
        f"{taken.unchanged} known already; {taken.sightings} sightings; {taken.other} other objects"
    )
    for reason, n in sorted(taken.quarantined.items()):
        click.echo(_line(f"  quarantined {n:,}: {reason}"))
    if taken.held or held_now:
        click.echo("`stillwatch share held` lists what waits.")


def _decide(source: str, indicator: str, approve: bool, reason: str, by: str | None, home: Path, as_json: bool) -> None:
    from stillwatch.share.incoming import decide_held

    options.check_id("NAME", source)
    options.check_id("INDICATOR", indicator)
    decide_held(home, options.who(by), source, indicator, approve=approve, reason=reason)
    state = "active" if approve else "refused"
    terminal.done(as_json, f"{indicator} is {state} now.", source=source, indicator=indicator, state=state)
