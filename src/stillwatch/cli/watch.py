"""`watch`: follow what grows, sweep on schedule, decide and tell, until it is stopped."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

import click

from stillwatch.cli import options
from stillwatch.errors import UsageError


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--every", default="24h", show_default=True, metavar="TIME", help="Sweep so often: 15m, 24h, 7d.")
@click.option(
    "--after", type=click.IntRange(min=0), default=0, metavar="ROWS",
    help="Sweep sooner when so many exchanges came since the last sweep (default: never).",
)  # fmt: skip
@click.option("--decide", "decides", is_flag=True, help="Also bring decisions in line after each sweep.")
@click.option(
    "--policy", "policy_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="With --decide: the policy (default: [decide] policy, else the one that ships).",
)  # fmt: skip
@click.option(
    "--accounts", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="What is known of customers; read again before a sweep when it changed.",
)  # fmt: skip
@click.option(
    "--releases", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="When models were released; likewise.",
)  # fmt: skip
@click.option("--format", "dialect", default="auto", show_default=True, metavar="NAME", help="The records' format.")
@click.option(
    "--map", "field_map", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="A field map (YAML) from the records' fields to stillwatch's.",
)  # fmt: skip
@click.option(
    "--batch", "batch_s", type=click.FloatRange(0.1, 3600), default=1.0, show_default=True, metavar="SECONDS",
    help="Read and store so often.",
)  # fmt: skip
@click.option(
    "--metrics-port", type=click.IntRange(1, 65535), metavar="N", help="Answer Prometheus on 127.0.0.1, this port."
)
@options.home_option
@options.settings_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines: one for each sweep and each event.")
def watch(
    sources: tuple[str, ...], every: str, after: int, decides: bool, policy_file: Path | None,
    accounts: tuple[Path, ...], releases: tuple[Path, ...], dialect: str, field_map: Path | None, batch_s: float,
    metrics_port: int | None, home: Path, settings_file: Path | None, overrides: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Follow sources that grow and sweep on schedule, until SIGTERM.

    SOURCE is a folder, a file or a glob of logs, kafka://HOST:PORT/TOPIC or redis://HOST:PORT/DB?stream=NAME.
    What is read and how far is stored in one step: it may be killed at any moment, and the next start neither loses
    nor doubles a row. Decisions are only brought in line with --decide.
    """
    settings = options.read_settings(home, settings_file, overrides)
    options.check_files("--accounts", accounts)
    options.check_files("--releases", releases)
    options.check_files("--map", (field_map,) if field_map is not None else ())
    if policy_file is not None and not decides:
        raise UsageError("--policy", "does nothing without --decide", "add --decide")
    from stillwatch.watch.rhythm import Rhythm, seconds_of

    rhythm = Rhythm(seconds_of(every), after)
    from stillwatch.decide.policy import read_policy
    from stillwatch.ingest.dialects import dialect_named
    from stillwatch.ingest.field_map import read_field_map
    from stillwatch.watch import Watched
    from stillwatch.watch import watch as run
    from stillwatch.watch.telling import Teller

    chosen = policy_file or (Path(settings.decide.policy) if settings.decide.policy else None)
    watched = Watched(
        sources, rhythm, read_field_map(field_map) if field_map is not None else dialect_named(dialect), accounts,
        releases, read_policy(chosen) if decides else None, batch_s, metrics_port or 0,
    )  # fmt: skip
    run(home, watched, settings=settings, tell=Teller(as_json))
    # A sweep that was left is inside native code, and taking the interpreter down under it would abort the process.
    # All is committed and closed: this process may end as it would by a kill, but with its own status.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(0)
