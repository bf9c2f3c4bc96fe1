"""What a provider asks of every match: kinds, caps, how many must be common before anything is shown, whose consent."""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch.errors import UsageError

PROTOCOL = 1
CONSENT = ("ask", "cardinality", "never")


@dataclass(frozen=True)
class Terms:
    """`limit`: largest asking set; `least_size`: smallest, since a set of one is a question about one customer.
    `runs` in `period_days` for each peer; `least_common`: below this nothing but the count is ever shown;
    `share_alarm`: share of the smaller set (0..1) above which a person must look; `consent`: `ask` a person before the
    count and before the matches, `cardinality`: only before the matches, `never`: no matches at all."""

    limit: int = 100_000
    least_size: int = 100
    runs: int = 4
    period_days: float = 30.0
    least_common: int = 10
    share_alarm: float = 0.5
    consent: str = "ask"
    open_minutes: float = 720.0

    def check(self) -> Terms:
        """Itself; UsageError where a term is out of its range."""
        if self.consent not in CONSENT:
            raise UsageError("--consent", f"one of {', '.join(CONSENT)}")
        if not 0 < self.share_alarm <= 1:
            raise UsageError("--share-alarm", "must lie above 0 and up to 1")
        if not 1 <= self.least_common <= self.least_size <= self.limit <= 1_000_000:
            raise UsageError("--limit", "must hold: 1 ≤ least common ≤ least size ≤ limit ≤ 1,000,000")
        return self

    def alarm(self, common: int, own: int, theirs: int) -> bool:
        """Whether so many are common that one side may have sent the other's customers, or everyone's networks."""
        return common > self.share_alarm * min(own, theirs)
