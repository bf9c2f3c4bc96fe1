"""What the latest sweep left, read once and kept until it changes, with places to look things up."""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.campaigns.track import SWEEPS_FILE, read_sweeps
from stillwatch.errors import StillwatchError
from stillwatch.records.tables import ACCOUNTS, CAMPAIGNS, EVIDENCE
from stillwatch.report.catalogue import Sign, signs
from stillwatch.report.explain import Explanation, of_account, of_campaign
from stillwatch.report.findings import Findings, Pictures, read_findings, read_pictures
from stillwatch.report.letter import blind_lines
from stillwatch.store import open_store

#: Ids that stand in a URL as they are; any other is named there by its hash.
_PLAIN_ID = re.compile(r"[\w@+=,-][\w.@+=:, -]{0,199}")
_KEPT_EXPLANATIONS = 400
_NEAR_ACCOUNTS = 60
_WATCHED_EVERY_S = 2.0


def short(id: str) -> str:
    """An id as forms and parameters name it: itself where that is safe and not long, else `~` and a hash."""
    if id.isascii() and _PLAIN_ID.fullmatch(id) and not id.endswith((" ", ".")):
        return id
    return "~" + hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def slug(id: str) -> str:
    """The same as one segment of a path."""
    return quote(short(id), safe="@+=:,~")


@dataclass(frozen=True)
class Shelf:
    """One sweep's findings with account records; `stamp` changes when any of them does."""

    stamp: tuple[int, ...]
    findings: Findings
    pictures: Pictures
    records: pa.Table
    releases: list[dict[str, Any]]
    status_changes: pa.Table
    sweeps: list[dict[str, Any]]
    signs: Mapping[str, Sign]
    swept: bool
    """Whether there are findings at all."""
    _told: dict[tuple[str, str], Explanation] = field(default_factory=dict)
    drawn: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """Networks that were drawn from it, by campaign and value."""

    @cached_property
    def campaigns(self) -> list[dict[str, Any]]:
        """Campaigns and networks, highest score first."""
        return self.findings.campaign_rows()

    @cached_property
    def by_campaign(self) -> dict[str, dict[str, Any]]:
        """Campaign id to its row."""
        return {row["campaign_id"]: row for row in self.campaigns if row["campaign_id"]}

    @cached_property
    def place(self) -> dict[str, int]:
        """Account id to its row's number in the findings."""
        return {a: i for i, a in enumerate(self.findings.accounts["account_id"].to_pylist())}

    @cached_property
    def record_place(self) -> dict[str, int]:
        """Account id to its record's number."""
        return {a: i for i, a in enumerate(self.records["account_id"].to_pylist())}

    @cached_property
    def odd_ids(self) -> dict[str, str]:
        """Slug to id, for those that are not their own slug."""
        found = {}
        for id in (*self.place, *self.by_campaign, *self.record_place):
            name = short(id)
            if name.startswith("~"):
                found[name] = id
        return found

    @cached_property
    def sorted_scores(self) -> Any:
        """All accounts' scores, ascending."""
        return np.sort(np.nan_to_num(self.findings.accounts["score"].to_numpy(zero_copy_only=False)))

    @cached_property
    def sorted_exchanges(self) -> Any:
        """All accounts' exchanges, ascending."""
        return np.sort(self.findings.accounts["exchanges"].fill_null(0).to_numpy(zero_copy_only=False))

    @cached_property
    def blind(self) -> list[str]:
        """Which columns are missing, and which signals that silences, in sentences."""
        return blind_lines(self.findings, self.signs)

    @cached_property
    def near(self) -> list[dict[str, Any]]:
        """Groups, then accounts outside them, that score `mixed` and are in no campaign, with what speaks most for it
        and most against it."""
        groups: dict[str, dict[str, Any]] = {}
        for row in self.pictures.near.to_pylist():
            told = groups.setdefault(row["near"], {**row, "account_ids": []})
            if row["account_id"] in self.place:
                told["account_ids"].append(row["account_id"])
        found = [row for row in groups.values() if row["account_ids"]]
        inside = {a for row in found for a in row["account_ids"]}
        table = self.findings.accounts
        mixed = table.filter(pc.and_(pc.equal(table["label"], "mixed"), pc.is_null(table["campaign_id"])))
        alone = [row for row in mixed.to_pylist() if row["account_id"] not in inside]
        for row in sorted(alone, key=lambda row: (-(row["score"] or 0.0), row["account_id"]))[:_NEAR_ACCOUNTS]:
            said = self.findings.evidence_of("account", row["account_id"])
            most: dict[str, Any] = max(said, key=_bits, default={})
            least: dict[str, Any] = min(said, key=_bits, default={})
            pro, against = (most if _bits(most) > 0 else {}), (least if _bits(least) < 0 else {})
            found.append({
                "account_ids": [row["account_id"]], "score": row["score"], "exchanges": row["exchanges"],
                "pro": pro.get("says", ""), "pro_bits": pro.get("weight_bits"), "against": against.get("says", ""),
                "against_bits": against.get("weight_bits"), "how": "alone",
            })  # fmt: skip
        return found

    def warm(self) -> None:
        """Makes what pages ask for, before somebody asks."""
        for made in (self.campaigns, self.by_campaign, self.place, self.record_place, self.odd_ids, self.sorted_scores,
                     self.sorted_exchanges, self.blind, self.near):  # fmt: skip
            len(made)

    def id_of(self, segment: str) -> str:
        """The id that a segment of a path names."""
        return self.odd_ids.get(segment, segment)

    def account(self, account_id: str) -> dict[str, Any] | None:
        """One account's row of the findings."""
        at = self.place.get(account_id)
        return None if at is None else dict(self.findings.accounts.slice(at, 1).to_pylist()[0])

    def account_record(self, account_id: str) -> dict[str, Any]:
        """What the provider's records say of an account; empty where they say nothing."""
        at = self.record_place.get(account_id)
        return {} if at is None else self.records.slice(at, 1).to_pylist()[0]

    def accounts_of(self, ids: list[str]) -> pa.Table:
        """The findings' rows of these accounts."""
        return self.findings.accounts.filter(
            pc.is_in(self.findings.accounts["account_id"], value_set=pa.array(ids, pa.string()))
        )

    def explanation(self, kind: str, id: str) -> Explanation | None:
        """Why a campaign or an account is judged so; None where the findings do not name it."""
        if (kind, id) in self._told:
            return self._told[(kind, id)]
        row = self.by_campaign.get(id) if kind == "campaign" else self.account(id)
        if row is None:
            return None
        if kind == "campaign":
            told = of_campaign(self.findings, row, self.signs, self.pictures.scores.get(id, {}))
        else:
            told = of_account(self.findings, row, self.signs)
        if len(self._told) >= _KEPT_EXPLANATIONS:
            self._told.pop(next(iter(self._told)), None)
        self._told[(kind, id)] = told
        return told

    def history(self, campaign_id: str) -> list[dict[str, Any]]:
        """A campaign's line of each sweep that saw it, oldest first, with `at`."""
        return [
            {"at": sweep["at"], **row}
            for sweep in self.sweeps
            for row in sweep["campaigns"]
            if row["id"] == campaign_id
        ]

    @cached_property
    def before(self) -> dict[str, dict[str, Any]] | None:
        """Campaign id to its line in the sweep before the latest; None where there was none."""
        if len(self.sweeps) < 2:
            return None
        return {row["id"]: row for row in self.sweeps[-2]["campaigns"]}


def _bits(evidence: Mapping[str, Any]) -> float:
    return evidence.get("weight_bits") or 0.0


class Shelves:
    """The current shelf of a home; read anew when the files behind it have changed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._lock = threading.Lock()
        self._shelf: Shelf | None = None

    def now(self) -> Shelf:
        """The shelf as the files are now."""
        stamp = self._stamp()
        shelf = self._shelf
        if shelf is not None and shelf.stamp == stamp:
            return shelf
        with self._lock:
            if self._shelf is None or self._shelf.stamp != stamp:
                self._shelf = _read(self.home, stamp)
            return self._shelf

    def watch(self) -> None:
        """Reads each new sweep as soon as it is there, so that no page waits for it; never returns."""
        while True:
            with suppress(StillwatchError, OSError):
                self.now().warm()
            time.sleep(_WATCHED_EVERY_S)

    def _stamp(self) -> tuple[int, ...]:
        names = (
            "findings/campaigns.parquet", "findings/accounts.parquet", "findings/evidence.parquet",
            "findings/run.json", "history/latest/ties.parquet", "history/latest/scores.json", "history/sweeps.jsonl",
        )  # fmt: skip
        found = []
        for name in names:
            try:
                found.append((self.home / name).stat().st_mtime_ns)
            except OSError:
                found.append(0)
        return tuple(found)


def _read(home: Path, stamp: tuple[int, ...]) -> Shelf:
    swept = (home / "findings" / "campaigns.parquet").is_file()
    findings = read_findings(home) if swept else _nothing()
    records, releases, changes = _of_the_store(home)
    return Shelf(
        stamp, findings, read_pictures(home), records, releases, changes,
        read_sweeps(home / SWEEPS_FILE), signs(), swept,
    )  # fmt: skip


def _nothing() -> Findings:
    from stillwatch.arrow_types import arrow_schema

    campaigns, accounts, evidence = (arrow_schema(layout).empty_table() for layout in (CAMPAIGNS, ACCOUNTS, EVIDENCE))
    return Findings(campaigns, accounts, evidence, {})


def _of_the_store(home: Path) -> tuple[pa.Table, list[dict[str, Any]], pa.Table]:
    """Account records, releases and status changes; empty where the store cannot be opened now."""
    nothing = pa.table({"account_id": pa.array([], pa.string())})
    try:
        store = open_store(home)
    except StillwatchError:
        return nothing, [], nothing
    try:
        return store.accounts(), store.releases().to_pylist(), store.status_changes()
    finally:
        store.close()
