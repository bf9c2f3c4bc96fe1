"""stillwatch.toml to typed settings: flag over environment over file over default; every fault told at once."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError

FILE_NAME = "stillwatch.toml"
LEARNED_NAME = "learned.toml"
"""In a home: what `stillwatch calibrate --write` fitted to verdicts; under the file, over the defaults."""
_LARGEST_FILE = 1 << 20


@dataclass(frozen=True)
class IngestSettings:
    """`[ingest]`: `max_malformed_share` (0..1), `keep_text` (days that text is kept under DIR/text/; 0: never)."""

    max_malformed_share: float = 0.05
    keep_text: float = 0.0

    @property
    def keep_text_days(self) -> float:
        """`keep_text`, under the name that says its unit."""
        return self.keep_text


@dataclass(frozen=True)
class StoreSettings:
    """`[store]`: `memory_gib` that the database may take, and its `threads`; `retention_days` after which stored
    rows go, `history_days` after which campaigns that no sweep reported again are forgotten (0: never)."""

    memory_gib: float = 2.5
    threads: int = 2
    retention_days: float = 0.0
    history_days: float = 0.0


@dataclass(frozen=True)
class CalibrateSettings:
    """`[calibrate]`: `prior`, the share (0..1) of linked groups that harvest, before any evidence."""

    prior: float = 0.2


@dataclass(frozen=True)
class CampaignSettings:
    """`[campaigns]`: `report_from` (score, 0..100), `max_candidates` (groups looked at closely), `window_days` before
    the latest exchange that a hunt looks at where `--since` does not say (0: the whole store)."""

    report_from: float = 55.0
    max_candidates: int = 4000
    window_days: float = 0.0


@dataclass(frozen=True)
class PatternSettings:
    """`[patterns]`: `packs`, paths of YAML rule packs of one's own, beside the built-in ones."""

    packs: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecideSettings:
    """`[decide]`: `policy`, a TOML file (empty: the one that ships, all simulated); `webhook` and `slack`, URLs that
    alerts go to; `redis`, the URL of a cache that several gateways share. Empty: none."""

    policy: str = ""
    webhook: str = ""
    slack: str = ""
    redis: str = ""


@dataclass(frozen=True)
class ShareSettings:
    """`[share]`: `provider`, the name that others see; `contact`, where they write to; `valid_days` that an indicator
    of ours holds; `most_touched`, the share (0..1) of customers from which a foreign indicator waits for a person."""

    provider: str = ""
    contact: str = ""
    valid_days: int = 60
    most_touched: float = 0.005


@dataclass(frozen=True)
class SparkSettings:
    """`[spark]`: `place`, a folder that a cluster's machines see by one path, where the home is none (empty: it is)."""

    place: str = ""


@dataclass(frozen=True)
class Settings:
    """Every setting of a run. `signals` holds `[signals.NAME]` tables; `check_signals` checks their names."""

    ingest: IngestSettings = field(default_factory=IngestSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    calibrate: CalibrateSettings = field(default_factory=CalibrateSettings)
    campaigns: CampaignSettings = field(default_factory=CampaignSettings)
    patterns: PatternSettings = field(default_factory=PatternSettings)
    decide: DecideSettings = field(default_factory=DecideSettings)
    share: ShareSettings = field(default_factory=ShareSettings)
    spark: SparkSettings = field(default_factory=SparkSettings)
    signals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Dotted key to where its value came from: a file, an environment variable or `--set`. Defaults lack."""

    def as_dict(self) -> dict[str, Any]:
        """The settings as nested plain values, without where they came from."""
        tables: dict[str, Any] = {
            name: {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(table).items()}
            for name, table in ((t, getattr(self, t)) for t in _TABLES)
        }
        tables["signals"] = {name: dict(sorted(values.items())) for name, values in sorted(self.signals.items())}
        return tables

    def sha256(self) -> str:
        """Hex SHA-256 of the settings: equal settings, equal hash, wherever they were written."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def check_signals(self, known: Mapping[str, Mapping[str, type]]) -> None:
        """Raises UsageError, all faults at once, where a signal, its keyword or a value's type is not `known`."""
        faults: list[str] = []
        for name, values in self.signals.items():
            if name not in known:
                faults.append(f"[signals.{_short(name)}] no such signal{_nearest(name, known)}")
                continue
            for key, value in values.items():
                where = f"[signals.{name}] {_short(key)}"
                if key not in known[name]:
                    faults.append(f"{where}: no such setting{_nearest(key, known[name])}")
                elif (wrong := _type_fault(value, known[name][key])) is not None:
                    faults.append(f"{where}: {wrong}")
        _raise("settings", faults)


_TABLES: dict[str, type] = {
    "ingest": IngestSettings,
    "store": StoreSettings,
    "calibrate": CalibrateSettings,
    "campaigns": CampaignSettings,
    "patterns": PatternSettings,
    "decide": DecideSettings,
    "share": ShareSettings,
    "spark": SparkSettings,
}

#: What a value must keep to, beside its type: a test and the words for it.
_BOUNDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "ingest.max_malformed_share": (lambda v: 0 <= v <= 1, "a share from 0 to 1"),
    "ingest.keep_text": (lambda v: 0 <= v <= 3650, "a number of days from 0 to 3650"),
    "store.memory_gib": (lambda v: 0.1 <= v <= 65536, "GiB, 0.1 or more"),
    "store.threads": (lambda v: 1 <= v <= 1024, "a whole number from 1 to 1024"),
    "store.retention_days": (lambda v: v == 0 or 1 <= v <= 36500, "a number of days from 1, or 0 for all"),
    "store.history_days": (lambda v: v == 0 or 1 <= v <= 36500, "a number of days from 1, or 0 for all"),
    "campaigns.window_days": (lambda v: v == 0 or 1 <= v <= 36500, "a number of days from 1, or 0 for the whole store"),
    "calibrate.prior": (lambda v: 0 < v < 1, "a share above 0 and below 1"),
    "campaigns.report_from": (lambda v: 0 <= v <= 100, "a score from 0 to 100"),
    "share.provider": (lambda v: len(v) <= 80, "a name of 80 characters at most"),
    "share.contact": (lambda v: len(v) <= 200, "an address of 200 characters at most"),
    "share.valid_days": (lambda v: 1 <= v <= 90, "a whole number of days from 1 to 90"),
    "share.most_touched": (lambda v: 0 <= v <= 1, "a share from 0 to 1"),
    "campaigns.max_candidates": (lambda v: 1 <= v <= 10_000_000, "a whole number of 1 or more"),
}

#: Other names of a setting. `keep_text` is the contract's name; it counts days, so both are taken.
_ALSO: dict[str, str] = {"ingest.keep_text_days": "ingest.keep_text"}


def load_settings(
    path: Path | None = None,
    *,
    home: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings of a run.

    `path` names a file; without it `stillwatch.toml` in the working folder, else in `home`, is read.
    `environ` holds variables such as STILLWATCH_CALIBRATE__PRIOR; `overrides` dotted keys from flags
    (`{"calibrate.prior": 0.01}`; text is read as TOML). UsageError names every fault at once.
    """
    file = _find(path, home)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    faults: list[str] = []
    layers: list[tuple[str, dict[str, Any]]] = []
    learned = home / LEARNED_NAME if home is not None else None
    if learned is not None and learned.is_file():
        layers.append((str(learned), _from_file(learned)))
    if file is not None:
        layers.append((str(file), _from_file(file)))
    for name, dotted, value in _from_environment(environ or {}):
        layers.append((name, {dotted: value}))
    for key, value in (overrides or {}).items():
        layers.append((f"--set {_short(key)}", {key: _parsed(value) if isinstance(value, str) else value}))
    for origin, flat in layers:
        for dotted, value in flat.items():
            key = _ALSO.get(dotted, dotted)
            good, fault = _checked(key, value)
            if fault:
                faults.append(f"{origin}: {fault}" if len(layers) > 1 or origin != str(file) else fault)
                continue
            if key == "patterns.packs" and file is not None and origin == str(file):
                good = tuple(str((file.parent / pack).resolve()) for pack in good)
            if key == "decide.policy" and good and file is not None and origin == str(file):
                good = str((file.parent / good).resolve())
            values[key], origins[key] = good, origin
    _raise(str(file) if file is not None else "settings", faults)
    return _assemble(values, origins)


def as_toml(settings: Settings) -> str:
    """The settings as a stillwatch.toml that would give them again; where a value came from is a comment."""
    lines: list[str] = []
    tables = settings.as_dict()
    signals = tables.pop("signals")
    named = list(tables.items()) + [(f"signals.{name}", table) for name, table in signals.items()]
    for name, table in named:
        lines.append(f"[{name}]")
        for key, value in table.items():
            origin = settings.origins.get(f"{name}.{key}")
            note = "  # " + re.sub(r"[^\x20-\x7e]", "?", origin) if origin else ""
            lines.append(f"{key} = {json.dumps(value)}{note}")
        lines.append("")
    return "\n".join(lines)


def _find(path: Path | None, home: Path | None) -> Path | None:
    if path is not None:
        if not path.is_file():
            raise UsageError(str(path), "no such settings file", "give --settings the path of a stillwatch.toml")
        return path
    places = [Path.cwd() / FILE_NAME] + ([home / FILE_NAME] if home is not None else [])
    return next((place for place in places if place.is_file()), None)


def _from_file(file: Path) -> dict[str, Any]:
    """The file's values by dotted key. A table where a value belongs stays a table and is refused later."""
    try:
        if file.stat().st_size > _LARGEST_FILE:
            raise UsageError(str(file), "larger than 1 MiB", "settings are a page of text; is this the right file?")
        read = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        what = f"not valid TOML: {_short(str(error), 200)}"
        raise UsageError(str(file), what, "see `stillwatch settings` for one that is") from error
    flat: dict[str, Any] = {}
    for table, content in read.items():
        if not isinstance(content, dict):
            flat[table] = content
            continue
        if not content and table != "signals" and table not in _TABLES:
            flat[table] = content
        for key, value in content.items():
            if table == "signals" and isinstance(value, dict):
                flat.update({f"signals.{key}.{inner}": v for inner, v in value.items()})
            else:
                flat[f"{table}.{key}"] = value
    return flat


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, str, Any]]:
    """(variable, dotted key, value) of each STILLWATCH_TABLE__KEY; names without `__` are not settings."""
    found = []
    for name in sorted(environ):
        rest = name.removeprefix("STILLWATCH_")
        if rest != name and "__" in rest:
            found.append((_short(name), ".".join(rest.lower().split("__")), _parsed(environ[name])))
    return found


def _parsed(text: str) -> Any:
    """A TOML value where the text is one, else the text itself."""
    try:
        read = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return read["value"] if set(read) == {"value"} else text


def _checked(dotted: str, value: Any) -> tuple[Any, str | None]:
    """The value in its field's type, and the fault where it cannot be."""
    table, _, key = dotted.partition(".")
    if table == "signals":
        name, _, keyword = key.partition(".")
        if not name or not keyword or "." in keyword:
            return None, f"{_short(dotted)}: a signal's setting is written [signals.NAME] keyword = value"
        if not isinstance(value, (bool, int, float, str, list)) or (isinstance(value, float) and math.isnan(value)):
            return None, f"[signals.{_short(name)}] {_short(keyword)}: a number, text, true, false or a list"
        return value, None
    if table not in _TABLES:
        return None, f"[{_short(table)}] no such table{_nearest(table, [*_TABLES, 'signals'])}"
    fields = {f.name: f for f in dataclasses.fields(_TABLES[table])}
    where = f"[{table}] {_short(key)}"
    if not key:
        return None, f"[{table}] must be a table of settings"
    if key not in fields:
        elsewhere = next((t for t, c in _TABLES.items() if any(f.name == key for f in dataclasses.fields(c))), None)
        hint = f"; it belongs to [{elsewhere}]" if elsewhere else _nearest(key, fields)
        return None, f"{where}: no such setting{hint}"
    if dotted == "ingest.keep_text" and isinstance(value, str):
        days = re.fullmatch(r"\s*(\d{1,4})\s*(d|day|days)\s*", value)
        value = int(days[1]) if days else value
    if dotted == "patterns.packs":
        packs = [value] if isinstance(value, str) and value else value
        if not isinstance(packs, (list, tuple)) or not all(isinstance(p, str) and p for p in packs):
            return None, f"{where}: must be a list of paths"
        return tuple(packs), None
    wanted: type = type(fields[key].default)
    if (wrong := _type_fault(value, wanted)) is not None:
        return None, f"{where}: {wrong}"
    value = wanted(value)
    bound = _BOUNDS.get(dotted)
    if bound and not bound[0](value):
        return None, f"{where}: must be {bound[1]}, not {value!r}"
    return value, None


def _type_fault(value: Any, wanted: type) -> str | None:
    names: dict[type, str] = {float: "a number", int: "a whole number", bool: "true or false", str: "text"}
    right = isinstance(value, wanted)
    if wanted is float:
        right = isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 1e300
    if wanted is not bool and isinstance(value, bool):
        right = False
    return None if right else f"must be {names.get(wanted, wanted.__name__)}, not {_short(repr(value))}"


def _assemble(values: Mapping[str, Any], origins: Mapping[str, str]) -> Settings:
    tables: dict[str, dict[str, Any]] = {name: {} for name in _TABLES}
    signals: dict[str, dict[str, Any]] = {}
    for dotted, value in values.items():
        table, _, key = dotted.partition(".")
        if table == "signals":
            name, _, keyword = key.partition(".")
            signals.setdefault(name, {})[keyword] = value
        else:
            tables[table][key] = value
    return Settings(
        ingest=IngestSettings(**tables["ingest"]),
        store=StoreSettings(**tables["store"]),
        calibrate=CalibrateSettings(**tables["calibrate"]),
        campaigns=CampaignSettings(**tables["campaigns"]),
        patterns=PatternSettings(**tables["patterns"]),
        decide=DecideSettings(**tables["decide"]),
        share=ShareSettings(**tables["share"]),
        spark=SparkSettings(**tables["spark"]),
        signals=signals,
        origins=dict(origins),
    )


def _nearest(name: str, known: Mapping[str, Any] | list[str]) -> str:
    close = difflib.get_close_matches(name[:100].lower(), list(known), 1, 0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else "; it has none"


def _short(text: str, limit: int = 80) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _raise(where: str, faults: list[str]) -> None:
    if not faults:
        return
    what = faults[0] if len(faults) == 1 else f"{len(faults)} faults:" + "".join(f"\n  - {f}" for f in faults)
    raise UsageError(where, what, "`stillwatch settings` prints every setting with its value")
