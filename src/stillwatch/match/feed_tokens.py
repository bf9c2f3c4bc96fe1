"""Tokens in feeds: what a campaign's accounts share becomes tokens that may leave; ours are looked up in others'."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from stillwatch.errors import UsageError
from stillwatch.match.evaluator import Key, make_tokens
from stillwatch.match.sets import MatchSet
from stillwatch.match.wire import Line
from stillwatch.share.holders import Wanted
from stillwatch.share.leaving import SMALLEST_CELL
from stillwatch.share.tokens import MOST_TOKENS, TokenSet

#: A value that one account alone holds is that customer's own; one that several hold is a tool of whoever runs them.
LEAST_HOLDERS = 2
#: Of a value's holders at most this share may be outside the campaign: a campus's network is no campaign's.
MOST_OUTSIDE = 0.2
_APART = "\0"


@dataclass(frozen=True)
class Made:
    """`sets`: campaign to its tokens. `kept_back`: campaign to how many values stayed, by reason."""

    sets: dict[str, TokenSet]
    kept_back: dict[str, dict[str, int]] = field(default_factory=dict)


def plain(kind: str, spelling: str) -> str:
    """What stands for a value while a set is made, in memory only: `make_set(..., named=plain)`."""
    return f"{kind}{_APART}{spelling}"


def tokens_of_campaigns(
    line: Line, key: Key, members: Mapping[str, Collection[str]], values: MatchSet, *,
    least_holders: int = LEAST_HOLDERS, most: int = MOST_TOKENS,
) -> Made:  # fmt: skip
    """Tokens of what `members` (campaign to account ids) share, by the evaluator at `line`.

    `values` is a set of *all* accounts (`named=plain`), so that what others hold too is seen and kept back. Of a
    template ten accounts must have sent it, as of a mark. UsageError where the evaluator refuses or changes its key.
    """
    holders: dict[str, set[str]] = {}
    for row in values.pairs.select(["token", "account_id"]).to_pylist():
        holders.setdefault(row["token"], set()).add(row["account_id"])
    chosen: dict[str, list[str]] = {}
    kept_back: dict[str, Counter[str]] = {}
    for campaign, ids in members.items():
        inside, back = set(ids), kept_back.setdefault(campaign, Counter())
        fit: list[tuple[int, str]] = []
        for value, held_by in holders.items():
            n = len(held_by & inside)
            least = max(least_holders, SMALLEST_CELL) if value.startswith(f"template{_APART}") else least_holders
            if n == 0:
                continue
            if n < least:
                back["held by too few of its accounts"] += 1
            elif len(held_by) - n > MOST_OUTSIDE * len(held_by):
                back["held by others too"] += 1
            else:
                fit.append((-n, value))
        chosen[campaign] = [value for _, value in sorted(fit)[:most]]
        if len(fit) > most:
            back["more than an indicator holds"] += len(fit) - most
    wanted = sorted({value for part in chosen.values() for value in part})
    made = make_tokens(line, [_apart(v) for v in wanted], key_id=key.key_id)
    token = dict(zip(wanted, made, strict=True))
    return Made(
        {
            campaign: TokenSet(key.evaluator, key.suite, key.key_id, key.epoch, key.ends_at,
                               tuple(token[v] for v in part))
            for campaign, part in chosen.items() if part
        },
        {campaign: dict(back) for campaign, back in kept_back.items() if back},
    )  # fmt: skip


def look_up(
    line: Line, key: Key, wanted: Sequence[Wanted], values: MatchSet, *, limit: int
) -> tuple[dict[tuple[str, str], dict[tuple[str, str], int]], int]:
    """((source, indicator) to (account id, kind) to how many of its tokens are held; values that were asked).

    Only indicators of the evaluator's present key can match, and only kinds that they hold are asked. UsageError where
    more than `limit` values would be asked.
    """
    now = [one for one in wanted if not one.ended and one.key_id == key.key_id]
    kinds = {token.split(".")[3] for one in now for token in one.tokens}
    mine = values.of_kinds(kinds & set(values.sizes)) if kinds & set(values.sizes) else None
    asked = mine.tokens if mine is not None else []
    if len(asked) > limit:
        raise UsageError("--limit", f"{len(asked):,} values would be asked of the evaluator, over {limit:,}",
                         "ask for fewer kinds (--kinds), or raise it: the evaluator has a cap of its own")  # fmt: skip
    made = make_tokens(line, [_apart(v) for v in asked], key_id=key.key_id)
    of_value = {value: str(token) for value, token in zip(asked, made, strict=True)}
    found: dict[tuple[str, str], dict[tuple[str, str], int]] = {(one.source, one.indicator): {} for one in now}
    pairs = mine.pairs.to_pylist() if mine is not None else []
    for one in now:
        held = Counter((row["account_id"], row["kind"]) for row in pairs if of_value[row["token"]] in one.tokens)
        found[one.source, one.indicator] = dict(held)
    return found, len(asked)


def _apart(value: str) -> tuple[str, str]:
    kind, _, spelling = value.partition(_APART)
    return kind, spelling
