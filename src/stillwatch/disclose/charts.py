"""The disclosure's charts: exchanges a day of the campaigns alone, since a total would show our own volumes."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from stillwatch.disclose.language import Language
from stillwatch.report.charts import WIDTH, color_of, label, line, rect, svg
from stillwatch.report.plain_text import compact

_HIGH, _LEFT, _RIGHT = 74.0, 150.0, 20.0


def daily_chart(days: Sequence[Mapping[str, Any]], lang: Language, title: str) -> str:
    """A row of bars for each campaign, a bar a day. Empty without days."""
    if not days:
        return ""
    names = list(dict.fromkeys(str(d["campaign"]) for d in days))[:7]
    first = date.fromisoformat(min(d["day"] for d in days))
    count = (date.fromisoformat(max(d["day"] for d in days)) - first).days + 1
    wide = (WIDTH - _LEFT - _RIGHT) / count
    colors, body = color_of(names), []
    for i, name in enumerate(names):
        top = 14.0 + i * (_HIGH + 26.0)
        mine = {d["day"]: d["exchanges"] for d in days if d["campaign"] == name}
        peak = max([*mine.values(), 1])
        body += [
            label(0, top + _HIGH / 2, name, "h"),
            label(_LEFT - 8, top + 9, compact(peak).replace(".", lang.decimal), "s", anchor="end"),
            label(_LEFT - 8, top + _HIGH, "0", "s", anchor="end"),
            line(_LEFT, top + _HIGH, WIDTH - _RIGHT, top + _HIGH),
        ]
        for n in range(count):
            value = mine.get((first + timedelta(days=n)).isoformat(), 0)
            if value:
                tall = max(_HIGH * value / peak, 0.8)
                x = _LEFT + n * wide
                body.append(rect(x + wide * 0.1, top + _HIGH - tall, wide * 0.8, tall, colors[name]))
    bottom = 14.0 + len(names) * (_HIGH + 26.0)
    step = next(s for s in (1, 2, 5, 7, 14, 30, 90, 365) if count / s <= 8 or s == 365)
    for n in range(0, count, step):
        when = first + timedelta(days=n)
        text = str(lang.words["day_month"]).format(day=when.day, month=lang.months[when.month - 1])
        body.append(label(_LEFT + (n + 0.5) * wide, bottom - 2, text, "s", anchor="middle"))
    return svg(bottom + 6, title, title, body)


def sized(chart: str) -> str:
    """The chart with its letters' size said on itself: a PDF takes no style sheet into an SVG."""
    return chart.replace("<svg ", '<svg font-size="10.5" ', 1)


def labels_of(chart: str) -> list[str]:
    """The words that a chart draws, as a reader of the PDF's text meets them."""
    return [html.unescape(found) for found in re.findall(r"<text[^>]*>(.*?)</text>", chart)]
