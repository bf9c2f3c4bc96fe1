"""`demo`: simulate, sweep, explain, draw: the first minute."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import click

from stillwatch.cli import options, terminal


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("stillwatch-demo/page.html"),
              show_default=True, metavar="FILE", help="The page to write.")
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Keep what the demo finds here (default: a folder that is deleted at the end).")
@click.option("--scale", type=click.FloatRange(0, 100, min_open=True), default=1.0, show_default=True,
              help="Accounts and traffic.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Equal seed, equal demo.")
@options.settings_options
@options.json_option
def demo(
    out: Path, home: Path | None, scale: float, seed: int, settings_file: Path | None, overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Simulate a provider's traffic with three campaigns in it, sweep it, explain one, and draw a page."""
    passing = Path(tempfile.mkdtemp(prefix="stillwatch-demo-"))
    try:
        # the traffic lies outside the home: a sweep never reads logs that lie in its own home
        _demo(out, home or passing / "home", passing / "world", home is not None, scale, seed, settings_file, overrides,
              as_json)
    finally:
        shutil.rmtree(passing, ignore_errors=True)


def _demo(
    out: Path, folder: Path, world: Path, kept: bool, scale: float, seed: int, settings_file: Path | None,
    overrides: tuple[str, ...], as_json: bool,
) -> None:
    from stillwatch import pipeline
    from stillwatch.cli.look import explanation
    from stillwatch.report.findings import as_findings, plain
    from stillwatch.report.page import write_page
    from stillwatch.simulate import simulate

    settings = options.read_settings(folder, settings_file, overrides)
    with terminal.progress() as progress:
        simulate(world, ("demo",), scale=scale, seed=seed, progress=terminal.by_share(progress))
        found = pipeline.sweep(
            folder, [str(world / "exchanges")], settings=settings, dialect="auto", field_map=None,
            accounts=[str(world / "accounts.jsonl")], releases=[str(world / "releases.csv")], since=None, until=None,
            progress=progress,
        )
    findings = as_findings(found)
    rows = findings.campaign_rows()
    harvests = [row for row in rows if row["kind"] != "account_network"] or rows
    told = explanation(harvests[0]["campaign_id"], folder) if rows else None
    out.parent.mkdir(parents=True, exist_ok=True)
    write_page(folder, findings, out)
    if as_json:
        terminal.print_json({
            "campaigns": plain(rows), "explanation": told.as_dict() if told else None, "page": str(out),
            "home": str(folder) if kept else None,
        })
        return
    from stillwatch.report import letter
    from stillwatch.report.catalogue import signs

    console = terminal.console()
    letter.say(console, "Simulated traffic of a model provider; nothing of it is real.", style="dim")
    letter.sweep_letter(console, findings, signs=signs(), drill={}, home=str(folder) if kept else ".stillwatch")
    if told is not None:
        console.rule(style="dim")
        letter.letter(console, told)
        console.rule(style="dim")
    letter.say(console, f"A page with all of it: {out}")
    letter.say(console, "next: `stillwatch sweep YOUR-LOGS/ --accounts YOUR-ACCOUNTS.csv`, or keep this demo with "
                        "`stillwatch demo --home demo` and ask it: `stillwatch campaigns --home demo`.")
