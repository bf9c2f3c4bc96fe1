"""What leaves, as a MISP feed: a folder that any web server can serve, with manifest.json, hashes.csv and events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.errors import UsageError
from stillwatch.share import sigma
from stillwatch.share.leaving import Leaving
from stillwatch.share.stix import Sender, moment
from stillwatch.share.tokens import TokenSet
from stillwatch.share.words import OURS, icd203
from stillwatch.sketch.public_hashes import SEED_VERSION

#: MISP's estimative-language term of an ICD 203 term.
_LIKELIHOOD = {"almost no chance": "almost-no-chance", "roughly even chance": "roughly-even-chance"}
_ORGANISATION_ONLY = 0
_NONE: Mapping[str, TokenSet] = {}
_EXPIRES = "valid until"


def write_feed(
    folder: Path, sender: Sender, found: Sequence[Leaving], valid_days: int, tokens: Mapping[str, TokenSet] = _NONE
) -> list[Path]:
    """Writes the feed and returns its files; `tokens` by alias. UsageError where pymisp is not installed."""
    try:
        from pymisp import MISPEvent, MISPOrganisation
    except ImportError as error:
        raise UsageError("misp", "needs pymisp", "pip install 'stillwatch[share]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    maker = MISPOrganisation()
    maker.name, maker.uuid = sender.provider, _id("organisation", sender.provider)
    manifest: dict[str, Any] = {}
    hashes: list[str] = []
    written: list[Path] = []
    at = datetime.fromtimestamp(sender.now, UTC)
    for one in found:
        event = MISPEvent()
        event.uuid, event.info = _id("event", sender.provider, one.alias), f"{one.alias}: {one.kind.replace('_', ' ')}"
        event.date, event.distribution, event.threat_level_id, event.analysis = at.date(), _ORGANISATION_ONLY, 2, 2
        event.Orgc, event.timestamp, event.published, event.publish_timestamp = maker, at, True, at
        likely = icd203((one.score.low + one.score.high) / 2)
        for tag in (
            f"tlp:{sender.tlp}", "PAP:AMBER", f'admiralty-scale:source-reliability="{one.admiralty[0].lower()}"',
            f'admiralty-scale:information-credibility="{one.admiralty[1]}"',
            f'estimative-language:likelihood-probability="{_LIKELIHOOD.get(likely, likely.replace(" ", "-"))}"',
        ):  # fmt: skip
            event.add_tag(tag)
        for kind, value, said in _attributes(sender, one, valid_days, tokens.get(one.alias)):
            event.add_attribute(
                kind, value, category="Other" if kind != "sigma" else "External analysis", comment=said, to_ids=False,
                distribution=_ORGANISATION_ONLY, uuid=_id("attribute", sender.provider, one.alias, kind, value),
                timestamp=at,
            )  # fmt: skip
        feed = event.to_feed(with_meta=True)
        manifest |= feed["Event"].pop("_manifest")
        hashes += [f"{digest},{event.uuid}" for digest in feed["Event"].pop("_hashes")]
        written.append(folder / f"{event.uuid}.json")
        written[-1].write_text(json.dumps(feed, indent=1, default=str), "utf-8")
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, default=str), "utf-8")
    (folder / "hashes.csv").write_text("".join(f"{line}\n" for line in hashes), "utf-8")
    return [*written, folder / "manifest.json", folder / "hashes.csv"]


def _attributes(sender: Sender, one: Leaving, valid_days: int, held: TokenSet | None) -> list[tuple[str, str, str]]:
    """(MISP type, value, comment)."""
    out = [("text", one.kind, "kind")]
    out += [("text", t, "target") for t in one.targets]
    out += [("text", t, "MITRE ATLAS technique") for t in one.techniques]
    for name, count in (("accounts", one.accounts), ("exchanges", one.exchanges)):
        if count is not None:
            out.append(("text", f"{name}: {count.low} to {count.high}", "count, rounded outwards to two digits"))
    out.append(("text", f"score: {one.score.low} to {one.score.high}", "calibrated probability, percent"))
    if one.marks or held:
        out.append(("datetime", moment(sender.now + 86400.0 * valid_days), _EXPIRES))
    if held:
        out += [("text", str(getattr(held, n)), n) for n in ("evaluator", "suite", "key_id", "epoch")]
        out.append(("datetime", moment(held.ends_at), "tokens until"))
        out += [("text", text, "token") for text in held.as_dict()["values"]]
    if one.marks:
        out.append(("sigma", sigma.fingerprint_rule(sender, one), "prompt templates"))
        out += [("text", f"{SEED_VERSION}:{kind}:{value:016x}", "prompt template") for kind, value in one.marks]
    return out


def _id(*of: str) -> str:
    return str(uuid.uuid5(OURS, "\0".join(("misp", *of))))
