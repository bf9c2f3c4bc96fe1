"""One YAML pack into rules: every fault is found, with its line, before anybody is told."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from stillwatch.errors import OutsideError
from stillwatch.patterns.expressions import BUILT_IN_PARTS, ExpressionFault, expand, to_hyperscan
from stillwatch.records.rules import TECHNIQUES, Rule

#: A pack is written by hand; a larger file is something else.
MOST_BYTES = 1_000_000
MOST_CODE = 32_767
LEAST_EXAMPLES = 3
LEAST_LOOK_ALIKES = 2

_PACK_KEYS = ("technique", "atlas", "parts", "rules")
_RULE_KEYS = (
    "code", "id", "title", "language", "expression", "atlas", "also_seen_in", "applies_to", "strength",
    "examples", "look_alikes",
)  # fmt: skip
_NEEDED = ("code", "id", "title", "language", "expression", "also_seen_in", "strength", "examples", "look_alikes")
_ID = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}|any")
_ATLAS = re.compile(r"AML\.T\d{4}(?:\.\d{3})?")
_PART_NAME = re.compile(r"[a-z][a-z_]*")
_TEXT_ROOM = ("prompt", "system")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a pack: the file, the line (from 1) and the sentence."""

    path: Path
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.line}: {self.what}"


@dataclass(frozen=True, slots=True)
class Pack:
    """The rules of one file, with the texts that each must (`examples`) and must not (`look_alikes`) match.

    Both are keyed by the rule's code; `lines` says where each rule stands in the file.
    """

    path: Path
    technique: str
    rules: tuple[Rule, ...]
    examples: dict[int, tuple[str, ...]] = field(default_factory=dict)
    look_alikes: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lines: dict[int, int] = field(default_factory=dict)


def read_pack(path: Path) -> tuple[Pack, list[Fault]]:
    """Read one pack; faulty rules are left out of it and named in the list of faults.

    Raises OutsideError where the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise OutsideError(str(path), f"cannot be read: {error.strerror or 'unknown reason'}") from error
    empty = Pack(path, "", ())
    if len(raw) > MOST_BYTES:
        return empty, [Fault(path, 1, f"is larger than {MOST_BYTES:,} bytes; split the pack")]
    try:
        root = yaml.compose(raw.decode("utf-8"), Loader=_loader())
    except UnicodeDecodeError:
        return empty, [Fault(path, 1, "is not UTF-8")]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "cannot be parsed"
        return empty, [Fault(path, mark.line + 1 if mark else 1, f"is not YAML: {_short(str(problem))}")]
    return _Reader(path).pack(root)


class _Reader:
    """Walks the YAML nodes of one file, so that each fault knows its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.faults: list[Fault] = []

    def fault(self, node: yaml.Node, what: str) -> None:
        self.faults.append(Fault(self.path, node.start_mark.line + 1, what))

    def pack(self, root: yaml.Node | None) -> tuple[Pack, list[Fault]]:
        if not isinstance(root, yaml.MappingNode):
            return Pack(self.path, "", ()), [Fault(self.path, 1, "must be a mapping with technique and rules")]
        found = self.mapping(root, _PACK_KEYS, "pack")
        technique = ""
        if "technique" not in found:
            self.fault(root, "technique is missing")
        else:
            technique = self.text(found["technique"], "technique")
            if technique and technique not in TECHNIQUES:
                self.fault(found["technique"], _unknown("technique", technique, TECHNIQUES))
        atlas = self.atlas(found["atlas"]) if "atlas" in found else ()
        parts = self.parts(found["parts"]) if "parts" in found else {}
        pack = Pack(self.path, technique, ())
        rules: list[Rule] = []
        node = found.get("rules")
        if not isinstance(node, yaml.SequenceNode) or not node.value:
            self.fault(node or root, "rules must be a list with at least one rule")
        else:
            for entry in node.value:
                rule = self.rule(entry, technique, atlas, parts, pack)
                if rule is not None:
                    rules.append(rule)
        whole = Pack(self.path, technique, tuple(rules), pack.examples, pack.look_alikes, pack.lines)
        return whole, self.faults

    def rule(
        self, node: yaml.Node, technique: str, pack_atlas: tuple[str, ...], parts: dict[str, str], pack: Pack
    ) -> Rule | None:
        before = len(self.faults)
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, "a rule must be a mapping")
            return None
        found = self.mapping(node, _RULE_KEYS, "rule")
        for key in _NEEDED:
            if key not in found:
                self.fault(node, f"{key} is missing")
        texts = {key: self.text(found[key], key) for key in ("id", "title", "language", "also_seen_in") if key in found}
        if texts.get("id") and not _ID.fullmatch(texts["id"]):
            self.fault(found["id"], "id must be lower-case words joined by . _ or -")
        if texts.get("language") and not _LANGUAGE.fullmatch(texts["language"]):
            self.fault(found["language"], "language must be a code such as en or zh, or any")
        code = self.number(found["code"], "code") if "code" in found else 0.0
        if "code" in found and not (code.is_integer() and 1 <= code <= MOST_CODE):
            self.fault(found["code"], f"code must be a whole number from 1 to {MOST_CODE}")
        strength = self.number(found["strength"], "strength") if "strength" in found else 0.0
        if "strength" in found and not 0.0 < strength <= 1.0:
            self.fault(found["strength"], "strength must lie above 0 and not above 1")
        atlas = self.atlas(found["atlas"]) if "atlas" in found else pack_atlas
        if not atlas:
            self.fault(node, "atlas is missing, here and in the pack")
        applies = self.texts(found["applies_to"], "applies_to", 1) if "applies_to" in found else _TEXT_ROOM
        for name in applies:
            if name not in _TEXT_ROOM:
                self.fault(found["applies_to"], _unknown("applies_to", name, _TEXT_ROOM))
        language = texts.get("language", "en")
        expression = self.expression(found["expression"], parts, language) if "expression" in found else ""
        examples = self.texts(found["examples"], "examples", LEAST_EXAMPLES) if "examples" in found else ()
        alike = self.texts(found["look_alikes"], "look_alikes", LEAST_LOOK_ALIKES) if "look_alikes" in found else ()
        if len(self.faults) > before:
            return None
        number = int(code)
        # The first rule of a code keeps its examples; the second is reported by whoever compares packs.
        pack.examples.setdefault(number, examples)
        pack.look_alikes.setdefault(number, alike)
        pack.lines.setdefault(number, node.start_mark.line + 1)
        return Rule(
            number, texts["id"], technique, texts["title"], texts["language"], expression,
            atlas, texts["also_seen_in"], applies, strength,
        )  # fmt: skip

    def mapping(self, node: yaml.MappingNode, known: tuple[str, ...], what: str) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if name not in known:
                self.fault(key, _unknown(f"{what} key", name, known))
            elif name in found:
                self.fault(key, f"{name} is given twice")
            else:
                found[name] = value
        return found

    def text(self, node: yaml.Node, key: str) -> str:
        if isinstance(node, yaml.ScalarNode) and str(node.value).strip():
            return str(node.value).strip()
        self.fault(node, f"{key} must be a text that is not empty")
        return ""

    def texts(self, node: yaml.Node, key: str, least: int) -> tuple[str, ...]:
        if not isinstance(node, yaml.SequenceNode):
            self.fault(node, f"{key} must be a list")
            return ()
        values = [self.text(entry, key) for entry in node.value]
        if len(values) < least:
            self.fault(node, f"{key} needs at least {least}, found {len(values)}")
        return tuple(values)

    def number(self, node: yaml.Node, key: str) -> float:
        value = str(node.value) if isinstance(node, yaml.ScalarNode) else ""
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", value):
            return float(value)
        self.fault(node, f"{key} must be a number")
        return 0.5 if key == "strength" else 1.0

    def atlas(self, node: yaml.Node) -> tuple[str, ...]:
        ids = self.texts(node, "atlas", 1)
        for name in ids:
            if name and not _ATLAS.fullmatch(name):
                self.fault(node, f"atlas id {_short(name)} does not look like AML.T0024 or AML.T0024.002")
        return ids

    def parts(self, node: yaml.Node) -> dict[str, str]:
        parts: dict[str, str] = {}
        if not isinstance(node, yaml.MappingNode):
            self.fault(node, "parts must be a mapping from a name to a piece of expression")
            return parts
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            if not _PART_NAME.fullmatch(name):
                self.fault(key, "the name of a part must be lower-case letters and _")
            elif name in BUILT_IN_PARTS or name in parts:
                self.fault(key, f"part {name} is already there")
            else:
                try:
                    parts[name] = expand(self.text(value, f"part {name}"), parts)
                except ExpressionFault as fault:
                    self.fault(value, str(fault))
        return parts

    def expression(self, node: yaml.Node, parts: dict[str, str], language: str) -> str:
        ways = self.texts(node, "expression", 1) if isinstance(node, yaml.SequenceNode) else (
            self.text(node, "expression"),
        )  # fmt: skip
        entries = node.value if isinstance(node, yaml.SequenceNode) else [node]
        expanded: list[str] = []
        for entry, way in zip(entries, ways, strict=True):
            try:
                expanded.append(expand(way, parts))
            except ExpressionFault as fault:
                self.fault(entry, str(fault))
        return to_hyperscan(expanded, language) if expanded else ""


def _loader() -> type[yaml.SafeLoader]:
    loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader


def _short(text: str) -> str:
    """A stranger's text for an error line: bounded, on one line, without control characters."""
    return ascii(text[:60])


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"unknown {what} {_short(name)}" + (f"; the nearest known one is {near[0]}" if near else "")
