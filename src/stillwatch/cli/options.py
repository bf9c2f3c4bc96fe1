"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.decide.record import Who
    from stillwatch.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?\s?([Zz]|[+-]\d{2}:\d{2})?")


if TYPE_CHECKING:
    _Type = click.ParamType[datetime]
else:  # older versions of click have no type argument
    _Type = click.ParamType


class Moment(_Type):
    """RFC 3339 or a date (its midnight), as an aware datetime in UTC. Without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, or a usage error that shows what one looks like."""
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if _DATE.fullmatch(text) or _TIME.fullmatch(text):
            try:
                read = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text.upper()).replace(" +", "+"))
                return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        self.fail(f"{text[:40]!r} is not a time such as 2026-03-01 or 2026-03-01T12:00:00Z", param, ctx)


class _Home(click.Path):
    """A folder that is named: the empty name of an unset variable would mean the working folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, or a usage error where there is no name."""
        if value == "":
            self.fail("needs the name of a folder; this one is empty", param, ctx)
        return super().convert(value, param, ctx)


def check_id(where: str, id: str) -> None:
    """UsageError where an id that was given is no text."""
    try:
        id.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(where, "is not UTF-8", "give the id as it is stored, in UTF-8") from error


def home_option(function: F) -> F:
    """`--home DIR`."""
    return click.option(
        "--home", type=_Home(path_type=Path, file_okay=False), default=Path(".stillwatch"), metavar="DIR",
        help="Where everything is kept (default ./.stillwatch).",
    )(function)


def by_option(function: F) -> F:
    """`--by NAME`."""
    return click.option("--by", metavar="NAME", help="Who acts, for the audit log (default: your user name).")(function)


def reason_option(function: F) -> F:
    """`--reason TEXT`."""
    return click.option("--reason", required=True, metavar="TEXT", help="Why: kept, and can be asked for.")(function)


def who(by: str | None) -> Who:
    """Whoever can write in the home may do everything there: the role of a person at this machine is approver."""
    from stillwatch.decide.record import Who

    if by is None:
        try:
            by = getpass.getuser()
        except (OSError, KeyError):
            by = f"uid {os.getuid()}"
    check_id("--by", by)
    if not by.strip() or len(by) > 80:
        raise UsageError("--by", "must be a name of 1 to 80 characters")
    return Who(by, "approver")


def listen_options(port: int) -> Callable[[F], F]:
    """`--host ADDRESS` and `--port N`."""

    def enter(function: F) -> F:
        function = click.option("--port", type=click.IntRange(1, 65535), default=port, show_default=True,
                                help="Port to listen on.")(function)  # fmt: skip
        return click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS",
                            help="Address to listen on.")(function)  # fmt: skip

    return enter


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")(function)


def settings_options(function: F) -> F:
    """`--settings FILE` and `--set TABLE.KEY=VALUE`."""
    function = click.option(
        "--set", "overrides", multiple=True, metavar="TABLE.KEY=VALUE",
        help="A setting for this run, such as calibrate.prior=0.01. May be repeated.",
    )(function)
    return click.option(
        "--settings", "settings_file", type=click.Path(path_type=Path), metavar="FILE",
        help="The settings (default: stillwatch.toml here, else in the home).",
    )(function)


def window_options(function: F) -> F:
    """`--since T` and `--until T`."""
    function = click.option("--until", type=Moment(), metavar="T", help="Only exchanges before this time.")(function)
    return click.option(
        "--since", type=Moment(), metavar="T", help="Only exchanges from this time: a date or RFC 3339, UTC."
    )(function)


def intake_options(function: F) -> F:
    """LOGS and everything that says how to read them."""
    function = click.option(
        "--map", "field_map", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="A field map (YAML) from the logs' fields to stillwatch's.",
    )(function)
    function = click.option(
        "--format", "dialect", default="auto", show_default=True, metavar="NAME",
        help="The logs' format: auto, exchange, litellm, ...",
    )(function)
    function = click.option(
        "--releases", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="When models were released (CSV or JSON Lines).",
    )(function)
    function = click.option(
        "--accounts", multiple=True, type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="What is known of customers (JSON Lines, CSV or Parquet).",
    )(function)
    return click.argument("logs", nargs=-1, required=True, metavar="LOGS...")(function)


def read_settings(home: Path, file: Path | None, overrides: tuple[str, ...]) -> Settings:
    """The effective settings of a command, signals' names and keywords checked where any are set."""
    from stillwatch.settings import load_settings

    settings = load_settings(file, home=home, environ=os.environ, overrides=pairs(overrides))
    if settings.signals:
        from stillwatch.report.catalogue import signs

        settings.check_signals(
            {name: {key: type(default) for key, default in sign.settings.items()} for name, sign in signs().items()}
        )
    return settings


def pairs(overrides: tuple[str, ...]) -> Mapping[str, str]:
    """`("a.b=1",)` as `{"a.b": "1"}`; UsageError where there is no `=`."""
    read = {}
    for pair in overrides:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"--set {pair[:60]}", "is not TABLE.KEY=VALUE", "--set calibrate.prior=0.01")
        read[key.strip()] = value.strip()
    return read


def check_window(since: datetime | None, until: datetime | None) -> None:
    """UsageError where the window holds no time at all."""
    if since is not None and until is not None and until <= since:
        raise UsageError("--until", "is not after --since", f"--until a time after {since:%Y-%m-%dT%H:%M:%SZ}")


def check_files(option: str, files: tuple[Path, ...]) -> None:
    """UsageError where a file that an option names is not there, all of them at once."""
    gone = [str(file) for file in files if not file.exists()]
    if gone:
        raise UsageError(option, f"no such file: {', '.join(gone)}", "check the path")
