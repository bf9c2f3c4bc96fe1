"""`report`, `release` and `entity`: the letter, the gate that it has to pass, and who it would name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli import options, terminal
from stillwatch.errors import UsageError

if TYPE_CHECKING:
    from stillwatch.decide.record import Record
    from stillwatch.disclose.package import Outside
    from stillwatch.disclose.release import Approver

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("campaigns", nargs=-1, required=True, metavar="CAMPAIGN...")
@click.option("--out", type=_FOLDER, required=True, metavar="PACKAGE", help="A new folder for the package.")
@click.option("--lang", default="en-GB", show_default=True, metavar="CODE", help="en-GB, en-US or de.")
@click.option("--matter", type=_FILE, metavar="FILE", help="Who publishes, to whom, on what basis (TOML).")
@click.option("--templates", type=_FOLDER, metavar="DIR", help="Templates of your own, before those that ship.")
@click.option("--pdf/--no-pdf", default=None, help="Write PDFs too (default: where the extra is installed).")
@options.home_option
@options.json_option
def report(
    campaigns: tuple[str, ...],
    out: Path,
    lang: str,
    matter: Path | None,
    templates: Path | None,
    pdf: bool | None,
    home: Path,
    as_json: bool,
) -> None:
    """Write a disclosure of these campaigns: letter, technical report and annex, ready for the release gate."""
    from stillwatch.disclose.rendering import can_write_pdf
    from stillwatch.disclose.reporting import write_report

    written = write_report(
        home, campaigns, out, datetime.now(UTC), lang=lang, matter=matter, templates=templates,
        pdf=can_write_pdf() if pdf is None else pdf,
    )  # fmt: skip
    if as_json:
        terminal.print_json({"id": written.id, "package": str(out), "files": list(written.files)})
        return
    click.echo(f"Wrote {written.id} to {out}: {', '.join(written.files)}.")
    click.echo(f"next: `stillwatch release check {out}`")


@click.group()
def release() -> None:
    """Check a disclosure against every rule, approve it, publish it, correct it or withdraw it.

    A package is what `stillwatch report` wrote, and what `stillwatch share out` added for machines. TAXII peers read
    the second from `publish` on, and see it revoked by `withdraw`.
    """


@dataclass(frozen=True)
class _Asked:
    """What every command of the gate is told beside its package."""

    home: Path
    as_json: bool
    canaries: Path | None
    timestamp_server: str
    timestamp_roots: Path | None

    def outside(self, key: Path | None = None) -> Outside:
        """What the gate knows from outside of the package. UsageError where a key file holds none."""
        from stillwatch.disclose.package import Outside
        from stillwatch.disclose.signing import public_key_of

        lines = self.canaries.read_text("utf-8").splitlines() if self.canaries else []
        ids: frozenset[str] = frozenset()
        if (self.home / "findings" / "accounts.parquet").is_file():
            from stillwatch.report.findings import read_findings

            ids = frozenset(a for a in read_findings(self.home).accounts["account_id"].to_pylist() if a and len(a) >= 4)
        roots = self.timestamp_roots.read_bytes() if self.timestamp_roots else None
        return Outside(
            datetime.now(UTC), tuple(line for line in lines if line.strip()), ids,
            _key(key) if key else public_key_of(self.home), roots, bool(self.timestamp_server),
        )  # fmt: skip

    def approver(self, token: str) -> tuple[Record, Approver]:
        """The home's record, and who the token stands for. UsageError where that is no approver."""
        from stillwatch.decide.record import Record
        from stillwatch.disclose.release import approver_of

        record = Record(self.home)
        return record, approver_of(record, token)


def _gate_options(function: Any) -> Any:
    """The options of an `_Asked`, which the command gets as `asked`."""

    @wraps(function)
    def command(
        *, home: Path, as_json: bool, canaries: Path | None, timestamp_server: str, timestamp_roots: Path | None,
        **own: Any,
    ) -> None:  # fmt: skip
        function(asked=_Asked(home, as_json, canaries, timestamp_server, timestamp_roots), **own)

    for decorate in (
        click.option("--canaries", type=_FILE, metavar="FILE", help="Planted texts that must not leave, one a line."),
        click.option("--timestamp-server", default="", envvar="STILLWATCH_TIMESTAMP_SERVER", metavar="URL",
                     help="An RFC 3161 server."),
        click.option("--timestamp-roots", type=_FILE, envvar="STILLWATCH_TIMESTAMP_ROOTS", metavar="FILE",
                     help="That server's certificates (PEM)."),
        options.home_option, options.json_option,
    ):  # fmt: skip
        command = decorate(command)
    return command


_token_option = click.option(
    "--token", envvar="STILLWATCH_TOKEN", metavar="TOKEN", required=True,
    help="Your own token of the role approver (better given as STILLWATCH_TOKEN).",
)  # fmt: skip


@release.command()
@click.argument("package", type=_FOLDER)
@click.option("--key", type=_FILE, metavar="FILE", help="The publisher's public key (default: the home's).")
@_gate_options
def check(package: Path, key: Path | None, asked: _Asked) -> None:
    """Ask every rule. Exit status 2 where one fails: what cannot be evaluated has failed."""
    from stillwatch.disclose.gate import check as ask
    from stillwatch.disclose.gate import failed
    from stillwatch.disclose.package import read_package
    from stillwatch.disclose.release import as_document
    from stillwatch.report.plain_text import clean

    verdicts = ask(read_package(package, asked.outside(key)))
    wrong = failed(verdicts)
    if asked.as_json:
        terminal.print_json({"package": str(package), "passes": not wrong, "rules": as_document(verdicts)})
    else:
        for verdict in verdicts:
            note = f" ({verdict.why})" if verdict.why else ""
            click.echo(f"{verdict.rule:>3}  {verdict.outcome.upper():<14}  {clean(verdict.says, 200)}{note}")
            for fault in verdict.faults[:20]:
                click.echo(f"       {clean(fault.where, 120)}: {clean(fault.what, 300)}")
                click.echo(f"       mend: {clean(fault.mend, 200)}")
    if wrong:
        raise UsageError(str(package), f"fails {', '.join(wrong)}", "mend what is named above, then check again")


@release.command("approve")
@click.argument("package", type=_FOLDER)
@click.option("--note", default="", metavar="TEXT", help="What you looked at.")
@_token_option
@_gate_options
def approve_release(package: Path, note: str, token: str, asked: _Asked) -> None:
    """Approve exactly these files. Two different approvers are needed, neither of them the author."""
    from stillwatch.disclose.package import read_package
    from stillwatch.disclose.release import approve

    read = read_package(package, asked.outside())
    record, approver = asked.approver(token)
    digest = approve(read, record, approver, note)
    name = approver.who.name
    terminal.done(asked.as_json, f"{name} approved {digest[:16]}…", approver=name, manifest_sha256=digest)


@release.command()
@click.argument("package", type=_FOLDER)
@click.option("--to", type=_FOLDER, metavar="DIR", help="Write what leaves to a new folder: withheld files stay.")
@_token_option
@_gate_options
def publish(package: Path, to: Path | None, token: str, asked: _Asked) -> None:
    """Sign, log and timestamp a package that passes every rule; `stillwatch taxii serve` serves its STIX from then."""
    from stillwatch.disclose.release import publish as go

    record, approver = asked.approver(token)
    outside = asked.outside()
    done = go(package, record, approver, outside, server=asked.timestamp_server, to=to)
    says = f"Published {done['id']}, entry {done['log_index']} of the release log."
    says += f" Peers read its {done['served']} STIX objects by TAXII." if done["served"] else ""
    terminal.done(asked.as_json, says, **done)


@release.command()
@click.argument("package", type=_FOLDER)
@click.option("--reason", required=True, metavar="TEXT", help="Why: recipients read it.")
@_token_option
@_gate_options
def withdraw(package: Path, reason: str, token: str, asked: _Asked) -> None:
    """Withdraw a published package: signed, logged, with a notice for each recipient."""
    from stillwatch.disclose.release import withdraw as go

    record, approver = asked.approver(token)
    done = go(package, record, approver, asked.outside(), reason)
    says = f"{done['id']} is withdrawn; {done['notices']} notices are in release/notices.json."
    terminal.done(asked.as_json, says, **done)


@release.command()
@click.argument("package", type=_FOLDER)
@click.argument("by", type=_FOLDER)
@click.option("--reason", required=True, metavar="TEXT", help="Why: recipients read it.")
@_token_option
@_gate_options
def correct(package: Path, by: Path, reason: str, token: str, asked: _Asked) -> None:
    """Say that PACKAGE is corrected by BY, a published package whose matter file says `supersedes`."""
    from stillwatch.disclose.release import correct as go

    record, approver = asked.approver(token)
    done = go(package, by, record, approver, asked.outside(), reason)
    says = f"{done['id']} is corrected; {done['notices']} notices are in release/notices.json."
    terminal.done(asked.as_json, says, **done)


@release.command()
@click.argument("package", type=_FOLDER)
@click.option("--key", type=_FILE, required=True, metavar="FILE", help="The publisher's public key.")
@click.option("--timestamp-roots", type=_FILE, metavar="FILE", help="The timestamp server's certificates (PEM).")
@options.json_option
def verify(package: Path, key: Path, timestamp_roots: Path | None, as_json: bool) -> None:
    """As a recipient: verify signature, files, log and time of a package that somebody gave you."""
    from stillwatch.disclose.release import verify_received

    roots = timestamp_roots.read_bytes() if timestamp_roots else None
    found = verify_received(package, _key(key), roots)
    terminal.done(as_json, f"{found['id']} ({found['tlp']}) holds: {found['files']} files, {found['state']}.", **found)


@release.command()
@options.json_option
def shape(as_json: bool) -> None:
    """Print the list of fields that a disclosure may hold, and the hash that counsel approves."""
    from stillwatch.disclose.shape import SHAPE, shape_sha256

    if as_json:
        terminal.print_json({"sha256": shape_sha256(), "fields": SHAPE})
        return
    for name, inner in SHAPE.items():
        click.echo(f"{name}: {inner if isinstance(inner, str) else '…'}")
    click.echo(f"sha256 {shape_sha256()}")


@click.command()
@click.argument("name", metavar="NAME")
@click.option(
    "--from",
    "sources",
    multiple=True,
    required=True,
    metavar="FILE|URL",
    help="Records as published: GLEIF, EDGAR, BIS, OFAC. May be repeated.",
)
@click.option("--matter", "terms", multiple=True, metavar="WORD", help="Words of the matter to look for in filings.")
@options.json_option
def entity(name: str, sources: tuple[str, ...], terms: tuple[str, ...], as_json: bool) -> None:
    """Write down what primary public records say of an organisation, each fact with its source and date."""
    from stillwatch.entity.dossier import as_document, as_text, dossier

    options.check_id("NAME", name)
    told = dossier(name, sources, terms)
    if as_json:
        terminal.print_json(as_document(told))
    else:
        click.echo(as_text(told))


def _key(path: Path) -> bytes:
    try:
        raw = bytes.fromhex(path.read_text("ascii").strip())
    except (OSError, ValueError) as error:
        raise UsageError(str(path), "is no public key", "the publisher's release.pub: 64 hexadecimal digits") from error
    if len(raw) != 32:
        raise UsageError(str(path), "is no Ed25519 key", "64 hexadecimal digits")
    return raw
