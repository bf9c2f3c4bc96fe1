"""Release: two approve, the house signs and logs, recipients are written down; later corrected or withdrawn."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.decide.record import Record, Who
from stillwatch.disclose import merkle, timestamp
from stillwatch.disclose.for_machines import for_peers, revoked, serve
from stillwatch.disclose.gate import Verdict, check, failed
from stillwatch.disclose.manifest import NAME, manifest_bytes, manifest_sha256
from stillwatch.disclose.package import WITHHELD, Outside, Package, read_package
from stillwatch.disclose.rules.integrity import APPROVALS, ENVELOPE, INCLUSION, STAMP
from stillwatch.disclose.signing import canonical, opened, public_key_of, sign, statement
from stillwatch.errors import UsageError

LOG = "release_log.jsonl"
DELIVERIES = "release/deliveries.json"
WITHDRAWAL, CORRECTION = "release/withdrawal.dsse.json", "release/correction.dsse.json"
NOTICES, REVOKED = "release/notices.json", "release/revoked.stix.json"


@dataclass(frozen=True)
class Approver:
    """Somebody whose token was checked: a name, a role, and the token's id."""

    who: Who
    token_id: str


def approver_of(record: Record, token: str) -> Approver:
    """Who a token stands for. UsageError where it is none, was revoked, or has not the role of an approver."""
    digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
    found = record.rows("SELECT token_id, name, role FROM tokens WHERE sha256=? AND revoked_at IS NULL", (digest,))
    if not found:
        raise UsageError("token", "is none that holds", "stillwatch token NAME approver")
    if found[0]["role"] != "approver":
        raise UsageError("token", f"has the role {found[0]['role']}; releasing takes an approver", "ask an approver")
    return Approver(Who(found[0]["name"], found[0]["role"]), found[0]["token_id"])


def approve(package: Package, record: Record, approver: Approver, note: str) -> str:
    """Binds an approver's yes to these files; the manifest's hash. UsageError where the content fails a rule."""
    wrong = failed(check(package, stage="content"))
    if wrong:
        raise UsageError(str(package.folder), f"fails {', '.join(wrong)}", f"stillwatch release check {package.folder}")
    if approver.who.name.strip().casefold() == package.disclosure["author"].strip().casefold():
        raise UsageError("approver", "is the author of this disclosure", "somebody else approves")
    return write_approval(package, record, approver, note)


def write_approval(package: Package, record: Record, approver: Approver, note: str) -> str:
    """The approval itself, signed and in the audit log, without asking the rules again."""
    digest, now = manifest_sha256(package), package.outside.now
    content = statement({NAME: digest}, "approval/v1", {
        "approver": approver.who.name, "role": approver.who.role, "token_id": approver.token_id,
        "manifest_sha256": digest, "at": _rfc3339(now), "note": note[:1000],
    })  # fmt: skip
    name = f"{APPROVALS}{_file_name(approver.who.name)}.dsse.json"
    with record.act():
        record.audit(approver.who, "release approved", package.disclosure["id"], now.timestamp(), manifest=digest)
        _write(package.folder / name, canonical(sign(record.home, content)))
        _write(package.folder / NAME, manifest_bytes(package))
    return digest


def publish(
    folder: Path, record: Record, approver: Approver, outside: Outside, *, server: str = "", to: Path | None = None
) -> dict[str, Any]:
    """Signs and logs a package that passes every rule, has its STIX served and (with `to`) hands it out.

    What was done, as a document. UsageError names the rules that fail; then nothing is left behind.
    Sources: RFC 6962, RFC 3161, in-toto, DSSE.
    """
    before = read_package(folder, outside)
    wrong = [r for r in failed(check(before)) if r != "I2"]
    if wrong:
        raise UsageError(str(folder), f"fails {', '.join(wrong)}", f"stillwatch release check {folder}")
    home, written = record.home, []
    try:
        _write(folder / NAME, manifest_bytes(before))
        digest = manifest_sha256(before)
        files = {f["name"]: f["sha256"] for f in json.loads(manifest_bytes(before))["files"]}
        content = statement({**files, NAME: digest}, "disclosure/v1", {
            "id": before.disclosure["id"], "tlp": before.disclosure["marking"]["tlp"],
            "code_version": before.disclosure["code_version"], "signed_at": _rfc3339(outside.now),
            "supersedes": before.disclosure["corrections"]["supersedes"],
        })  # fmt: skip
        envelope = sign(home, content)
        written = [folder / ENVELOPE, folder / INCLUSION, folder / STAMP, folder / DELIVERIES]
        _write(folder / ENVELOPE, canonical(envelope))
        if server:
            _write(folder / STAMP, timestamp.fetch(server, canonical(envelope)))
        leaves = log_leaves(home)
        leaf = merkle.leaf_hash(canonical(envelope))
        proof = _proof(home, [*leaves, leaf])
        _write(folder / INCLUSION, canonical(proof))
        deliveries = [
            {"name": r["name"], "tier": r["tier"], "manifest_sha256": digest, "at": _rfc3339(outside.now)}
            for r in before.disclosure["recipients"]
        ]
        _write(folder / DELIVERIES, canonical(deliveries))
        key = public_key_of(home)
        after = read_package(folder, replace(outside, public_key=key))
        wrong = list(failed(check(after)))
        if wrong:
            raise UsageError(
                str(folder), f"fails {', '.join(wrong)} after signing", f"stillwatch release check {folder}"
            )
        with record.act():
            record.audit(approver.who, "release published", before.disclosure["id"], outside.now.timestamp(),
                         manifest=digest, recipients=len(deliveries), log_size=proof["size"])  # fmt: skip
            _append(home, leaf, "disclosure", before.disclosure["id"], outside.now)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    shared = for_peers(after)
    serve(home, shared, outside.now.timestamp())
    if to is not None:
        _hand_out(after, to)
    return {
        "id": before.disclosure["id"], "manifest_sha256": digest,
        "log_index": proof["index"], "log_size": proof["size"],
        "public_key": key.hex() if key else "", "timestamp": bool(server), "recipients": len(deliveries),
        "served": len(shared), "written_to": str(to) if to else None,
    }  # fmt: skip


def withdraw(folder: Path, record: Record, approver: Approver, outside: Outside, reason: str) -> dict[str, Any]:
    """Withdraws a published package: a signed, logged statement, a notice to each recipient, STIX objects revoked."""
    package = _published(folder, outside)
    content = statement({NAME: manifest_sha256(package)}, "withdrawal/v1", {
        "id": package.disclosure["id"], "reason": _reason(reason), "at": _rfc3339(outside.now), "by": approver.who.name,
    })  # fmt: skip
    gone = revoked(package.stix_objects, _rfc3339(outside.now))
    return _undo(package, record, approver, content, WITHDRAWAL, gone, "release withdrawn",
                 f"{package.disclosure['id']} is withdrawn: {reason}. Do not use it.")  # fmt: skip


def correct(
    folder: Path, by: Path, record: Record, approver: Approver, outside: Outside, reason: str
) -> dict[str, Any]:
    """Says that a published package is corrected by another published one, which names it in `supersedes`."""
    package, newer = _published(folder, outside), _published(by, outside)
    if newer.disclosure["corrections"]["supersedes"] != package.disclosure["id"]:
        raise UsageError(str(by), f"does not say that it supersedes {package.disclosure['id']}",
                         "[corrections] supersedes in its matter file")  # fmt: skip
    content = statement({NAME: manifest_sha256(package)}, "correction/v1", {
        "id": package.disclosure["id"], "corrected_by": newer.disclosure["id"],
        "corrected_manifest_sha256": manifest_sha256(newer), "reason": _reason(reason), "at": _rfc3339(outside.now),
        "by": approver.who.name,
    })  # fmt: skip
    living = [thing["id"] for thing in newer.stix_objects]
    gone = revoked(package.stix_objects, _rfc3339(outside.now), living=living)
    return _undo(package, record, approver, content, CORRECTION, gone, "release corrected",
                 f"{package.disclosure['id']} is corrected by {newer.disclosure['id']}: {reason}.")  # fmt: skip


def verify_received(folder: Path, public_key: bytes, roots: bytes | None = None) -> dict[str, Any]:
    """What a recipient can verify without the publisher: signature, every file, the log, the time. UsageError if not.

    Withheld files are named by hash only.
    """
    package = read_package(folder, Outside(datetime.now(UTC), public_key=public_key))
    envelope = package.json_of(ENVELOPE)
    said = opened(envelope, public_key)
    subjects = {s["name"]: s["digest"]["sha256"] for s in said["subject"]}
    there = {n for n in package.files if not n.startswith("release/")}
    strange = sorted(there - set(subjects))
    if strange:
        raise UsageError(strange[0], "is not covered by the signature", "ask the publisher")
    for name, digest in subjects.items():
        if name in there and package.sha256(name) != digest:
            raise UsageError(name, "was changed after it was signed", "take the original file")
        if name not in there and name not in WITHHELD:
            raise UsageError(name, "was signed and is missing", "take the whole package")
    proof = package.json_of(INCLUSION)
    head = opened(proof["head"], public_key)["predicate"]
    path = [bytes.fromhex(p) for p in proof["path"]]
    leaf = merkle.leaf_hash(canonical(envelope))
    if (head["size"], head["root"]) != (proof["size"], proof["root"]) or not merkle.is_included(
        leaf, proof["index"], proof["size"], path, bytes.fromhex(proof["root"])
    ):
        raise UsageError(INCLUSION, "does not prove that the publisher's log holds this", "ask the publisher")
    stamped = package.files.get(STAMP)
    at = timestamp.verify(stamped, canonical(envelope), roots) if stamped is not None and roots is not None else None
    state = "withdrawn" if WITHDRAWAL in package.files else "corrected" if CORRECTION in package.files else "published"
    return {
        "id": said["predicate"]["id"], "tlp": said["predicate"]["tlp"], "state": state, "files": len(subjects),
        "withheld": sorted(set(subjects) - there), "log_index": proof["index"], "log_size": proof["size"],
        "timestamp": at,
    }  # fmt: skip


def log_leaves(home: Path) -> list[bytes]:
    """The leaf hashes of a home's release log, oldest first."""
    path = home / LOG
    if not path.is_file():
        return []
    return [bytes.fromhex(json.loads(line)["leaf"]) for line in path.read_text("utf-8").splitlines() if line]


def as_document(verdicts: tuple[Verdict, ...]) -> list[dict[str, Any]]:
    """Verdicts as plain JSON values."""
    return [
        {"rule": v.rule, "says": v.says, "outcome": v.outcome, "why": v.why,
         "faults": [{"where": f.where, "what": f.what, "mend": f.mend} for f in v.faults]} for v in verdicts
    ]  # fmt: skip


def _undo(
    package: Package, record: Record, approver: Approver, content: Mapping[str, Any], name: str,
    gone: list[dict[str, Any]], what: str, notice: str,
) -> dict[str, Any]:  # fmt: skip
    now = package.outside.now
    envelope = sign(record.home, content)
    leaf = merkle.leaf_hash(canonical(envelope))
    notices = [{"to": r["name"], "says": notice, "at": _rfc3339(now)} for r in package.disclosure["recipients"]]
    with record.act():
        record.audit(approver.who, what, package.disclosure["id"], now.timestamp(), recipients=len(notices))
        _append(record.home, leaf, what, package.disclosure["id"], now)
        _write(package.folder / name, canonical(envelope))
        _write(package.folder / NOTICES, canonical(notices))
        if gone:
            first = next(iter(package.stix.values()))
            _write(package.folder / REVOKED, canonical({"type": "bundle", "id": first["id"], "objects": gone}))
    if for_peers(package):
        serve(record.home, gone, now.timestamp())
    return {"id": package.disclosure["id"], "state": what.removeprefix("release "), "notices": len(notices),
            "revoked_objects": len(gone)}  # fmt: skip


def _published(folder: Path, outside: Outside) -> Package:
    package = read_package(folder, outside)
    if ENVELOPE not in package.files:
        raise UsageError(str(folder), "was never published", f"stillwatch release publish {folder}")
    if WITHDRAWAL in package.files:
        raise UsageError(str(folder), "was withdrawn already", "nothing is left to do")
    return package


def _proof(home: Path, leaves: list[bytes]) -> dict[str, Any]:
    index, size, top = len(leaves) - 1, len(leaves), merkle.root(leaves).hex()
    head = sign(home, statement({"release-log": top}, "tree-head/v1", {"size": size, "root": top}))
    path = [p.hex() for p in merkle.inclusion_path(index, leaves)]
    return {"index": index, "size": size, "root": top, "path": path, "head": head}


def _append(home: Path, leaf: bytes, kind: str, id: str, now: datetime) -> None:
    with (home / LOG).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"leaf": leaf.hex(), "kind": kind, "id": id, "at": _rfc3339(now)}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _hand_out(package: Package, to: Path) -> None:
    """Copies what leaves: everything but withheld files and our own deliveries."""
    if to.exists() and any(to.iterdir()):
        raise UsageError(str(to), "is not empty", "name a new folder")
    for name, data in package.files.items():
        if name not in WITHHELD and name not in (DELIVERIES, NOTICES) and not name.startswith(APPROVALS):
            _write(to / name, data)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(data)
    fresh.replace(path)


def _file_name(who: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", who.lower()).strip("-") or "approver"
    return f"{plain[:40]}-{hashlib.sha256(who.encode()).hexdigest()[:8]}"


def _reason(text: str) -> str:
    if not text.strip():
        raise UsageError("--reason", "is empty", "say why: recipients read it")
    return text.strip()[:1000]


def _rfc3339(now: datetime) -> str:
    return now.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
