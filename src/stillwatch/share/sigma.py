"""What leaves, as Sigma rules for whoever matches telemetry: templates, accounts that fill them, shared payment."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import yaml

from stillwatch.actors.foreign import LEAST_MARKS
from stillwatch.share.leaving import SMALLEST_CELL, Leaving
from stillwatch.share.words import OURS
from stillwatch.sketch.public_hashes import SEED_VERSION

if TYPE_CHECKING:
    from stillwatch.share.stix import Sender

_LOG = {"category": "llm_api", "product": "model_provider"}


def fingerprint_rule(sender: Sender, found: Leaving) -> str:
    """One rule: requests whose prompt carries one of the templates' fingerprints."""
    return _text([_templates(sender, found)])


def rules(sender: Sender, found: Sequence[Leaving]) -> dict[str, str]:
    """File name to rules. Where there are templates: these, and accounts that send several different ones; always: many
    accounts behind one payment method, where that is how the campaign was held together."""
    out: dict[str, str] = {}
    for one in found:
        documents: list[dict[str, Any]] = []
        if one.marks:
            base = _templates(sender, one)
            documents += [base, _correlation(
                sender, one, "several", f"{one.alias}: one account, several of its templates", base["name"],
                "account_id", "prompt_fingerprint", LEAST_MARKS, "7d",
            )]  # fmt: skip
        if "payment" in one.signs:
            signups = _rule(sender, one, "signups", f"{one.alias}: a payment method is set", {"event": "payment_set"})
            documents += [signups, _correlation(
                sender, one, "payment", f"{one.alias}: many accounts, one payment method", signups["name"],
                "payment_token", "account_id", SMALLEST_CELL, "30d",
            )]  # fmt: skip
        if documents:
            out[f"{one.alias.lower()}.yml"] = _text(documents)
    return out


def _templates(sender: Sender, found: Leaving) -> dict[str, Any]:
    values = sorted({f"{v:016x}" for _, v in found.marks})
    title = f"{found.alias}: prompt templates"
    rule = _rule(sender, found, "templates", title, {"prompt_fingerprint": values})
    rule["description"] = f"Openings, closings and shingles of prompts as {SEED_VERSION} fingerprints, in hexadecimal."
    return rule


def _rule(sender: Sender, found: Leaving, part: str, title: str, selection: dict[str, Any]) -> dict[str, Any]:
    return {
        **_head(sender, found, part, title),
        "description": "A step of the rule that follows it.", "logsource": dict(_LOG),
        "detection": {"selection": selection, "condition": "selection"},
        "falsepositives": ["Users of a framework, an app or a benchmark with the same template"], "level": "medium",
    }  # fmt: skip


def _correlation(
    sender: Sender, found: Leaving, part: str, title: str, rule: str, by: str, counted: str, least: int, span: str
) -> dict[str, Any]:
    return {
        **_head(sender, found, part, title),
        "correlation": {
            "type": "value_count", "rules": [rule], "group-by": [by], "timespan": span,
            "condition": {"field": counted, "gte": least},
        },
        "falsepositives": ["One organisation's own accounts", "A declared reseller"], "level": "medium",
    }  # fmt: skip


def _head(sender: Sender, found: Leaving, part: str, title: str) -> dict[str, Any]:
    stable = uuid.uuid5(OURS, "\0".join(("sigma", sender.provider, found.alias, part)))
    return {
        "title": title, "id": str(stable), "name": f"{found.alias}_{part}".lower().replace("-", "_"),
        "status": "experimental", "author": sender.provider,
        "date": datetime.fromtimestamp(sender.now, UTC).strftime("%Y-%m-%d"),
        "tags": [f"tlp.{sender.tlp.replace('+', '-')}"],
    }  # fmt: skip


def _text(documents: Sequence[dict[str, Any]]) -> str:
    return str(yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=False, width=120))
