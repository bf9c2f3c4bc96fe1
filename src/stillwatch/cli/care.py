"""`compact`, `forget`, `signals`, `patterns` and `settings`: what is kept, what is looked for, how it is set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UnknownAccount, UsageError


@click.command()
@options.home_option
@options.settings_options
@options.json_option
def compact(home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Remove what is older than `[store] retention_days`, and join many small files into few.

    Every sweep does the first by itself, and the second where there are more than 64 small files.
    """
    from stillwatch.store import compact as join
    from stillwatch.store import locked, open_store, retire

    read = options.read_settings(home, settings_file, overrides)
    store = open_store(home)
    try:
        with locked(home):
            gone = retire(store, read.store.retention_days)
            joined = join(store)
    finally:
        store.close()
    if as_json:
        terminal.print_json({"retired": gone, "joined": joined, "retention_days": read.store.retention_days})
        return
    from stillwatch.report.plain_text import number

    rows = ", ".join(f"{number(n)} {kind.replace('_', ' ')}" for kind, n in gone.items() if n)
    kept = f"{number(read.store.retention_days)} days" if read.store.retention_days else "all days"
    click.echo(f"Kept: {kept}. Removed: {rows or 'nothing'}. Small files joined: {number(sum(joined.values()))}.")


@click.command()
@click.argument("account", metavar="ACCOUNT")
@options.home_option
@options.json_option
def forget(account: str, home: Path, as_json: bool) -> None:
    """Remove a customer, by account id, from everything that is kept in the home."""
    options.check_id("ACCOUNT", account)
    if not home.is_dir():
        raise UsageError(str(home), "no such home", "name the folder that `stillwatch sweep` wrote with --home")
    from stillwatch import pipeline
    from stillwatch.match import left
    from stillwatch.share.holders import forget_gone

    matches = left.forget(home, account)
    try:
        touched = pipeline.forget(home, account)
    except UnknownAccount:
        if not matches:
            raise
        touched = {}
    touched["matches"] = matches
    touched["token_holders"] = forget_gone(home)
    if as_json:
        terminal.print_json(touched)
        return
    from stillwatch.report.plain_text import clean, number

    counts = [
        f"{clean(name, 40).replace('_', ' ')} {number(value)}"
        for name, value in touched.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value
    ]
    click.echo(f"Forgotten: {'; '.join(counts)}." if counts else "Nothing of this customer is kept here.")
    click.echo("Logs elsewhere still name this customer: remove them there too, or they are read again.")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--markdown", is_flag=True, help="The catalogue as a Markdown document.")
@options.json_option
def signals(names: tuple[str, ...], markdown: bool, as_json: bool) -> None:
    """List the signals: what each measures and needs, its settings, and who else shows it."""
    import dataclasses
    import difflib

    from stillwatch.report.catalogue import as_markdown, column_of, signs

    known = signs()
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name[:60], known, 1, 0.5)
            hint = f"stillwatch signals {close[0]}" if close else "stillwatch signals"
            raise UsageError(f"signal {name[:60]}", "there is none of this name", hint)
    chosen = [known[name] for name in names or known]
    if as_json:
        terminal.print_json({"signals": [dataclasses.asdict(sign) for sign in chosen]})
        return
    if markdown:
        terminal.print_pieces([as_markdown(chosen)])
        return
    from stillwatch.report.letter import say

    console = terminal.console()
    for sign in chosen:
        say(console, sign.name, style="bold")
        say(console, sign.text if names else sign.headline, indent=2)
        needs = ", ".join(dict.fromkeys(column_of(need) for need in sign.needs)) or "only the required columns"
        say(console, f"{sign.about}, {sign.family}; needs {needs}", indent=2, style="dim")
        if names and sign.settings:
            table = ", ".join(f"{key} = {value!r}" for key, value in sign.settings.items())
            say(console, f"[signals.{sign.name}] {table}", indent=2, style="dim")


@click.command()
@click.argument("packs", nargs=-1, type=click.Path(path_type=Path), metavar="[PACK.yaml]...")
@options.home_option
@options.settings_options
@options.json_option
def patterns(
    packs: tuple[Path, ...], home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool
) -> None:
    """List the pattern rules; with PACK.yaml, check packs of your own (all their faults at once)."""
    from stillwatch.patterns import load_rules

    options.check_files("PACK.yaml", packs)
    settings = options.read_settings(home, settings_file, overrides)
    extra = packs or tuple(Path(pack) for pack in settings.patterns.packs)
    rules = load_rules(extra)
    if packs:
        rules = tuple(sorted(set(rules) - set(load_rules(())), key=lambda rule: rule.code))
    if as_json:
        terminal.print_json({"rules": [_rule(rule) for rule in rules]})
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from stillwatch.report.plain_text import clean

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title in ("code", "rule", "technique", "lang", "strength", "what"):
        table.add_column(title, justify="right" if title in ("code", "strength") else "left", overflow="fold")
    for rule in rules:
        table.add_row(
            str(rule.code),
            Text(clean(rule.id, 80)),
            Text(clean(rule.technique, 40).replace("_", " ")),
            Text(clean(rule.language, 10)),
            f"{rule.strength:.2g}",
            Text(clean(rule.title, 200)),
        )
    terminal.console().print(table)
    click.echo(f"{len(rules)} rules" + (f", no fault in {len(packs)} pack(s)." if packs else "."))


@click.command()
@options.home_option
@options.settings_options
@options.json_option
def settings(home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Print every setting with its value and where it came from, as a stillwatch.toml."""
    from stillwatch.settings import as_toml

    read = options.read_settings(home, settings_file, overrides)
    if as_json:
        terminal.print_json({"settings": read.as_dict(), "sha256": read.sha256(), "from": dict(read.origins)})
    else:
        terminal.print_pieces([as_toml(read)])


def _rule(rule: Any) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in rule.__slots__}
