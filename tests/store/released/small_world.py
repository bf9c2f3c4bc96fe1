"""The traffic in the stores that released versions wrote: 12 accounts harvest, 40 do not."""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

_SUBJECTS = ("fractions", "tides", "sorting", "treaties", "enzymes", "sonnets", "orbits", "markets", "proofs", "soils")
_WORDS = (
    "bread",
    "pan",
    "landlord",
    "note",
    "weekend",
    "garden",
    "script",
    "slow",
    "forty",
    "book",
    "first",
    "translate",
    "plan",
    "kettle",
    "fever",
    "bicycle",
    "rent",
    "verb",
    "lamp",
    "visa",
    "cousin",
    "soup",
    "invoice",
    "guitar",
    "ladder",
    "paint",
    "jacket",
    "river",
    "train",
    "salt",
    "mirror",
    "violin",
    "tax",
    "fence",
    "honey",
    "puzzle",
)
_START = datetime(2026, 5, 1, tzinfo=UTC)


def write(folder: Path) -> None:
    """Leaves log.jsonl, accounts.jsonl and releases.csv in a folder; always the same bytes."""
    chance = random.Random(20260501)
    rows = []
    for i in range(12):
        for k in range(60):
            task = f"{chance.choice(_SUBJECTS)} exercise {chance.randrange(9000)}"
            prompt = (
                "You are an expert annotator. Solve the following problem and show your complete chain of thought step "
                f"by step inside <think> tags before you give the final answer as JSON.\nProblem: {task}"
            )
            at = _START + timedelta(minutes=chance.randrange(14 * 1440), seconds=k % 60)
            rows.append(_row(f"h{i}-{k}", at, f"harvest-{i:02}", prompt, f"192.0.2.{i % 3}", "sdk/1.2", 1200))
    for i in range(40):
        for k in range(8):
            asked = " ".join(chance.sample(_WORDS, 5 + chance.randrange(9))).capitalize() + "?"
            at = _START + timedelta(days=chance.randrange(14), hours=8 + chance.randrange(12), minutes=k)
            rows.append(_row(f"p{i}-{k}", at, f"person-{i:02}", asked, f"198.51.100.{i}", "browser", 90 + 10 * k))
    rows.sort(key=lambda row: (row["started_at"], row["exchange_id"]))
    lines = [json.dumps(row) for row in rows]
    lines.insert(100, "no json")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "log.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    people = [
        {"account_id": f"harvest-{i:02}", "created_at": "2026-04-29T10:00:00Z", "payment_fingerprint": f"card-{i % 2}",
         "email_domain": "mail.example", "signup_ip": f"192.0.2.{i % 3}", "kind": "individual"}
        for i in range(12)
    ] + [
        {"account_id": f"person-{i:02}", "created_at": f"2025-{1 + i % 12:02}-11T10:00:00Z",
         "payment_fingerprint": f"own-{i}", "email_domain": f"d{i % 9}.example", "kind": "individual"}
        for i in range(40)
    ]  # fmt: skip
    (folder / "accounts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in people), "utf-8")
    (folder / "releases.csv").write_text("model,released_at\nalpha-2,2026-05-08T00:00:00Z\n", "utf-8")


def _row(name: str, at: datetime, account: str, prompt: str, ip: str, agent: str, tokens: int) -> dict[str, object]:
    return {
        "exchange_id": name, "started_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "account_id": account,
        "model": "alpha-2" if at >= _START + timedelta(days=7) else "alpha-1", "prompt": prompt,
        "completion": f"Answer {name}.", "input_tokens": len(prompt) // 4, "output_tokens": tokens, "ip": ip,
        "user_agent": agent, "key_id": f"k-{account}", "status": 200, "temperature": 0.7,
    }  # fmt: skip


if __name__ == "__main__":
    write(Path(sys.argv[1]))
