"""P1, P2, P3, P6: only approved fields, nobody's words or identifiers, tokens with a key and an epoch, a review."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import date, timedelta

from stillwatch.disclose.gate import Fault, rule
from stillwatch.disclose.package import DISCLOSURE, Package
from stillwatch.disclose.shape import misfits
from stillwatch.disclose.visible_text import strings_of

_FILES = re.compile(
    r"(?:disclosure|manifest)\.json|evidence/snapshot\.json|(?:letter|report|annex)\.(?:html|md|pdf|json)|"
    r"(?:[\w-]+/)?[\w.-]*(?:stix|bundle|misp|extension|schema)[\w.-]*\.json|misp/[0-9a-f-]{36}\.json|"
    r"misp/hashes\.csv|misp/manifest\.json|sigma/[\w.-]+\.ya?ml|release/[\w./-]+"
)
_STIX_TYPES = frozenset({
    "identity", "campaign", "intrusion-set", "threat-actor", "infrastructure", "user-account", "ipv4-addr",
    "ipv6-addr", "autonomous-system", "network-traffic", "indicator", "observed-data", "sighting", "attack-pattern",
    "note", "opinion", "report", "grouping", "course-of-action", "incident", "relationship", "marking-definition",
    "extension-definition",
})  # fmt: skip
_SAYS_TEXT = re.compile(
    r"^(prompt|prompts|prompt_text|response|response_text|completion|completions|messages|content_text|system_prompt|"
    r"account_ids?|email|e_mail|phone|card|payment_fingerprint|key_id_raw|ip_address_raw|user_name|full_name)$"
)
_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_PHONE = re.compile(r"(?<![\w.])(?:\+|00)\d{1,3}[\s()./-]*(?:\d[\s()./-]*){7,12}(?!\w)")
_CARD = re.compile(
    r"(?<![\d.])(?=(\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{1,4}(?:[ -]\d{3})?|\d{4}[ -]\d{6}[ -]\d{5}|\d{13,19})(?!\d))"
)
_KEY = re.compile(r"(?<!\w)(?:sk|pk|rk|api|key|sw_(?:gateway|reader|analyst|approver))[-_][A-Za-z0-9_-]{16,}")
_PERSON = re.compile(r"(?<!\w)(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau)\.?\s+[A-ZÄÖÜ][\w'’-]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I)
_TURN = re.compile(
    r"""["']?role["']?\s*:\s*["']?(?:user|assistant|system)\b|<\|im_start\|>|\[INST\]|(?:^|\n)\s*(?:Human|Assistant):\s"""
)
_HEX = re.compile(
    r"(?<![0-9a-zA-Z])(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})(?![0-9a-zA-Z])", re.I
)
#: An OPRF token as `stillwatch match` makes it: `swt1.KEYID.EPOCH.KIND.SECRET`. Source: RFC 9497 for the function.
TOKEN = re.compile(r"(?<![\w.])swt1\.([0-9a-f]{16})\.(\d{1,12})\.(\w{1,20})\.([A-Za-z0-9_-]{43})(?![\w-])")
_BASE64 = re.compile(r"(?<![\w/+:.=-])(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{27}=|[A-Za-z0-9+/]{22}==)(?![\w/+=])")


@rule("P1")
def only_approved_fields(package: Package) -> Iterator[Fault]:
    """Files, fields and object types are on the list that was approved; anything else does not leave."""
    for name in package.files:
        if not _FILES.fullmatch(name):
            yield Fault(name, "is no file that a package may hold", "take it out")
    for place, what in misfits(package.disclosure):
        yield Fault(place, what, "take it out, or have the field list approved anew")
    for name, bundle in package.stix.items():
        for i, thing in enumerate(bundle.get("objects", ())):
            if thing.get("type") not in _STIX_TYPES:
                yield Fault(
                    f"{name}, objects[{i}]", f"type {str(thing.get('type'))[:30]} is not shared", "see the mapping"
                )
            for field in thing:
                if field.startswith("x_"):
                    yield Fault(f"{name}, objects[{i}].{field[:40]}", "is a custom property", "use the extension")
    for name, content in {**package.stix, **package.misp, **package.other_json}.items():
        if name == DISCLOSURE:
            continue
        for place, text in strings_of(content):
            if place.endswith(" (name)") and _SAYS_TEXT.match(text):
                yield Fault(f"{name}, {place}", f"“{text}” is a field for what must not leave", "take it out")


@rule("P2")
def nobodys_words_or_identifiers(package: Package) -> Iterator[Fault]:
    """No prompt or answer, e-mail, personal name, phone, card, key or raw account id, and no canary."""
    contacts = {package.disclosure["publisher"]["contact"], package.disclosure["appeal"]["contact"],
                package.disclosure["corrections"]["contact"]}  # fmt: skip
    mend = "take it out at its source, then make the report anew"
    for name, text in package.raw:
        plain = re.sub(r"\s+", " ", text).lower()
        for canary in package.outside.canaries:
            if re.sub(r"\s+", " ", canary).lower().strip() in plain:
                yield Fault(name, "holds a planted canary", mend)
    hashes = _hashes_beside(package)
    for place, text in package.texts:
        low = re.sub(r"\s+", " ", text).lower()
        if any(re.sub(r"\s+", " ", c).lower().strip() in low for c in package.outside.canaries):
            yield Fault(place, "holds a planted canary", mend)
        text = _UUID.sub("uuid", text)
        bare = _HEX.sub(lambda m: "hash" if m[0].lower() in hashes else m[0], text)
        for mail in _MAIL.findall(text):
            if mail not in contacts:
                yield Fault(place, "holds an e-mail address", mend)
        for what, found in (
            ("a phone number", any(_phone(m[0]) for m in _PHONE.finditer(bare))),
            ("a card number", any(_luhn(m[1]) for m in _CARD.finditer(bare))),
            ("an API key or token", _KEY.search(text)),
            ("a person's name", _PERSON.search(text)),
            ("a turn of a conversation", _TURN.search(text)),
        ):
            if found:
                yield Fault(place, f"holds {what}", mend)
        if package.outside.account_ids:
            for word in re.findall(r"[\w.@:+-]{4,200}", text):
                if word in package.outside.account_ids or word.strip(".:-") in package.outside.account_ids:
                    yield Fault(place, "holds a raw account id", mend)


@rule("P3")
def tokens_have_key_and_epoch(package: Package) -> Iterator[Fault]:
    """Tokens are OPRF tokens of a declared key and epoch that still holds; a bare hash is no protection."""
    declared = {(t["key_id"], t["epoch"]): date.fromisoformat(t["valid_until"])
                for t in package.disclosure["privacy"]["tokens"]}  # fmt: skip
    known = _hashes_beside(package)
    for place, text in package.texts:
        for m in TOKEN.finditer(text):
            until = declared.get((m[1], m[2]))
            if until is None:
                yield Fault(place, "holds a token of an undeclared key or epoch", "declare it in privacy.tokens")
            elif until < package.outside.now.date():
                yield Fault(place, "holds a token whose epoch has ended", "make tokens of this epoch")
        if place.startswith("manifest.json"):  # I2 computes it anew
            continue
        rest = TOKEN.sub(" ", text)
        for m in _HEX.finditer(rest):
            if m[0].lower() not in known and not re.search(r"fingerprint|shingle", place):
                yield Fault(place, "holds a bare hash: of a small domain (addresses, mails, cards) it can be tried out",
                            "share an OPRF token (stillwatch match tokens), never a plain hash")  # fmt: skip
        if _BASE64.search(rest):
            yield Fault(place, "holds what looks like a hash in base64", "share an OPRF token instead")


@rule("P6")
def personal_information_was_reviewed(package: Package) -> Iterator[Fault]:
    """Somebody looked for personal information not related to the threat, by name, lately, and wrote what came of it.

    Source: 6 U.S.C. 1503(d)(2).
    """
    review = package.disclosure["privacy"]["review"]
    if not review["by"].strip() or not review["outcome"].strip():
        yield Fault("privacy.review", "names nobody or no outcome", "by, on, outcome")
    on = date.fromisoformat(review["on"])
    if on < date.fromisoformat(package.disclosure["created_at"][:10]):
        yield Fault("privacy.review", "was done before this version was written", "review this version")
    if on > package.outside.now.date() + timedelta(days=1):
        yield Fault("privacy.review", "lies in the future", "correct the date")


def _hashes_beside(package: Package) -> set[str]:
    """Hashes of what lies in the package itself, or of what it declares: they tell nothing more than that does."""
    found = {package.sha256(n) for n in package.files}
    found |= {f["snapshot_sha256"] for f in package.disclosure["figures"]}
    found |= {c["sha256"] for c in package.disclosure.get("charts", ())}
    # a MISP feed's hashes.csv is of values that lie beside it in clear, so it tells nothing more than they do
    attributes = [a for content in package.misp.values() for a in content["Event"].get("Attribute", ())]
    spelled = {s for a in attributes for s in (str(a["value"]), str(a["value"]).strip())}
    # pymisp hashes a time as it writes one of its own: with a space
    spelled |= {str(a["value"]).replace("T", " ", 1) for a in attributes if a.get("type") == "datetime"}
    found |= {hashlib.md5(s.encode(), usedforsecurity=False).hexdigest() for s in spelled}
    return found | {package.disclosure["antitrust"]["approved_shape_sha256"]}


def _phone(shown: str) -> bool:
    return 9 <= len(re.sub(r"\D", "", shown)) <= 15


def _luhn(shown: str) -> bool:
    digits = [int(d) for d in shown if d.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 3:
        return False
    total = sum(d if i % 2 == 0 else (2 * d - 9 if d > 4 else 2 * d) for i, d in enumerate(reversed(digits)))
    return total % 10 == 0
