"""Charts as inline SVG: traffic over time, evidence as a waterfall in bits, scores against matched chance."""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.report.explain import Claim
from stillwatch.report.plain_text import clean, compact, rate_text, score_text

#: Okabe and Ito (2008): distinct for every common kind of colour blindness, on white.
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c6d1f")
OTHERS = "#b8bfc6"
FOR, AGAINST, NEUTRAL = "#c2410c", "#0072b2", "#7a828a"
WIDTH = 860
_BINS = 240
#: What a score's log-odds differ by from the sum of its evidence: conduct and coordination are weighed apart.
REST = "it takes both; shared causes once"
REST_SAYS = (
    f"“{REST[0].upper()}{REST[1:]}”: conduct and coordination are weighed apart and both must hold, so together "
    "they say less than their sum, and signs with one cause count once. The grey bar is that difference."
)
_CERTAIN_BITS = 14.0
_PROBABILITIES = ((-6.64, "1%"), (-3.17, "10%"), (0.0, "50%"), (3.17, "90%"), (6.64, "99%"), (9.97, "99.9%"))


def svg(height: float, title: str, desc: str, body: Sequence[str]) -> str:
    """An SVG element as wide as the page; `title` and `desc` are what a screen reader says."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img">'
        f"<title>{esc(title)}</title><desc>{esc(desc, 600)}</desc>{''.join(body)}</svg>"
    )


def esc(value: object, limit: int = 120) -> str:
    """Text bounded, without control characters, and escaped for markup."""
    return html.escape(clean(value, limit), quote=True)


def label(x: float, y: float, text: object, cls: str = "", *, anchor: str = "start", limit: int = 60) -> str:
    """A text element."""
    extra = f' class="{cls}"' if cls else ""
    where = f' text-anchor="{anchor}"' if anchor != "start" else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{where}{extra}>{esc(text, limit)}</text>'


def rect(x: float, y: float, w: float, h: float, fill: str, extra: str = "") -> str:
    """A rectangle; negative widths are turned round."""
    if w < 0:
        x, w = x + w, -w
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0.8):.1f}" height="{h:.1f}" fill="{fill}"{extra}/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = "#d5dadf", extra: str = "") -> str:
    """A line."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}"{extra}/>'


def color_of(campaign_ids: Sequence[str]) -> dict[str, str]:
    """One colour for each campaign, the same in every chart; the eighth and later share a grey."""
    return {c: COLORS[i] if i < len(COLORS) else "#5f6770" for i, c in enumerate(campaign_ids)}


def traffic_chart(traffic: pa.Table, titles: Mapping[str, str], colors: Mapping[str, str]) -> str:
    """Exchanges over time: above, the campaigns stacked; below, the same beside everybody else. Empty if no traffic.

    `traffic` has campaign_id ('' is everybody else), hour and exchanges.
    """
    start, width, series = binned(traffic, list(titles))
    if not series:
        return ""
    n = len(next(iter(series.values())))
    left, right, top, high = 62.0, 20.0, 26.0, 170.0
    low_top, low = top + high + 44.0, 90.0
    xs = np.linspace(left, WIDTH - right, n + 1)
    campaigns = [c for c in titles if c in series]
    stack = np.cumsum([series[c] for c in campaigns], axis=0) if campaigns else np.zeros((0, n))
    rest = series.get("", np.zeros(n))
    whole = rest + (stack[-1] if len(stack) else 0.0)
    unit = _per(width)
    body = [label(left, 14, f"Campaigns, exchanges per {unit}", "h")]
    body += _axis(xs[0], xs[-1], top, high, float(stack.max()) if stack.size else 1.0)
    peak = max(float(stack.max()) if stack.size else 0.0, 1.0)
    below = np.zeros(n)
    for campaign, above in zip(campaigns, stack, strict=True):
        body.append(_area(xs, below, above, top, high, peak, colors.get(campaign, OTHERS), titles[campaign]))
        below = above
    body.append(label(left, low_top - 10, f"All traffic, exchanges per {unit}", "h"))
    tallest = max(float(whole.max()), 1.0)
    body += _axis(xs[0], xs[-1], low_top, low, tallest, steps=2)
    base = stack[-1] if len(stack) else np.zeros(n)
    body.append(_area(xs, np.zeros(n), base, low_top, low, tallest, "#30363d", "all campaigns"))
    body.append(_area(xs, base, whole, low_top, low, tallest, OTHERS, "all other customers"))
    body += _dates(start, width * n, xs[0], xs[-1], low_top + low + 16)
    keys = [(titles[c], colors.get(c, OTHERS)) for c in campaigns]
    keys += [("all campaigns (below)", "#30363d"), ("all other customers", OTHERS)]
    y = low_top + low + 40
    for i, (text, color) in enumerate(keys):
        x, row = left + (i % 2) * 400.0, y + (i // 2) * 18.0
        body += [rect(x, row - 9, 12, 10, color), label(x + 18, row, text, limit=58)]
    total = int(whole.sum())
    desc = f"{len(campaigns)} campaigns beside all other customers, {total:,} exchanges from {start:%Y-%m-%d}."
    return svg(y + (len(keys) + 1) // 2 * 18.0, "Traffic over time by campaign", desc, body)


def weight_steps(
    pro: Sequence[Claim], against: Sequence[Claim], score: float | None, prior_bits: float | None,
    few_bits: float | None = None,
) -> list[tuple[str, float, str]]:  # fmt: skip
    """(name, bits, colour) from the base rate to the score's log-odds; none without evidence. See `waterfall`."""
    claims = [c for c in (*pro, *against) if c.bits is not None and abs(c.bits) >= 0.05]
    steps: list[tuple[str, float, str]] = []
    if not claims:
        return steps
    if prior_bits is not None and math.isfinite(prior_bits):
        steps.append(("base rate", prior_bits, NEUTRAL))
        if few_bits is not None and abs(few_bits) >= 0.05:
            steps.append(("few accounts to go by", few_bits, NEUTRAL))
    shown = sorted(claims, key=lambda c: -abs(c.bits or 0.0))[:12]
    rest = sum(c.bits or 0.0 for c in claims if c not in shown)
    for claim in sorted(shown, key=lambda c: -(c.bits or 0.0)):
        bits = claim.bits or 0.0
        steps.append((claim.signal.replace("_", " "), bits, FOR if bits > 0 else AGAINST))
    if len(claims) > len(shown):
        steps.append((f"{len(claims) - len(shown)} lighter ones", rest, FOR if rest > 0 else AGAINST))
    total = sum(bits for _, bits, _ in steps)
    final = _log_odds(score)
    if final is not None and prior_bits is not None and abs(final - total) >= 0.3:
        steps.append((REST, final - total, NEUTRAL))
    return steps


def waterfall(
    pro: Sequence[Claim], against: Sequence[Claim], score: float | None, prior_bits: float | None,
    few_bits: float | None = None,
) -> str:  # fmt: skip
    """Evidence for and against in bits, from the base rate to the score's log-odds. Empty without evidence.

    `few_bits` is what a small number of accounts costs: of small groups there are many to choose from.
    """
    steps = weight_steps(pro, against, score, prior_bits, few_bits)
    if not steps:
        return ""
    total = sum(bits for _, bits, _ in steps)
    ends = np.cumsum([0.0, *(bits for _, bits, _ in steps)])
    lo, hi = min(float(ends.min()), -1.0), max(float(ends.max()), 1.0)
    left, right, top, row = 250.0, 70.0, 44.0, 24.0
    scale = (WIDTH - left - right) / (hi - lo)

    def x(bits: float) -> float:
        return left + (bits - lo) * scale

    bottom = top + row * len(steps) + 6
    body = []
    for bits, words in _PROBABILITIES:
        if lo <= bits <= hi and prior_bits is not None:
            body += [line(x(bits), top - 8, x(bits), bottom), label(x(bits), top - 14, words, "s", anchor="middle")]
    if prior_bits is None:
        body += [line(x(0), top - 8, x(0), bottom), label(x(0), top - 14, "0 bits", "s", anchor="middle")]
    else:
        body.append(label(left - 10, top - 14, "probability", "s", anchor="end"))
    for i, (name, bits, fill) in enumerate(steps):
        y = top + i * row
        dashed = ' fill-opacity="0.45" stroke="#7a828a" stroke-dasharray="3 2"' if name == REST else ""
        body += [
            label(left - 10, y + 13, name, anchor="end", limit=40),
            rect(x(ends[i]), y + 2, bits * scale, row - 8, fill, dashed),
            label(max(x(ends[i]), x(ends[i + 1])) + 6, y + 13, f"{bits:+.1f}", "s"),
            line(x(ends[i + 1]), y + 2, x(ends[i + 1]), y + row + 2, "#7a828a"),
        ]
    if prior_bits is not None:  # without a base rate the sum is no probability
        body.append(label(left - 10, bottom + 14, "score", "h", anchor="end"))
        middle = min(max(x(total), left + 20), WIDTH - right)
        body.append(label(middle, bottom + 14, score_text(score), "h", anchor="middle"))
    desc = "; ".join(f"{name} {bits:+.1f} bits" for name, bits, _ in steps)
    return svg(bottom + 24, "Evidence for (right) and against (left), in bits", desc, body)


def score_chart(rows: Sequence[Mapping[str, Any]], scores: Mapping[str, Mapping[str, Any]]) -> str:
    """Each campaign's score, and how often a matched legitimate group scores as high. Empty without campaigns.

    Where `scores` has `chance_scores` (0..100) of matched groups, they are drawn as ticks.
    """
    if not rows:
        return ""
    left, middle, gap, top, row = 230.0, 330.0, 50.0, 44.0, 30.0
    bars = left + middle + gap
    wide = WIDTH - bars - 110.0
    bottom = top + row * len(rows)
    colors = color_of([str(r["campaign_id"]) for r in rows])
    body = [label(left, 14, "score (0 to 100)", "h"), label(bars, 14, "legitimate groups that score as high", "h")]
    for begins, words in ((0, "clear"), (20, "mixed"), (55, "likely"), (80, "very likely"), (95, "")):
        x = left + begins / 100 * middle
        body += [line(x, top - 12, x, bottom), label(x + 3, top - 4, words, "s")]
    body.append(line(left + middle, top - 12, left + middle, bottom))
    for exponent in range(0, 5):
        tick = bars + (4 - exponent) / 4 * wide
        words = "all" if exponent == 0 else f"1 in {10**exponent:,}"
        body.append(line(tick, top - 12, tick, bottom))
        if exponent in (0, 2, 4):
            body.append(label(tick, top - 16, words, "s", anchor="middle" if exponent else "end"))
    for i, r in enumerate(rows):
        y = top + i * row + 14
        score = r["score"] if r["score"] is not None and math.isfinite(r["score"]) else 0.0
        color = colors[str(r["campaign_id"])]
        body.append(label(left - 12, y + 4, r["title"] or r["campaign_id"], anchor="end", limit=31))
        for chance in _numbers(scores.get(r["campaign_id"], {}).get("chance_scores"))[:400]:
            at = left + min(max(chance, 0.0), 100.0) / 100 * middle
            body.append(line(at, y - 7, at, y + 7, NEUTRAL, ' stroke-opacity="0.35"'))
        at = left + score / 100 * middle
        body += [
            line(left, y, at, y, color, ' stroke-width="3"'),
            f'<circle cx="{at:.1f}" cy="{y:.1f}" r="6" fill="{color}" stroke="#fff"/>',
            label(at - 10 if score > 80 else at + 10, y - 6, score_text(r["score"]), "s",
                  anchor="end" if score > 80 else "start"),
        ]
        rate = r["false_alarm_rate"]
        if rate is not None and math.isfinite(rate):
            share = 1.0 - min(max(-math.log10(max(rate, 1e-4)), 0.0), 4.0) / 4.0
            body.append(rect(bars, y - 6, wide * share, 12, color))
        body.append(label(bars + wide + 8, y + 4, rate_text(rate), "s", limit=30))
    desc = "; ".join(
        f"{clean(r['title'] or r['campaign_id'], 40)}: {score_text(r['score'])}, {rate_text(r['false_alarm_rate'])}"
        for r in rows[:12]
    )
    return svg(bottom + 8, "Scores against matched chance", desc, body)


def binned(traffic: pa.Table, known: Sequence[str]) -> tuple[datetime, timedelta, dict[str, Any]]:
    """Start, width of a bin and, for each known campaign ('' all others), exchanges a bin; nothing without traffic."""
    nothing: tuple[datetime, timedelta, dict[str, Any]] = (datetime(1970, 1, 1, tzinfo=UTC), timedelta(hours=1), {})
    if not len(traffic):
        return nothing
    hours = traffic["hour"].cast(pa.int64()).to_numpy(zero_copy_only=False)
    counts = np.nan_to_num(traffic["exchanges"].to_numpy(zero_copy_only=False).astype(float))
    ids = traffic["campaign_id"].fill_null("").to_pylist()
    good = np.isfinite(hours.astype(float)) & (counts >= 0)
    if not good.any():
        return nothing
    hours = hours.astype(float)
    first, last = hours[good].min(), hours[good].max()
    hour = 3.6e9
    span = max(int((last - first) // hour) + 1, 1)
    wide = next((w for w in (1, 2, 3, 6, 12, 24, 48, 168, 720, 8760) if span / w <= _BINS), 87_600)
    n = int(span // wide) + 1 if span % wide else span // wide
    series: dict[str, Any] = {}
    allowed = set(known)
    slots = np.where(good, (hours - first) // (hour * wide), 0).astype(int)
    for campaign, slot, count, fine in zip(ids, slots, counts, good, strict=True):
        if fine:
            name = campaign if campaign in allowed else ""
            series.setdefault(name, np.zeros(n))[min(max(slot, 0), n - 1)] += count
    start = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=float(first))
    return start, timedelta(hours=wide), series


def _area(
    xs: Any, below: Any, above: Any, top: float, high: float, peak: float, color: str, name: str
) -> str:
    """A stepped area between two series."""
    points = []
    for i, value in enumerate(above):
        y = top + high * (1 - value / peak)
        points += [f"{xs[i]:.1f},{y:.1f}", f"{xs[i + 1]:.1f},{y:.1f}"]
    for i in range(len(below) - 1, -1, -1):
        y = top + high * (1 - below[i] / peak)
        points += [f"{xs[i + 1]:.1f},{y:.1f}", f"{xs[i]:.1f},{y:.1f}"]
    return f'<polygon points="{" ".join(points)}" fill="{color}"><title>{esc(name, 80)}</title></polygon>'


def _axis(x1: float, x2: float, top: float, high: float, peak: float, steps: int = 4) -> list[str]:
    out = []
    for value in _ticks(max(peak, 1.0), steps):
        y = top + high * (1 - value / max(peak, 1.0))
        out += [line(x1, y, x2, y), label(x1 - 8, y + 4, compact(value), "s", anchor="end")]
    return out


def _ticks(peak: float, steps: int) -> list[float]:
    """Round values from 0 up to `peak`."""
    rough = peak / steps
    power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= rough * 0.999)
    step = max(step, 1.0)
    return [step * i for i in range(int(peak / step) + 1)]


def _dates(start: datetime, whole: timedelta, x1: float, x2: float, y: float) -> list[str]:
    """Day labels under a time axis, at most nine."""
    days = max(whole / timedelta(days=1), 1e-9)
    every = next((d for d in (1, 2, 5, 7, 14, 30, 90, 365, 3650) if days / d <= 9), 36_500)
    out = []
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    for _ in range(400):
        x = x1 + (day - start) / whole * (x2 - x1)
        if x > x2 - 20:
            break
        if x >= x1 - 1:
            words = f"{day:%d %b}" if days < 300 else f"{day:%b %Y}"
            out.append(label(max(x, x1 + 10), y, words, "s", anchor="middle"))
        try:
            day += timedelta(days=every)
        except OverflowError:
            break
    return out or [label(x1, y, f"{start:%d %b %H:%M}", "s")]


def _per(width: timedelta) -> str:
    hours = int(width / timedelta(hours=1))
    if hours == 1:
        return "hour"
    if hours % 24:
        return f"{hours} hours"
    return "day" if hours == 24 else f"{hours // 24} days"


def _log_odds(score: float | None) -> float | None:
    if score is None or not math.isfinite(score):
        return None
    share = score / 100.0
    if share <= 0 or share >= 1:
        return -_CERTAIN_BITS if share <= 0 else _CERTAIN_BITS
    return min(max(math.log2(share / (1 - share)), -_CERTAIN_BITS), _CERTAIN_BITS)


def _numbers(values: Any) -> list[float]:
    if not isinstance(values, (list, tuple)):
        return []
    return [float(v) for v in values if isinstance(v, (int, float)) and math.isfinite(v)]
