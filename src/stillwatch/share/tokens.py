"""Tokens of what a campaign's accounts held (payment, phone, device ...): as they leave, and as others' are checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError
from stillwatch.records.token import SUITE, Token, token_of_text
from stillwatch.share.reading import Wrong

#: So many tokens of one campaign at most: they stand in a pattern, and a pattern must stay readable.
MOST_TOKENS = 2_000
#: Said before a token's reason, so that whoever reads a quarantine sees what was refused.
NO_TOKEN = "a token that"
_WHAT = "accounts of a campaign hold what these tokens stand for; who asks the evaluator can tell whether theirs do"


@dataclass(frozen=True)
class TokenSet:
    """Tokens of one key: `evaluator` and `suite` that made them, `ends_at` (seconds since 1970) when the key ends."""

    evaluator: str
    suite: str
    key_id: str
    epoch: int
    ends_at: float
    tokens: tuple[Token, ...]

    def as_dict(self, ends_at: Any = None) -> dict[str, Any]:
        """Plain values; `ends_at` in another form than seconds."""
        return {
            "evaluator": self.evaluator, "suite": self.suite, "key_id": self.key_id, "epoch": self.epoch,
            "ends_at": self.ends_at if ends_at is None else ends_at, "values": sorted(str(t) for t in self.tokens),
        }  # fmt: skip


def write_token_file(path: Path, sets: Mapping[str, TokenSet]) -> None:
    """Campaign id to tokens, for `share out --tokens`."""
    made = {campaign: one.as_dict() for campaign, one in sets.items()}
    path.write_text(json.dumps({"campaigns": made}, indent=1) + "\n", "utf-8")


def read_token_file(path: Path, now: float) -> dict[str, TokenSet]:
    """The same, checked as if it were somebody else's. UsageError where it holds what is no token, or tokens of a key
    that has ended."""
    try:
        document = json.loads(path.read_text("utf-8"))
        told = document["campaigns"]
        return {str(c)[:80]: token_set(one, float(one["ends_at"]), now) for c, one in told.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        why = str(error) if isinstance(error, Wrong) else "is no file of tokens"
        raise UsageError(str(path), why, "stillwatch match tokens campaign makes one") from error


def token_set(told: Any, ends_at: float, now: float) -> TokenSet:
    """Tokens as somebody told them. Wrong where one is none (a bare hash, a raw identifier), is of another key than is
    said, where they are too many, or where their epoch has ended at `now`."""
    if not isinstance(told, dict) or not isinstance(told.get("values"), list):
        raise Wrong("wrong type: tokens")
    evaluator, suite, key_id, epoch = (told.get(n) for n in ("evaluator", "suite", "key_id", "epoch"))
    if not all(isinstance(t, str) and 0 < len(t) <= 80 for t in (evaluator, suite, key_id)):
        raise Wrong("wrong type: tokens")
    if isinstance(epoch, bool) or not isinstance(epoch, int):
        raise Wrong("wrong type: tokens")
    if suite != SUITE:
        raise Wrong("tokens of another function than ours")
    if not 1 <= len(told["values"]) <= MOST_TOKENS:
        raise Wrong("more tokens than any campaign has, or none")
    tokens = []
    for text in told["values"]:
        token = token_of_text(text) if isinstance(text, str) else "is no text"
        if not isinstance(token, Token):
            raise Wrong(f"{NO_TOKEN} {token.partition(':')[0].partition(';')[0]}")
        if (token.key_id, token.epoch) != (key_id, epoch):
            raise Wrong("tokens of another key than they say")
        tokens.append(token)
    if ends_at <= now:
        raise Wrong("tokens of an epoch that has ended")
    return TokenSet(str(evaluator), suite, str(key_id), epoch, ends_at, tuple(dict.fromkeys(tokens)))


def pattern_of(tokens: Sequence[Token], extension_id: str) -> str:
    """A STIX pattern that names the tokens: of an account that carries one in the extension."""
    values = ", ".join(f"'{token}'" for token in sorted(map(str, tokens)))
    return f"[user-account:extensions.'{extension_id}'.token IN ({values})]"


def says_of(alias: str, held: TokenSet) -> str:
    """An indicator's description."""
    kinds = ", ".join(sorted({token.kind for token in held.tokens}))
    return f"Tokens ({SUITE}) of {kinds} that several of {alias}'s accounts held: {_WHAT}. A claim, not a verdict."
