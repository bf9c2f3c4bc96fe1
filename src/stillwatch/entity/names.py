"""Names of organisations compared with care: legal forms, spellings and scripts apart, and never a guess."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import Literal

Likeness = Literal["same", "form differs", "candidate", "different"]

#: Legal forms as they are written at the end (or, in some countries, the beginning) of a name; one meaning a line.
_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("limited", ("co ltd", "company limited", "co limited", "ltd", "limited", "pte ltd", "pty ltd", "private limited")),
    ("plc", ("plc", "public limited company")),
    ("corporation", ("inc", "incorporated", "corp", "corporation", "company", "co")),
    ("llc", ("llc", "limited liability company", "ooo", "ооо")),
    ("partnership", ("lp", "llp", "limited partnership")),
    ("gmbh", ("gmbh", "gesellschaft mit beschrankter haftung", "ggmbh")),
    ("ag", ("ag", "aktiengesellschaft")),
    ("se", ("se", "societas europaea")),
    ("sa", ("sa", "societe anonyme", "sociedad anonima", "spa", "societa per azioni", "oyj", "ab", "asa")),
    ("sarl", ("sarl", "srl", "bv", "kk", "kabushiki kaisha", "godo kaisha", "yuhan hoesa", "zao", "pao", "пао")),
    ("youxian gongsi", ("有限公司", "有限责任公司", "股份有限公司", "股份公司", "株式会社", "주식회사")),
)  # fmt: skip
_ALIKE = 0.86


def folded(name: str) -> str:
    """A name without case, accents, punctuation and width: `Société  “Étoile”, S.A.` is `societe etoile sa`."""
    wide = unicodedata.normalize("NFKD", name).casefold()
    plain = "".join(c for c in wide if not unicodedata.combining(c)).replace("&", " and ")
    plain = re.sub(r"(?<=\b\w)\.(?=\w\b)", "", plain).replace("'", "").replace("’", "")
    return " ".join(re.sub(r"[^\w]+", " ", plain).split())


def parted(name: str) -> tuple[str, str]:
    """(the name without its legal form, the form or ''): forms are taken from the end, then from the beginning."""
    words = folded(name)
    for form, spellings in _FORMS:
        for spelling in sorted(spellings, key=len, reverse=True):
            plain = folded(spelling)
            if words.endswith(f" {plain}") or (not plain.isascii() and words.endswith(plain) and words != plain):
                return words[: -len(plain)].strip(), form
            if words.startswith(f"{plain} ") and form in ("llc", "sarl"):
                return words[len(plain) :].strip(), form
    return words, ""


def likeness(asked: str, found: str) -> Likeness:
    """How alike two names are.

    `same`: the same words and legal form, or one of them without a form. `form differs`: the same words, another legal
    form, which is another legal person. `candidate`: part of the name, or nearly the same spelling. Anything less is
    `different`. Scripts are not transliterated here: a record's own transliterated names are compared as they are.
    """
    (a, form_a), (b, form_b) = parted(asked), parted(found)
    if not a or not b:
        return "different"
    if a == b:
        return "same" if form_a == form_b or not form_a or not form_b else "form differs"
    if a.replace(" ", "") == b.replace(" ", "") or set(a.split()) == set(b.split()):
        return "candidate"
    few, many = sorted((a.split(), b.split()), key=len)
    if len(few) >= 1 and len(" ".join(few)) >= 5 and many[: len(few)] == few:
        return "candidate"
    return "candidate" if difflib.SequenceMatcher(None, a, b).ratio() >= _ALIKE else "different"
