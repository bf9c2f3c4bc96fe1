"""Are there findings, can they be read, and do they speak of what is stored now?"""

from __future__ import annotations

from collections.abc import Iterator

from stillwatch.doctor.patient import Ailment, Patient
from stillwatch.errors import StillwatchError
from stillwatch.report.findings import read_findings


def look(patient: Patient) -> Iterator[Ailment]:
    """Findings against the ledger: the rows that they were made of, and the rows that there are."""
    stored = sum(rows for kind, _, rows, *_ in patient.parts if kind == "exchanges")
    hunt = f"stillwatch hunt{patient.option()}"
    if not (patient.home / "findings" / "campaigns.parquet").is_file():
        if stored:
            yield Ailment("warning", "findings", f"nobody has looked at the {stored:,} exchanges stored", hunt)
        return
    try:
        read_findings(patient.home)
    except StillwatchError as error:
        yield Ailment("broken", "findings", error.what, hunt)
        return
    if not patient.run:
        yield Ailment("broken", "findings", "run.json is gone or cannot be read", hunt)
        return
    rows = patient.run.get("rows")
    seen = rows.get("kept") if isinstance(rows, dict) else None
    if isinstance(seen, int) and stored > seen:
        what = f"are older than the store: {stored - seen:,} exchanges came in since"
        yield Ailment("warning", "findings", what, hunt)
    for name in ("campaigns.unreadable", "looks.unreadable"):
        if (patient.home / "history" / name).is_file():
            what = f"history/{name} could not be read and was set aside: campaigns got new ids"
            yield Ailment("warning", "history", what, "restore it from a backup, or remove it")
