"""The menu of commands, and how every failure becomes two lines on standard error and an exit status."""

from __future__ import annotations

import difflib
import errno
import importlib
import os
import re
import sqlite3
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from stillwatch import __version__
from stillwatch.errors import StillwatchError, UsageError

#: Command to the module of this folder that holds it, in the order of the help.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "Simulate, sweep, explain: the first minute."),
    "sweep": ("sweep", "Read logs and look for harvests: ingest, then hunt."),
    "campaigns": ("look", "List what the latest sweep found."),
    "explain": ("look", "Say why a campaign, an account or an exchange is judged so."),
    "page": ("look", "Write the findings as one self-contained HTML page."),
    "ingest": ("sweep", "Read logs into the store, without looking for anything yet."),
    "hunt": ("sweep", "Look for harvests in what is stored."),
    "watch": ("watch", "Follow logs, a Kafka topic or a Redis stream; sweep on schedule; stay."),
    "drill": ("worlds", "Plant harvests of known size in a copy of your logs; count what is found."),
    "simulate": ("worlds", "Write simulated traffic with the truth beside it."),
    "decide": ("decide", "Bring decisions in line with the findings; or ask what a policy would have done."),
    "decisions": ("decide", "List decisions: what holds, what waits, for whom, until when."),
    "approve": ("people", "Approve a decision that waits."),
    "refuse": ("people", "Refuse a decision that waits."),
    "lift": ("people", "End a decision or an allowance, at once."),
    "allow": ("people", "Let an account, key or organisation pass, whatever else is decided."),
    "verdict": ("people", "Say what you concluded: confirm or wrong; or withdraw it."),
    "appeal": ("people", "Enter a customer's appeal, or answer one."),
    "audit": ("people", "Show who did what, or verify that log."),
    "calibrate": ("people", "Compare scores with verdicts; fit the base rate."),
    "serve": ("serve", "Run the decision service for gateways and people."),
    "console": ("serve", "Open the console: pages where an analyst works."),
    "share": ("share", "Give findings to other providers' machines, and take theirs in."),
    "taxii": ("share", "Serve what is shared over TAXII 2.1, or ask a peer's server."),
    "token": ("serve", "Make a token for the decision service."),
    "tokens": ("serve", "List or revoke tokens."),
    "match": ("match", "Compare accounts with another provider in private; tokens for indicators."),
    "report": ("disclose", "Write a disclosure: letter, technical report, annex."),
    "release": ("disclose", "The gate: check, approve, publish, correct or withdraw a disclosure."),
    "entity": ("disclose", "What primary public records say of an organisation."),
    "backup": ("endure", "Back a home up, also while it is in use."),
    "restore": ("endure", "Put a backup into a new home, verified."),
    "doctor": ("endure", "Say what is wrong with a home, and how to mend it."),
    "compact": ("care", "Let go of what is too old; join many small files."),
    "forget": ("care", "Remove a customer from everything that is kept."),
    "signals": ("care", "List the signals: what each needs, and who else shows it."),
    "patterns": ("care", "List the pattern rules, or check packs of your own."),
    "settings": ("care", "Print every setting with its value and where it came from."),
}


class Menu(click.Group):
    """Loads a command's module when it is called, and turns failures into `where: what` and `try: hint`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the menu."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command, its module imported now."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"stillwatch.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, says) for name, (_, says) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command asked for; an unknown one suggests the nearest."""
        name = args[0]
        if name in COMMANDS or name.startswith("-"):
            return super().resolve_command(ctx, args)
        close = difflib.get_close_matches(name[:60], COMMANDS, 1, 0.5)
        hint = f"stillwatch {close[0]}" if close else "stillwatch --help"
        raise UsageError("stillwatch", f"there is no command {name[:60]!r}", hint)

    def main(  # type: ignore[override]
        self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any
    ) -> NoReturn:
        """Runs a command and exits: 0 done, 2 the caller can mend it, 3 something outside failed, 130 interrupted."""
        if "_STILLWATCH_COMPLETE" in os.environ:
            super().main(args, prog_name, **extra)
        extra.pop("standalone_mode", None)
        given = list(sys.argv[1:] if args is None else args) or ["--help"]
        sys.exit(self._run(given, prog_name or "stillwatch", extra))

    def _run(self, args: list[str], name: str, extra: dict[str, Any]) -> int:
        try:
            with self.make_context(name, args, **extra) as ctx:
                self.invoke(ctx)
            sys.stdout.flush()
        except click.exceptions.Exit as done:
            return done.exit_code
        except (KeyboardInterrupt, click.Abort):
            _tell(["stillwatch: interrupted", "try: the same command again; it goes on where it stopped"])
            return 130
        except click.UsageError as error:
            _tell(_usage_lines(error))
            return 2
        except click.ClickException as error:
            _tell([f"stillwatch: {error.format_message()}"])
            return 2
        except StillwatchError as error:
            _tell(error.lines())
            return error.exit_code
        except (OSError, MemoryError, sqlite3.Error) as error:
            if isinstance(error, BrokenPipeError) or getattr(error, "errno", None) == errno.EPIPE:
                _drop_stdout()
                return 0
            _tell(_outside_lines(error))
            return 3
        except Exception as error:
            if not type(error).__module__.partition(".")[0].endswith("duckdb"):
                raise
            _tell(_database_lines(error))
            return 3
        return 0


@click.command(cls=Menu, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="stillwatch", message="%(prog)s %(version)s")
def menu() -> None:
    """Find distillation attacks on a model provider in its ordinary request logs.

    \b
    stillwatch demo                     the first minute, on simulated traffic
    stillwatch sweep logs/              your own logs: what is in there?
    stillwatch explain ID               why, how sure, and how to contest it

    Exit status: 0 done, 2 you can mend it, 3 something outside failed.
    """


def _tell(lines: Sequence[str]) -> None:
    """Lines for standard error, each made safe for a terminal; line breaks of a list of faults stay."""
    from stillwatch.report.plain_text import clean

    for line in lines:
        safe = "\n".join(clean(part, 1000) for part in line[:20_000].split("\n")[:200])
        try:
            click.echo(safe, err=True)
        except OSError:  # standard error is gone too: nobody is left to tell
            return


def _usage_lines(error: click.UsageError) -> list[str]:
    where = error.ctx.command_path if error.ctx is not None else "stillwatch"
    close = _also_called(error) or getattr(error, "possibilities", None)
    what = error.message if isinstance(error, click.NoSuchOption) else error.format_message()
    what = what.rstrip(".")
    if isinstance(error, click.MissingParameter):
        what = what[:1].lower() + what[1:]
    if close:
        name = error.option_name if isinstance(error, click.NoSuchOption) else ""
        close = difflib.get_close_matches(name, close, 1, 0.0) or close
    return [f"{where}: {what}", f"try: {where} {close[0]}" if close else f"try: {where} --help"]


#: Options that say the same in different commands.
_ALSO_CALLED = {"--reason": "--note", "--note": "--reason"}


def _also_called(error: click.UsageError) -> list[str]:
    """What the command calls the option that somebody knows from another command."""
    if not isinstance(error, click.NoSuchOption) or error.ctx is None:
        return []
    other = _ALSO_CALLED.get(error.option_name)
    return [other] if other and any(other in p.opts for p in error.ctx.command.params) else []


def _outside_lines(error: BaseException) -> list[str]:
    if isinstance(error, MemoryError):
        return ["memory: not enough", "try: a smaller window with --since and --until, or a larger machine"]
    if isinstance(error, sqlite3.Error):
        return [f"ledger: {error}", "try: another process may hold this home; wait for it, or name another --home"]
    assert isinstance(error, OSError)
    where = str(error.filename or "disk")
    hints = {
        errno.ENOSPC: "free some space, or name a --home on another disk",
        errno.EDQUOT: "free some space, or name a --home on another disk",
        errno.EACCES: "check who may read and write there, or name another --home",
        errno.EPERM: "check who may read and write there, or name another --home",
        errno.EROFS: "name a --home on a disk that can be written",
        errno.ENOENT: "check the path",
        errno.EMFILE: "raise the limit on open files (ulimit -n)",
        errno.ENAMETOOLONG: "check the path",
    }
    return [f"{where}: {error.strerror or error}", f"try: {hints.get(error.errno or 0, 'check the disk and the path')}"]


def _database_lines(error: Exception) -> list[str]:
    # a database quotes values of the log in its messages; those stay here
    first = re.sub(r"""(['"]).*?(\1|$)""", "…", str(error).partition("\n")[0])
    if "memory" in first.lower():
        return [f"database: {first}", "try: --set store.memory_gib=N with a larger N, or a smaller window"]
    return [f"database: {first}", "try: the same command again; if it fails again, check the disk under --home"]


def _drop_stdout() -> None:
    """The reader has gone: nothing more is written, and nothing is complained of at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115
