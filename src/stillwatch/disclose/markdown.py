"""Markdown from the same HTML: headings, paragraphs, lists, tables, so that no format is written twice."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HEADINGS = {"h1": "# ", "h2": "## ", "h3": "### ", "h4": "#### "}
_SILENT = frozenset({"style", "script", "svg", "head"})
_PLAIN = frozenset({"p", "figcaption", "caption", "dt", "dd", "div", "header", "footer"})


def markdown_of(html: str) -> str:
    """The page's text as Markdown. A chart leaves its caption; links leave their text."""
    writer = _Writer()
    writer.feed(html)
    writer.close()
    writer.end()
    return "\n\n".join(block for block in writer.out if block) + "\n"


class _Writer(HTMLParser):
    """Collects blocks; a list's entries and a table's rows are one block each list and table."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self._text: list[str] = []
        self._mark = ""
        self._silent = 0
        self._rows: list[list[str]] | None = None
        self._entries: list[str] | None = None
        self._ordered = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens a block or a mark."""
        if tag in _SILENT:
            self._silent += 1
        elif tag == "table":
            self.end()
            self._rows = []
        elif tag == "tr" and self._rows is not None:
            self._rows.append([])
        elif tag in ("ul", "ol"):
            self.end()
            self._entries, self._ordered = [], tag == "ol"
        elif tag in ("strong", "b"):
            self._text.append("**")
        elif tag in ("em", "i"):
            self._text.append("_")
        elif tag == "br":
            self._text.append(" ")
        elif (tag in _HEADINGS or tag in _PLAIN) and self._rows is None and self._entries is None:
            self.end()
            self._mark = _HEADINGS.get(tag, "")

    def handle_endtag(self, tag: str) -> None:
        """Closes it."""
        if tag in _SILENT:
            self._silent -= 1
        elif tag in ("td", "th") and self._rows:
            self._rows[-1].append(self._taken().replace("|", "/"))
        elif tag == "li" and self._entries is not None:
            self._entries.append(self._taken())
        elif tag == "table" and self._rows is not None:
            self.out.append(_table([r for r in self._rows if r]))
            self._rows = None
        elif tag in ("ul", "ol") and self._entries is not None:
            marks = (f"{i}. " if self._ordered else "- " for i in range(1, len(self._entries) + 1))
            self.out.append("\n".join(m + e for m, e in zip(marks, self._entries, strict=True)))
            self._entries = None
        elif tag in ("strong", "b"):
            self._text.append("**")
        elif tag in ("em", "i"):
            self._text.append("_")
        elif (tag in _HEADINGS or tag in _PLAIN) and self._rows is None and self._entries is None:
            self.end()

    def handle_data(self, data: str) -> None:
        """Text; what would be a mark is escaped."""
        if not self._silent:
            self._text.append(re.sub(r"([*_`|\\])", r"\\\1", data))

    def end(self) -> None:
        """Ends the paragraph that is being written."""
        text = self._taken()
        if text:
            self.out.append(self._mark + text)
        self._mark = ""

    def _taken(self) -> str:
        text = " ".join("".join(self._text).split())
        self._text = []
        return re.sub(r"\*\*\s*\*\*", "", text)


def _table(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    wide = max(len(r) for r in rows)
    lines = ["| " + " | ".join(r + [""] * (wide - len(r))) + " |" for r in rows]
    return "\n".join([lines[0], "|" + "---|" * wide, *lines[1:]])
