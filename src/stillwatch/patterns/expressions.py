"""What a pack may write as an expression: named parts, spaces that span line wraps, and nothing that backtracks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import hyperscan

#: Parts that every pack has: `in` stays within a sentence, `to` may cross sentences and lines. `b` and `e` are the
#: edges of a word, written out since Hyperscan refuses ``\\b`` together with Unicode classes.
BUILT_IN_PARTS: dict[str, str] = {"b": "[^a-z]", "e": "[^a-z]", "in": "[^.!?]{0,40}", "to": ".{0,60}"}

#: What a gap may hold, by language, besides ASCII. In UTF-8 a gap of "any character" costs nine states a step and
#: makes Hyperscan refuse the pattern; ASCII costs one, and one script more two or three.
_GAP_SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "zh": ((0x3000, 0xD7FF), (0xE000, 0xFFFF)),
    "ja": ((0x3000, 0xD7FF), (0xE000, 0xFFFF)),
    "ko": ((0x3000, 0xD7FF),),
    "ru": ((0x0400, 0x045F),),
    "es": ((0x00A0, 0x00FF),),
}

#: Expanded, in characters: a part of parts can grow without anybody seeing it.
MOST_EXPANDED = 8_000

_REFERENCE = re.compile(r"\{([a-z][a-z_]*)\}")
_TOKEN = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|\[\^?(?:\\.|[^\]\\])+\]|.", re.DOTALL)
_UNBOUNDED = re.compile(r"(?<!\\)(?:\.|\[\^[^\]]*\])(?:[*+]|\{\d+,\})")
_FLAGS = hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_UCP | hyperscan.HS_FLAG_SINGLEMATCH


class ExpressionFault(ValueError):
    """Why an expression cannot be used; the caller adds file and line."""


def expand(written: str, parts: dict[str, str]) -> str:
    """An expression, or a part, with its ``{name}`` filled in.

    Raises ExpressionFault on an unknown part, an unbounded gap (``.*``) or one that grows out of hand.
    """
    unbounded = _UNBOUNDED.search(written)
    if unbounded:
        raise ExpressionFault(f"the gap {unbounded.group(0)} has no bound; write .{{0,60}} or the part {{in}}")

    def part(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in parts:
            return parts[name]
        if name not in BUILT_IN_PARTS:
            known = ", ".join(sorted({*parts, *BUILT_IN_PARTS}))
            raise ExpressionFault(f"unknown part {{{name[:40]}}}; known: {known}")
        if name == "b" and match.start() == 0:
            return "(?:^|[^a-z])"
        if name == "e" and match.end() == len(written):
            return "(?:[^a-z]|$)"
        return BUILT_IN_PARTS[name]

    text = _REFERENCE.sub(part, written)
    if len(text) > MOST_EXPANDED:
        raise ExpressionFault(f"is {len(text):,} characters long with its parts filled in; most is {MOST_EXPANDED:,}")
    return text


def to_hyperscan(ways: Sequence[str], language: str) -> str:
    """Expanded expressions, any of which matches -> one in Hyperscan syntax, cheap under its UTF-8 flag.

    Letters are written out in both cases and ``(?-i)`` is set: a caseless ``s`` or ``k`` in UTF-8 also means
    the long s and the Kelvin sign, which cost compile time by the hundredfold. Gaps are kept to ASCII and the
    language's own script. A space becomes any run of white space, since prompts are wrapped anywhere.
    """
    done = ["".join(_cheap(way, language)) for way in ways]
    return "(?s-i)" + (done[0] if len(done) == 1 else "|".join(f"(?:{way})" for way in done))


def _cheap(way: str, language: str) -> Iterator[str]:
    tokens = _TOKEN.findall(way)
    for place, token in enumerate(tokens):
        counted = place + 1 < len(tokens) and tokens[place + 1] == "{"
        if token == " ":
            quantified = place + 1 < len(tokens) and tokens[place + 1] in "?*+{"
            yield r"[ \t\r\n]" if quantified else r"[ \t\r\n]+"
        elif token == r"\s":
            yield r"[ \t\r\n]"
        elif counted and (token == "." or token.startswith("[^")):
            yield _gap(token, language)
        elif token.startswith("["):
            yield "[" + _both_cases(token[1:-1]) + "]"
        elif len(token) == 1 and token.isalpha() and len(token.upper()) == 1 and token.upper() != token.lower():
            if place >= 2 and tokens[place - 2 : place] == ["(", "?"]:
                yield token
            else:
                yield f"[{token.upper()}{token.lower()}]"
        else:
            yield token


def _both_cases(inside: str) -> str:
    """The inside of a class, with each range and letter in both cases."""
    extra: list[str] = []
    for match in re.finditer(r"\\.|(?:([^\\])-([^\\\]]))|([^\\])", inside):
        first, last, single = match.group(1), match.group(2), match.group(3)
        if first and first.isalpha() and last.isalpha():
            extra.append(f"{first.swapcase()}-{last.swapcase()}")
        elif single and single.isalpha() and len(single.swapcase()) == 1:
            extra.append(single.swapcase())
    return inside + "".join(part for part in extra if part not in inside)


def _gap(token: str, language: str) -> str:
    refused = set() if token == "." else _characters(token[2:-1])
    ranges = ((0x01, 0x7F), *_GAP_SCRIPTS.get(language, ()))
    pieces: list[str] = []
    for low, high in ranges:
        start = low
        for stop in [*sorted(code for code in refused if low <= code <= high), high + 1]:
            if start < stop:
                pieces.append(f"\\x{{{start:x}}}-\\x{{{stop - 1:x}}}")
            start = stop + 1
    return "[" + "".join(pieces) + "]"


def _characters(inside: str) -> set[int]:
    """The code points named one by one in a class; ranges are spelt out, in both cases."""
    named: set[int] = set()
    plain = inside.replace(r"\n", "\n").replace(r"\t", "\t").replace("\\", "")
    for match in re.finditer(r"(.)-(.)|(.)", plain, re.DOTALL):
        first, last = (match.group(1) or match.group(3)), (match.group(2) or match.group(3))
        for code in range(ord(first), ord(last) + 1):
            named |= {code, *(ord(char) for char in {chr(code).upper(), chr(code).lower()} if len(char) == 1)}
    return named


class Matcher:
    """Some expressions compiled together, for checking packs; sketching has a faster way of its own."""

    def __init__(self, expressions: dict[int, str]) -> None:
        """`expressions`: by code. Raises ExpressionFault where Hyperscan refuses one."""
        self._database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        codes = sorted(expressions)
        if not codes:
            raise ExpressionFault("nothing to compile")
        try:
            self._database.compile(
                expressions=[expressions[code].encode() for code in codes],
                ids=codes, elements=len(codes), flags=[_FLAGS] * len(codes),
            )  # fmt: skip
        except hyperscan.error as error:
            raise ExpressionFault(f"Hyperscan refuses the expression: {str(error)[:120]}") from error

    def codes(self, text: str) -> set[int]:
        """The codes of the expressions that occur in a text."""
        found: set[int] = set()

        def hit(code: int, start: int, end: int, flags: int, context: object) -> None:
            found.add(code)

        if text:
            self._database.scan(text.encode("utf-8", "replace"), match_event_handler=hit)
        return found


__all__ = ["BUILT_IN_PARTS", "MOST_EXPANDED", "ExpressionFault", "Matcher", "expand", "to_hyperscan"]
