"""A package: the folder of one disclosure, read once, with what the gate needs to know from outside of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from stillwatch.disclose.language import Language, language
from stillwatch.disclose.visible_text import Visible, read_html, read_markdown, read_pdf
from stillwatch.errors import UsageError

DISCLOSURE = "disclosure.json"
SNAPSHOT = "evidence/snapshot.json"
RELEASE = "release/"
#: Inside the manifest, by hash, but not handed out.
WITHHELD = (SNAPSHOT,)
_LARGEST = 64 << 20


@dataclass(frozen=True)
class Document:
    """A rendered file: `name` in the package, `stem` (letter, report, annex), `form` (html, md, pdf), what it shows."""

    name: str
    stem: str
    form: str
    shown: Visible


@dataclass(frozen=True)
class Outside:
    """What the gate is told beyond the folder: the time, secrets that must not leave, account ids of the store."""

    now: datetime
    canaries: tuple[str, ...] = ()
    account_ids: frozenset[str] = frozenset()
    public_key: bytes | None = None
    timestamp_roots: bytes | None = None
    timestamp_required: bool = False


@dataclass(frozen=True)
class Package:
    """The folder's files as bytes and the outside facts. Reading is lazy and never follows links."""

    folder: Path
    files: Mapping[str, bytes] = field(repr=False)
    outside: Outside

    @cached_property
    def disclosure(self) -> dict[str, Any]:
        """disclosure.json. UsageError where it is missing or no object."""
        return dict(self.json_of(DISCLOSURE))

    @cached_property
    def snapshot(self) -> dict[str, Any]:
        """The aggregate that figures are queried from. UsageError where it is missing."""
        return dict(self.json_of(SNAPSHOT))

    @cached_property
    def language(self) -> Language:
        """The language that the disclosure says it is in."""
        return language(str(self.disclosure.get("language")))

    @cached_property
    def documents(self) -> tuple[Document, ...]:
        """Rendered files, by name."""
        out = []
        for name, data in sorted(self.files.items()):
            path = PurePosixPath(name)
            if name.startswith(RELEASE) or path.suffix not in (".html", ".md", ".pdf"):
                continue
            form = path.suffix[1:]
            shown = read_pdf(data) if form == "pdf" else _READERS[form](data.decode("utf-8"))
            out.append(Document(name, path.stem, form, shown))
        return tuple(out)

    @cached_property
    def stix(self) -> dict[str, dict[str, Any]]:
        """STIX bundles by file name, told by their content."""
        return {n: v for n, v in self._json_files.items() if isinstance(v, dict) and v.get("type") == "bundle"}

    @cached_property
    def stix_objects(self) -> list[dict[str, Any]]:
        """The objects of all bundles. KeyError where a bundle has none."""
        return [thing for bundle in self.stix.values() for thing in bundle["objects"]]

    @cached_property
    def misp(self) -> dict[str, dict[str, Any]]:
        """MISP events by file name, told by their content."""
        return {n: v for n, v in self._json_files.items() if isinstance(v, dict) and "Event" in v}

    @cached_property
    def other_json(self) -> dict[str, Any]:
        """Every other JSON file that is handed out."""
        return {n: v for n, v in self._json_files.items() if n not in self.stix and n not in self.misp}

    @cached_property
    def texts(self) -> tuple[tuple[str, str], ...]:
        """(place, text) of everything that is handed out, in any format: for detectors of what must not leave."""
        from stillwatch.disclose.visible_text import strings_of

        out: list[tuple[str, str]] = []
        for doc in self.documents:
            out += [(f"{doc.name}, {block.place}", block.text) for block in doc.shown.blocks]
            out += [(f"{doc.name}, metadata {k}", v) for k, v in doc.shown.metadata.items()]
            out += [(f"{doc.name}, hidden", h) for h in doc.shown.hidden]
            out += [(f"{doc.name}, {where}", text) for where, text in doc.shown.unseen]
        for name, value in self._json_files.items():
            out += [(f"{name}, {place}", text) for place, text in strings_of(value)]
        for name, data in self.files.items():
            if not name.startswith(RELEASE) and PurePosixPath(name).suffix in (".yml", ".yaml", ".csv", ".txt"):
                out += [(f"{name}, line {i}", line) for i, line in enumerate(data.decode("utf-8").splitlines(), 1)]
        return tuple(out)

    @cached_property
    def raw(self) -> tuple[tuple[str, str], ...]:
        """(name, the file as text) of every text file handed out: what a search for a secret has to read."""
        return tuple(
            (name, data.decode("utf-8", "replace")) for name, data in self.files.items()
            if not name.startswith(RELEASE) and name not in WITHHELD and PurePosixPath(name).suffix != ".pdf"
        )  # fmt: skip

    @cached_property
    def known_dates(self) -> frozenset[date]:
        """Every date that disclosure.json declares."""
        from stillwatch.disclose.visible_text import strings_of

        found = set()
        for _, text in strings_of(self.disclosure):
            try:
                found.add(date.fromisoformat(text[:10]))
            except ValueError:
                continue
        return frozenset(found)

    @cached_property
    def _json_files(self) -> dict[str, Any]:
        names = [n for n in sorted(self.files) if n.endswith(".json") and not n.startswith(RELEASE)]
        return {n: self.json_of(n, dict, list) for n in names if n not in WITHHELD}

    def json_of(self, name: str, *kinds: type) -> Any:
        """A JSON file of the package. UsageError where it is missing, no JSON, or of another kind than asked."""
        if name not in self.files:
            raise UsageError(name, "is missing from the package", "stillwatch report CAMPAIGN --out PACKAGE")
        try:
            value = json.loads(self.files[name])
        except (ValueError, RecursionError) as error:
            raise UsageError(name, "is not JSON", "write it again") from error
        if not isinstance(value, kinds or (dict,)):
            raise UsageError(name, "does not hold a JSON object", "write it again")
        return value

    def figure(self, name: str) -> dict[str, Any]:
        """A figure by its id. KeyError where there is none."""
        for figure in self.disclosure["figures"]:
            if figure["id"] == name:
                return dict(figure)
        raise KeyError(f"there is no figure {name[:40]}")

    def sha256(self, name: str) -> str:
        """The hash of a file."""
        return hashlib.sha256(self.files[name]).hexdigest()


def read_package(folder: Path, outside: Outside | None = None) -> Package:
    """The package in a folder. UsageError where there is none, where a link lies in it, or where it is too large."""
    if not (folder / DISCLOSURE).is_file():
        raise UsageError(str(folder), f"holds no {DISCLOSURE}", "stillwatch report CAMPAIGN --out PACKAGE")
    files: dict[str, bytes] = {}
    size = 0
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise UsageError(name, "is a link; a package holds files only", "put the file itself there")
        if path.is_file():
            size += path.stat().st_size
            if size > _LARGEST:
                raise UsageError(str(folder), f"is larger than {_LARGEST >> 20} MiB", "leave raw data out")
            files[name] = path.read_bytes()
    return Package(folder, files, outside or Outside(datetime.now(UTC)))


_READERS = {"html": read_html, "md": read_markdown}
