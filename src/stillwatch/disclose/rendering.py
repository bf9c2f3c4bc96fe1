"""Templates to files: HTML first, Markdown and PDF from that same HTML, so that no figure is written twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError
from markupsafe import Markup

from stillwatch.disclose.drafting import Draft
from stillwatch.disclose.markdown import markdown_of
from stillwatch.disclose.package import DISCLOSURE, SNAPSHOT
from stillwatch.disclose.signing import missing
from stillwatch.errors import UsageError

STEMS = ("letter", "report", "annex")
_HERE = Path(__file__).parent / "templates"
#: The colours of TLP 2.0 on black. Source: FIRST.
_COLOURS = {
    "TLP:CLEAR": "#FFFFFF", "TLP:GREEN": "#33FF00", "TLP:AMBER": "#FFC000", "TLP:AMBER+STRICT": "#FFC000",
    "TLP:RED": "#FF2B2B",
}  # fmt: skip


def write_package(draft: Draft, snapshot: bytes, out: Path, *, templates: Path | None = None, pdf: bool) -> list[str]:
    """Writes a package; the names of its files. UsageError where the folder is not empty or a template is broken."""
    if out.exists() and any(out.iterdir()):
        raise UsageError(str(out), "is not empty", "name a new folder: a package is never written over")
    files: dict[str, bytes] = {
        DISCLOSURE: (json.dumps(draft.disclosure, indent=1, ensure_ascii=False) + "\n").encode(),
        SNAPSHOT: snapshot,
    }
    for stem in STEMS:
        page = render(stem, draft.context, templates)
        files[f"{stem}.html"] = page.encode()
        files[f"{stem}.md"] = markdown_of(page).encode()
        if pdf:
            files[f"{stem}.pdf"] = pdf_of(page)
    for name, data in files.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return sorted(files)


def render(stem: str, context: Mapping[str, Any], templates: Path | None = None) -> str:
    """One document as HTML. `templates` holds an organisation's own files, which go before ours of the same name."""
    places = [str(p) for p in (templates, _HERE) if p is not None]
    environment = Environment(
        loader=FileSystemLoader(places), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    tlp = str(context["d"]["marking"]["tlp"])
    css, _, _ = environment.loader.get_source(environment, "page.css") if environment.loader else ("", None, None)
    style = css.replace("TLP_LABEL", tlp).replace("TLP_COLOUR", _COLOURS.get(tlp, "#FFFFFF"))
    style = style.replace("PAGE_OF", context["t"].plain("page_of"))
    try:
        return environment.get_template(f"{stem}.html.j2").render({**context, "style": Markup(style)})
    except TemplateError as error:
        where = getattr(error, "name", None) or f"{stem}.html.j2"
        raise UsageError(str(where), f"{error}", "compare with the template that ships") from error


def pdf_of(page: str) -> bytes:
    """The same page as a tagged PDF. UsageError with the command that installs what it takes."""
    try:
        from weasyprint import HTML
    except (ImportError, OSError) as error:
        raise missing("PDF") from error
    identifier = hashlib.sha256(page.encode()).digest()[:16]
    return bytes(
        HTML(string=page, url_fetcher=_no_fetching).write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=identifier)
    )


def can_write_pdf() -> bool:
    """Whether PDFs can be written here."""
    try:
        import weasyprint  # noqa: F401
    except (ImportError, OSError):
        return False
    return True


def _no_fetching(url: str, *args: Any, **options: Any) -> Any:
    raise UsageError("template", "asks for something outside of the page", "pages are self-contained: inline it")
