"""What a reader sees of a file: the text of HTML, Markdown and PDF in blocks, and what a file hides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

from stillwatch.errors import UsageError

_BLOCKS = frozenset({
    "p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "th", "tr", "table", "caption", "figcaption", "figure",
    "header", "footer", "section", "article", "div", "blockquote", "dt", "dd", "title", "body", "main", "nav",
    "pre", "address",
})  # fmt: skip
_SILENT = frozenset({"style", "script", "svg", "template", "head"})
_VOID = frozenset({"br", "hr", "img", "meta", "link", "input", "col", "area", "source", "wbr"})


@dataclass(frozen=True)
class Block:
    """A paragraph, heading, list entry or cell. `bound` are (figure id, shown text) that its markup declares."""

    text: str
    place: str
    bound: tuple[tuple[str, str], ...] = ()
    kind: str = "p"
    """The element that it was: `p`, `h2`, `td` ...; for Markdown `tr` is a row of a table, for PDF a `page`."""


@dataclass(frozen=True)
class Visible:
    """A file as read: `blocks` in order, `hidden` what is there but not shown, `pages` the text of a PDF's pages."""

    blocks: tuple[Block, ...]
    hidden: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    unseen: tuple[tuple[str, str], ...] = ()
    """(where, text) of attributes and charts: no text of the page, and still handed out with it."""

    @property
    def text(self) -> str:
        """All of it, a block a line."""
        return "\n".join(block.text for block in self.blocks)


def read_html(source: str) -> Visible:
    """Visible text of HTML. Charts (SVG, images) hold no text of the page; their captions do."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    reader.flush()
    return Visible(
        tuple(reader.blocks),
        tuple(reader.hidden),
        (),
        dict(reader.metadata),
        "\n".join(reader.styles),
        tuple(reader.unseen),
    )


def read_markdown(source: str) -> Visible:
    """Visible text of Markdown: marks of emphasis, links and tables taken away. A table's row is one block."""
    hidden = [f"comment: {c[:40]}" for c in re.findall(r"<!--(.*?)-->", source, flags=re.DOTALL)]
    hidden += [f"markup: {tag}" for tag in re.findall(r"<(script|style|iframe|object|embed|img)\b", source, re.I)]
    source = re.sub(r"<!--.*?-->", "", source, flags=re.DOTALL)
    source = re.sub(r"!\[([^\]]*)\]\([^)]*\)", r"\1", source)
    source = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", source)
    blocks: list[Block] = []
    heading = ""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", source), 1):
        lines = paragraph.strip().splitlines()
        if not lines:
            continue
        parts = lines if any(re.match(r"\s*([-*|]|\d+\.\s|#|>)", line) for line in lines) else [" ".join(lines)]
        for line in parts:
            row = line.lstrip().startswith("|")
            if re.fullmatch(r"[\s|:=-]*", line):
                continue
            text = re.sub(r"^\s*(#{1,6}|[-*>]|\d+\.)\s+", "", line)
            text = re.sub(r"(\*\*|__|`)", "", text).replace("\\", "")
            text = re.sub(r"(?<!\w)[*_]|[*_](?!\w)", "", text)
            title = line.lstrip().startswith("#")
            heading = _squeezed(text) if title else heading
            text = text.strip().strip("|").replace("|", " ; ") if row else text
            kind = "h2" if title else "tr" if row else "p"
            blocks.append(Block(_squeezed(text), f"paragraph {number}" + _under(heading), kind=kind))
    return Visible(tuple(b for b in blocks if b.text), tuple(hidden))


def read_pdf(data: bytes) -> Visible:
    """Text and metadata of a PDF by page, and what it hides. UsageError where the reader is not installed."""
    try:
        from pypdf import PdfReader
        from pypdf.errors import PyPdfError
    except ImportError as error:
        raise UsageError("PDF", "reading one takes an extra", "pip install 'stillwatch[disclose]'") from error
    try:
        reader = PdfReader(BytesIO(data))
        pages = tuple(_squeezed(page.extract_text()) for page in reader.pages)
        hidden = list(_pdf_secrets(reader))
        metadata = {str(k).lstrip("/"): str(v) for k, v in dict(reader.metadata or {}).items()}
    except (PyPdfError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError("PDF", f"cannot be read ({type(error).__name__})", "render it again") from error
    blocks = tuple(Block(text, f"page {n}", kind="page") for n, text in enumerate(pages, 1))
    return Visible(blocks, tuple(hidden), pages, metadata)


def strings_of(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, keys too, as (place, text)."""
    if isinstance(value, str):
        yield place or "value", value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield f"{place}.{key}".lstrip(".") + " (name)", str(key)
            yield from strings_of(inner, f"{place}.{key}".lstrip("."))
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            yield from strings_of(inner, f"{place}[{i}]")


class _Reader(HTMLParser):
    """Walks HTML once."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.hidden: list[str] = []
        self.metadata: dict[str, str] = {}
        self.styles: list[str] = []
        self.unseen: list[tuple[str, str]] = []
        self._open: list[str] = []
        self._text: list[str] = []
        self._bound: list[tuple[str, str]] = []
        self._figure: tuple[str, int] | None = None
        self._heading = ""
        self._kind = "p"
        self._row: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Opens an element; hidden ones are noted."""
        given = {k: v or "" for k, v in attrs}
        self.unseen += [(f"attribute {k}", v) for k, v in given.items() if re.search(r"[^\W\d_]{3}|\d{4}|@", v)]
        style = given.get("style", "").replace(" ", "").lower()
        if "hidden" in given or re.search(r"display:none|visibility:hidden|font-size:0|opacity:0(?!\.)", style):
            self.hidden.append(f"hidden element <{tag}>")
        if tag == "script" or any(k.startswith("on") for k in given):
            self.hidden.append(f"script in <{tag}>")
        if tag == "meta" and given.get("name") not in (None, "", "viewport", "color-scheme"):
            self.metadata[given["name"]] = given.get("content", "")
        if tag in ("ins", "del"):
            self.hidden.append(f"tracked change <{tag}>")
        if tag in _BLOCKS:
            self.flush()
            self._kind = tag
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "br":
            self._text.append(" ")
        if "data-figure" in given:
            self._figure = (given["data-figure"], len(self._text))

    def handle_endtag(self, tag: str) -> None:
        """Closes an element and, for blocks, what was read of it."""
        if tag == "data" and self._figure is not None:
            name, since = self._figure
            self._bound.append((name, _squeezed("".join(self._text[since:]))))
            self._figure = None
        if tag in _BLOCKS:
            self.flush()
        if tag in self._open:
            while self._open and self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Text of the page, or of a style sheet."""
        if self._open and self._open[-1] == "style":
            self.styles.append(data)
        if self._open and self._open[-1] == "title":
            self.metadata["title"] = self.metadata.get("title", "") + data
        if not _SILENT.intersection(self._open):
            self._text.append(data)
        elif "svg" in self._open and data.strip():
            self.unseen.append(("chart", data))

    def handle_comment(self, data: str) -> None:
        """A comment is hidden text."""
        self.hidden.append(f"comment: {data[:40]}")

    def flush(self) -> None:
        """Ends the block that is being read."""
        text = _squeezed("".join(self._text))
        if text:
            if self._kind in ("h1", "h2", "h3"):
                self._heading = text
            self.blocks.append(Block(text, f"block {len(self.blocks) + 1}" + _under(self._heading), tuple(self._bound),
                                     self._kind))  # fmt: skip
        self._text, self._bound, self._figure = [], [], None


def _pdf_secrets(reader: Any) -> Iterator[str]:
    root = reader.trailer["/Root"]
    for name in ("/OpenAction", "/AA", "/AcroForm"):
        if name in root:
            yield f"active content {name}"
    names = root.get("/Names")
    if names is not None and {"/JavaScript", "/EmbeddedFiles"} & set(names.get_object()):
        yield "script or embedded file"
    for number, page in enumerate(reader.pages, 1):
        for note in page.get("/Annots") or []:
            kind = str(note.get_object().get("/Subtype"))
            if kind != "/Link":
                yield f"annotation {kind} on page {number}"
        contents = page.get_contents()
        if contents is not None and re.search(rb"(?<![\d.])3\s+Tr\b", contents.get_data()):
            yield f"invisible text on page {number}"


def _squeezed(text: str) -> str:
    return " ".join(text.replace("\u00ad", "").split())


def _under(heading: str) -> str:
    return f" under “{heading[:40]}”" if heading else ""
