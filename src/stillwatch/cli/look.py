"""`campaigns`, `explain` and `page`: what was found, why, and how it looks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stillwatch.cli import options, terminal


@click.command()
@options.home_option
@options.json_option
def campaigns(home: Path, as_json: bool) -> None:
    """List what the latest sweep found, highest score first."""
    from stillwatch.report.findings import plain, read_drill, read_findings

    findings = read_findings(home)
    rows = findings.campaign_rows()
    if as_json:
        terminal.print_json({"campaigns": plain(rows)})
        return
    from stillwatch.report import letter
    from stillwatch.report.plain_text import quoted

    console = terminal.console()
    suffix = "" if str(home) == ".stillwatch" else f" --home {quoted(home, 200)}"
    if not rows:
        letter.say(console, "Nothing found.", style="bold")
        for line in letter.sure_lines(read_drill(home), suffix):
            letter.say(console, line)
        return
    letter.campaigns_table(console, rows)
    letter.say(console, f"next: `stillwatch explain ID{suffix}`")


@click.command()
@click.argument("id", metavar="ID")
@options.home_option
@options.json_option
def explain(id: str, home: Path, as_json: bool) -> None:
    """Say why a campaign, an account or an exchange is judged as it is, and how to contest it."""
    options.check_id("ID", id)
    told = explanation(id, home)
    if as_json:
        terminal.print_json(told.as_dict())
        return
    from stillwatch.report.letter import letter

    letter(terminal.console(), told)


@click.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=Path("stillwatch.html"),
              show_default=True, metavar="FILE", help="The page to write.")
@options.home_option
@options.json_option
def page(out: Path, home: Path, as_json: bool) -> None:
    """Write the findings as one self-contained HTML page: no script, no request to anywhere."""
    from stillwatch.report.findings import read_findings
    from stillwatch.report.page import write_page

    write_page(home, read_findings(home), out)
    if as_json:
        terminal.print_json({"page": str(out), "bytes": out.stat().st_size})
    else:
        click.echo(f"Wrote {out} ({out.stat().st_size:,} bytes). Open it in a browser.")


def explanation(id: str, home: Path) -> Any:
    """The explanation of an id from the findings in `home`, with the store at hand for exchanges."""
    from stillwatch.report.catalogue import signs
    from stillwatch.report.explain import explain as tell
    from stillwatch.report.findings import read_findings, read_pictures

    findings = read_findings(home)
    known = findings.campaign(id) is not None or findings.account(id) is not None
    store, rules = (None, ()) if known else _store_and_rules(home)
    try:
        return tell(findings, id, store, signs=signs(), scores=read_pictures(home).scores, rules=rules)
    finally:
        close = getattr(store, "close", None)
        if callable(close):
            close()


def _store_and_rules(home: Path) -> tuple[Any, Any]:
    """The store of `home` for reading, and the rules that give pattern codes their names."""
    if not (home / "ledger.sqlite").is_file():
        return None, ()
    from stillwatch.patterns import load_rules
    from stillwatch.store import open_store

    settings = options.read_settings(home, None, ())
    return open_store(home), load_rules([Path(pack) for pack in settings.patterns.packs])
