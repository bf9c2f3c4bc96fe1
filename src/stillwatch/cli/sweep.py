"""`sweep`, `ingest` and `hunt`: logs in, findings out."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError


@click.command()
@options.intake_options
@click.option("--engine", metavar="MASTER", help="Let Spark read and count: spark://HOST:PORT, or local[2] to try it.")
@options.home_option
@options.window_options
@options.settings_options
@options.json_option
def sweep(
    logs: tuple[str, ...], accounts: tuple[Path, ...], releases: tuple[Path, ...], dialect: str,
    field_map: Path | None, engine: str | None, home: Path, since: datetime | None, until: datetime | None,
    settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:
    """Read logs and look for harvests in them.

    LOGS are files, folders (every log below them), globs, or - for standard input. It may be run again with more
    logs: only the new rows are read. What it finds lies in DIR/findings/ too. With --engine, LOGS are Parquet that
    Spark's machines see by the same path, addresses such as s3a://..., or table:NAME.
    """
    settings = options.read_settings(home, settings_file, overrides)
    options.check_window(since, until)
    _check(accounts, releases, field_map)
    if engine is not None and (dialect not in ("auto", "exchange") or field_map is not None):
        what = "reads the exchange format only"
        raise UsageError("--engine", what, "leave --format and --map out, or --engine")
    from stillwatch import pipeline

    with terminal.progress() as progress:
        records = {"accounts": [str(file) for file in accounts], "releases": [str(file) for file in releases]}
        if engine is not None:
            found = pipeline.sweep_on_spark(home, logs, engine=engine, settings=settings, since=since, until=until,
                                            progress=progress, **records)  # fmt: skip
            return show_findings(found, home, as_json)
        found = pipeline.sweep(
            home, logs, settings=settings, dialect=dialect, field_map=field_map, since=since, until=until,
            accounts=[str(file) for file in accounts], releases=[str(file) for file in releases], progress=progress,
        )
    show_findings(found, home, as_json)


@click.command()
@options.intake_options
@options.home_option
@options.settings_options
@options.json_option
def ingest(
    logs: tuple[str, ...], accounts: tuple[Path, ...], releases: tuple[Path, ...], dialect: str,
    field_map: Path | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:
    """Read logs into the store, without looking for anything yet. `stillwatch hunt` looks."""
    settings = options.read_settings(home, settings_file, overrides)
    _check(accounts, releases, field_map)
    from stillwatch import pipeline

    with terminal.progress() as progress:
        report = pipeline.ingest(
            home, logs, settings=settings, dialect=dialect, field_map=field_map,
            accounts=[str(file) for file in accounts], releases=[str(file) for file in releases], progress=progress,
        )
    show_intake(report, home, as_json)


@click.command()
@options.home_option
@options.window_options
@options.settings_options
@options.json_option
def hunt(
    home: Path, since: datetime | None, until: datetime | None, settings_file: Path | None,
    overrides: tuple[str, ...], as_json: bool,
) -> None:
    """Look for harvests in what the store holds already."""
    settings = options.read_settings(home, settings_file, overrides)
    options.check_window(since, until)
    from stillwatch import pipeline

    with terminal.progress() as progress:
        found = pipeline.hunt(home, settings=settings, since=since, until=until, progress=progress)
    show_findings(found, home, as_json)


def show_findings(found: Any, home: Path, as_json: bool) -> None:
    """The findings of a run: the contract's section 5 as JSON, or a summary for people."""
    from stillwatch.report.findings import as_findings, json_document, read_drill

    findings = as_findings(found)
    if as_json:
        terminal.print_pieces(json_document(findings))
        return
    from stillwatch.report.catalogue import signs
    from stillwatch.report.letter import sweep_letter

    sweep_letter(terminal.console(), findings, signs=signs(), drill=read_drill(home), home=str(home))


def show_intake(report: Any, home: Path, as_json: bool) -> None:
    """What an ingest read, kept and quarantined."""
    import dataclasses

    document: dict[str, Any] = dataclasses.asdict(report) if dataclasses.is_dataclass(report) else dict(vars(report))  # type: ignore[arg-type]
    if as_json:
        terminal.print_json(document)
        return
    from stillwatch.report.findings import plain
    from stillwatch.report.letter import intake_lines, say
    from stillwatch.report.plain_text import clean, quoted

    console = terminal.console()
    run = plain(document)
    run.setdefault("rows", run)
    for line in intake_lines(run):
        say(console, line)
    unknown = run.get("unknown_fields")
    if unknown:
        names = ", ".join(clean(name, 40) for name in list(unknown)[:8])
        say(console, f"Fields that are not read: {names}{' and others' if len(unknown) > 8 else ''}.")
    suffix = "" if str(home) == ".stillwatch" else f" --home {quoted(home, 200)}"
    say(console, f"next: `stillwatch hunt{suffix}` looks for harvests in it.")


def _check(accounts: tuple[Path, ...], releases: tuple[Path, ...], field_map: Path | None) -> None:
    options.check_files("--accounts", accounts)
    options.check_files("--releases", releases)
    options.check_files("--map", (field_map,) if field_map is not None else ())
