"""The gateway's fingerprints are the analysis' own, on any text of any script."""

from __future__ import annotations

import hashlib
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.sketch.reading import CLOSING_KNOWN, OPENING_KNOWN, read_texts
from stillwatch_gateway.characters import class_of, folds
from stillwatch_gateway.kernel import ends_among, ends_of, shingles_of, signed, unsigned

PIECES = [
    "the", "The", "ANSWER", "e", "x1", "3", "3.14", "1,000", "1,", "12.", "7a8b", "naïve", "ÉCOLE", "İstanbul", "ſ",
    "Привет", "мир", "Ωμέγα", "مرحبا", "שלום", "नमस्ते", "৩৪", "٣", "१२", "สวัสดี", "๑๒", "ພາສາ", "မြန်မာ", "ខ្មែរ",
    "字", "漢字", "カタカナ", "ひらがな", "한국어", "𠀀", "𝒳", "😀", "👩‍🔬", "①", "ＡＢｃ", "１２", "．", "，5", "é",
    "n\u0303",
    "\u200b", "\u00ad", "\ufeff", "\U000e0001", "\u3000", "\xa0", "\t", "\n", "\r\n", "\x00", "\x7f",
    '"', "`", "```", "“", "”",
    "「", "」", "«", "»", "'", "’", ".", ",", "...", "-", "_", "(", "）", "。", "、", "・", "֊",
    "a" * 70, "字" * 30, "\ufffd",
]  # fmt: skip


def of_the_analysis(text: str) -> tuple[int | None, int | None, list[int]]:
    raw = np.frombuffer(text.encode() + bytes(32), dtype=np.uint8)
    end = len(text.encode())
    read = read_texts(raw, np.array([0]), np.array([end]), (1, 2), (3, 4), sample=True)
    known = int(read.known[0])
    return (
        unsigned(int(read.opening[0])) if known & OPENING_KNOWN else None,
        unsigned(int(read.closing[0])) if known & CLOSING_KNOWN else None,
        [unsigned(int(mark)) for mark in read.sampled],
    )


def same(text: str, limit: int = 1 << 20) -> None:
    opening, closing, shingles = of_the_analysis(text)
    ends = ends_of(text, limit)
    assert (ends.opening, ends.closing) == (opening, closing), ascii(text)
    assert shingles_of(text, limit) == shingles, ascii(text)
    assert ends_among(text, {opening, closing} - {None}, limit) == (opening, closing), ascii(text)
    assert ends_among(text, {closing} - {None}, limit)[1] == closing, ascii(text)
    assert ends_among(text, {1}, limit) == (None, None)
    assert not ends.truncated


@settings(max_examples=3000, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(["", " ", " ", "  ", "\u200b"])), max_size=60))
def test_texts_of_all_scripts_leave_the_same_fingerprints_as_in_the_analysis(pairs: list[tuple[str, str]]) -> None:
    same("".join(piece + gap for piece, gap in pairs))


@settings(max_examples=2000, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300))
def test_texts_of_any_characters_do_too(text: str) -> None:
    same(text)


@settings(max_examples=500, deadline=None)
@given(st.text("aZ9 .,`\"'\n-1", max_size=400))
def test_texts_of_letters_digits_and_points_do_too(text: str) -> None:
    same(text)


def test_long_texts_do_too() -> None:
    source = random.Random(3)
    for _ in range(200):
        few = source.sample(PIECES, source.randint(1, len(PIECES)))
        gaps = source.choice([[" "], ["", " "], [" ", "\n"]])
        same("".join(source.choice(few) + source.choice(gaps) for _ in range(source.randint(200, 3000))))


def test_every_character_keeps_the_class_and_the_fold_that_public_fingerprints_were_made_with() -> None:
    of_all = hashlib.sha256(bytes(class_of(code) for code in range(0x110000))).hexdigest()
    assert of_all == "60762689e4abecbf97419426b4e4e3f36f542cd194387fa8099c3ad909c838f2"
    folded = hashlib.sha256(repr(sorted(folds().items())).encode()).hexdigest()
    assert folded == "781bf4e8f1d01ea619dd182d8e8b82033fb1cb3bb830025f2d7830052d1825e9"


def test_every_single_character_leaves_the_same_fingerprints_as_in_the_analysis() -> None:
    """Each stands inside, before and after words, so that its class decides where they end."""
    ends = (0x10000, 0x1EFFF, 0x1F000, 0x1FAFF, 0x1FB00, 0x1FFFF, 0x20000, 0x3FFFF, 0x40000, 0xDFFFF, 0xE0000, 0x10FFFF)
    codes = [*range(0xD800), *range(0xE000, 0x10000), *ends]
    for at in range(0, len(codes), 16):
        same(" ".join(f"a{chr(code)}b {chr(code)}c d{chr(code)}" for code in codes[at : at + 16]))


def test_half_a_surrogate_pair_counts_as_the_replacement_character() -> None:
    text = "one two \ud83d three four five six seven eight nine ten eleven twelve"
    assert ends_of(text) == ends_of(text.replace("\ud83d", "\ufffd"))
    assert shingles_of(text) == shingles_of(text.replace("\ud83d", "\ufffd"))


@pytest.mark.parametrize("words", [["word"], ["слово", "и"], ["字"], ["字", "a "]])
def test_a_text_beyond_the_limit_is_said_to_be_truncated_and_keeps_its_opening_and_its_real_closing(
    words: list[str],
) -> None:
    source = random.Random(5)
    text = " ".join(source.choice(words) + str(source.randint(0, 9) * "x") for _ in range(5000))
    ends = ends_of(text, 1000)
    opening, closing, _ = of_the_analysis(text)
    assert ends.truncated
    assert (ends.opening, ends.closing) == (opening, closing)


def test_the_shingles_of_a_truncated_text_are_those_of_the_whole_words_that_were_read() -> None:
    text = "".join(f"w{chr(97 + i % 26)}{chr(97 + i // 26 % 26)} " for i in range(400))
    cut = text[:1001]
    assert cut[-1] != " "
    assert shingles_of(text, 1001) == of_the_analysis(cut[: cut.rindex(" ")])[2]


def test_a_mark_is_the_same_bits_signed_and_unsigned() -> None:
    for mark in (0, 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1):
        assert unsigned(signed(mark)) == mark
        assert -(1 << 63) <= signed(mark) < 1 << 63
