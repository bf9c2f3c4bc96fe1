"""What each signal needs, and who else shows it: read from the signals' own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Sign:
    """One signal as the catalogue tells it: `needs` are columns, `also_seen_in` its look-alikes."""

    name: str
    family: str
    about: str
    needs: tuple[str, ...]
    headline: str
    text: str
    also_seen_in: str
    source: str
    settings: Mapping[str, object]


@cache
def signs() -> Mapping[str, Sign]:
    """Every signal of this installation by name."""
    from stillwatch.signals import all_signals  # heavy: brings Ibis, and only some commands need it

    return {
        s.name: Sign(
            s.name, s.family, s.about, tuple(s.needs), s.doc.partition("\n")[0], s.doc,
            part(s.doc, "Also seen in"), part(s.doc, "Source"), dict(s.settings),
        )
        for s in all_signals()
    }


def part(doc: str, title: str) -> str:
    """The paragraph of a docstring that starts with `title:`, on one line and without its title; else empty."""
    found = re.search(rf"^{re.escape(title)}:\s*(.+?)(?=\n\s*\n|\n[A-Z][a-z ]+:|\Z)", doc, re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def column_of(need: str) -> str:
    """What a need is called in the logs or the accounts file, where the kept name differs."""
    names = {
        "org": "org_id", "key": "key_id", "end_user": "end_user_id", "session": "session_id", "net": "ip",
        "client": "client_fingerprint", "topic": "prompt", "masked": "prompt", "opening": "prompt",
        "closing": "prompt", "patterns": "prompt", "prompt_chars": "prompt", "prompt_words": "prompt",
        "system_opening": "system", "system_patterns": "system", "system_chars": "system", "history": "messages",
        "turns": "messages", "assistant_turns": "messages", "completion_chars": "completion", "tool_count": "tools",
        "language": "prompt", "script": "prompt",
    }
    kept = {
        "org": "org_id", "email": "email_hash", "phone": "phone_hash", "payment": "payment_fingerprint",
        "device": "device_fingerprint", "signup_net": "signup_ip",
    }
    if need.startswith("account."):
        name = need.removeprefix("account.")
        return f"accounts file: {kept.get(name, name)}"
    return names.get(need, need)
