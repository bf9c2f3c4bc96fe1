"""One exchange: whose it is, and everything that is kept of it. Lengths and pattern ids, never text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from stillwatch.errors import OutsideError
from stillwatch.report.catalogue import Sign
from stillwatch.report.explain import Explanation, of_account
from stillwatch.report.findings import Findings, plain
from stillwatch.report.plain_text import clean, number, when

_SHOWN: tuple[tuple[str, str], ...] = (
    ("prompt_chars", "characters in the last user message"),
    ("system_chars", "characters in the system prompt"),
    ("completion_chars", "characters in the answer"),
    ("turns", "messages in the conversation"),
    ("parts_unread", "content parts that are not text"),
    ("tool_count", "tools offered"),
    ("input_tokens", "input tokens"),
    ("output_tokens", "output tokens"),
    ("reasoning_tokens", "reasoning tokens"),
    ("max_tokens", "answer tokens at most"),
)
_WORDS = ("model", "channel", "country", "script", "language", "finish_reason")


def find_exchange(id: str, files: Sequence[Path]) -> dict[str, Any] | None:
    """The kept row (layout KEPT) of an exchange, read from part files by an Arrow filter; None where no part has it."""
    if not files:
        return None
    try:
        parts = ds.dataset([str(file) for file in files], format="parquet")
        rows: list[dict[str, Any]] = parts.head(1, filter=pc.field("exchange_id") == pa.scalar(id)).to_pylist()
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        raise OutsideError("store", "a part file cannot be read", "run `stillwatch ingest` again") from error
    return rows[0] if rows else None


def of_exchange(
    findings: Findings, id: str, store: Any, rules: Sequence[Any], signs: Mapping[str, Sign]
) -> Explanation | None:
    """What is kept of an exchange and how its account is judged; None where the store has no such id."""
    row = find_exchange(id, list(store.exchange_files()))
    if row is None:
        return None
    account_id = _account_of(row["account"], store)
    names = {rule.code: rule for rule in rules}
    who = [f"Sent {when(row['started_at'])} by account {clean(account_id, 80) or 'unknown'}."]
    known = [f"{name.replace('_', ' ')} {clean(row[name], 60)}" for name in _WORDS if row.get(name)]
    if known:
        who.append("Kept of it: " + ", ".join(known) + ".")
    lengths = [f"{words} {number(row[name])}" for name, words in _SHOWN if row.get(name) is not None]
    who.append(("Lengths: " + ", ".join(lengths) + "." if lengths else "No lengths are known.")
               + " The text itself was never written down.")
    for column, where in (("patterns", "last user message"), ("system_patterns", "system prompt")):
        codes = row.get(column)
        if codes is None:
            who.append(f"Whether the {where} matches a pattern is unknown.")
        elif codes:
            who.append(f"Patterns in the {where}: " + "; ".join(_pattern(c, names) for c in codes[:20]) + ".")
        else:
            who.append(f"No pattern matches the {where}.")
    naming = [
        clean(says, 400)
        for says, ids in zip(
            findings.evidence["says"].to_pylist(), findings.evidence["exchange_ids"].to_pylist(), strict=True
        )
        if id in (ids or ())
    ]
    if naming:
        who.append("Named as an example of its group's exchanges.")
    account = findings.account(account_id) if account_id else None
    kept = {name: plain(row.get(name)) for name, _ in _SHOWN} | {name: plain(row.get(name)) for name in _WORDS}
    kept |= {"exchange_id": id, "account_id": account_id, "started_at": plain(row["started_at"])}
    kept |= {
        column: [{"code": c, "id": getattr(names.get(c), "id", None)} for c in row.get(column) or []]
        for column in ("patterns", "system_patterns")
    }
    headline = f"Exchange {clean(id, 80)}: one call; a call alone is never judged, its account is."
    if account is None:
        who.append("Its account is not in the latest sweep's findings: run `stillwatch hunt` again.")
        return Explanation("exchange", id, headline, who=tuple(who), seen=tuple(naming), row=kept)
    whole = of_account(findings, account, signs)
    return Explanation(
        kind="exchange", id=id, headline=headline, who=(*who, whole.headline), seen=tuple(naming),
        evidence_for=whole.evidence_for, evidence_against=whole.evidence_against, look_alikes=whole.look_alikes,
        accepted=whole.accepted, accepted_text=whole.accepted_text, unknown=whole.unknown,
        false_alarm=whole.false_alarm, note=whole.note, look_at=whole.look_at, contest=whole.contest,
        related=(account_id, *whole.related), row=kept,
    )


def _account_of(account: int | None, store: Any) -> str:
    ids = store.account_ids()
    if account is None:
        return ""
    found = ids.filter(pc.equal(ids["account"], pa.scalar(account, ids["account"].type)))["account_id"]
    return str(found[0].as_py()) if len(found) else ""


def _pattern(code: int, names: Mapping[int, Any]) -> str:
    rule = names.get(code)
    return f"{clean(rule.id, 60)} ({clean(rule.title, 100)})" if rule else f"rule {code}, not in the present packs"
