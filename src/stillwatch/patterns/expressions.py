"""What a pack may write as an expression: named parts, spaces that span line wraps, and nothing that backtracks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import hyperscan

from stillwatch.patterns.databases import compiled

#: Parts that every pack has: `in` stays within a sentence, `to` may cross two sentence ends. `b` and `e` are the
#: edges of a word.
BUILT_IN_PARTS: dict[str, str] = {"b": "[^a-z]", "e": "[^a-z]", "in": "[^.!?]{0,40}", "to": ".{0,60}"}

#: A gap of at most so many bytes is counted; a longer one is a star within its sentence (or sentences). A counter
#: between two long alternations costs Hyperscan seconds, and a star with a stop set next to nothing.
LONGEST_COUNTED = 9

#: One character: a letter's byte, or a lead byte with what follows it.
_ANY = r"(?:[\x00-\x7f]|[\xc2-\xf4][\x80-\xbf]{1,3})"
#: Within a sentence: up to a full stop (also the wide ones) or an empty line. Curly quotes and dashes do not end it.
_WITHIN = {
    True: r"(?:[^.!?\n\xe3\xef]|\n[^.!?\n]|\xe3[^\x80]|\xe3\x80[^\x82]|\xef[^\xbc]|\xef\xbc[^\x81\x9f])*",
    False: r"(?:[^.!?\n]|\n[^.!?\n])*",
}
#: Up to two sentence ends or line feeds may lie in it; one in scripts where a sentence end takes three bytes.
_ACROSS = {
    True: _WITHIN[True] + r"(?:(?:[.!?\n]|\xe3\x80\x82|\xef\xbc[\x81\x9f])" + _WITHIN[True] + ")?",
    False: r"[^.!?\n]*(?:[.!?\n]+[^.!?\n]*){0,2}",
}
#: A dot's gap longer than this may leave its sentence.
MOST_WITHIN = 9
#: A class of more characters than this (all Han, say) is cut; write a dot instead.
_MOST_IN_CLASS = 600
_WIDE_STOPS = frozenset({"zh", "ja", "ko"})

#: Expanded, in characters: a part of parts can grow without anybody seeing it.
MOST_EXPANDED = 8_000

_REFERENCE = re.compile(r"\{([a-z][a-z_]*)\}")
_TOKEN = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|\[\^?(?:\\.|[^\]\\])+\]|.", re.DOTALL)
_UNBOUNDED = re.compile(r"(?<!\\)(?:\.|\[\^[^\]]*\])(?:[*+]|\{\d+,\})")
_COUNT = re.compile(r"\{(\d+)(?:,(\d*))?\}")


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
    """Expanded expressions, any of which matches -> one in Hyperscan syntax, over bytes and without regard to case.

    It is meant for Hyperscan's caseless flag *without* the UTF-8 flag, which costs compile time by the tenfold: ASCII
    letters stay as they are, other letters are written in both cases, a class that holds other letters becomes an
    alternation of their bytes. A space becomes any run of white space, since prompts are wrapped anywhere.
    """
    done = ["".join(_in_bytes(way, language)) for way in ways]
    return "(?s)" + (done[0] if len(done) == 1 else "|".join(f"(?:{way})" for way in done))


def _in_bytes(way: str, language: str) -> Iterator[str]:
    place = 0
    while place < len(way):
        found = _TOKEN.match(way, place)
        token = found.group(0) if found else way[place]
        place += len(token)
        count = _COUNT.match(way, place)
        if count and (token == "." or token.startswith("[^")):
            place = count.end()
            yield _gap(token, int(count.group(1)), int(count.group(2) or count.group(1)), language)
        elif token == " ":
            yield r"[ \t\r\n]" if way[place : place + 1] in {"?", "*", "+", "{"} else r"[ \t\r\n]+"
        elif token == r"\s":
            yield r"[ \t\r\n]"
        elif token == ".":
            yield _ANY
        elif token.startswith("["):
            yield token if token.isascii() else _alternation(_characters(token[1:-1]))
        elif token.isascii():
            yield token
        elif place >= 2 and way[place - 2].isalpha() and way[place : place + 1] not in {"?", "*", "+", "{"}:
            # Inside a word: small letters only, since a word in capitals throughout is too rare to pay for.
            yield token
        else:
            yield _alternation(_characters(token))


def _gap(token: str, least: int, most: int, language: str) -> str:
    wide = language in _WIDE_STOPS
    bytes_each = 1 if language in {"en", "any"} else 3 if wide else 2
    if most * bytes_each <= LONGEST_COUNTED or least > 0:
        inside = "." if token == "." else token if token.isascii() else _ANY
        return f"{inside}{{{least},{most * bytes_each}}}"
    if token == ".":
        return _ACROSS[wide] if most > MOST_WITHIN else _WITHIN[wide]
    return _WITHIN[wide] if token == "[^.!?]" else f"{token}*"


def _characters(inside: str) -> set[int]:
    """The code points of a class, ranges spelt out, in both cases."""
    named: set[int] = set()
    plain = inside.replace(r"\n", "\n").replace(r"\t", "\t").replace("\\", "")
    for match in re.finditer(r"(.)-(.)|(.)", plain, re.DOTALL):
        first, last = (match.group(1) or match.group(3)), (match.group(2) or match.group(3))
        for code in range(ord(first), min(ord(last), ord(first) + _MOST_IN_CLASS) + 1):
            named |= {code, *(ord(char) for char in {chr(code).upper(), chr(code).lower()} if len(char) == 1)}
    return named


def _alternation(characters: set[int]) -> str:
    """One of some characters, as UTF-8: those that differ in their last byte only share a class."""
    last: dict[bytes, list[int]] = {}
    for code in sorted(characters):
        encoded = chr(code).encode()
        last.setdefault(encoded[:-1], []).append(encoded[-1])
    pieces = ["".join(f"\\x{byte:02x}" for byte in lead) + _one_of(tails) for lead, tails in last.items()]
    return f"(?:{'|'.join(pieces)})"


def _one_of(tails: list[int]) -> str:
    return f"\\x{tails[0]:02x}" if len(tails) == 1 else "[" + "".join(f"\\x{byte:02x}" for byte in tails) + "]"


class Matcher:
    """Some expressions compiled together, for checking packs; sketching has a faster way of its own."""

    def __init__(self, expressions: dict[int, str]) -> None:
        """`expressions`: by code. Raises ExpressionFault where Hyperscan refuses one."""
        codes = sorted(expressions)
        if not codes:
            raise ExpressionFault("nothing to compile")
        try:
            self._database = compiled([(code, expressions[code]) for code in codes])
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
