"""I1–I7: files that machines accept, signed and approved by two, nothing hidden, AI named, a way back, an appeal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from stillwatch.disclose import merkle, timestamp
from stillwatch.disclose.gate import Fault, NotApplicable, rule
from stillwatch.disclose.manifest import NAME, manifest_bytes, manifest_sha256
from stillwatch.disclose.package import Package
from stillwatch.disclose.signing import canonical, opened
from stillwatch.errors import UsageError

ENVELOPE, INCLUSION, STAMP = "release/statement.dsse.json", "release/inclusion.json", "release/timestamp.tsr"
APPROVALS = "release/approvals/"
_METADATA = frozenset({"title", "Title", "Producer", "Creator", "Lang", "CreationDate", "ModDate", "generator"})
#: MISP taxonomy ai-computer-assisted: how much of a text a machine wrote.
LEVELS = ("none", "assisted", "generated-and-reviewed", "generated")


@rule("I1")
def machines_accept_it(package: Package) -> Iterator[Fault]:
    """STIX passes the OASIS validator, its references are closed, it survives writing and reading; MISP events load."""
    if not package.stix and not package.misp:
        raise NotApplicable("nothing is written for machines")
    for name, bundle in package.stix.items():
        yield from _references(name, bundle)
        if json.loads(json.dumps(bundle)) != bundle:
            yield Fault(name, "is not the same after writing and reading", "plain JSON values only")
        yield from _validated(name, bundle)
    for name, content in package.misp.items():
        event = content["Event"]
        lacking = [f for f in ("uuid", "info", "date", "timestamp", "Orgc") if f not in event]
        if lacking:
            yield Fault(name, f"lacks {', '.join(lacking)}", "stillwatch share --format misp")
        for i, attribute in enumerate(event.get("Attribute", ())):
            if "value" not in attribute or "type" not in attribute:
                yield Fault(f"{name}, Attribute[{i}]", "lacks its type or value", "stillwatch share --format misp")


@rule("I2", stage="release")
def it_is_signed_and_logged(package: Package) -> Iterator[Fault]:
    """A DSSE-signed statement covers every file, the log includes it, and a timestamp holds where one is required."""
    key = package.outside.public_key
    if key is None:
        yield Fault("public key", "of the publisher is not known here", "--home DIR of the publisher, or --key FILE")
        return
    if package.files.get(NAME) != manifest_bytes(package):
        yield Fault(
            NAME, "is not of these files: something was changed, added or taken away", "approve and publish anew"
        )
        return
    if ENVELOPE not in package.files:
        yield Fault(ENVELOPE, "is missing: nothing is signed", "stillwatch release publish PACKAGE")
        return
    envelope = package.json_of(ENVELOPE)
    said = opened(envelope, key)
    subjects = {s["name"]: s["digest"]["sha256"] for s in said["subject"]}
    want = {f["name"]: f["sha256"] for f in json.loads(package.files[NAME])["files"]} | {NAME: manifest_sha256(package)}
    if subjects != want:
        yield Fault(ENVELOPE, "signs other files than these", "approve and publish anew")
    proof = package.json_of(INCLUSION)
    leaf = merkle.leaf_hash(canonical(envelope))
    path = [bytes.fromhex(p) for p in proof["path"]]
    if not merkle.is_included(leaf, proof["index"], proof["size"], path, bytes.fromhex(proof["root"])):
        yield Fault(INCLUSION, "does not prove that the log holds this statement", "publish anew")
    head = opened(proof["head"], key)["predicate"]
    if (head["size"], head["root"]) != (proof["size"], proof["root"]):
        yield Fault(INCLUSION, "is of another log than the one that was signed", "publish anew")
    yield from _stamped(package, canonical(envelope))


@rule("I3", stage="release")
def two_people_approved(package: Package) -> Iterator[Fault]:
    """Two different approvers, neither of them the author, approved exactly these files."""
    key = package.outside.public_key
    if key is None:
        yield Fault("public key", "of the publisher is not known here", "--home DIR of the publisher, or --key FILE")
        return
    author, now_is = package.disclosure["author"].strip().casefold(), manifest_sha256(package)
    names: set[str] = set()
    tokens: set[str] = set()
    for name in sorted(n for n in package.files if n.startswith(APPROVALS)):
        said = opened(package.json_of(name), key)["predicate"]
        who = said["approver"].strip()
        if said["manifest_sha256"] != now_is:
            yield Fault(name, f"{who[:40]} approved other files than these", "ask for approval of this version")
        elif said["role"] != "approver":
            yield Fault(name, f"{who[:40]} has the role {said['role'][:20]}", "an approver")
        elif who.casefold() == author:
            yield Fault(name, "the author approved the own work", "somebody else")
        else:
            names.add(who.casefold())
            tokens.add(said["token_id"])
    if len(names) < 2 or len(tokens) < 2:
        yield Fault("approvals", f"{min(len(names), len(tokens))} of two", "stillwatch release approve PACKAGE")


@rule("I4")
def nothing_is_hidden(package: Package) -> Iterator[Fault]:
    """Files hold no hidden text, comments, scripts, tracked changes, and no metadata but a title and a program."""
    for document in package.documents:
        for what in document.shown.hidden:
            yield Fault(document.name, f"hides a {what}", "render it anew from the template")
        for name, value in document.shown.metadata.items():
            if name not in _METADATA:
                yield Fault(document.name, f"has the metadata {name[:40]}", "render it without")
            elif name in ("Producer", "Creator", "generator") and re.search(r"[/\\@]", value):
                yield Fault(document.name, f"names a path or an address in {name}", "render it without")


@rule("I5")
def machine_help_is_disclosed(package: Package) -> Iterator[Fault]:
    """How much a machine wrote is said in every document, and who reviewed it."""
    stated = package.disclosure["ai_assistance"]
    if stated["level"] not in LEVELS:
        yield Fault("ai_assistance.level", f"is “{stated['level'][:30]}”", f"one of {', '.join(LEVELS)}")
    if stated["level"] != "none" and not stated["reviewed_by"].strip():
        yield Fault("ai_assistance.reviewed_by", "is empty", "who read all of it")
    for document in package.documents:
        if not any(w.lower() in document.shown.text.lower() for w in package.language.reading["assistance"]):
            yield Fault(document.name, "says nothing of AI assistance", f"print “{stated['says'][:60]}”")


@rule("I6")
def there_is_a_way_back(package: Package) -> Iterator[Fault]:
    """A correction path is named; what was revoked is not released; what supersedes names the earlier release."""
    path = package.disclosure["corrections"]
    if not path["contact"].strip():
        yield Fault("corrections.contact", "is empty", "where an error is reported")
    if path["revoked"] or "release/withdrawal.dsse.json" in package.files:
        yield Fault("corrections.revoked", "this disclosure was withdrawn", "publish a correction under a new id")
    if path["supersedes"] is not None and path["supersedes"] == package.disclosure["id"]:
        yield Fault("corrections.supersedes", "names itself", "the id of the earlier release")
    letters = [d for d in package.documents if d.stem == "letter"]
    for letter in letters:
        if path["contact"] not in letter.shown.text:
            yield Fault(letter.name, "does not say where errors are reported", f"print {path['contact'][:60]}")
        if path["supersedes"] is not None and path["supersedes"] not in letter.shown.text:
            yield Fault(letter.name, "does not name the release that it corrects", f"print {path['supersedes'][:60]}")
    for name, bundle in package.stix.items():
        for i, thing in enumerate(bundle.get("objects", ())):
            if thing.get("revoked") and not path["supersedes"]:
                yield Fault(f"{name}, objects[{i}]", "is revoked without a correction", "release a correction")


@rule("I7")
def the_accused_can_appeal(package: Package) -> Iterator[Fault]:
    """The letter says where whoever was taken for somebody else can appeal."""
    contact = package.disclosure["appeal"]["contact"]
    if not contact.strip():
        yield Fault("appeal.contact", "is empty", "an address that a person reads")
    for letter in (d for d in package.documents if d.stem == "letter"):
        text = letter.shown.text
        if contact not in text or not any(w.lower() in text.lower() for w in package.language.reading["appeal"]):
            yield Fault(letter.name, "does not say where to appeal", f"print {contact[:60]}")


def _references(name: str, bundle: dict[str, Any]) -> Iterator[Fault]:
    there = {thing["id"] for thing in bundle["objects"]}
    for i, thing in enumerate(bundle["objects"]):
        for field, value in thing.items():
            refs = value if field.endswith("_refs") else [value] if field.endswith("_ref") else []
            for ref in refs:
                if ref not in there:
                    yield Fault(f"{name}, objects[{i}].{field}", "refers to an object that is not in the bundle",
                                "ship it, or drop the reference")  # fmt: skip


def _validated(name: str, bundle: dict[str, Any]) -> Iterator[Fault]:
    try:
        from stix2validator import ValidationOptions, validate_instance
    except ImportError as error:
        what = "checking STIX takes an extra that is not installed"
        raise UsageError(name, what, "pip install 'stillwatch[disclose]'") from error
    result = validate_instance(bundle, ValidationOptions(strict=True, version="2.1", disabled=["244", "302"]))
    for said in list(result.errors)[:5]:
        yield Fault(name, f"the validator says: {str(getattr(said, 'message', said))[:160]}", "write valid STIX 2.1")


def _stamped(package: Package, message: bytes) -> Iterator[Fault]:
    reply, roots = package.files.get(STAMP), package.outside.timestamp_roots
    if reply is None:
        if package.outside.timestamp_required:
            yield Fault(STAMP, "is missing, and a timestamp server is configured", "publish anew")
        return
    if roots is None:
        yield Fault(STAMP, "cannot be verified: the server's roots are not known", "--timestamp-roots FILE")
        return
    timestamp.verify(reply, message, roots)
