"""Asking for a campaign's common phrases: the logs are read a second time, where they still are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.errors import UsageError
from stillwatch.ingest import Dialect, Source, find_sources, read_field_map, read_source
from stillwatch.ingest.dialects import dialect_named
from stillwatch.report.findings import read_findings
from stillwatch.reveal.customers import choose_unrelated
from stillwatch.reveal.phrases import Phrase, Prompts
from stillwatch.reveal.sampling import LONGEST_PROMPT, MOST_CHARACTERS, Wanted, draw, logged_values
from stillwatch.settings import Settings
from stillwatch.store import Store, open_store

Progress = Callable[[dict[str, Any]], None] | None

LEAST_K = 5
"""Below so many customers a phrase is somebody's words, whoever asks."""


@dataclass(frozen=True)
class Revealed:
    """What a campaign's customers have in common, word for word.

    `read`: exchanges whose prompts were read; `missing_files`: logs that are not there any more, or are none;
    `note`: a sentence on how much was read, or why nothing is shown.
    """

    phrases: tuple[Phrase, ...]
    read: int
    missing_files: tuple[str, ...]
    note: str


def reveal_phrases(
    home: Path, campaign_id: str, logs: Sequence[str] = (), *, k: int = 20, least_orgs: int = 3,
    settings: Settings | None = None, dialect: str = "auto", field_map: Path | None = None,
    most_characters: int = MOST_CHARACTERS, progress: Progress = None,
) -> Revealed:  # fmt: skip
    """Phrases that at least `k` unrelated accounts of a campaign, over `least_orgs` organisations, sent in prompts.

    `logs` are files, folders and globs; none: every file that the home has read, where it still is. Of unrelated
    accounts no two share an organisation or a signup value (`customers`), so `k` of them are at least as many
    organisations. A prompt is the last user message. Nothing is written; whoever calls this puts into the audit log who
    asked, and for what. UsageError: no such campaign, `k` below 5, a wrong format or map; OutsideError from the disk.
    """
    if k < LEAST_K or least_orgs < 1:
        what = f"must be {LEAST_K} or more" if k < LEAST_K else "must be 1 or more"
        raise UsageError("k" if k < LEAST_K else "least_orgs", what, "fewer customers' words are somebody's words")
    settings = settings or Settings()
    spoken = read_field_map(Path(field_map)) if field_map is not None else dialect_named(dialect)
    found = read_findings(Path(home)).campaign(campaign_id)
    if found is None:
        raise UsageError("campaign", f"there is no {campaign_id[:80]!r} in the latest sweep", "stillwatch campaigns")
    least = max(k, least_orgs)
    store = open_store(Path(home))
    try:
        sources, missing = _sources(store, logs)
        numbers = _numbers(store, found["account_ids"])
        unrelated = choose_unrelated(list(numbers), store.accounts(), logged_values(store, numbers))
        if len(unrelated) < least:
            return Revealed((), 0, tuple(missing), _too_few(len(numbers), len(unrelated), least))
        wanted = draw(store, numbers, unrelated, most_characters)
        prompts = Prompts(store.key)
        for source in sources:
            if wanted.found == len(wanted):
                break
            if not _read(source, spoken, store.key, numbers, unrelated, wanted, prompts, progress):
                missing.append(source.label)
        phrases = prompts.phrases(least)
    finally:
        store.close()
    return Revealed(phrases, wanted.found, tuple(missing), _note(wanted, len(unrelated), least, bool(phrases)))


def _sources(store: Store, logs: Sequence[str]) -> tuple[list[Source], list[str]]:
    """What there is to read, and what of it is not there."""
    sources: dict[str, Source] = {}
    missing: list[str] = []
    for log in logs or [given["path"] for given in store.inputs()]:
        try:
            met = [] if log == "-" else find_sources([log], leave=[store.home])
        except UsageError:
            met = []
        if not met:
            missing.append(log)
        for source in met:
            if source.passed is not None:
                missing.append(source.label)
            else:
                sources.setdefault(source.label, source)
    return list(sources.values()), missing


def _numbers(store: Store, accounts: Sequence[str] | None) -> dict[str, int]:
    """Each account of the campaign that the store knows, with its number there."""
    members = set(accounts or ())
    seen = store.account_ids()
    pairs = zip(seen.column("account_id").to_pylist(), seen.column("account").to_pylist(), strict=True)
    return {account: number for account, number in pairs if account in members}


def _read(
    source: Source, spoken: Dialect | None, key: bytes, numbers: dict[str, int], unrelated: dict[str, int],
    wanted: Wanted, prompts: Prompts, progress: Progress,
) -> bool:  # fmt: skip
    """Takes the wanted prompts out of one log; whether it could be read as one."""
    members = pa.array(list(numbers), pa.string())
    rows = 0
    try:
        for taken in read_source(source, spoken):
            if taken.skipped:
                return False
            rows += len(taken.batch)
            ids = taken.batch.column("account_id").to_pylist()
            accounts = np.fromiter((numbers.get(a, -1) for a in ids), np.int64, len(ids)) if len(members) else None
            if accounts is not None and len(ids):
                chosen = wanted.pick(taken.batch.column("exchange_id"), accounts, key)
                for account, text in _prompts_in(taken.batch.take(pa.array(chosen, pa.int64()))):
                    prompts.add(text, numbers[account], unrelated.get(account, -1))
            if progress is not None:
                progress({"step": "reading again", "rows": rows, "file": Path(source.label).name})
            if wanted.found == len(wanted):
                break
    except (OSError, UsageError):
        return False
    return True


def _prompts_in(batch: pa.RecordBatch) -> list[tuple[str, str]]:
    """(account, last user message) of each row that has one, as the text pass takes it out."""
    from stillwatch.sketch.columns import text_column
    from stillwatch.sketch.conversations import take_apart
    from stillwatch.sketch.siphash import domain_key

    if not len(batch):
        return []
    messages, prompt, system = (text_column(batch.column(name)) for name in ("messages", "prompt", "system"))
    nothing = domain_key(b"", "reveal")
    talk = take_apart(messages, prompt, system, nothing, nothing)
    out = []
    for row, account in enumerate(batch.column("account_id").to_pylist()):
        start, end = int(talk.prompt_starts[row]), int(talk.prompt_ends[row])
        if start >= 0:
            text = bytes(talk.prompts[start : min(end, start + 4 * LONGEST_PROMPT)]).decode("utf-8", "ignore")
            out.append((account, text[:LONGEST_PROMPT]))
    return out


def _too_few(accounts: int, unrelated: int, least: int) -> str:
    return (
        f"Nothing is shown: among the campaign's {accounts:,} accounts only {unrelated:,} are not known to belong "
        f"together by organisation, key or signup; {least:,} are needed, or a phrase could be one customer's words."
    )


def _note(wanted: Wanted, unrelated: int, least: int, shown: bool) -> str:
    read = f"Read {wanted.found:,} of {wanted.of:,} prompts"
    if len(wanted) < wanted.of:
        read += f" (a sample of {len(wanted):,} was drawn)"
    if wanted.found < len(wanted):
        read += f"; {len(wanted) - wanted.found:,} were not found in the logs that are there"
    what = "each phrase" if shown else "no phrase"
    end = "was sent, as it stands," if shown else "was sent"
    return f"{read}. Of {unrelated:,} unrelated accounts, {what} {end} by {least:,} or more."
