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
from stillwatch.share.leaving import aliases_of


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
    if not campaigns:
        raise UsageError("report", "names no campaign", "stillwatch campaigns lists them")
    there = [str(row["campaign_id"]) for row in findings.campaign_rows()]
    for gone in (c for c in campaigns if c not in there):
        what = "is no campaign of the latest sweep" + ("" if there else ", which found none")
        found = f"one of {', '.join(there[:5])}"
        hint = found if there else "sweep more logs; a report is of a campaign that was found"
        raise UsageError(gone[:60], what, hint)
    aliases = aliases_of(home, campaigns)
    counted = count(findings, {c: aliases[c] for c in campaigns}, known, pictures)
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
