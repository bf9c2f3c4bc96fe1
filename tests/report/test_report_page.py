"""The page is whole in itself, asks nothing of anybody, and shows hostile text as text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import hand_made as made
import pyarrow as pa
import pytest

from stillwatch.report import charts, network
from stillwatch.report.explain import explain
from stillwatch.report.findings import TIES, TRAFFIC, read_findings, read_pictures
from stillwatch.report.page import render, write_page

VOID = {"meta", "br", "img", "link", "input", "hr"}
ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "a", "header", "main", "section", "footer", "h1", "h2", "h3",
    "p", "div", "span", "b", "code", "table", "thead", "tbody", "tr", "th", "td", "ul", "ol", "li", "figure", "details",
    "summary", "svg", "desc", "text", "rect", "line", "circle", "path", "polygon",
}


class Reader(HTMLParser):
    """Collects tags, attributes and visible text, and checks that every element is closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    assert reader.open == []
    return reader


def page_of(home: Path, found: object) -> str:
    made.leave(home, found)  # type: ignore[arg-type]
    return render(read_findings(home), read_pictures(home), made.SIGNS)


def assert_safe(page: str) -> Reader:
    reader = read(page)
    assert reader.tags <= ALLOWED
    for name, value in reader.attributes:
        assert not name.startswith("on")
        assert name not in ("style", "src", "srcset", "action", "formaction")
        if name in ("href", "xlink:href"):
            assert re.fullmatch(r"#[a-z0-9-]+", value or "")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert not re.search(r"url\(|@import|https?:", style[1])
    assert "default-src 'none'" in page
    return reader


def test_the_page_shows_every_campaign_with_its_charts(tmp_path: Path) -> None:
    made.pictures(tmp_path)
    page = page_of(tmp_path, made.findings())
    reader = assert_safe(page)
    text = " ".join(reader.text)
    for words in ("30 accounts that fill templates", "about 1 in 2,500", "28 of 30 accounts pay with three cards.",
                  "Traffic over time", "Who shares what", "How to contest this", "Not in these logs: ip."):
        assert words in text
    assert page.count("<svg") == 1 + 1 + 4 - 1 + 2
    assert page.count('role="img"') == page.count("<svg")
    assert len(page) < 600_000


def test_nothing_found_says_how_sure_that_is(tmp_path: Path) -> None:
    reader = assert_safe(page_of(tmp_path, made.quiet()))
    text = " ".join(reader.text)
    assert "Nothing found" in text
    assert "stillwatch drill" in text


@pytest.mark.parametrize("name", sorted(made.HOSTILE))
def test_hostile_text_in_every_field_stays_text(tmp_path: Path, name: str) -> None:
    text = made.HOSTILE[name]
    made.hostile_pictures(tmp_path, text)
    page = page_of(tmp_path, made.hostile(text))
    reader = assert_safe(page)
    assert "script" not in reader.tags
    assert all(c == "\n" or c.isprintable() or c == "\u00a0" for c in page)
    assert len(page) < 200_000
    assert "49" not in re.findall(r"\{\{.*?\}\}", page)


def test_without_pictures_the_page_does_without(tmp_path: Path) -> None:
    page = page_of(tmp_path, made.findings())
    assert "Traffic over time" not in page
    latest = tmp_path / "history" / "latest"
    latest.mkdir(parents=True)
    for name in ("traffic.parquet", "ties.parquet", "scores.json"):
        (latest / name).write_bytes(b"PAR1 not really")
    assert page_of(tmp_path, made.findings()) == page


def test_the_page_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "page.html"
    write_page(tmp_path, made.findings(), out)
    before = out.read_text()
    assert before.startswith("<!doctype html>")
    broken = made.findings()
    object.__setattr__(broken, "campaigns", None)
    with pytest.raises(AttributeError):
        write_page(tmp_path, broken, out)
    assert out.read_text() == before
    assert [p.name for p in out.parent.iterdir()] == ["page.html"]


def test_the_same_findings_give_the_same_page(tmp_path: Path) -> None:
    made.pictures(tmp_path)
    assert page_of(tmp_path, made.findings()) == page_of(tmp_path, made.findings())


def test_a_thousand_campaigns_and_a_large_one_stay_readable(tmp_path: Path) -> None:
    many = [f"a{i}" for i in range(20_000)]
    rows = [made.campaign("big", "big", 99.0, "almost certain", "distillation", many)]
    rows += [made.campaign(f"c{i}", f"campaign {i}", 60.0, "likely", "distillation", ["x"]) for i in range(1000)]
    page = page_of(tmp_path, made.tables(rows, [], [], {}))
    assert_safe(page)
    assert len(page) < 1_000_000
    assert "701 more" in page
    assert "19,940 more" in page


def test_a_network_beyond_sixty_dots_gathers_accounts_that_hold_the_same() -> None:
    ties = [{"campaign_id": "c", "kind": "card", "value_label": f"card {i % 3}", "account_id": f"a{i}", "exchanges": 1}
            for i in range(3000)]
    ties += [{"campaign_id": "c", "kind": "device", "value_label": f"device {i}", "account_id": f"a{i}", "exchanges": 1}
             for i in range(200)]
    table = pa.Table.from_pylist(ties, schema=TIES)
    lefts, rights, edges, accounts = network.aggregate(table)
    assert accounts == 3000
    assert sum(node.size for node in lefts) == 3000
    assert len(lefts) + len(rights) <= 60
    assert {node.name for node in rights} >= {"card 0", "card 1", "card 2"}
    assert sum(edges.values()) == 3000 + 200
    assert network.network_chart(table, "another") == ""


def test_a_small_network_shows_each_account() -> None:
    ties = [{"campaign_id": "c", "kind": "card", "value_label": f"card {i % 2}", "account_id": f"a{i}", "exchanges": 1}
            for i in range(10)]
    lefts, rights, edges, _ = network.aggregate(pa.Table.from_pylist(ties, schema=TIES))
    assert [node.name for node in lefts] == [f"a{i}" for i in (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)]
    assert [node.size for node in rights] == [5, 5]
    assert all(n == 1 for n in edges.values())


def test_traffic_of_years_is_drawn_in_few_bins_and_none_is_lost() -> None:
    hours = [made.START.replace(year=2020 + i % 6, month=1 + i % 12) for i in range(600)]
    rows = [{"campaign_id": "c" if i % 2 else "", "hour": h, "exchanges": 3} for i, h in enumerate(hours)]
    rows.append({"campaign_id": None, "hour": None, "exchanges": None})
    table = pa.Table.from_pylist(rows, schema=TRAFFIC)
    _, _, series = charts.binned(table, ["c"])
    assert sum(s.sum() for s in series.values()) == 1800
    assert len(series["c"]) <= 241
    assert "<svg" in charts.traffic_chart(table, {"c": "c"}, {"c": "#0072b2"})
    assert charts.traffic_chart(TRAFFIC.empty_table(), {}, {}) == ""


def test_a_waterfall_ends_at_the_score_and_shows_what_the_sum_does_not_explain() -> None:
    t = explain(made.findings(), "sw-ring", None, signs=made.SIGNS)
    drawn = charts.waterfall(t.evidence_for, t.evidence_against, 97.31, -5.6)
    assert "+6.1" in drawn
    assert "-1.4" in drawn
    assert "it takes both" in drawn
    assert ">97.3<" in drawn
    assert charts.waterfall((), (), 97.0, -5.6) == ""
    for odd in (None, float("nan"), 0.0, 100.0):
        assert "nan" not in charts.waterfall(t.evidence_for, t.evidence_against, odd, -5.6)
