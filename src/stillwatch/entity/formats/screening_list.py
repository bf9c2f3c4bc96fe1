"""The Consolidated Screening List as CSV, which holds the BIS Entity List among others.

Checked against the documented format only (data.trade.gov); a list's own name stands in its column `source`.
"""

from __future__ import annotations

import csv
import io
import re

from stillwatch.entity.records import Entry, Fact


def reads(name: str, data: bytes) -> bool:
    """Whether the first line has the list's columns."""
    head = data[:2000].partition(b"\n")[0]
    return b"source" in head and b"federal_register_notice" in head and b"alt_names" in head


def read(name: str, data: bytes) -> tuple[Entry, ...]:
    """Entries; people are left out: this is about organisations. ValueError where it is not what it seemed."""
    out = []
    for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"))):
        if (row.get("type") or "").lower() == "individual":
            continue
        where, on = f"{row['source']}, {name}", (row.get("start_date") or "")[:10]
        names = (row["name"], *(n.strip() for n in (row.get("alt_names") or "").split(";") if n.strip()))
        facts = [Fact("listed", row["source"], where, on)]
        for field, column in (
            ("notice", "federal_register_notice"), ("licence requirement", "license_requirement"),
            ("licence policy", "license_policy"), ("programme", "programs"), ("until", "end_date"),
            ("remarks", "remarks"),
        ):  # fmt: skip
            if row.get(column):
                facts.append(Fact(field, row[column].strip(), where, on))
        out.append(
            Entry(row["source"], row.get("entity_number") or row.get("_id") or "", names, _countries(row), tuple(facts),
                  "listing")
        )  # fmt: skip
    return tuple(out)


def _countries(row: dict[str, str]) -> tuple[str, ...]:
    ends = (re.search(r"\b([A-Z]{2})\s*$", part) for part in (row.get("addresses") or "").split(";"))
    return tuple(dict.fromkeys(m[1] for m in ends if m))
