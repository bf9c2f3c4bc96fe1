"""The matter file: what no program can know of a disclosure (who publishes, to whom, on what basis, who is named)."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError

#: The defaults are empty on purpose: the gate then says what a person has to fill in.
DEFAULTS: Mapping[str, Any] = {
    "author": "",
    "publisher": {"name": "", "contact": ""},
    "tlp": "TLP:AMBER+STRICT",
    "pap": "PAP:AMBER",
    "smallest_cell": 10,
    "recipients": [],
    "inputs": [],
    "legal": {
        "statute": "", "in_force_checked_on": "1970-01-01", "checked_by": "", "non_terms_elements": [],
        "embargo_until": None, "legal_hold": False, "law_enforcement_hold": False,
    },
    "review": {"by": "", "on": "1970-01-01", "outcome": ""},
    "antitrust": {"counsel": "", "sign_off_id": "", "approved_shape_sha256": "0" * 64, "cleared_phrases": []},
    "ai_assistance": {"level": "generated-and-reviewed", "reviewed_by": ""},
    "appeal": {"contact": ""},
    "corrections": {"contact": "", "supersedes": None},
    "named": [],
}  # fmt: skip
_NAMED = {
    "campaign", "name", "approved_phrase", "low", "high", "confidence", "reviewers", "counsel", "evidence", "sources",
}  # fmt: skip


def read_matter(path: Path | None) -> dict[str, Any]:
    """A matter file over the defaults. UsageError names every unknown key and every wrong type at once."""
    if path is None:
        return _copy(DEFAULTS)
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(str(path), f"cannot be read as TOML ({error})", "see docs/disclosure.md") from error
    faults: list[str] = []
    out = _over(DEFAULTS, _plain(given), "", faults)
    for i, entry in enumerate(out["named"]):
        lacking, strange = _NAMED - set(entry) - {"sources"}, set(entry) - _NAMED
        faults += [f"named[{i}]: lacks {name}" for name in sorted(lacking)]
        faults += [f"named[{i}]: unknown key {name}" for name in sorted(strange)]
    if faults:
        raise UsageError(str(path), "; ".join(faults), "see docs/disclosure.md")
    return out


def _over(below: Mapping[str, Any], above: Mapping[str, Any], place: str, faults: list[str]) -> dict[str, Any]:
    out = _copy(below)
    for key, value in above.items():
        name = f"{place}{key}"
        if key not in below:
            faults.append(f"unknown key {name[:60]}")
        elif isinstance(below[key], Mapping):
            if isinstance(value, Mapping):
                out[key] = _over(below[key], value, f"{name}.", faults)
            else:
                faults.append(f"{name} is a table")
        elif below[key] is not None and not isinstance(value, type(below[key])):
            faults.append(f"{name} is of another type")
        else:
            out[key] = value
    return out


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def _copy(table: Mapping[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = copy.deepcopy(dict(table))
    return out
