"""Public detectors that judge logs by fixed thresholds, account by account (Glasswally: by shared values too).

Sources, written anew: AegisGate's distillation limits (as reported, its code not read); read or run for it:
detecting-model-extraction-attacks of mukul975/Anthropic-Cybersecurity-Skills f762615, honeypotllm 0.1.3,
m0rs3c0d3/Glasswally 300eedc. Only what they decide on logs is here, none of their responses. Where the public
description leaves a ramp open, the constant says so.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from bench.peers.shared_attributes import components, holders

Row = Mapping[str, Any]
Rows = Sequence[Row]

_ASKS_REASONING = re.compile(
    r"step[ -]by[ -]step|chain[ -]of[ -]thought|show (?:me )?(?:all )?(?:your|the) (?:work|reasoning|steps)|"
    r"think (?:aloud|out loud|carefully)|explain (?:your|the) reasoning|reason(?:ing)? (?:through|trace|process)|"
    r"<think|before (?:you )?answer",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


def by_account(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of each account in order of `started_at` (seconds)."""
    out: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        out[str(row["account_id"])].append(row)
    for mine in out.values():
        mine.sort(key=lambda row: row["started_at"])
    return dict(out)


def _most_within(times: Sequence[float], span: float) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= span:
            first += 1
        most = max(most, last - first + 1)
    return most


def _structure(prompt: str) -> str:
    return re.sub(r"\d+", "0", " ".join(prompt[:200].lower().split()[:6]))


def aegisgate_like(mine: Rows) -> float:
    """How many of four limits one account breaks: over 100 prompts in an hour, over 30 % of one structure, over 60 %
    that ask for reasoning, over 5 addresses. Flagged from 1; shares need ten prompts (our assumption).
    """
    prompts = [row.get("prompt") or "" for row in mine]
    broken = int(_most_within([row["started_at"] for row in mine], 3600.0) > 100)
    if len(prompts) >= 10:
        broken += Counter(map(_structure, prompts)).most_common(1)[0][1] > 0.3 * len(prompts)
        broken += sum(bool(_ASKS_REASONING.search(p)) for p in prompts) > 0.6 * len(prompts)
    broken += len({row.get("ip") for row in mine} - {None}) > 5
    return float(broken)


def mukul975_like(mine: Rows) -> float:
    """1 where one principal has 100 queries or more, at least 90 % of them distinct and 80 % asking probabilities."""
    n = len(mine)
    distinct = len({row.get("prompt") for row in mine})
    return float(n >= 100 and distinct >= 0.9 * n and sum(bool(row.get("logprobs")) for row in mine) >= 0.8 * n)


#: honeypotllm's ramps and memory are not public in numbers: nothing up to 5 requests, full at 20; a minute, an hour.
_CALM, _FULL, _RATE_SPAN, _VOLUME_SPAN = 5, 20, 60.0, 3600.0
HONEYPOT_FLAG = 0.75


def _ramp(n: float) -> float:
    return min(max((n - _CALM) / (_FULL - _CALM), 0.0), 1.0)


def _pairs_of_words(prompt: str) -> set[tuple[str, str]]:
    return set(pairwise(_WORD.findall(prompt[:1500].lower())))


def honeypot_like(mine: Rows) -> float:
    """Highest score of one key, 0 to 1: .35 rate, .30 likeness of consecutive prompts, .20 gaps under half a second,
    .15 volume. Flagged from `HONEYPOT_FLAG`.
    """
    best = like = quick = 0.0
    minute = hour = 0
    before: set[tuple[str, str]] | None = None
    for i, row in enumerate(mine):
        at = row["started_at"]
        while at - mine[minute]["started_at"] >= _RATE_SPAN:
            minute += 1
        while at - mine[hour]["started_at"] >= _VOLUME_SPAN:
            hour += 1
        words = _pairs_of_words(row.get("prompt") or "")
        if before is not None:
            union = len(words | before)
            like = 0.7 * like + 0.3 * (min(1.0, 2.0 * len(words & before) / union) if union else 1.0)
            quick = 0.7 * quick + 0.3 * (at - mine[i - 1]["started_at"] < 0.5)
        before = words
        score = 0.35 * _ramp(i - minute + 1) + 0.30 * like + 0.20 * quick + 0.15 * _ramp(i - hour + 1)
        best = max(best, score)
    return best


#: Glasswally's tiers. The steps are ours: there each rule is a part of one worker of sixteen, weighed by .08 and .07,
#: so that its cross-account rules alone stay below its lowest tier and flag nobody (its own fusion at 300eedc).
GLASSWALLY_TIERS = {"rate limit": 0.35, "canary": 0.55, "suspend": 0.72}
_SIZE, _BUCKET, _CADENCE = 0.40, 0.20, 0.15
_CLUSTER, _TOGETHER = 5, 5


def glasswally_like(rows: Rows, accounts: Iterable[Row]) -> dict[str, float]:
    """Score of each account by the cross-account rules: size of its union over payment, organisation, /24 and client
    (no correction for how common a value is), one-second buckets of five accounts or more, even gaps.
    """
    held = holders(rows, accounts, ("payment_fingerprint", "org_id", "network", "client_fingerprint"))
    size = {who: len(group) for group in components(held) for who in group}
    seconds: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        seconds[int(row["started_at"])].add(str(row["account_id"]))
    together = {who for ids in seconds.values() if len(ids) >= _TOGETHER for who in ids}
    out: dict[str, float] = {}
    for who, mine in by_account(rows).items():
        gaps = [b["started_at"] - a["started_at"] for a, b in pairwise(mine)]
        gaps = [gap for gap in gaps if gap <= 300.0]
        even = False
        if len(gaps) >= 5:
            mean = sum(gaps) / len(gaps)
            even = (sum((g - mean) ** 2 for g in gaps) / len(gaps)) ** 0.5 < 0.15 * mean
        out[who] = _SIZE * (size.get(who, 1) >= _CLUSTER) + _BUCKET * (who in together) + _CADENCE * even
    return out


def tier(score: float) -> str | None:
    """The highest Glasswally tier that a score reaches, None below all."""
    return max((name for name, least in GLASSWALLY_TIERS.items() if score >= least),
               key=GLASSWALLY_TIERS.__getitem__, default=None)  # fmt: skip
