"""`backup`, `restore` and `doctor`: a home that lasts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal


@click.command()
@options.home_option
@click.option("--to", required=True, type=click.Path(path_type=Path), metavar="PLACE",
              help="A folder, to which only what is new is copied; or a new file that ends in .tar.")  # fmt: skip
@click.option("--without-key", is_flag=True,
              help="Leave the secret key, the signing key and the service's token out; keep them apart.")  # fmt: skip
@options.json_option
def backup(home: Path, to: Path, without_key: bool, as_json: bool) -> None:
    """Back a home up, also while a sweep, a watch or a service is at work in it.

    What is copied is whole in itself: the store as of one moment, findings, decisions, history, settings in the home.
    Every file's SHA-256 is in the backup's manifest. A folder always holds the latest backup; what was removed from
    the home (a forgotten customer, too) leaves the folder with the next one, but not the tar files of before.
    """
    from stillwatch.store.backup import back_up

    with terminal.progress() as progress:
        done = back_up(home, to, with_key=not without_key, progress=progress)
    if as_json:
        terminal.print_json(dataclasses.asdict(done))
        return
    from stillwatch.report.plain_text import quoted

    size = f"{done.files:,} files, {_size(done.bytes)}"
    click.echo(f"Backed up {size}; {done.copied_files:,} of them were new ({_size(done.copied_bytes)}).")
    if done.with_key:
        click.echo(
            "The secret key is in it, readable by you alone: who has the backup can tell whose hashes are whose."
        )
    else:
        click.echo("Without the secret key: keep DIR/secret.key in another place, a restore asks for it.")
    click.echo(f"next: `stillwatch restore --from {quoted(to, 200)} --check` verifies it.")


@click.command()
@click.option("--from", "source", required=True, type=click.Path(path_type=Path), metavar="PLACE",
              help="What `stillwatch backup --to` wrote.")  # fmt: skip
@options.home_option
@click.option("--key", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The secret key, where the backup was made without.")  # fmt: skip
@click.option("--check", is_flag=True, help="Only verify the backup; write nothing.")
@options.json_option
def restore(source: Path, home: Path, key: Path | None, check: bool, as_json: bool) -> None:
    """Put a backup into a new home, after every file was held against its SHA-256.

    Nothing is written over: the home must not be there yet, or be empty.
    """
    options.check_files("--key", (key,) if key is not None else ())
    from stillwatch.store.restore import restore as put_back

    with terminal.progress() as progress:
        done = put_back(source, None if check else home, key=key, progress=progress)
    if as_json:
        terminal.print_json(dataclasses.asdict(done))
        return
    from stillwatch.report.plain_text import clean, quoted

    what = (
        f"{done.files:,} files, {_size(done.bytes)}, of {clean(done.made_at, 40)} by version {clean(done.version, 20)}"
    )
    if check:
        click.echo(f"The backup is whole: {what}.")
        return
    click.echo(f"Restored {what}.")
    click.echo(f"next: `stillwatch doctor --home {quoted(home, 200)}` looks it over.")


def _size(count: int) -> str:
    size, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"


@click.command()
@options.home_option
@click.option("--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE",
              help="The settings to look at (default: stillwatch.toml here, else in the home).")  # fmt: skip
@click.option("--deep", is_flag=True, help="Read every stored part whole, not only how it ends.")
@click.option("--mend", is_flag=True,
              help="Do what loses nothing: remove leftovers, narrow rights, give free space back.")  # fmt: skip
@options.json_option
def doctor(home: Path, settings_file: Path | None, deep: bool, mend: bool, as_json: bool) -> None:
    """Say what is wrong with a home, its inputs and its settings, and how to mend it.

    It changes nothing without --mend, and may be asked at any time. Exit status 0 where nothing is broken or to be
    warned of, else 1.
    """
    from stillwatch.doctor import examine

    with terminal.progress() as progress:
        tell = (lambda step: progress({"step": step})) if progress is not None else None
        found = examine(home, settings_file=settings_file, deep=deep, mend=mend, tell=tell)
    if as_json:
        terminal.print_json({
            "home": str(home), "well": found.well, "checks": list(found.checks), "mended": list(found.mended),
            "findings": [{"check": check, **dataclasses.asdict(ailment)} for check, ailment in found.ailments],
        })  # fmt: skip
    else:
        _show(found)
    if not found.well:
        raise click.exceptions.Exit(1)


def _show(found: Any) -> None:
    from stillwatch.report.letter import item, say
    from stillwatch.report.plain_text import clean

    console = terminal.console()
    for done in found.mended:
        say(console, f"mended  {clean(done, 400)}", style="green")
    styles = {"broken": "bold red", "warning": "yellow", "note": "dim"}
    for _, ailment in found.ailments:
        style = styles[ailment.severity]
        item(
            console,
            ailment.severity,
            f"{clean(ailment.where, 200)}: {clean(ailment.what, 1000)}",
            style=style,
            indent=0,
        )
        item(console, "", f"try: {clean(ailment.do, 400)}", indent=8)
    counts = []
    for severity in styles:
        if n := sum(ailment.severity == severity for _, ailment in found.ailments):
            counts.append(f"{n} {severity}{'s' if n > 1 and severity != 'broken' else ''}")
    told = ", ".join(counts) or "nothing wrong"
    say(console, f"{len(found.checks)} things were looked at: {told}.")
