"""`simulate` and `drill`: traffic of which the truth is known."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError


@click.command()
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Where to write.")
@click.option("--profile", "names", multiple=True, metavar="NAME", help="What to simulate (default demo). Repeatable.")
@click.option("--scale", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True,
              help="Accounts and traffic, as a multiple of the profile's.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Equal seed, equal traffic.")
@click.option("--list", "listing", is_flag=True, help="List the profiles and stop.")
@options.json_option
def simulate(
    out: Path | None, names: tuple[str, ...], scale: float, seed: int, listing: bool, as_json: bool
) -> None:
    """Write simulated traffic: exchanges, accounts, releases, and the truth beside them."""
    if out is None and not listing:
        raise UsageError("stillwatch simulate", "--out is missing", "stillwatch simulate --out DIR")
    from stillwatch.simulate import profiles
    from stillwatch.simulate import simulate as write

    known = dict(profiles())
    if listing or out is None:
        _list_profiles(known, as_json)
        return
    chosen = names or ("demo",)
    _known(tuple(name.partition("@")[0] for name in chosen), known, "--profile", "stillwatch simulate --list")
    with terminal.progress() as progress:
        wrote = write(out, chosen, scale=scale, seed=seed, progress=terminal.by_share(progress))
    if as_json:
        terminal.print_json({"out": str(out), "profiles": list(chosen), "scale": scale, "seed": seed, **wrote})
        return
    from stillwatch.report.plain_text import number

    counts = ", ".join(f"{number(v)} {k}" for k, v in wrote.items() if isinstance(v, int) and not isinstance(v, bool))
    click.echo(f"Wrote {', '.join(chosen)} to {out}{f': {counts}' if counts else ''}.")
    click.echo(f"next: stillwatch sweep {out}/exchanges --accounts {out}/accounts.jsonl --releases {out}/releases.csv")


@click.command()
@click.option("--kind", "kinds", multiple=True, metavar="NAME", default=("distillation", "no_shared_infrastructure"),
              show_default=True, help="What to plant. Repeatable.")
@click.option("--accounts", multiple=True, type=click.IntRange(1, 1_000_000), default=(30, 300), show_default=True,
              help="Accounts of a planted harvest. Repeatable.")
@click.option("--exchanges-per-account", "each", multiple=True, type=click.IntRange(1, 1_000_000),
              default=(100,), show_default=True, help="Exchanges of each account. Repeatable.")
@click.option("--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Tries of each size.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Equal seed, equal drill.")
@options.home_option
@options.settings_options
@options.json_option
def drill(
    kinds: tuple[str, ...], accounts: tuple[int, ...], each: tuple[int, ...], repeats: int, seed: int, home: Path,
    settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:
    """Plant harvests of known size in a copy of your own logs, and count how many are found.

    It says how sure "nothing found" is with the columns that you log. Nothing of it enters your store.
    """
    settings = options.read_settings(home, settings_file, overrides)
    from stillwatch.drill import drill as plant

    with terminal.progress() as progress:
        told = plant(
            home, settings=settings, kinds=kinds, accounts=accounts, exchanges_per_account=each, repeats=repeats,
            seed=seed, progress=progress,
        )
    if as_json:
        terminal.print_json(told)
        return
    from stillwatch.report.letter import drill_table, say

    console = terminal.console()
    drill_table(console, told)
    missing = told.get("missing_columns") or []
    if missing:
        names = ", ".join(str(m) for m in missing[:12])
        say(console, f"These logs lack: {names}. With them, more would be found.")


def _list_profiles(known: dict[str, str], as_json: bool) -> None:
    if as_json:
        terminal.print_json({"profiles": known})
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for name, says in known.items():
        table.add_row(name, str(says).partition("\n")[0])
    terminal.console().print(table)


def _known(chosen: tuple[str, ...], known: dict[str, str], option: str, hint: str) -> None:
    import difflib

    for name in chosen:
        if name not in known:
            close = difflib.get_close_matches(name[:60], known, 1, 0.5)
            raise UsageError(f"{option} {name[:60]}", "no such profile", f"{option} {close[0]}" if close else hint)
