"""`report`: findings of a home and a matter file to a package, ready for the gate."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from stillwatch.decide.record import FILE_NAME, Record
from stillwatch.disclose.counting import count, snapshot_of
from stillwatch.disclose.drafting import draft
from stillwatch.disclose.language import language
from stillwatch.disclose.matter import read_matter
from stillwatch.disclose.rendering import write_package
from stillwatch.errors import UsageError
from stillwatch.report.catalogue import signs
from stillwatch.report.findings import read_findings, read_pictures


@dataclass(frozen=True)
class Written:
    """What was written: the disclosure's id and its files."""

    id: str
    files: tuple[str, ...]


def write_report(
    home: Path, campaigns: Sequence[str], out: Path, now: datetime, *, lang: str = "en-GB", matter: Path | None = None,
    templates: Path | None = None, pdf: bool = False,
) -> Written:  # fmt: skip
    """Writes a package on these campaigns. UsageError for an unknown campaign, a broken matter file or template."""
    findings, pictures, known = read_findings(home), read_pictures(home), signs()
    given = read_matter(matter)
    for entry in given["named"]:
        if entry["campaign"] not in campaigns:
            raise UsageError(
                "named", f"names somebody for {entry['campaign'][:40]}, which is not reported here", "add it"
            )
    try:
        counted = count(findings, list(dict.fromkeys(campaigns)), known, pictures)
    except KeyError as error:
        ids = ", ".join(str(r["campaign_id"]) for r in findings.campaign_rows()[:5])
        what = "is no campaign of the latest sweep" + ("" if ids else ", which found none")
        hint = f"one of {ids}" if ids else "sweep more logs; a report is of a campaign that was found"
        raise UsageError(str(error.args[0])[:60], what, hint) from error
    if not counted:
        raise UsageError("report", "names no campaign", "stillwatch campaigns lists them")
    snapshot = snapshot_of(counted, findings, pictures, int(given["smallest_cell"]))
    data = (json.dumps(snapshot, indent=1, ensure_ascii=False) + "\n").encode()
    made = draft(counted, snapshot, data, given, language(lang), known, _confirmed(home), now)
    files = write_package(made, data, out, templates=templates, pdf=pdf)
    return Written(made.disclosure["id"], tuple(files))


def _confirmed(home: Path) -> frozenset[str]:
    """Campaigns that a person confirmed, and nobody took that back."""
    if not (home / FILE_NAME).is_file():
        return frozenset()
    record = Record(home, create=False)
    try:
        rows = record.rows("SELECT subject, verdict FROM verdicts WHERE kind='campaign' AND withdrawn_at IS NULL")
    finally:
        record.close()
    return frozenset(row["subject"] for row in rows if row["verdict"] == "confirm")
