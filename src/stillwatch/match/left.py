"""DIR/matches/: what a match left for its own provider: accounts and kinds; no token, no account of the peer."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stillwatch.match.sets import MatchSet

_FOLDER = "matches"


def leave_matches(home: Path, run_id: str, peer: str, found: MatchSet, tokens: Collection[str]) -> dict[str, Any]:
    """Writes DIR/matches/RUN.json (mode 0600): our own accounts that hold what is common, by kind; never the tokens."""
    rows = found.holders(tokens).to_pylist()
    accounts: dict[str, Counter[str]] = {}
    kinds: dict[str, set[str]] = {}
    for row in rows:
        accounts.setdefault(row["account_id"], Counter())[row["kind"]] += 1
        kinds.setdefault(row["kind"], set()).add(row["token"])
    made = {
        "run_id": run_id, "peer": peer, "matches": len(set(tokens)), "kinds": {k: len(v) for k, v in kinds.items()},
        "accounts": {account: dict(held) for account, held in sorted(accounts.items())},
    }  # fmt: skip
    folder = Path(home) / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{run_id}.json"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=1)
    return {**made, "file": str(path)}


def forget(home: Path, account_id: str) -> int:
    """Takes a customer out of every match that was left; how many files named it."""
    touched = 0
    for path in sorted((Path(home) / _FOLDER).glob("M-*.json")):
        left = json.loads(path.read_text("utf-8"))
        if left["accounts"].pop(account_id, None) is not None:
            fresh = path.with_suffix(".new")
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(left, indent=1), "utf-8")
            fresh.replace(path)
            touched += 1
    return touched
